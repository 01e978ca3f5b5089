"""What both kinds of dragonfly share while they are built: the switches of groups, their servers and the global cables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.blocks import Blocks, pod_rows, site_rows
from fabric_compiler.ir.graph import GLOBAL, Device
from fabric_compiler.topology.global_cables import GlobalCables, Numbers, global_cables, most_groups
from fabric_compiler.topology.lineup import Lineup
from fabric_compiler.topology.naming import Namer
from fabric_compiler.topology.parts import Parts
from fabric_compiler.topology.products import Split
from fabric_compiler.topology.seats import Seat
from fabric_compiler.topology.shape import Attachment, GroupShape, Places, Shape


class Place(NamedTuple):
    """A group in a pod: its number in the network, and its turn in the pod, both from 0."""

    group: int
    turn: int


def group_of(shape: Shape) -> GroupShape:
    """The group of a dragonfly's shape."""
    assert shape.group
    return shape.group


def laid_out(shape: Shape, blocks: Blocks) -> int:
    """Groups that global cables are laid for: those of the reserve, and of removed pods until the lock is pruned."""
    (site,) = shape.reserved_rows
    return len(blocks[site_rows(shape.network, site)]) // group_of(shape).switches


def cables_of(shape: Shape, blocks: Blocks) -> GlobalCables:
    """The global cables of one plane and rail, those of groups that do not exist yet too."""
    group = group_of(shape)
    return global_cables(laid_out(shape, blocks), group.global_ports, group.arrangement)


def within_reach(shape: Shape, blocks: Blocks, places: Places, report: Report) -> bool:
    """Whether the global ports reach all groups; reports FC4007."""
    groups, most = laid_out(shape, blocks), most_groups(group_of(shape).global_ports)
    if groups > most:
        message = (
            f"{shape.network} is laid out for {groups} groups with those of removed pods, and its global ports reach {most}"
        )
        place = places.at("networks", shape.network, "topology")
        report.error("FC4007", message, place, "`fabricc lock prune` frees the places of removed pods")
    return groups <= most


def seats(shape: Shape, rows: Blocks) -> Iterator[Seat]:
    """Ports of existing routers or leafs that no server has, within the reserve of its pod either."""
    group = group_of(shape)
    for attachment in shape.attachments:
        if attachment.unit is None:
            continue
        span = rows[pod_rows(shape.network, attachment.site, attachment.name)]
        servers = max(attachment.unit.pod.servers, attachment.unit.pod.reserve.servers or 0)
        per_switch = -(-attachment.nics_per_column // group.homing)
        on_set = group.hosts // per_switch
        for row in range(attachment.rows):
            turn, number = divmod(row, group.switches)
            before = turn * attachment.servers_per_leaf + number // group.homing * on_set
            first = min(max(servers - before, 0), on_set) * per_switch
            for wide in range(shape.planes * shape.columns):
                slot = span.slot(row) * shape.planes * shape.columns + wide
                for port in range(first, group.hosts):
                    yield Seat(slot, port, wide // shape.columns + 1, span.slot(row))


class GroupBuilder:
    """One network while it is built. `low` holds the routers or leafs by plane and rail: a row a group, -1 where none is."""

    def __init__(self, shape: Shape, number: int, blocks: Blocks, namer: Namer, lineup: Lineup, parts: Parts) -> None:
        self.shape, self.number, self.blocks, self.namer, self.lineup, self.parts = shape, number, blocks, namer, lineup, parts
        self.group = group_of(shape)
        self.groups = laid_out(shape, blocks)
        size = (self.groups, self.group.switches)
        self.low = {key: np.full(size, -1, dtype=np.int64) for key in self.copies()}

    def copies(self) -> Iterator[tuple[int, int]]:
        """Plane and rail of each dragonfly of the network."""
        shape = self.shape
        return ((plane, rail) for plane in range(1, shape.planes + 1) for rail in range(1, shape.columns + 1))

    def places(self, attachment: Attachment) -> list[Place]:
        """The groups of a pod, in its order."""
        each = self.group.switches
        span = self.blocks[pod_rows(self.shape.network, attachment.site, attachment.name)]
        rows = self.blocks[site_rows(self.shape.network, attachment.site)]
        return [Place(rows.ordinal(span.slot(turn * each)) // each, turn) for turn in range(attachment.rows // each)]

    def add_low(self, role: str, attachment: Attachment) -> None:
        """The routers or leafs of a pod's groups, and the links of its servers."""
        shape, group = self.shape, self.group
        span = self.blocks[pod_rows(shape.network, attachment.site, attachment.name)]
        grid = np.full((attachment.rows, shape.planes * shape.columns), -1, dtype=np.int64)
        for place in self.places(attachment):
            for number in range(group.switches):
                row = place.turn * group.switches + number
                for plane, rail in self.copies():
                    wide = (plane - 1) * shape.columns + rail - 1
                    name = self.namer.in_group(role, attachment.name, attachment.site, plane, rail, place.group + 1, number + 1)
                    index = place.turn * group.size + number + 1
                    slot = span.slot(row) * shape.planes * shape.columns + wide
                    made = self.add(role, name, attachment.leaf, attachment, plane, rail, place.group + 1, index, slot)
                    grid[row, wide] = self.low[plane, rail][place.group, number] = made
        if attachment.unit:
            self._connect_servers(attachment, grid)

    def _connect_servers(self, attachment: Attachment, grid: Numbers) -> None:
        """NIC j is on rail j modulo the rails; the NICs of a rail go round the switches that the server is homed to."""
        shape, group, unit = self.shape, self.group, attachment.unit
        assert unit
        first, offsets = self.parts.servers[unit.name]
        server, nic, plane = np.ix_(range(unit.pod.servers), range(attachment.nics), range(shape.planes))
        rail, turn = nic % shape.columns, nic // shape.columns
        per_switch = -(-attachment.nics_per_column // group.homing)
        on_set = group.hosts // per_switch  # servers on the same switches
        place, inside = np.divmod(server, attachment.servers_per_leaf)
        home, seat = np.divmod(inside, on_set)
        row = place * group.switches + home * group.homing + turn % group.homing
        self.parts.link(
            first + server,
            offsets[unit.pod.connect[shape.network]] + nic * shape.planes + plane,
            grid[row, plane * shape.columns + rail],
            seat * per_switch + turn // group.homing,
            network=self.number,
            plane=plane + 1,
            tiers=self.down_tier,
            speed=attachment.leaf.down_speed,
        )

    down_tier: int  # of the servers' links

    def join_groups(self, ends: Numbers, plane: int, per_switch: int, first_global: int) -> None:
        """Global cables between the groups that exist. `ends` has a row a group: the switches that have global ports, in the
        order of these; the lower end is that of the lower slot."""
        cables = cables_of(self.shape, self.blocks)
        there = (ends[cables.a_group, 0] >= 0) & (ends[cables.b_group, 0] >= 0)
        (one, one_port), (other, other_port) = (
            (ends[group[there], port[there] // per_switch], port[there] % per_switch)
            for group, port in ((cables.a_group, cables.a_port), (cables.b_group, cables.b_port))
        )
        slot = np.array([d.slot for d in self.parts.devices], dtype=np.int64)
        first = np.array([d.first_uplink for d in self.parts.devices], dtype=np.int64) + first_global
        turned = slot[one] > slot[other]
        self.parts.link(
            np.where(turned, other, one),
            np.where(turned, first[other] + other_port, first[one] + one_port),
            np.where(turned, one, other),
            np.where(turned, first[one] + one_port, first[other] + other_port),
            network=self.number,
            plane=plane,
            tiers=GLOBAL,
            speed=self.shape.leaf.up_speed,
        )

    def add(
        self, role: str, name: str, split: Split, home: Attachment, plane: int, rail: int, group: int, index: int, slot: int
    ) -> int:
        """A switch; the index that links know it by."""
        own = self.lineup.at(role, name, split)
        chosen = own.product
        return self.parts.add(
            Device(
                name, "switch", role, self.shape.network, home.site, home.name, chosen.switch.name, chosen.nos,
                chosen.release, chosen.hwsku, own.layout, plane, rail, group, index, slot, own.downlinks, own.uplinks,
                own.first_uplink,
            )
        )  # fmt: skip
