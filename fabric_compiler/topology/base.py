"""The interface of a topology, and the register in which the compiler and plug-ins find one by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.blocks import Blocks
from fabric_compiler.topology.lineup import Lineup
from fabric_compiler.topology.naming import Namer
from fabric_compiler.topology.parts import Parts
from fabric_compiler.topology.seats import Seat
from fabric_compiler.topology.shape import Places, Shape

ENTRY_POINT = "fabric_compiler.topologies"


@dataclass(frozen=True, slots=True)
class Topology:
    """`blocks` gives the owners of number blocks above the leafs, and how many switches each has at least, once the rows
    are known; `build` gives the network's switches and links with the numbers of the blocks; `seats` the ports that pods leave
    free on the switches that servers stand on, for hosts of a subnet manager."""

    blocks: Callable[[Shape, Blocks, Places, Report], Mapping[str, int]]
    build: Callable[[Shape, int, Blocks, Namer, Lineup, Parts], None]
    seats: Callable[[Shape, Blocks], Iterable[Seat]] = lambda shape, rows: ()


def topology(kind: str) -> Topology:
    """The topology of this kind. Raises KeyError when none is registered."""
    from fabric_compiler.topology import clos

    built_in = {"leaf-spine": clos.TOPOLOGY, "rail-optimized": clos.TOPOLOGY}
    if kind in built_in:
        return built_in[kind]
    for entry in entry_points(group=ENTRY_POINT, name=kind):
        found = entry.load()
        if isinstance(found, Topology):
            return found
    raise KeyError(kind)
