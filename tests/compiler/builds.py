"""Whole compiles of small fabrics, and what they wrote as tables and lines: for rules that hold of the emitted bytes."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fabric_compiler import compiler
from fabric_compiler.compiler import Options
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit import manifest as manifests

Tree = dict[str, Any]
Row = tuple[str, ...]

# speed of the servers' NICs in one plane, and switches that have ports for it, as (name, operating system)
SWITCHES = (("sn5600", "sonic"), ("7060x6-64pe", "eos"), ("sn5400", "sonic"))


@dataclass(frozen=True, slots=True)
class Built:
    """Every file of a build by name, and the text of its lock."""

    files: Mapping[str, bytes]
    lock: str

    def table(self, name: str) -> list[dict[str, str]]:
        """The rows of plan/<name>.csv."""
        return list(csv.DictReader(io.StringIO(self.files[f"plan/{name}.csv"].decode(), newline="")))

    @property
    def counts(self) -> dict[str, Any]:
        """Those of the manifest."""
        found: dict[str, Any] = json.loads(self.files[manifests.NAME])["counts"]
        return found

    def rows(self, name: str) -> set[Row]:
        return {tuple(row.values()) for row in self.table(name)}

    def below(self, directory: str) -> dict[str, bytes]:
        """The files of one device."""
        return {name: content for name, content in self.files.items() if name.startswith(f"{directory}/")}

    def devices(self, role: str) -> list[str]:
        return [row["name"] for row in self.table("devices") if row["role"] == role]


class Desk:
    """An intent that is edited and compiled again, with the lock beside it."""

    def __init__(self, root: Path) -> None:
        self.intent, self.output = root / "x.yaml", root / "build"

    @property
    def lock(self) -> Path:
        return self.intent.with_suffix(".lock")

    def build(self, tree: Tree, jobs: int = 1) -> Built:
        """JSON is YAML. Raises CompileError."""
        self.intent.write_text(json.dumps(tree, indent=1))
        made = compiler.build(self.intent, self.output, Options(jobs=jobs))
        return Built(read_tree(made.path), self.lock.read_text())


@contextmanager
def desk() -> Iterator[Desk]:
    """For Hypothesis, whose examples cannot share a fixture's directory."""
    with tempfile.TemporaryDirectory() as root:
        yield Desk(Path(root))


def read_tree(path: Path) -> dict[str, bytes]:
    """All files of a build by name; the manifest must agree with them."""
    assert manifests.verify(path.resolve(), manifests.read(path)) == []
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def outputs(built: Built) -> dict[str, bytes]:
    """Without what tells from which inputs the build was made."""
    return {name: content for name, content in built.files.items() if not name.startswith("inputs/") and name != manifests.NAME}


@st.composite
def fabrics(draw: st.DrawFn, growing: bool = False) -> Tree:
    """A small fabric of one or two networks. `growing`: with a reserve of one pod more than there are."""
    planes = draw(st.sampled_from((1, 1, 1, 2)))
    kind = draw(st.sampled_from(("rail-optimized", "leaf-spine")))
    topology: Tree = {"kind": kind, "tiers": draw(st.sampled_from((2, 2, 3))), "planes": planes}
    if kind == "rail-optimized":
        topology["rails"] = draw(st.sampled_from((2, 4, 8)))
    else:
        topology["homing"] = draw(st.sampled_from((2, 4)))
    topology["oversubscription"] = draw(st.sampled_from(("1:1", "2:1")))
    pods = draw(st.integers(1, 3))
    if growing or draw(st.booleans()):
        topology["reserve"] = {"pods": pods + 1}
    leaf, spine = (draw(st.sampled_from(SWITCHES[: 2 if tier else 3])) for tier in (0, 1))
    downlinks = draw(st.sampled_from((4, 8)))
    network = {
        "topology": topology,
        "leaf": {"switch": leaf[0], "nos": leaf[1], "downlinks": downlinks},
        "spine": {"switch": spine[0], "nos": spine[1]} | ({"downlinks": 8} if topology["tiers"] == 3 else {}),
        "addressing": draw(addressing()),
        "headroom": "16:1",
        "qos": draw(st.sampled_from(("roce-lossless", "roce-lossy", "best-effort"))),
    }
    tree: Tree = {
        "version": 1,
        "fabric": "small",
        "sites": {"gru1": draw(st.sampled_from(({}, {"placement": {}}, {"placement": {"racks-per-row": 4}})))},
        "networks": {"backend": network},
        "pods": [
            {
                "name": "su",
                "count": pods,
                "servers": draw(st.integers(2, 6)),
                "server": "hgx-b300" if planes == 2 else "dgx-b200",
                "connect": {"backend": "gpu-nics"},
            }
        ],
    }
    if draw(st.booleans()):
        tree["management"] = {"pool": "172.16.0.0/22", "ntp": "192.0.2.10"}
    return with_storage(tree) if draw(st.booleans()) else tree


@st.composite
def addressing(draw: st.DrawFn) -> Tree:
    """Links without addresses, or with those of the families that the hosts have."""
    loopbacks, links, hosts = ["10.254.0.0/17"], ["10.240.0.0/16"], ["10.0.0.0/12"]
    if draw(st.booleans()):
        loopbacks, links, hosts = [*loopbacks, "fd00:254::/64"], [*links, "fd00:240::/64"], [*hosts, "fd00:10::/48"]
    numbered = draw(st.booleans())
    servers = draw(st.sampled_from(("p2p", "subnet")))
    return {"loopbacks": loopbacks, "links": links if numbered else "unnumbered", "hosts": hosts, "servers": servers}


def with_storage(tree: Tree, first: bool = False) -> Tree:
    """With a second network on NICs of its own, before or behind the first one."""
    storage = {
        "topology": {"kind": "leaf-spine", "tiers": 2, "homing": 2, "reserve": {"pods": 4}},
        "leaf": {"switch": "7060dx5-64s", "nos": "eos", "downlinks": 8},
        "spine": {"switch": "sn5400", "nos": "sonic"},
        "addressing": {"loopbacks": "10.254.128.0/18", "hosts": "10.16.0.0/14", "servers": "subnet"},
    }
    pods = [pod | {"connect": pod["connect"] | {"storage": "storage-nics"}} for pod in tree["pods"]]
    networks = {"storage": storage} | tree["networks"] if first else tree["networks"] | {"storage": storage}
    return tree | {"networks": networks, "pods": pods}


def with_pods(tree: Tree, count: int) -> Tree:
    return tree | {"pods": [tree["pods"][0] | {"count": count}, *tree["pods"][1:]]}


def refused(error: CompileError) -> str:
    return "; ".join(f"{found.code} {found.message}" for found in error.diagnostics)
