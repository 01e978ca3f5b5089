"""The plan as tables: one CSV file each under plan/. Rows of single devices are made where their models are."""

from __future__ import annotations

from collections.abc import Iterator

from fabric_compiler.cabling.cables import cable_names
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.emit.tables import Row, csv_bytes
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import TIER_PAIRS, Graph
from fabric_compiler.ir.plan import Guids, Plan, Prefix
from fabric_compiler.model.device import ServerModel, SwitchModel
from fabric_compiler.targets.text import address

ADDRESSES = ("device", "interface", "vrf", "address", "prefix_length", "purpose")
GUIDS = ("device", "port", "node_guid", "port_guid", "system_image_guid")
SESSIONS = ("a_device", "a_interface", "a_address", "a_asn", "b_device", "b_interface", "b_address", "b_asn", "vrf")


def tables(graph: Graph, plan: Plan, cabling: Cabling, catalog: Catalog) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the tables that the whole fabric makes."""
    names = cable_names(graph, cabling)
    yield "plan/devices.csv", csv_bytes(
        (
            "name", "kind", "role", "network", "site", "pod", "model", "nos", "asn", "loopback4", "loopback6", "management",
            "rack", "unit", "plane", "rail", "group",
        ),
        _devices(graph, plan, cabling),
    )  # fmt: skip
    yield (
        "plan/links.csv",
        csv_bytes(
            ("a_device", "a_port", "b_device", "b_port", "network", "plane", "tiers", "speed_gbps", "cable", "length_m"),
            _links(graph, cabling, names),
        ),
    )
    made = cabling.cables
    media = [medium.name for medium in catalog.media]
    yield (
        "plan/cables.csv",
        csv_bytes(
            ("cable", "medium", "length_m"),
            (
                (name, media[m], _metres(mm))
                for name, m, mm in zip(names, made.medium.tolist(), made.length.tolist(), strict=True)
            ),
        ),
    )
    yield "plan/cable_ends.csv", csv_bytes(("cable", "device", "cage", "module", "rack", "unit"), _ends(graph, cabling, names))
    yield (
        "plan/asns.csv",
        csv_bytes(
            ("asn", "device"),
            sorted((p.asn, d.name) for d, p in zip(graph.devices, plan.devices, strict=True) if p and p.asn),
        ),
    )
    if plan.guids:
        yield "plan/guids.csv", csv_bytes(GUIDS, _guids(graph, plan.guids))
    yield (
        "plan/bom.csv",
        csv_bytes(
            ("item", "kind", "count", "watts_each", "source"),
            ((line.item, line.kind, line.count, line.watts_each, line.source) for line in cabling.bom),
        ),
    )


def _devices(graph: Graph, plan: Plan, cabling: Cabling) -> Iterator[Row]:
    racks, unit, names = cabling.places.rack.tolist(), cabling.places.unit.tolist(), cabling.places.racks
    for n, (d, p) in enumerate(zip(graph.devices, plan.devices, strict=True)):
        where = (names[racks[n]], unit[n], d.plane, d.rail, d.group)
        if p is None:
            yield (d.name, d.kind, d.role, d.network, d.site, d.pod, d.model, d.nos, "", "", "", "", *where)
            continue
        loopbacks = {loopback.version: address(loopback) for loopback in p.loopbacks}
        yield (
            d.name, d.kind, d.role, d.network, d.site, d.pod, d.model, d.nos, p.asn or "", loopbacks.get(4, ""),
            loopbacks.get(6, ""), address(p.management) if p.management else "", *where,
        )  # fmt: skip


def _links(graph: Graph, cabling: Cabling, names: list[str]) -> Iterator[Row]:
    devices, links = graph.devices, graph.links
    columns = (links.a_device, links.a_port, links.b_device, links.b_port, links.network, links.plane, links.tiers, links.speed)
    rows = zip(*(column.tolist() for column in (*columns, cabling.cable, cabling.length)), strict=True)
    for a, a_port, b, b_port, network, plane, tiers, speed, cable, length in rows:
        one, two = devices[a], devices[b]
        yield (
            one.name, one.layout.ports[a_port].name, two.name, two.layout.ports[b_port].name, graph.networks[network], plane,
            TIER_PAIRS[tiers], speed // 1000 if speed % 1000 == 0 else speed / 1000, names[cable], _metres(length),
        )  # fmt: skip


def _ends(graph: Graph, cabling: Cabling, names: list[str]) -> Iterator[Row]:
    ends, places = cabling.ends, cabling.places
    rack, unit = places.rack.tolist(), places.unit.tolist()
    rows = zip(ends.cable.tolist(), ends.device.tolist(), ends.cage.tolist(), ends.module.tolist(), strict=True)
    for cable, device, cage, module in rows:
        d = graph.devices[device]
        label = d.layout.cages[cage].label
        yield names[cable], d.name, label, cabling.modules[module], places.racks[rack[device]], unit[device]


def _guids(graph: Graph, guids: Guids) -> Iterator[Row]:
    """Switches, whose port is port 0, and HCAs."""
    for d, guid, image in zip(graph.devices, guids.switch.tolist(), guids.system.tolist(), strict=True):
        if guid:
            yield d.name, "", f"0x{guid:016x}", f"0x{guid:016x}", f"0x{image:016x}"
    chosen = guids.node.nonzero()[0]
    columns = (graph.links.a_device, graph.links.a_port, guids.node, guids.port, guids.image)
    for device, port, node, own, image in zip(*(column[chosen].tolist() for column in columns), strict=True):
        d = graph.devices[device]
        yield d.name, d.layout.ports[port].name, f"0x{node:016x}", f"0x{own:016x}", f"0x{image:016x}"


def _metres(millimetres: int) -> int | float:
    return millimetres // 1000 if millimetres % 1000 == 0 else millimetres / 1000


def switch_addresses(model: SwitchModel) -> list[Row]:
    """Rows of addresses.csv."""
    name, management = model.name, model.management
    rows: list[Row] = [_row(name, "Loopback0", "default", a, "loopback") for a in model.loopbacks]
    for port in model.interfaces:
        purpose = "host" if port.role == "server" else "link"
        rows += [_row(name, port.name, "default", a, purpose) for a in port.addresses]
    rows += [_row(name, f"Vlan{vlan.id}", "default", a, "gateway") for vlan in model.vlans for a in vlan.addresses]
    if management.address:
        rows.append(_row(name, management.interface, management.vrf, management.address, "management"))
    return rows


def managed_addresses(graph: Graph, plan: Plan, catalog: Catalog) -> list[Row]:
    """Rows of addresses.csv for InfiniBand switches, which have an address for management alone."""
    return [
        _row(d.name, catalog.switches[d.model].management, "default", p.management, "management")
        for d, p in zip(graph.devices, plan.devices, strict=True)
        if p and p.management and not d.nos
    ]


def server_addresses(model: ServerModel) -> list[Row]:
    """Rows of addresses.csv."""
    return [_row(model.name, nic.netdev, "default", a, "host") for nic in model.nics for a in nic.addresses]


def _row(device: str, interface: str, vrf: str, found: Prefix, purpose: str) -> Row:
    return device, interface, vrf, address(found), found.length, purpose


def switch_sessions(model: SwitchModel, below: frozenset[str]) -> list[Row]:
    """Rows of sessions.csv: the sessions of which this switch is the lower end; `below` are its ports that look down."""
    rows: list[Row] = []
    ports = {port.name: port for port in model.interfaces if port.role == "fabric" and port.name not in below}
    by_peer = {_other(a): (port, a) for port in ports.values() for a in port.addresses}
    asn = model.routing.bgp.asn
    for neighbor in model.routing.bgp.neighbors:
        if neighbor.interface:
            if neighbor.interface in ports:
                port = ports[neighbor.interface]
                rows.append((model.name, port.name, "", asn, port.peer_device, port.peer_port, "", neighbor.asn, "default"))
        elif neighbor.address and neighbor.address in by_peer:
            port, own = by_peer[neighbor.address]
            rows.append(
                (
                    model.name, port.name, address(own), asn, port.peer_device, port.peer_port, address(neighbor.address),
                    neighbor.asn, "default",
                )
            )  # fmt: skip
    return rows


def _other(own: Prefix) -> Prefix:
    return Prefix(own.version, own.value ^ 1, own.length)
