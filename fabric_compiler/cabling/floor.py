"""Where racks stand, and which device stands where in them.

Servers stand in rows 0, 1, 2 ... and switches above the pods in rows of their own on the other side, so that pods grow away
from the spines. A pod has a block of neighbouring racks, sized for its reserve, with its leafs in the middle. Spines and
cores stand by their slot in rows of their network and tier. All of these are pinned (see racks), so nothing that exists
moves when something is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fabric_compiler.cabling.columns import Bools, DeviceColumns, Ints, Positions, ranks
from fabric_compiler.cabling.racks import PodSize, leafs_of, pod_extents, rack_extents
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent, Placement
from fabric_compiler.ir.blocks import MAX_PLACES, Extents
from fabric_compiler.ir.cabling import Places, PodRacks, SwitchRows

UNIT_UM = 44_450  # EIA-310: a rack unit is 44.45 mm
_UPWARDS = {"leaf": 0, "spine": 1, "core": 2}


@dataclass(frozen=True, slots=True)
class Floor:
    """Per device, in mm from the site's corner: along the row, across the rows (spines below 0), above the floor."""

    x: Ints
    y: Ints
    z: Ints
    places: Places
    pod_racks: PodRacks
    switch_rows: SwitchRows


@dataclass(frozen=True, slots=True)
class _PodBlocks:
    """By pod: servers a rack, and where the racks of its servers begin in `racks`, which holds the racks' numbers on the floor
    one owner after the other; by pod and network: where those of the leafs begin."""

    per_rack: Ints
    servers: Ints
    leafs: Ints
    racks: Ints
    extents: PodRacks


def floor(
    columns: DeviceColumns,
    networks: tuple[str, ...],
    intent: Intent,
    source: Positions,
    catalog: Catalog,
    report: Report,
    pod_position: Mapping[str, int],
    pod_racks: PodRacks,
    switch_rows: SwitchRows,
) -> Floor:
    """The place of every device.

    A site without placement has its devices in racks by the defaults of Placement. `pod_racks` and `switch_rows` are the
    blocks that the lock holds; pods without one follow in the order of `pod_position`. Reports FC2007 for servers that do
    not fit their racks.
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
    leaf_rack, leaf_unit, leaf_racks = _leafs(columns, len(networks), units, rack_units)
    blocks = _blocks(columns, networks, placements, units, intent, source, report, pod_position, pod_racks, leaf_racks)

    turn = np.maximum(columns.index - 1, 0)
    per_rack = blocks.per_rack[columns.pod]
    server_unit = 1 + turn % per_rack * units
    in_pod = ~columns.server & np.array([bool(pod) for pod in columns.pods], dtype=np.bool_)[columns.pod]
    leaf_at = blocks.leafs[columns.pod, np.maximum(columns.network, 0)] + leaf_rack
    at = np.where(columns.server, blocks.servers[columns.pod] + turn // per_rack, np.where(in_pod, leaf_at, 0))
    row, place = np.divmod(blocks.racks[at], row_length)
    # Every other row is filled backwards, so that a pod that goes on in the next row stays together.
    place = np.where(row % 2 == 1, row_length - 1 - place, place)
    unit = np.where(columns.server, server_unit, leaf_unit)

    above = ~columns.server & ~in_pod
    spine_row, spine_place, spine_unit, rows = _above_pods(
        columns, above, networks, units, rack_units, row_length, switch_rows, report
    )
    row = np.where(above, spine_row, row)
    place = np.where(above, spine_place, place)
    unit = np.where(above, spine_unit, unit)

    return Floor(
        x=place * rack_pitch,
        y=np.where(above, -1 - row, row) * row_pitch,
        z=unit * UNIT_UM // 1000,
        places=_places(columns, above, row, place, unit),
        pod_racks=blocks.extents,
        switch_rows=rows,
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
    """For each device, taken as a leaf, its rack among those of its pod and network, and its unit; and how many racks these
    are, by pod and network.

    Each network has racks of its own in a pod, so that a leaf more in one network moves none of another.
    """
    rack = np.zeros(len(columns.pod), dtype=np.int64)
    unit = np.ones(len(columns.pod), dtype=np.int64)
    racks = np.zeros((len(columns.pods), max(networks, 1)), dtype=np.int64)
    named = np.array([bool(pod) for pod in columns.pods], dtype=np.bool_)
    at = np.flatnonzero(~columns.server & named[columns.pod])
    if not len(at):
        return rack, unit, racks
    pod, network = columns.pod[at], columns.network[at]
    # by the leaf's own place in the pod: a pod that has grown may have its later rows below its first
    turn = ranks(pod, network, (columns.index[at] << 32) + columns.slot[at])
    tallest = _tallest(pod * networks + network, units[at], len(columns.pods) * networks)
    number, position = np.divmod(turn, np.maximum(rack_units[at] // tallest, 1))
    np.maximum.at(racks, (pod, network), number + 1)
    rack[at] = number
    unit[at] = 1 + position * tallest
    return rack, unit, racks


def _above_pods(
    columns: DeviceColumns,
    above: Bools,
    networks: tuple[str, ...],
    units: Ints,
    rack_units: Ints,
    row_length: Ints,
    pinned: SwitchRows,
    report: Report,
) -> tuple[Ints, Ints, Ints, SwitchRows]:
    """For each device, taken as a switch of no pod, its row, rack in the row and unit, by its slot; and the rows of each tier
    of a network, which are its own."""
    sites, network = columns.site, np.maximum(columns.network, 0)
    group = (sites * max(len(networks), 1) + network) * len(columns.roles) + columns.role
    tallest = _tallest(group, np.where(above, units, 1), len(columns.sites) * max(len(networks), 1) * len(columns.roles))
    rack, position = np.divmod(np.maximum(columns.slot, 0), np.maximum(rack_units // tallest, 1))
    turn, place = np.divmod(rack, row_length)
    row = np.zeros(len(turn), dtype=np.int64)
    made: dict[tuple[str, str], Extents] = {}
    for at, site in enumerate(columns.sites):
        members = {
            f"{networks[n]}/{role}": np.flatnonzero(above & (sites == at) & (network == n) & (columns.role == r))
            for n in range(len(networks))
            for r, role in sorted(enumerate(columns.roles), key=lambda found: _UPWARDS.get(found[1], len(_UPWARDS)))
        }
        sizes = {owner: int(turn[found].max()) + 1 for owner, found in members.items() if len(found)}
        order = {owner: number for number, owner in enumerate(sizes)}
        kept = {owner: extents for (place_, owner), extents in pinned.items() if place_ == site}
        found = {(site, owner): extents for owner, extents in rack_extents(sizes, order, kept).items()}
        _check_numbers(found, report)
        made |= found
        for (_, owner), extents in found.items():
            row[members[owner]] = _numbers(extents)[turn[members[owner]]]
    return row, place, 1 + position * tallest, made


def _check_numbers(made: Mapping[tuple[str, str], Extents], report: Report) -> None:
    """A lock may hold numbers so high that what follows them has no name and no place."""
    for (site, owner), extents in made.items():
        if any(start + size > MAX_PLACES for start, size in extents.blocks):
            hint = "the lock holds numbers near the last one: take it from git as it was"
            report.fatal("FC4005", f"the places of {owner} at {site} are beyond number {MAX_PLACES}", hint=hint)


def _numbers(extents: Extents) -> Ints:
    return np.array([start + n for start, size in extents.blocks for n in range(size)], dtype=np.int64)


def _tallest(group: Ints, units: Ints, groups: int) -> Ints:
    """Per row, the units of the tallest device of its group."""
    highest = np.ones(max(groups, 1), dtype=np.int64)
    np.maximum.at(highest, group, units)
    return highest[group]


def _blocks(
    columns: DeviceColumns,
    networks: tuple[str, ...],
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
    wanted = -(-wanted // per_rack)
    extents: dict[tuple[str, str], Extents] = {}
    for at, place in enumerate(columns.sites):
        here = {
            columns.pods[n]: PodSize(
                int(wanted[n]), {name: int(racks) for name, racks in zip(networks, leaf_racks[n], strict=False) if racks}
            )
            for n in np.flatnonzero(site == at).tolist()
            if columns.pods[n]
        }
        kept = {owner: blocks for (there, owner), blocks in pinned.items() if there == place}
        extents |= {(place, owner): blocks for owner, blocks in pod_extents(here, pod_position, kept).items()}
    _check_numbers(extents, report)
    racks: list[int] = [0]  # the first is nobody's
    begin: dict[tuple[str, str], int] = {}
    for owner, held in extents.items():
        begin[owner] = len(racks)
        racks += _numbers(held).tolist()
    sites = [columns.sites[n] for n in site.tolist()]
    return _PodBlocks(
        per_rack,
        np.array([begin.get((here, pod), 0) for here, pod in zip(sites, columns.pods, strict=True)], dtype=np.int64),
        np.array(
            [
                [begin.get((here, leafs_of(network, pod)), 0) for network in networks or ("",)]
                for here, pod in zip(sites, columns.pods, strict=True)
            ],
            dtype=np.int64,
        ).reshape(count, -1 if count else 1),
        np.array(racks, dtype=np.int64),
        extents,
    )


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


def _places(columns: DeviceColumns, above: Bools, row: Ints, place: Ints, unit: Ints) -> Places:
    """Racks are named by site, row and place in it, counted from 1: gru1-r02-07; n in place of r in the rows of switches."""
    code = ((columns.site * 2 + above.astype(np.int64)) << 40) | (row << 20) | place
    known, number = np.unique(code, return_inverse=True)
    names = [
        f"{columns.sites[c >> 41]}-{'n' if c >> 40 & 1 else 'r'}{(c >> 20 & 0xFFFFF) + 1:02d}-{(c & 0xFFFFF) + 1:02d}"
        for c in known.tolist()
    ]
    return Places(number.astype(np.int32), unit.astype(np.int32), tuple(names))
