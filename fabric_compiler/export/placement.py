"""Where servers are close to one another: the parts that a network falls into when its upper tiers are taken away.

Servers of one part reach each other without leaving the part's tiers; a scheduler keeps a job in as few of them as it can. The
leafs of a rail-optimized unit have their servers in common and are one part, as schedulers know servers on one leaf only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fabric_compiler.export.source import Link, Source, wrong_build

LEVELS = ("leaf", "spine", "core")
"""What schedulers call the levels from the servers up, whatever the topology."""

# pairs of tiers from the servers up, and what joins them
_LADDER = (
    ("server-leaf", "leaf"),
    ("server-router", "router"),
    ("leaf-spine", "spine"),
    ("local", "group"),
    ("spine-core", "core"),
    ("global", "fabric"),
)


@dataclass(slots=True)
class Part:
    """`level` counts from 0, the leafs; `servers` are in the order of the build; `above` is the part that holds this one."""

    name: str
    level: int
    servers: list[str]
    switches: list[str]
    below: list[Part] = field(default_factory=list)
    above: Part | None = None


def fabric_of_jobs(source: Source, wanted: Sequence[str]) -> str:
    """The network that placement follows: the one named, or that with the most links to servers, by name where equal.

    Raises CompileError (FC1001) where the build has none such.
    """
    counts = Counter(link.network for link in source.links if link.tiers.startswith("server-"))
    if len(wanted) > 1:
        raise wrong_build(
            f"{', '.join(wanted)} are several networks, and a job's servers are placed by one", "name one network"
        )
    chosen = wanted[0] if wanted else min(counts, key=lambda name: (-counts[name], name), default="")
    if not counts[chosen]:
        raise wrong_build(
            f"no network {chosen!r} of the build has servers" if chosen else "the build has no servers", "name another"
        )
    return chosen


def parts(source: Source, network: str) -> list[list[Part]]:
    """The parts of the network by level, each level in the order of its first server; parts of a level share no server."""
    mine = [link for link in source.links if link.network == network]
    order = {device.name: place for place, device in enumerate(source.devices)}
    levels: list[list[Part]] = []
    groups = _Groups()
    for tiers, role in _LADDER:
        links = [link for link in mine if link.tiers == tiers]
        if not links:
            continue
        groups.join(links)
        members = _members(groups, source, order)
        made = [Part("", len(levels), servers, switches) for servers, switches in members]
        _name(made, source, network, role)
        if levels:
            _nest(levels[-1], made)
        levels.append(made)
    return levels


class _Groups:
    """Union and find over names."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        root = name
        while (above := self._parent.setdefault(root, root)) != root:
            root = above
        while self._parent[name] != root:
            self._parent[name], name = root, self._parent[name]
        return root

    def join(self, links: Iterable[Link]) -> None:
        for link in links:
            one, other = self.find(link.a_device), self.find(link.b_device)
            if one != other:
                self._parent[other] = one

    def names(self) -> list[str]:
        return list(self._parent)


def _members(groups: _Groups, source: Source, order: Mapping[str, int]) -> list[tuple[list[str], list[str]]]:
    """Servers and switches of each group that has servers."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for name in sorted(groups.names(), key=order.__getitem__):
        found.setdefault(groups.find(name), ([], []))[source.device[name].kind == "switch"].append(name)
    return [(servers, switches) for servers, switches in found.values() if servers]


def _name(made: list[Part], source: Source, network: str, role: str) -> None:
    """After its one switch of the role; at the lowest level after the pod that it is alone; else by number."""
    pods = [{source.device[server].pod for server in part.servers} for part in made]
    often = Counter(pod for own in pods for pod in own)
    taken = set(source.device)
    for number, (part, own) in enumerate(zip(made, pods, strict=True), 1):
        top = [name for name in part.switches if source.device[name].role == role]
        pod = next(iter(own))
        if len(top) == 1:
            part.name = top[0]
            continue
        alone = part.level == 0 and len(own) == 1 and often[pod] == 1
        part.name = f"{network}-{pod}" if alone else f"{network}-{role}s-{number}"
        while part.name in taken:  # by a switch
            part.name += "-part"
        taken.add(part.name)


def _nest(lower: list[Part], upper: list[Part]) -> None:
    holder = {server: part for part in upper for server in part.servers}
    for part in lower:
        part.above = holder[part.servers[0]]
        part.above.below.append(part)
