"""Mistakes planted in a copy of a build, or in its cables: what `check` should find, and the lab show to be real.

build = compiled("wrong-asn", tmp_path)
mistake = MISTAKES["wrong-asn"]
mistake.plant(build)                 # its files are now wrong
mistake.cabling(read(build, edited=True).links)      # how its cables lie
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrics import text

from fabric_compiler.compiler import Options, build
from fabric_compiler.lab.build import Link

# one rail's worth of a fabric: three leafs and two spines of SONiC, two links from each leaf to each spine
LEAFS = ("net-pod1-leaf-1", "net-pod2-leaf-1", "net-pod3-leaf-1")
SPINES = ("net-lab1-spine-1", "net-lab1-spine-2")


def compiled(fabric: str, directory: Path) -> Path:
    """The build of a small fabric of that name."""
    network = {
        "topology": {"kind": "leaf-spine", "oversubscription": "2:1"},
        "leaf": {"switch": "sn5600"},
        "spine": {"switch": "sn5600"},
        "addressing": {"loopbacks": "10.254.0.0/16", "hosts": "10.0.0.0/14"},
    }
    pod = {"name": "pod", "count": 3, "servers": 1, "server": "hgx-generic-8", "connect": {"net": "gpu-nics"}}
    intent = {"version": 1, "fabric": fabric, "sites": {"lab1": {}}, "networks": {"net": network}, "pods": [pod]}
    path = directory / f"{fabric}.yaml"
    path.write_text(text(intent))
    return build(path, directory / "build", Options(jobs=1)).path


def as_they_are(links: Sequence[Link]) -> Sequence[Link]:
    return links


@dataclass(frozen=True, slots=True)
class Mistake:
    """`row` is the lab's check that must fail, with sentences that have `words`; `check` finds it too, and names `ends`."""

    row: str
    words: tuple[str, ...]
    ends: tuple[str, ...] = ()
    plant: Callable[[Path], None] = lambda tree: None
    cabling: Callable[[Sequence[Link]], Sequence[Link]] = as_they_are


def edit(tree: Path, device: str, file: str, pattern: str, replacement: str, count: int = 0) -> None:
    """Replace in a device's file; a pattern that does not occur would plant nothing."""
    path = tree / "devices" / device / file
    edited, found = re.subn(pattern, replacement, path.read_text(), count=count, flags=re.MULTILINE)
    assert found, pattern
    path.write_text(edited)


def wrong_asn(tree: Path) -> None:
    """A spine expects another AS of a leaf, on one of their links."""
    edit(tree, SPINES[0], "frr.conf", r"^( neighbor Ethernet0 remote-as) \d+$", r"\1 4211111111")


def swapped(links: Sequence[Link]) -> Sequence[Link]:
    """Two leafs' cables to the first spine change places there."""
    first, second = (next(link for link in links if link.a.device == leaf and link.b.device == SPINES[0]) for leaf in LEAFS[:2])
    exchanged = {first: first._replace(b=second.b), second: second._replace(b=first.b)}
    return [exchanged.get(link, link) for link in links]


def missing_prefix(tree: Path) -> None:
    """A leaf's policy does not let its servers' prefix out."""
    edit(tree, LEAFS[0], "frr.conf", r"^ip prefix-list OWN4 seq 20 .*\n", "")


def small_mtu(tree: Path) -> None:
    """A leaf's port towards a spine takes smaller packets than the other end."""
    path = tree / "devices" / LEAFS[0] / "config_db.json"
    tables = json.loads(path.read_text())
    uplink = next(name for name, port in sorted(tables["PORT"].items()) if SPINES[0] in port.get("description", ""))
    tables["PORT"][uplink]["mtu"] = "1500"
    path.write_text(json.dumps(tables))


def equal_loopbacks(tree: Path) -> None:
    """The second leaf has the first one's loopback, in CONFIG_DB and in BGP."""
    edit(tree, LEAFS[1], "config_db.json", r"10\.254\.0\.1/32", "10.254.0.0/32")
    edit(tree, LEAFS[1], "frr.conf", r"10\.254\.0\.1/32", "10.254.0.0/32")


MISTAKES = {
    "wrong-asn": Mistake("sessions", (SPINES[0], "Ethernet0"), (SPINES[0], LEAFS[0]), plant=wrong_asn),
    "swapped-cable": Mistake("links", (LEAFS[0], "ends at", "by links.csv at"), (LEAFS[0], SPINES[0]), cabling=swapped),
    "missing-prefix": Mistake("routes", (LEAFS[1], "has no BGP route to 10.0.0.0/"), (LEAFS[0],), plant=missing_prefix),
    "small-mtu": Mistake("reachability", ("says: Message too long (MTU 1500)",), (LEAFS[0], SPINES[0]), plant=small_mtu),
    "equal-loopbacks": Mistake("routes", (LEAFS[2], "has no BGP route to 10.254.0.1/32"), (LEAFS[1],), plant=equal_loopbacks),
}
