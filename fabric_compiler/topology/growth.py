"""What a technician has to do to the cables of one graph so that they are those of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fabric_compiler.ir.graph import Graph
from fabric_compiler.topology.global_cables import GlobalCables

End: TypeAlias = tuple[str, str]  # device, port
Link: TypeAlias = tuple[End, End]


@dataclass(frozen=True, slots=True)
class Moves:
    """Links of one graph alone, in order. One that is removed is moved where both of its devices stay."""

    removed: tuple[Link, ...]
    added: tuple[Link, ...]
    moved: int


def link_moves(before: Graph, after: Graph) -> Moves:
    """Which links have to be unplugged, and which plugged in."""
    one, other = _links(before), _links(after)
    removed, added = sorted(one - other), sorted(other - one)
    stay = {device.name for device in before.devices} & {device.name for device in after.devices}
    moved = sum(a[0] in stay and b[0] in stay for a, b in removed)
    return Moves(tuple(removed), tuple(added), moved)


def _links(graph: Graph) -> set[Link]:
    names = [device.name for device in graph.devices]
    ports = [[port.name for port in device.layout.ports] for device in graph.devices]
    columns = (graph.links.a_device, graph.links.a_port, graph.links.b_device, graph.links.b_port)
    found: set[Link] = set()
    for a, a_port, b, b_port in zip(*(column.tolist() for column in columns), strict=True):
        one, other = sorted(((names[a], ports[a][a_port]), (names[b], ports[b][b_port])))
        found.add((one, other))
    return found


def moved_cables(before: GlobalCables, after: GlobalCables) -> int:
    """Global cables that do not stay where they are."""
    return len(_cables(before) - _cables(after))


def _cables(cables: GlobalCables) -> set[tuple[int, int, int, int]]:
    columns = (cables.a_group, cables.a_port, cables.b_group, cables.b_port)
    return set(zip(*(column.tolist() for column in columns), strict=True))
