"""SONiC: CONFIG_DB as data, serialised; FRR's configuration beside it (docker_routing_config_mode split-unified).

Tables and fields are those of SONiC's YANG models (sonic-buildimage, src/sonic-yang-models). CONFIG_DB has no seed for hashing:
SONiC takes it from the device's type (dockers/docker-orchagent/switch.json.j2: ToRRouter 0, LeafRouter 10, SpineRouter 25),
so a type for each tier keeps successive tiers apart. It has no table for dynamic load balancing either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fabric_compiler.model.device import Interface, SwitchModel
from fabric_compiler.targets.base import Target
from fabric_compiler.targets.frr import configuration
from fabric_compiler.targets.sonic_management import management_tables
from fabric_compiler.targets.sonic_qos import shared_qos
from fabric_compiler.targets.text import line, prefix

Rows = dict[str, Mapping[str, str]]

# The words are those of a Microsoft data centre, where T0 is a ToR, T1 a "leaf" and T2 a "spine"; buffer tables go by them too.
_TYPES: Final = {
    "leaf": "ToRRouter",
    "router": "ToRRouter",
    "spine": "LeafRouter",
    "border": "LeafRouter",
    "core": "SpineRouter",
}
# sonic-port.yang, PORT_LIST/description
_DESCRIPTION: Final = 255
_NO_FIELDS: Final[Mapping[str, str]] = {}
_LINK_LOCAL: Final[Mapping[str, str]] = {"ipv6_use_link_local_only": "enable"}
_UNTAGGED: Final[Mapping[str, str]] = {"tagging_mode": "untagged"}


def config_db(model: SwitchModel) -> dict[str, Any]:
    """CONFIG_DB as {table: {key: {field: value}}}; empty tables are left out."""
    tables: dict[str, Any] = {
        "DEVICE_METADATA": {"localhost": _metadata(model)},
        "PORT": {i.name: _port(i) for i in model.interfaces},
        "BREAKOUT_CFG": _breakouts(model),
        "LOOPBACK_INTERFACE": _addressed("Loopback0", model.loopbacks),
        "INTERFACE": _routed(model),
        "FEATURE": {
            "lldp": {"state": "enabled" if model.lldp else "disabled"},
            "gnmi": {"state": "enabled" if "gnmi" in model.management.access else "disabled"},
        },
    }
    tables |= _vlans(model)
    tables |= management_tables(model)
    if model.qos is not None:
        tables |= shared_qos(model.qos, model.platform.asic).tables(model.interfaces)
    return {name: rows for name, rows in tables.items() if rows}


def _metadata(model: SwitchModel) -> Mapping[str, str]:
    row = {
        "bgp_asn": str(model.routing.bgp.asn),
        # static buffer rows as below; dynamic would compute its own (sonic-device_metadata.yang)
        "buffer_model": "traditional",
        "default_bgp_status": "up",
        # enable would start a watchdog with its own times over ours
        "default_pfcwd_status": "disable",
        "docker_routing_config_mode": "split-unified",
        # bfdd is started with the framework only (docker-fpm-frr, supervisord.conf.j2)
        "frr_mgmt_framework_config": "true" if model.routing.bgp.bfd is not None else "false",
        "hostname": line(model.name),
        "hwsku": line(model.platform.hwsku),
        "platform": line(model.platform.platform),
        "synchronous_mode": "enable",
    }
    if kind := _TYPES.get(model.role):
        row["type"] = kind
    return row


def _port(i: Interface) -> Mapping[str, str]:
    return {
        "admin_status": "up" if i.enabled else "down",
        "alias": i.alias,
        "description": line(i.description)[:_DESCRIPTION],
        "fec": i.fec,
        "index": str(i.cage_index),
        "lanes": ",".join(map(str, i.lanes)),
        "mtu": str(i.mtu),
        "speed": str(i.speed),
        "subport": str(i.subport),
    }


def _breakouts(model: SwitchModel) -> Rows:
    """The mode of each cage under its parent, which is the cage's first port."""
    rows: dict[str, tuple[str, str]] = {}
    for i in model.interfaces:
        rows.setdefault(i.cage, (i.name, i.breakout))
    return {parent: {"brkout_mode": mode} for parent, mode in rows.values()}


def _addressed(name: str, addresses: Any) -> Rows:
    """An interface's own row, which SONiC wants before those of its addresses, and theirs."""
    if not addresses:
        return {}
    return {name: _NO_FIELDS, **{f"{name}|{prefix(a)}": _NO_FIELDS for a in addresses}}


def _routed(model: SwitchModel) -> Rows:
    rows: Rows = {}
    for i in model.interfaces:
        if i.vlan:
            continue
        name = i.name
        if i.unnumbered:
            rows[name] = _LINK_LOCAL
        elif i.addresses:
            rows[name] = _NO_FIELDS
        for a in i.addresses:
            rows[f"{name}|{prefix(a)}"] = _NO_FIELDS
    return rows


def _vlans(model: SwitchModel) -> dict[str, Rows]:
    if not model.vlans:
        return {}
    vlans: Rows = {}
    interfaces: Rows = {}
    for v in model.vlans:
        name = f"Vlan{v.id}"
        vlans[name] = {"vlanid": str(v.id), "description": line(v.name)[:_DESCRIPTION], "mtu": str(v.mtu), "admin_status": "up"}
        interfaces |= _addressed(name, v.addresses)
    members: Rows = {f"Vlan{i.vlan}|{i.name}": _UNTAGGED for i in model.interfaces if i.vlan}
    return {"VLAN": vlans, "VLAN_INTERFACE": interfaces, "VLAN_MEMBER": members}


def render(model: SwitchModel) -> dict[str, bytes]:
    """config_db.json and frr.conf, as they lie in /etc/sonic and /etc/sonic/frr."""
    encoded = msgspec.json.encode(config_db(model), order="sorted")
    return {
        "config_db.json": msgspec.json.format(encoded, indent=4) + b"\n",
        "frr.conf": configuration(model, "sonic/frr.conf.j2", raw_of=("sonic",)).encode(),
    }


TARGET = Target("sonic", "devices", render)
