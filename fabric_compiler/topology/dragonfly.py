"""Dragonfly (Kim, Dally, Scott, Abts, "Technology-Driven, Highly-Scalable Dragonfly Topology", ISCA 2008): the routers of a
group are joined with one another, and each has global links to other groups. A minimal path is local, global, local."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.blocks import Blocks
from fabric_compiler.ir.graph import LOCAL, SERVER_ROUTER
from fabric_compiler.topology.base import Topology
from fabric_compiler.topology.grouped import GroupBuilder, seats, within_reach
from fabric_compiler.topology.groups import fitted
from fabric_compiler.topology.lineup import Lineup
from fabric_compiler.topology.naming import Namer
from fabric_compiler.topology.parts import Parts
from fabric_compiler.topology.shape import Places, Shape


def blocks(shape: Shape, rows: Blocks, places: Places, report: Report) -> Mapping[str, int]:
    """No tier stands above the routers."""
    within_reach(shape, rows, places, report)
    return {}


def build(shape: Shape, number: int, blocks: Blocks, namer: Namer, lineup: Lineup, parts: Parts) -> None:
    """Add the network's routers and all its links to `parts`; `number` is its place in Graph.networks."""
    network = _Builder(shape, number, blocks, namer, lineup, parts)
    for attachment in shape.attachments:
        network.add_low("router", attachment)
    for (plane, _), routers in network.low.items():
        network.join_routers(routers, plane)
        network.join_groups(routers, plane, network.group.global_links, network.group.first_global)


class _Builder(GroupBuilder):
    down_tier = SERVER_ROUTER

    def join_routers(self, routers: np.ndarray, plane: int) -> None:
        """Each router's local ports meet the others of its group in their order."""
        there = routers[routers[:, 0] >= 0]
        one, other = np.triu_indices(self.group.switches, 1)
        first = np.array([d.first_uplink for d in self.parts.devices], dtype=np.int64)
        lower, upper = there[:, one], there[:, other]
        self.parts.link(
            lower,
            first[lower] + other - 1,
            upper,
            first[upper] + one,
            network=self.number,
            plane=plane,
            tiers=LOCAL,
            speed=self.shape.leaf.up_speed,
        )


TOPOLOGY = Topology(fitted, blocks, build, seats)
