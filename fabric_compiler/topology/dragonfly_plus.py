"""Dragonfly+ (Shpiner et al., "Dragonfly+: Low Cost Topology for Scaling Datacenters", HiPINEB 2017): a group is a
complete bipartite graph of leafs and spines; servers are on leafs, global links on spines. A minimal path: leaf, spine, spine,
leaf."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.blocks import Blocks, spine_block
from fabric_compiler.ir.graph import LEAF_SPINE, SERVER_LEAF
from fabric_compiler.topology.base import Topology
from fabric_compiler.topology.grouped import GroupBuilder, group_of, laid_out, seats, within_reach
from fabric_compiler.topology.groups import fitted
from fabric_compiler.topology.lineup import Lineup
from fabric_compiler.topology.naming import Namer
from fabric_compiler.topology.parts import Parts
from fabric_compiler.topology.shape import Attachment, Places, Shape


def blocks(shape: Shape, rows: Blocks, places: Places, report: Report) -> Mapping[str, int]:
    """The spines of each group that is laid out for."""
    if not within_reach(shape, rows, places, report):
        return {}
    (site,) = shape.reserved_rows
    return {
        spine_block(shape.network, site, plane, _column(shape, rail), group): group_of(shape).spines
        for plane in range(1, shape.planes + 1)
        for rail in range(1, shape.columns + 1)
        for group in range(1, laid_out(shape, rows) + 1)
    }


def _column(shape: Shape, rail: int) -> int:
    """0 where there is one rail."""
    return rail if shape.columns > 1 else 0


def build(shape: Shape, number: int, blocks: Blocks, namer: Namer, lineup: Lineup, parts: Parts) -> None:
    """Add the network's leafs, spines and all its links to `parts`; `number` is its place in Graph.networks."""
    network = _Builder(shape, number, blocks, namer, lineup, parts)
    for attachment in shape.attachments:
        network.add_low("leaf", attachment)
        network.add_spines(attachment)
    for (plane, rail), leafs in network.low.items():
        spines = network.spines[plane, rail]
        network.join_leafs(leafs, spines, plane)
        network.join_groups(spines, plane, network.group.global_links, network.group.first_global)


class _Builder(GroupBuilder):
    down_tier = SERVER_LEAF

    def __init__(self, shape: Shape, number: int, blocks: Blocks, namer: Namer, lineup: Lineup, parts: Parts) -> None:
        super().__init__(shape, number, blocks, namer, lineup, parts)
        size = (self.groups, self.group.spines)
        self.spines = {key: np.full(size, -1, dtype=np.int64) for key in self.copies()}

    def add_spines(self, attachment: Attachment) -> None:
        """The spines of a pod's groups; they stand in the pod, behind the leafs of their group."""
        shape, group = self.shape, self.group
        for place in self.places(attachment):
            for plane, rail in self.copies():
                column = _column(shape, rail)
                span = self.blocks[spine_block(shape.network, attachment.site, plane, column, place.group + 1)]
                for n in range(group.spines):
                    name = self.namer.in_group("spine", attachment.name, attachment.site, plane, rail, place.group + 1, n + 1)
                    index = place.turn * group.size + group.switches + n + 1
                    made = self.add("spine", name, shape.spine, attachment, plane, column, place.group + 1, index, span.slot(n))
                    self.spines[plane, rail][place.group, n] = made

    def join_leafs(self, leafs: np.ndarray, spines: np.ndarray, plane: int) -> None:
        """Neighbouring uplinks of a leaf go to the same spine, in the order of the spines; a spine's ports follow the leafs."""
        there = leafs[:, 0] >= 0
        below, above = leafs[there], spines[there]
        leaf, uplink = np.ix_(range(self.group.switches), range(self.group.spines * self.group.width))
        spine, strand = np.divmod(uplink, self.group.width)
        first = np.array([d.first_uplink for d in self.parts.devices], dtype=np.int64)
        lower = below[:, leaf]
        self.parts.link(
            lower,
            first[lower] + uplink,
            above[:, spine],
            leaf * self.group.width + strand,
            network=self.number,
            plane=plane,
            tiers=LEAF_SPINE,
            speed=self.shape.leaf.up_speed,
        )


TOPOLOGY = Topology(fitted, blocks, build, seats)
