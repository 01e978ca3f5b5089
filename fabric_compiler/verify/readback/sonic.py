"""Reads a SONiC switch: CONFIG_DB for ports, addresses and QoS, frr.conf for routing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fabric_compiler.model.device import Prefix
from fabric_compiler.verify.observed import Observed, ObservedInterface
from fabric_compiler.verify.readback.frr import facts
from fabric_compiler.verify.readback.policies import parse_prefix

Table = dict[str, dict[str, Any]]
Lossless = tuple[tuple[tuple[int, ...], int], ...]

# sonic-port.yang has no default for the MTU; portsorch's own is this
_DEFAULT_MTU = 9100


class _ConfigDb(msgspec.Struct):
    """The tables that say what a link is; the decoder passes over all others."""

    metadata: Table = msgspec.field(default_factory=dict, name="DEVICE_METADATA")
    ports: Table = msgspec.field(default_factory=dict, name="PORT")
    interfaces: Table = msgspec.field(default_factory=dict, name="INTERFACE")
    loopbacks: Table = msgspec.field(default_factory=dict, name="LOOPBACK_INTERFACE")
    vlans: Table = msgspec.field(default_factory=dict, name="VLAN")
    vlan_interfaces: Table = msgspec.field(default_factory=dict, name="VLAN_INTERFACE")
    vlan_members: Table = msgspec.field(default_factory=dict, name="VLAN_MEMBER")
    port_qos: Table = msgspec.field(default_factory=dict, name="PORT_QOS_MAP")
    dscp_to_tc: Table = msgspec.field(default_factory=dict, name="DSCP_TO_TC_MAP")
    tc_to_group: Table = msgspec.field(default_factory=dict, name="TC_TO_PRIORITY_GROUP_MAP")
    pause_to_group: Table = msgspec.field(default_factory=dict, name="PFC_PRIORITY_TO_PRIORITY_GROUP_MAP")


def read(files: Mapping[str, bytes]) -> Observed:
    """Raises ValueError (msgspec.DecodeError is one) on files that SONiC could not load either, KeyError on a missing file."""
    db = msgspec.json.decode(files["config_db.json"], type=_ConfigDb)
    routing = facts(files["frr.conf"].decode())
    metadata = db.metadata.get("localhost", {})
    asn = int(metadata.get("bgp_asn", routing.asn))
    if routing.asn and asn != routing.asn:
        raise ValueError(f"CONFIG_DB has ASN {asn}, frr.conf {routing.asn}")
    vlans, access = _vlans(db)
    return Observed(
        hostname=metadata.get("hostname", ""),
        asn=asn,
        router_id=routing.router_id,
        loopbacks=_by_interface(db.loopbacks).get("Loopback0", ()),
        interfaces=_interfaces(db, access),
        vlans=vlans,
        sessions=routing.sessions,
        announced=routing.announced,
        routing=routing.routing,
    )


def _interfaces(db: _ConfigDb, access: Mapping[str, int]) -> dict[str, ObservedInterface]:
    rows = db.interfaces
    addresses = _by_interface(rows)
    lossless = _lossless(db)
    found = {}
    for name, port in db.ports.items():
        found[name] = ObservedInterface(
            enabled=port.get("admin_status") == "up",
            speed=int(port["speed"]),
            mtu=int(port.get("mtu", _DEFAULT_MTU)),
            fec=port.get("fec", ""),
            addresses=addresses.get(name, ()),
            unnumbered=rows.get(name, {}).get("ipv6_use_link_local_only") == "enable",
            vlan=access.get(name, 0),
            lossless=lossless.get(name, ()),
        )
    return found


def _by_interface(rows: Table) -> dict[str, tuple[Prefix, ...]]:
    """Keys 'Ethernet0|10.0.0.1/31' by interface; an address without the interface's own row is not taken by SONiC."""
    found: dict[str, tuple[Prefix, ...]] = {}
    for key in rows:
        name, bar, own = key.partition("|")
        if bar and name in rows:
            found[name] = (*found.get(name, ()), parse_prefix(own))
    return {name: tuple(sorted(own)) for name, own in found.items()}


def _vlans(db: _ConfigDb) -> tuple[dict[int, tuple[Prefix, ...]], dict[str, int]]:
    """Addresses by VLAN, and the VLAN that each port is an untagged member of."""
    numbers = {name: int(row["vlanid"]) for name, row in db.vlans.items()}
    addresses = _by_interface(db.vlan_interfaces)
    access = {}
    for key, row in db.vlan_members.items():
        name, _, port = key.partition("|")
        if row.get("tagging_mode") == "untagged":
            access[port] = numbers[name]
    return {number: addresses.get(name, ()) for name, number in numbers.items()}, access


def _lossless(db: _ConfigDb) -> dict[str, Lossless]:
    """Per port: the DSCPs whose traffic sends PFC on a priority. Ports with the same row have the same answer."""
    answers: dict[tuple[str, str, str, str], Lossless] = {}
    found: dict[str, Lossless] = {}
    for name, row in db.port_qos.items():
        paused = row.get("pfc_enable", "")
        if not paused:
            continue
        key = (paused, row.get("dscp_to_tc_map", ""), row.get("tc_to_pg_map", ""), row.get("pfc_to_pg_map", ""))
        if key not in answers:
            answers[key] = _classes(db, *key)
        found[name] = answers[key]
    return found


def _classes(db: _ConfigDb, paused: str, dscp_map: str, group_map: str, pause_map: str) -> Lossless:
    """DSCP -> traffic class -> priority group; a full group pauses the priority that maps to it, else its own number."""
    classes = db.dscp_to_tc.get(dscp_map, {})
    groups = db.tc_to_group.get(group_map, {})
    pauses = db.pause_to_group.get(pause_map, {})
    found = []
    for priority in paused.split(","):
        group = pauses.get(priority, priority)
        dscps = tuple(sorted(int(dscp) for dscp, tc in classes.items() if groups.get(tc) == group))
        found.append((dscps, int(priority)))
    return tuple(sorted(found))
