"""Where racks stand, and which device stands where in them.

Servers stand in rows 0, 1, 2 ... and switches above the pods in rows of their own on the other side, so that pods grow away
from the spines. A pod has a block of neighbouring racks, sized for its reserve, with its leafs in the middle. Spines and
cores stand by their slot. So nothing that exists moves when something is added within the reserve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fabric_compiler.cabling.columns import Bools, DeviceColumns, Ints, Positions, ranks
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent, Placement
from fabric_compiler.ir.blocks import Block, Extents
from fabric_compiler.ir.cabling import Places, PodRacks

UNIT_UM = 44_450  # EIA-310: a rack unit is 44.45 mm


@dataclass(frozen=True, slots=True)
class Floor:
    """Per device, in mm from the site's corner: along the row, across the rows (spines below 0), above the floor."""

    x: Ints
    y: Ints
    z: Ints
    places: Places
    pod_racks: PodRacks


@dataclass(frozen=True, slots=True)
class _PodBlocks:
    """Columns by pod: servers a rack, server racks before the leafs, racks of leafs, and where its racks begin in `racks`,
    which holds their numbers on the floor one pod after the other."""

    per_rack: Ints
    before: Ints
    leaf_racks: Ints
    begin: Ints
    racks: Ints
    extents: PodRacks


def floor(
    columns: DeviceColumns,
    networks: int,
    intent: Intent,
    source: Positions,
    catalog: Catalog,
    report: Report,
    pod_position: Mapping[str, int],
    pod_racks: PodRacks,
) -> Floor:
    """The place of every device.

    A site without placement has its devices in racks by the defaults of Placement. `pod_racks` are the blocks that the lock
    holds; pods without one follow in the order of `pod_position`. Reports FC2007 for servers that do not fit their racks.
    """
    placements = [_placement(intent, site) for site in columns.sites]
    units = _rack_units(columns, catalog)
    rack_units, row_length, rack_pitch, row_pitch = (
        np.array(values, dtype=np.int64)[columns.site]
        for values in (
            [p.rack_units for p in placements],
            [p.racks_per_row for p in placements],
            [p.rack_pitch for p in placements],
            [p.row_pitch for p in placements],
        )
    )
    leaf_rack, leaf_unit, leaf_racks = _leafs(columns, networks, units, rack_units)
    blocks = _blocks(columns, placements, units, intent, source, report, pod_position, pod_racks, leaf_racks)

    # Servers: the block's racks in order, with those of the leafs left out.
    turn = np.maximum(columns.index - 1, 0)
    per_rack = blocks.per_rack[columns.pod]
    number = turn // per_rack
    before = blocks.before[columns.pod]
    server_rack = number + np.where(number >= before, blocks.leaf_racks[columns.pod], 0)
    server_unit = 1 + turn % per_rack * units
    in_pod = ~columns.server & np.array([bool(pod) for pod in columns.pods], dtype=np.bool_)[columns.pod]
    within = np.where(columns.server | in_pod, np.where(columns.server, server_rack, before + leaf_rack), 0)
    row, place = np.divmod(blocks.racks[blocks.begin[columns.pod] + within], row_length)
    # Every other row is filled backwards, so that a pod that goes on in the next row stays together.
    place = np.where(row % 2 == 1, row_length - 1 - place, place)
    unit = np.where(columns.server, server_unit, leaf_unit)

    above = ~columns.server & ~in_pod
    spine_row, spine_place, spine_unit = _above_pods(columns, above, networks, units, rack_units, row_length)
    row = np.where(above, spine_row, row)
    place = np.where(above, spine_place, place)
    unit = np.where(above, spine_unit, unit)

    return Floor(
        x=place * rack_pitch,
        y=np.where(above, -1 - row, row) * row_pitch,
        z=unit * UNIT_UM // 1000,
        places=_places(columns, above, row, place, unit),
        pod_racks=blocks.extents,
    )


def _placement(intent: Intent, site: str) -> Placement:
    stated = intent.sites[site].placement if site in intent.sites else None
    return stated or Placement()


def _rack_units(columns: DeviceColumns, catalog: Catalog) -> Ints:
    """Per device, the units that it takes."""
    sizes = [
        catalog.servers[name].rack_units if kind == "server" else catalog.switches[name].rack_units
        for kind, name in columns.models
    ]
    return np.array(sizes, dtype=np.int64)[columns.model]


def _leafs(columns: DeviceColumns, networks: int, units: Ints, rack_units: Ints) -> tuple[Ints, Ints, Ints]:
    """For each device, taken as a leaf, its rack among the pod's racks of leafs and its unit; and these racks by pod.

    Each network has racks of its own in a pod, so that a leaf more in one network moves none of another.
    """
    rack = np.zeros(len(columns.pod), dtype=np.int64)
    unit = np.ones(len(columns.pod), dtype=np.int64)
    by_pod = np.zeros((len(columns.pods), networks + 1), dtype=np.int64)  # racks of each network, then those before it
    named = np.array([bool(pod) for pod in columns.pods], dtype=np.bool_)
    at = np.flatnonzero(~columns.server & named[columns.pod])
    if not len(at):
        return rack, unit, by_pod[:, 0]
    pod, network = columns.pod[at], columns.network[at]
    turn = ranks(pod, network, columns.slot[at])
    tallest = _tallest(pod * networks + network, units[at], len(columns.pods) * networks)
    number, position = np.divmod(turn, np.maximum(rack_units[at] // tallest, 1))
    np.maximum.at(by_pod, (pod, network + 1), number + 1)
    before = np.cumsum(by_pod, axis=1)
    rack[at] = before[pod, network] + number
    unit[at] = 1 + position * tallest
    return rack, unit, before[:, -1]


def _above_pods(
    columns: DeviceColumns, above: Bools, networks: int, units: Ints, rack_units: Ints, row_length: Ints
) -> tuple[Ints, Ints, Ints]:
    """For each device, taken as a switch of no pod, its row, rack in the row and unit, by its slot.

    The rows of networks and roles take turns, so that each goes on without moving another.
    """
    order = {"leaf": 0, "spine": 1, "core": 2}
    apart = sorted(
        {columns.roles[role] for role in np.unique(columns.role[above]).tolist()}, key=lambda role: (order.get(role, 3), role)
    )
    turn = np.array([apart.index(role) if role in apart else 0 for role in columns.roles], dtype=np.int64)[columns.role]
    network = np.maximum(columns.network, 0)
    group = (columns.site * networks + network) * max(len(apart), 1) + turn
    tallest = _tallest(group, np.where(above, units, 1), len(columns.sites) * networks * max(len(apart), 1))
    rack, position = np.divmod(np.maximum(columns.slot, 0), np.maximum(rack_units // tallest, 1))
    row, place = np.divmod(rack, row_length)
    return (row * networks + network) * max(len(apart), 1) + turn, place, 1 + position * tallest


def _tallest(group: Ints, units: Ints, groups: int) -> Ints:
    """Per row, the units of the tallest device of its group."""
    highest = np.ones(max(groups, 1), dtype=np.int64)
    np.maximum.at(highest, group, units)
    return highest[group]


def _blocks(
    columns: DeviceColumns,
    placements: list[Placement],
    units: Ints,
    intent: Intent,
    source: Positions,
    report: Report,
    pod_position: Mapping[str, int],
    pinned: PodRacks,
    leaf_racks: Ints,
) -> _PodBlocks:
    count = len(columns.pods)
    servers, height, site = (np.zeros(count, dtype=np.int64) for _ in range(3))
    site[columns.pod] = columns.site
    np.maximum.at(servers, columns.pod[columns.server], columns.index[columns.server])
    np.maximum.at(height, columns.pod[columns.server], units[columns.server])
    reserved = {f"{p.name}{n}": p.reserve.servers or 0 for p in intent.pods for n in range(1, p.count + 1)}
    per_rack = np.ones(count, dtype=np.int64)
    fitting: dict[tuple[int, int], int] = {}  # by site and height, so that what does not fit is reported once
    for n in np.flatnonzero(servers).tolist():
        shape = (int(site[n]), int(height[n]))
        if shape not in fitting:
            fitting[shape] = _servers_per_rack(
                placements[shape[0]], columns.sites[shape[0]], shape[1], columns.pods[n], source, report
            )
        per_rack[n] = fitting[shape]
    wanted = np.maximum(servers, np.array([reserved.get(pod, 0) for pod in columns.pods], dtype=np.int64))
    sizes = -(-wanted // per_rack) + leaf_racks
    extents: dict[tuple[str, str], Extents] = {}
    for at in range(len(columns.sites)):
        here = {columns.pods[n]: int(sizes[n]) for n in np.flatnonzero(site == at).tolist() if columns.pods[n]}
        kept = {pod: blocks for (place, pod), blocks in pinned.items() if place == columns.sites[at]}
        extents |= {(columns.sites[at], pod): blocks for pod, blocks in rack_extents(here, pod_position, kept).items()}
    nowhere = Extents((Block(0, 1),))  # of the switches above the pods
    own = [extents.get((columns.sites[site[n]], pod), nowhere) for n, pod in enumerate(columns.pods)]
    held = np.array([len(blocks) for blocks in own], dtype=np.int64)
    racks = [start + n for blocks in own for start, size in blocks.blocks for n in range(size)]
    # The middle is that of the first block, for it does not change when the pod outgrows it.
    first = np.array([blocks.blocks[0].size for blocks in own], dtype=np.int64)
    before = np.maximum(first - leaf_racks, 0) // 2
    return _PodBlocks(per_rack, before, leaf_racks, np.cumsum(held) - held, np.array(racks, dtype=np.int64), extents)


def _servers_per_rack(placement: Placement, site: str, height: int, pod: str, source: Positions, report: Report) -> int:
    fitting = placement.rack_units // height
    stated = "servers_per_rack" in placement.model_fields_set
    if fitting < (placement.servers_per_rack if stated else 1):
        wanted = placement.servers_per_rack if stated else 1
        report.error(
            "FC2007",
            f"{wanted} servers of {height} units, as pod {pod} has them, take {wanted * height} units, and a rack of site"
            f" {site} has {placement.rack_units}",
            source.at("sites", site, "placement", "servers-per-rack"),
            f"at most {fitting} fit" if fitting else "state more rack-units",
        )
    return max(min(fitting, placement.servers_per_rack), 1)


def rack_extents(sizes: Mapping[str, int], position: Mapping[str, int], pinned: Mapping[str, Extents]) -> dict[str, Extents]:
    """The racks of each pod of a site, at least as many as `sizes` says.

    Pinned pods stay, and removed ones keep their racks. Behind all of them follow, in the order of `position`, what has
    outgrown its block and the pods that have none.
    """
    order = sorted(sizes, key=lambda pod: position.get(pod, len(position)))
    made = {pod: pinned[pod] for pod in order if pod in pinned}
    free = max((block.start + block.size for extents in pinned.values() for block in extents.blocks), default=0)
    for pod in order:
        missing = sizes[pod] - (len(made[pod]) if pod in made else 0)
        if missing > 0:
            made[pod] = Extents((*(made[pod].blocks if pod in made else ()), Block(free, missing)))
            free += missing
    return {pod: made[pod] for pod in order if pod in made}


def _places(columns: DeviceColumns, above: Bools, row: Ints, place: Ints, unit: Ints) -> Places:
    """Racks are named by site, row and place in it, counted from 1: gru1-r02-07; n in place of r in the rows of switches."""
    code = ((columns.site * 2 + above.astype(np.int64)) << 40) | (row << 20) | place
    known, number = np.unique(code, return_inverse=True)
    names = [
        f"{columns.sites[c >> 41]}-{'n' if c >> 40 & 1 else 'r'}{(c >> 20 & 0xFFFFF) + 1:02d}-{(c & 0xFFFFF) + 1:02d}"
        for c in known.tolist()
    ]
    return Places(number.astype(np.int32), unit.astype(np.int32), tuple(names))
