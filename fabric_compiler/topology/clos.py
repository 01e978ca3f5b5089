"""Folded Clos networks of two and three tiers, rail-optimized or leaf-spine, in any number of planes.

Two tiers: at each site the leafs of a plane share one group of spines. Three tiers: a group of spines serves as many rows
of leafs as a spine has downlinks (of one rail, or of all columns), and all groups meet at the plane's cores. The uplinks of
a switch spread evenly over the switches above it, so that the number above divides the uplinks (NVIDIA DGX SuperPOD
reference architecture, "Larger SuperPOD component counts"; Leiserson, "Fat-Trees", 1985).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import gcd

import numpy as np

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.blocks import Blocks, core_block, pod_rows, site_rows, spine_block
from fabric_compiler.ir.graph import Device
from fabric_compiler.topology.base import Topology
from fabric_compiler.topology.lineup import Lineup
from fabric_compiler.topology.naming import Namer
from fabric_compiler.topology.parts import Parts
from fabric_compiler.topology.products import Split
from fabric_compiler.topology.seats import Seat
from fabric_compiler.topology.shape import Attachment, Places, Shape

SERVER_LEAF, LEAF_SPINE, SPINE_CORE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Group:
    """Spines that serve the same leafs. Each leaf has `width` links to each; a leaf's place below is its ordinal."""

    site: str
    plane: int
    column: int  # 0: all columns
    number: int
    rows: int
    spines: int
    width: int

    @property
    def key(self) -> tuple[str, int, int, int]:
        return self.site, self.plane, self.column, self.number


@dataclass(frozen=True, slots=True)
class Cores:
    """The top of a plane; `first_port` is the first port of each group on every core."""

    count: int
    first_port: Mapping[tuple[str, int, int, int], int]


class CapacityError(ValueError):
    """The tiers cannot carry the fabric, or a stated number of switches does not do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.hint = code, hint


def groups(shape: Shape, blocks: Blocks) -> list[Group]:
    """The spine groups that the network is laid out for; by site, plane, number and column. Raises CapacityError."""
    found = []
    for site in shape.reserved_rows:
        rows = len(blocks[site_rows(shape.network, site)])
        in_group = shape.rows_in_group if shape.tiers == 3 else rows
        if not in_group:
            raise CapacityError(
                "FC3004",
                f"a row has {shape.columns} leafs, and a spine {shape.spine.downlinks} downlinks",
                "take a larger spine",
            )
        chunks = [min(in_group, rows - first) for first in range(0, rows, in_group)]
        columns = range(1, shape.columns + 1) if shape.spines_by_column else (0,)
        for plane in range(1, shape.planes + 1):
            for number, chunk in enumerate(chunks, 1):
                leafs = chunk if shape.spines_by_column else chunk * shape.columns
                spines = _spines(shape, leafs)
                width = shape.leaf.uplinks // spines
                found += [Group(site, plane, column, number, chunk, spines, width) for column in columns]
    return found


def _spines(shape: Shape, leafs: int) -> int:
    """The smallest number of spines that carries `leafs` leafs and divides their uplinks; two at least, for one fails."""
    uplinks, down = shape.leaf.uplinks, shape.spine.downlinks
    fits = [n for n in range(1, uplinks + 1) if uplinks % n == 0 and leafs * (uplinks // n) <= down]
    if not fits:
        raise CapacityError(
            "FC3004",
            f"{leafs} leafs stand over spines of {down} downlinks",
            "take three tiers or a spine with more ports" if shape.tiers == 2 else "take a larger spine",
        )
    stated = shape.intent.topology.spines
    if not stated or shape.tiers == 3:  # in three tiers the sum over all groups is checked
        return next((n for n in fits if n > 1), fits[0])
    wanted = stated // (shape.planes * len(shape.reserved_rows))
    if wanted not in fits:
        share = shape.planes * len(shape.reserved_rows)
        known = ", ".join(str(n * share) for n in fits)
        raise CapacityError(
            "FC3003",
            f"{stated} spines: the {uplinks} uplinks of {leafs} leafs spread evenly over {known} with {down} ports each",
            f"state {fits[0] * share}, or leave it out",
        )
    return wanted


def cores(shape: Shape, plane_groups: list[Group]) -> Cores:
    """The cores over the groups of one site and plane. Raises CapacityError."""
    if shape.core is None:
        return Cores(0, {})
    ports, per_spine = shape.core.downlinks, shape.spine.uplinks
    bundles = [group.spines * per_spine for group in plane_groups]
    common = gcd(*bundles)
    fits = [n for n in range(1, common + 1) if common % n == 0 and sum(bundle // n for bundle in bundles) <= ports]
    if not fits:
        raise CapacityError(
            "FC3004",
            f"{len(bundles)} groups of spines have {sum(bundles)} uplinks; no number of cores with {ports} ports spreads them",
            "take a core with more ports",
        )
    count, stated = next((n for n in fits if n > 1), fits[0]), shape.intent.topology.cores
    if stated:
        share = shape.planes * len(shape.reserved_rows)
        known = ", ".join(str(n * share) for n in fits[:8])
        if stated % share or stated // share not in fits:
            raise CapacityError(
                "FC3003", f"{stated} cores do not spread the spines' uplinks evenly; {known} do", "leave it out"
            )
        count = stated // share
    first, port = {}, 0
    for group, bundle in zip(plane_groups, bundles, strict=True):
        first[group.key] = port
        port += bundle // count
    return Cores(count, first)


def blocks(shape: Shape, rows: Blocks, places: Places, report: Report) -> Mapping[str, int]:
    """Owners of blocks above the leafs and how many switches each has; what does not fit is reported and left out."""
    try:
        found = groups(shape, rows)
        wanted = {spine_block(shape.network, g.site, g.plane, g.column, g.number): g.spines for g in found}
        stated, laid_out = shape.intent.topology.spines, sum(wanted.values())
        if stated and stated != laid_out:
            message = f"{stated} spines are stated, and the network is laid out for {laid_out}"
            raise CapacityError("FC3003", message, f"state {laid_out}, or leave it out")
        for (site, plane), members in _by_plane(found).items():
            top = cores(shape, members)
            if top.count:
                wanted[core_block(shape.network, site, plane)] = top.count
    except CapacityError as error:
        key = "" if error.code != "FC3003" else "cores" if " cores " in str(error) else "spines"
        place = places.at("networks", shape.network, "topology", *([key] if key else []))
        report.error(error.code, f"{shape.network}: {error}", place, error.hint)
        return {}
    return wanted


def _by_plane(found: list[Group]) -> dict[tuple[str, int], list[Group]]:
    planes: dict[tuple[str, int], list[Group]] = {}
    for group in found:
        planes.setdefault((group.site, group.plane), []).append(group)
    return planes


def build(shape: Shape, number: int, blocks: Blocks, namer: Namer, lineup: Lineup, parts: Parts) -> None:
    """Add the network's switches and all its links to `parts`; `number` is its place in Graph.networks."""
    network = _Builder(shape, number, blocks, namer, lineup, parts)
    for attachment in shape.attachments:
        network.add_leafs(attachment)
    network.add_spines_and_cores()


class _Builder:
    """The switches of one network while their links are drawn."""

    def __init__(self, shape: Shape, number: int, blocks: Blocks, namer: Namer, lineup: Lineup, parts: Parts) -> None:
        self.shape, self.number, self.blocks, self.namer, self.lineup, self.parts = shape, number, blocks, namer, lineup, parts
        # (site, plane, column) -> row at the site -> device
        self.leafs: dict[tuple[str, int, int], dict[int, int]] = {}

    def add_leafs(self, attachment: Attachment) -> None:
        """The leafs of a pod, and the links from its servers."""
        shape = self.shape
        span = self.blocks[pod_rows(shape.network, attachment.site, attachment.name)]
        rows = self.blocks[site_rows(shape.network, attachment.site)]
        grid = np.full((attachment.rows, shape.planes * shape.columns), -1)
        for row, plane, column in self._places(attachment):
            wide = (plane - 1) * shape.columns + column - 1
            slot = span.slot(row) * shape.planes * shape.columns + wide
            name = self.namer.leaf(attachment.name, attachment.site, plane, column, row)
            index = self._add("leaf", name, attachment.leaf, attachment.site, attachment.name, plane, column, 0, row + 1, slot)
            grid[row, wide] = index
            self.leafs.setdefault((attachment.site, plane, column), {})[rows.ordinal(span.slot(row))] = index
        if attachment.unit:
            self._connect_servers(attachment, grid)

    def _places(self, attachment: Attachment) -> Iterator[tuple[int, int, int]]:
        """Row (from 0), plane and column of each leaf of a pod."""
        shape = self.shape
        columns = min(shape.columns, attachment.nics) if attachment.unit else shape.columns
        for row in range(attachment.rows):
            for plane in range(1, shape.planes + 1):
                for column in range(1, columns + 1):
                    last = row == attachment.rows - 1 and attachment.leafs
                    if not last or (plane - 1) * shape.columns + column <= attachment.leafs:
                        yield row, plane, column

    def _connect_servers(self, attachment: Attachment, grid: np.ndarray) -> None:
        """NIC j meets column j modulo the columns; a server's NICs on one leaf take neighbouring ports."""
        shape, unit = self.shape, attachment.unit
        assert unit
        first, offsets = self.parts.servers[unit.name]
        server, nic, plane = np.ix_(range(unit.pod.servers), range(attachment.nics), range(shape.planes))
        row, place = np.divmod(server, attachment.servers_per_leaf)
        self.parts.link(
            first + server,
            offsets[unit.pod.connect[shape.network]] + nic * shape.planes + plane,
            grid[row, plane * shape.columns + nic % shape.columns],
            place * attachment.nics_per_column + nic // shape.columns,
            network=self.number,
            plane=plane + 1,
            tiers=SERVER_LEAF,
            speed=attachment.leaf.down_speed,
        )

    def add_spines_and_cores(self) -> None:
        shape = self.shape
        for (site, plane), members in _by_plane(groups(shape, self.blocks)).items():
            top = cores(shape, members)
            above = self._cores(site, plane, top.count)
            for group in members:
                leafs = list(self._leafs_of(group))
                if not leafs and shape.tiers == 3:
                    continue  # reserved: its spines come with its first leaf
                spines = self._spines(group)
                self._connect_leafs(group, leafs, spines)
                if shape.core:
                    self._connect_spines(plane, spines, above, top.first_port[group.key])

    def _cores(self, site: str, plane: int, count: int) -> np.ndarray:
        shape = self.shape
        made = []
        for n in range(count):
            assert shape.core
            slot = self.blocks[core_block(shape.network, site, plane)].slot(n)
            name = self.namer.core(site, plane, n + 1)
            made.append(self._add("core", name, shape.core, site, "", plane, 0, 0, n + 1, slot))
        return np.array(made, dtype=np.int64)

    def _spines(self, group: Group) -> np.ndarray:
        shape = self.shape
        span = self.blocks[spine_block(shape.network, group.site, group.plane, group.column, group.number)]
        made = []
        for n in range(group.spines):
            name = self.namer.spine(group.site, group.plane, group.column, group.number, n + 1)
            made.append(
                self._add(
                    "spine", name, shape.spine, group.site, "", group.plane, group.column, group.number, n + 1, span.slot(n)
                )
            )
        return np.array(made, dtype=np.int64)

    def _leafs_of(self, group: Group) -> Iterator[tuple[int, int]]:
        """Ordinal below the group, and device, of each leaf that exists."""
        shape = self.shape
        first = (group.number - 1) * (shape.rows_in_group if shape.tiers == 3 else 0)
        columns = [group.column] if group.column else list(range(1, shape.columns + 1))
        for place, column in enumerate(columns):
            there = self.leafs.get((group.site, group.plane, column), {})
            for row in range(first, first + group.rows):
                if row in there:
                    yield (row - first) * len(columns) + place, there[row]

    def _connect_leafs(self, group: Group, leafs: list[tuple[int, int]], spines: np.ndarray) -> None:
        """Neighbouring uplinks of a leaf go to the same spine, in the order of the spines; a spine's ports follow the leafs."""
        if not leafs:
            return
        found = np.array(leafs, dtype=np.int64)
        first_uplink = np.array([self.parts.devices[device].first_uplink for _, device in leafs])
        uplink = np.arange(self.shape.leaf.uplinks)
        spine, strand = np.divmod(uplink, group.width)
        self.parts.link(
            found[:, 1:],
            first_uplink[:, None] + uplink,
            spines[spine][None, :],
            found[:, :1] * group.width + strand,
            network=self.number,
            plane=group.plane,
            tiers=LEAF_SPINE,
            speed=self.shape.leaf.up_speed,
        )

    def _connect_spines(self, plane: int, spines: np.ndarray, above: np.ndarray, first_port: int) -> None:
        """The uplinks of a group go round the cores, so that every group reaches every core with as many links."""
        per_spine = self.shape.spine.uplinks
        order = np.arange(len(spines) * per_spine)
        spine, uplink = np.divmod(order, per_spine)
        turn, core = np.divmod(order, len(above))
        first_uplink = np.array([self.parts.devices[device].first_uplink for device in spines])
        self.parts.link(
            spines[spine],
            first_uplink[spine] + uplink,
            above[core],
            first_port + turn,
            network=self.number,
            plane=plane,
            tiers=SPINE_CORE,
            speed=self.shape.spine.up_speed,
        )

    def _add(
        self,
        role: str,
        name: str,
        split: Split,
        site: str,
        pod: str,
        plane: int,
        column: int,
        group: int,
        index: int,
        slot: int,
    ) -> int:
        own = self.lineup.at(role, name, split)
        chosen = own.product
        return self.parts.add(
            Device(
                name, "switch", role, self.shape.network, site, pod, chosen.switch.name, chosen.nos, chosen.release,
                chosen.hwsku, own.layout, plane, column, group, index, slot, own.downlinks, own.uplinks, own.first_uplink,
            )
        )  # fmt: skip


def seats(shape: Shape, rows: Blocks) -> Iterator[Seat]:
    """Downlinks of existing leafs that no server has, within the reserve of its pod either."""
    for attachment in shape.attachments:
        if attachment.unit is None:
            continue
        span = rows[pod_rows(shape.network, attachment.site, attachment.name)]
        servers = max(attachment.unit.pod.servers, attachment.unit.pod.reserve.servers or 0)
        columns = min(shape.columns, attachment.nics)
        for row in range(attachment.rows):
            here = min(attachment.servers_per_leaf, servers - row * attachment.servers_per_leaf)
            first = here * attachment.nics_per_column
            for wide in range(shape.planes * columns):
                plane, column = divmod(wide, columns)
                slot = (span.slot(row) * shape.planes + plane) * shape.columns + column
                for port in range(first, attachment.leaf.downlinks):
                    yield Seat(slot, port, plane + 1, span.slot(row))


TOPOLOGY = Topology(blocks, build, seats)
