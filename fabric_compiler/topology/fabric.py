"""The graph of the whole fabric: servers first, then each network over them."""

from __future__ import annotations

from fabric_compiler.catalog.layout import server_layout
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.blocks import SEAT_PORTS, Blocks, manager_block
from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.topology.base import topology
from fabric_compiler.topology.lineup import Lineup
from fabric_compiler.topology.naming import Namer, check_names, server_name
from fabric_compiler.topology.parts import Parts
from fabric_compiler.topology.shape import Places, Shape, Unit, units

_BELOW = ("leaf", "router")  # switches that servers stand on


def build(intent: Intent, shapes: tuple[Shape, ...], blocks: Blocks, catalog: Catalog, places: Places, report: Report) -> Graph:
    """Devices and links with the numbers of `blocks`. Names that do not do, and variants without devices, are
    reported."""
    parts = Parts()
    for unit in units(intent, catalog):
        _add_servers(unit, intent, parts)
    for number, shape in enumerate(shapes):
        lineup = Lineup(shape.network, shape.intent, catalog, places, report)
        topology(shape.intent.topology.kind).build(shape, number, blocks, Namer(intent.naming, shape), lineup, parts)
        _add_hosts(shape, number, blocks, parts)
        lineup.report_unused()
        _check_counts(shape, parts, places, report)
    check_names((device.name for device in parts.devices), intent.naming, places, report)
    return parts.graph(intent.fabric, tuple(shape.network for shape in shapes))


def _add_servers(unit: Unit, intent: Intent, parts: Parts) -> None:
    planes = {group: intent.networks[network].topology.planes for network, group in unit.pod.connect.items()}
    infiniband = {group for network, group in unit.pod.connect.items() if intent.networks[network].protocol == "infiniband"}
    layout = server_layout(unit.server, planes, infiniband)
    offsets, port = {}, 0
    for group in unit.server.nic_groups.values():
        if group.name in planes:
            offsets[group.name] = port
            port += group.count * planes[group.name]
    parts.servers[unit.name] = (len(parts.devices), offsets)
    for n in range(1, unit.pod.servers + 1):
        name = server_name(intent.naming, unit.name, unit.site, n)
        parts.add(
            Device(
                name, "server", "server", "", unit.site, unit.name, unit.server.name, "", "", "", layout, 0, 0, 0, n, n - 1,
                0, len(layout.ports), 0,
            )
        )  # fmt: skip


def _add_hosts(shape: Shape, number: int, blocks: Blocks, parts: Parts) -> None:
    """The hosts of the subnet manager, and their links to the leafs that they have seats on."""
    server, nics = shape.host, shape.host_nics
    if server is None or nics is None:
        return
    layout = server_layout(server, {nics.name: shape.planes}, {nics.name})
    at = {d.slot: n for n, d in enumerate(parts.devices) if d.network == shape.network and d.role in _BELOW}
    site = next(iter(shape.reserved_rows))
    for turn, host in enumerate(shape.intent.subnet_manager.hosts):
        index = parts.add(
            Device(
                host, "server", "manager", shape.network, site, "", server.name, "", "", "", layout, 0, 0, 0, turn + 1, turn,
                0, len(layout.ports), 0,
            )
        )  # fmt: skip
        extents = blocks[manager_block(shape.network, host)]
        for port in range(len(layout.ports)):
            slot, place = divmod(extents.slot(port), SEAT_PORTS)
            plane = port % shape.planes + 1
            parts.link(index, port, at[slot], place, network=number, plane=plane, tiers=0, speed=shape.leaf.down_speed)


def _check_counts(shape: Shape, parts: Parts, places: Places, report: Report) -> None:
    """A stated number of leafs is that of the pods."""
    stated = shape.intent.topology.leafs
    found = sum(d.role == "leaf" and d.network == shape.network for d in parts.devices)
    if stated and stated != found:
        place = places.at("networks", shape.network, "topology", "leafs")
        report.error(
            "FC3003", f"{stated} leafs are stated, and the pods need {found}", place, f"state {found}, or leave it out"
        )
