"""Arista's own renderer (pyavd) prints the same lines from the same decisions, section by section.

The structured configuration is built here from the device model, without the target's code. What pyavd cannot print, or
prints otherwise, is listed below with its reason: everything else must be equal, line by line and in the same order.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable
from typing import Any

import pytest
from targets.model_factory import leaf, spine

from fabric_compiler.model.device import Interface, Policy, PolicyTerm, Prefix, PrefixList, SwitchModel
from fabric_compiler.targets.eos import TARGET

pyavd = pytest.importorskip("pyavd")

# All that pyavd does not print: the header by which Batfish knows the file, the hash seed, the marked raw lines, the end
OURS_ALONE_AT_THE_TOP = 3
HASH_SEED = "ip load-sharing trident "
RAW_BEGINS, RAW_ENDS = "! Raw configuration of the intent", "! End of raw configuration"

SHAPES = {
    "unnumbered dual stack": leaf("eos"),
    "unnumbered IPv4": leaf("eos", dual_stack=False),
    "numbered dual stack": leaf("eos", unnumbered=False),
    "numbered IPv4": leaf("eos", unnumbered=False, dual_stack=False),
    "IPv6 links": leaf("eos", unnumbered=False, ipv6_links=True),
    "VLAN": leaf("eos", vlan=True),
    "drained": leaf("eos", drained=True),
    "drained port": leaf("eos", drained_ports=(1,)),
    "lossy": leaf("eos", lossless=False),
    "no QoS": leaf("eos", roce=False),
    "no BFD": leaf("eos", bfd=False),
    "little management": leaf("eos", full_management=False),
    "raw": leaf("eos", raw=("interface Ethernet1/1", "   logging event link-status")),
    "dynamic load balancing": dataclasses.replace(leaf("eos"), load_balancing="dynamic"),
    "no LLDP": dataclasses.replace(leaf("eos"), lldp=False),
    "virtual output queues": dataclasses.replace(
        spine("eos"), platform=dataclasses.replace(spine("eos").platform, platform="DCS-7280R4K-32QF-32DF")
    ),
    "spine": spine("eos"),
    "numbered spine": spine("eos", unnumbered=False),
}


def text(prefix: Prefix, *, length: bool = True) -> str:
    kind = ipaddress.IPv4Address if prefix.version == 4 else ipaddress.IPv6Address
    return f"{kind(prefix.value)}/{prefix.length}" if length else str(kind(prefix.value))


def of(version: int, prefixes: Iterable[Prefix]) -> list[Prefix]:
    return [prefix for prefix in prefixes if prefix.version == version]


def speed(interface: Interface) -> str:
    lanes = len(interface.lanes)
    return f"{interface.speed // 1000}g-{lanes}"


def profile(interface: Interface) -> str:
    return f"ROCE-{interface.speed // 1000}G" + ("" if interface.lossless else "-LOSSY")


def ethernet(model: SwitchModel, interface: Interface) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": interface.name,
        "speed": speed(interface),
        "error_correction_encoding": {"enabled": True, "reed_solomon": True},
        "switchport": {"enabled": False},
    }
    if not interface.enabled:
        # EOS prints no `no shutdown`, which is its default
        return made | {"shutdown": True}
    made["mtu"] = interface.mtu
    made["description"] = interface.description
    if interface.vlan:
        # the SVI carries the MTU of IP
        del made["mtu"]
        made["switchport"] = {"enabled": True, "mode": "access", "access_vlan": interface.vlan}
    if v4 := of(4, interface.addresses):
        made["ip_address"] = text(v4[0])
    if v6 := of(6, interface.addresses):
        made["ipv6_addresses"] = [text(p) for p in v6]
    if v6 or interface.unnumbered:
        made["ipv6_enable"] = True
    if model.qos:
        made["service_profile"] = profile(interface)
    return made


def qos(model: SwitchModel) -> dict[str, Any]:
    q = model.qos
    if q is None:
        return {}
    by_class = [(tc, [d for d in range(64) if q.dscp_to_tc[d] == tc]) for tc in range(8)]
    # virtual output queues are not parted by unicast and multicast
    voq = model.platform.platform.startswith("DCS-7280")
    queues = "tx_queues" if voq else "uc_tx_queues"
    profiles = {}
    for port in (p for p in model.interfaces if p.enabled):
        ecn = next((e for e in q.ecn if e.speed == port.speed), None)
        made: dict[str, Any] = {"name": profile(port), "trust": "dscp", queues: []}
        for queue in q.queues:
            row: dict[str, Any] = {"id": queue.queue, "priority": "priority strict" if queue.strict else "no priority"}
            if not queue.strict:
                row["bandwidth_percent"] = queue.weight
            if queue.ecn and ecn:
                threshold = {"units": "bytes", "min": ecn.minimum, "max": ecn.maximum, "max_probability": ecn.probability}
                row["random_detect"] = {"ecn": {"threshold": threshold if voq else threshold | {"weight": 0}}}
            made[queues].append(row)
        if port.lossless:
            priorities = [{"priority": q.lossless_priority, "no_drop": True}]
            made["priority_flow_control"] = {"enabled": True, "priorities": priorities, "watchdog": {"enabled": True}}
        profiles[made["name"]] = made
    result: dict[str, Any] = {
        "qos": {
            "map": {
                "dscp": [f"{' '.join(map(str, dscps))} to traffic-class {tc}" for tc, dscps in by_class if dscps],
                "traffic_class": [f"{tc} to tx-queue {queue}" for tc, queue in enumerate(q.tc_to_queue) if tc != 7],
            }
        },
        "qos_profiles": list(profiles.values()),
    }
    if q.watchdog:
        result["priority_flow_control"] = {
            "watchdog": {
                "timeout": f"{q.watchdog.detection / 1000:.2f}",
                "recovery_time": f"{q.watchdog.restoration / 1000:.2f}",
                "polling_interval": f"{min(q.watchdog.detection, q.watchdog.restoration) / 2000:.3f}",
                "action": q.watchdog.action,
            }
        }
    return result


def rule(version_list: PrefixList) -> dict[str, Any]:
    rows = []
    for r in version_list.rules:
        bounds = (f" ge {r.ge}" if r.ge else "") + (f" le {r.le}" if r.le else "")
        rows.append({"sequence": r.sequence, "action": f"permit {text(r.prefix)}{bounds}"})
    return {"name": version_list.name, "sequence_numbers": rows}


def term(asn: int, t: PolicyTerm) -> dict[str, Any]:
    matches = [
        f"ip address prefix-list {t.match_prefix_list4}" if t.match_prefix_list4 else "",
        f"ipv6 address prefix-list {t.match_prefix_list6}" if t.match_prefix_list6 else "",
        f"community {t.match_community}" if t.match_community else "",
    ]
    sets = [
        f"local-preference {t.set_local_preference}" if t.set_local_preference >= 0 else "",
        f"as-path prepend {' '.join([str(asn)] * t.prepend)}" if t.prepend else "",
        f"community {t.set_community}{' additive' if t.additive else ''}" if t.set_community else "",
    ]
    return {
        "sequence": t.sequence,
        "type": "permit" if t.permit else "deny",
        "match": [m for m in matches if m],
        "set": [s for s in sets if s],
    }


def route_map(asn: int, policy: Policy) -> dict[str, Any]:
    terms = [term(asn, t) for t in policy.terms] or [{"sequence": 10, "type": "deny"}]
    return {"name": policy.name, "sequence_numbers": terms}


def router_bgp(model: SwitchModel) -> dict[str, Any]:
    bgp = model.routing.bgp
    groups = []
    families: dict[str, Any] = {"address_family_ipv4": [], "address_family_ipv6": []}
    for group in bgp.peer_groups:
        made: dict[str, Any] = {
            "name": group.name,
            "send_community": "standard",
            "maximum_routes": group.maximum_prefix,
            "bfd": group.bfd,
        }
        if group.bfd and bgp.bfd:
            made["bfd_timers"] = {"interval": bgp.bfd.transmit, "min_rx": bgp.bfd.receive, "multiplier": bgp.bfd.multiplier}
        groups.append(made)
        for carried, family in ((group.ipv4, "address_family_ipv4"), (group.ipv6, "address_family_ipv6")):
            if carried:
                row: dict[str, Any] = {
                    "name": group.name,
                    "activate": True,
                    "route_map_in": group.policy_in,
                    "route_map_out": group.policy_out,
                }
                if family == "address_family_ipv4" and group.extended_nexthop:
                    row["next_hop"] = {"address_family_ipv6": {"enabled": True, "originate": True}}
                families[family].append(row)
    result: dict[str, Any] = {
        "as": str(bgp.asn),
        "router_id": str(ipaddress.IPv4Address(bgp.router_id)),
        "maximum_paths": {"paths": bgp.maximum_paths, "ecmp": bgp.maximum_paths},
        "timers": {"keepalive_time": bgp.keepalive, "hold_time": bgp.hold},
        "graceful_restart": {"enabled": bgp.graceful_restart, "restart_time": bgp.restart_time},
        "bgp": {"default": {"ipv4_unicast": False}},
        "bgp_defaults": ["bgp bestpath as-path multipath-relax"],
        "peer_groups": groups,
        "neighbors": [
            {
                "ip_address": text(n.address, length=False),
                "peer_group": n.peer_group,
                "remote_as": str(n.asn),
                "description": n.description,
            }
            for n in bgp.neighbors
            if n.address
        ],
        "neighbor_interfaces": [
            {"name": n.interface, "peer_group": n.peer_group, "remote_as": str(n.asn), "description": n.description}
            for n in bgp.neighbors
            if not n.address
        ],
    }
    for version, family in ((4, "address_family_ipv4"), (6, "address_family_ipv6")):
        networks = [{"prefix": text(p)} for p in of(version, bgp.networks)]
        if families[family] or networks:
            result[family] = {"peer_groups": families[family], "networks": networks}
    return result


def management(model: SwitchModel) -> dict[str, Any]:
    m = model.management
    result: dict[str, Any] = {
        "aaa_root": {"disabled": True},
        "vrfs": [{"name": m.vrf, "ip_routing": False}],
        "local_users": [],
        "management_interfaces": [{"name": m.interface, "vrf": m.vrf, "ip_address": text(m.address) if m.address else None}],
    }
    for user in m.users:
        admin = user.role == "admin"
        made: dict[str, Any] = {
            "name": user.name,
            "privilege": 15 if admin else 1,
            "role": "network-admin" if admin else "network-operator",
            "sha512_password": f"<secret:{user.secret}>",
        }
        if user.ssh_keys:
            made["ssh_key"] = user.ssh_keys[0]
        result["local_users"].append(made)
    if m.ntp:
        result["ntp"] = {
            "vrf": m.vrf,
            "local_interface": {"name": m.interface, "vrf": m.vrf},
            "servers": [{"name": text(p, length=False)} for p in m.ntp],
        }
    if m.dns:
        servers = [{"ip_address": text(p, length=False)} for p in m.dns]
        result["ip_name_server"] = {"vrfs": [{"name": m.vrf, "servers": servers}]}
    if m.syslog:
        hosts = [{"name": text(p, length=False)} for p in m.syslog]
        result["logging"] = {"vrfs": [{"name": m.vrf, "source_interface": m.interface, "hosts": hosts}]}
    if m.banner:
        result["banners"] = {"login": f"{m.banner}\nEOF"}
    filters4 = {"access_group": "FABRICC-ACCESS4", "ipv6_access_group": "FABRICC-ACCESS6"} if m.allow else {}
    if "eapi" in m.access:
        result["management_api_http"] = {"enable_https": True, "enable_vrfs": [{"name": m.vrf, **filters4}]}
    if "gnmi" in m.access:
        grpc: dict[str, Any] = {"name": "default", "vrf": m.vrf}
        if m.allow:
            grpc["ip_access_group"] = "FABRICC-ACCESS4"
        result["management_api_gnmi"] = {"transport": {"grpc": [grpc]}}
    ssh_vrf: dict[str, Any] = {"name": m.vrf, "enable": "ssh" in m.access}
    if m.allow and "ssh" in m.access:
        ssh_vrf |= {"ip_access_group_in": "FABRICC-ACCESS4", "ipv6_access_group_in": "FABRICC-ACCESS6"}
    result["management_ssh"] = {"enable": False, "vrfs": [ssh_vrf]}
    for version, key in ((4, "standard_access_lists"), (6, "ipv6_standard_access_lists")):
        rows = [f"permit {text(p)}" for p in of(version, m.allow)] + ["deny any"]
        if m.allow:
            numbered = [{"sequence": 10 * (i + 1), "action": row} for i, row in enumerate(rows)]
            result[key] = [{"name": f"FABRICC-ACCESS{version}", "sequence_numbers": numbered}]
    tacacs = [a for a in m.aaa if a.protocol == "tacacs"]
    radius = [a for a in m.aaa if a.protocol == "radius"]
    groups = []
    if tacacs:
        hosts = [
            {"host": text(a.address, length=False), "vrf": m.vrf, "key": f"<secret:{a.secret}>", "key_type": "0"}
            for a in tacacs
        ]
        result["tacacs_servers"] = {"hosts": hosts}
        servers = [{"server": text(a.address, length=False), "vrf": m.vrf} for a in tacacs]
        groups.append({"name": "FABRICC-TACACS", "type": "tacacs+", "servers": servers})
        result["ip_tacacs"] = {"vrfs": [{"name": m.vrf, "source_interface": m.interface}]}
    if radius:
        servers = [{"server": text(a.address, length=False), "vrf": m.vrf} for a in radius]
        groups.append({"name": "FABRICC-RADIUS", "type": "radius", "servers": servers})
        hosts = [{"host": text(a.address, length=False), "key": f"<secret:{a.secret}>", "key_type": "0"} for a in radius]
        result["radius_server"] = {"vrfs": [{"name": m.vrf, "servers": hosts}]}
        result["ip_radius"] = {"vrfs": [{"name": m.vrf, "source_interface": m.interface}]}
    if groups:
        methods = "".join(f"group {n} " for n in ("FABRICC-TACACS", "FABRICC-RADIUS") if any(g["name"] == n for g in groups))
        result["aaa_server_groups"] = groups
        result["aaa_authentication"] = {"login": {"default": f"{methods}local"}}
        result["aaa_authorization"] = {"exec": {"default": f"{methods}local"}}
    else:
        result["aaa_authorization"] = {"exec": {"default": "local"}}
        if m.users:
            result["aaa_authorization"]["commands"] = {"all_default": "local"}
    return result


def structured(model: SwitchModel) -> dict[str, Any]:
    routing, m = model.routing, model.management
    unnumbered = any(i.unnumbered for i in model.interfaces) or any(g.extended_nexthop for g in routing.bgp.peer_groups)
    own: dict[str, Any] = {
        "config_comment": None,
        "hostname": model.name,
        "service_routing_protocols_model": "multi-agent",
        "ethernet_interfaces": [ethernet(model, i) for i in model.interfaces],
        "loopback_interfaces": [{"name": "Loopback0"}],
        "ip_routing": True,
        "ip_routing_ipv6_interfaces": unnumbered,
        "ipv6_unicast_routing": unnumbered or any(p.version == 6 for p in model.loopbacks),
        "prefix_lists": [rule(p) for p in routing.prefix_lists if p.version == 4],
        "ipv6_prefix_lists": [rule(p) for p in routing.prefix_lists if p.version == 6],
        "ip_community_lists": [
            {"name": c.name, "entries": [{"action": "permit", "communities": [one]} for one in c.communities]}
            for c in routing.community_lists
        ],
        "route_maps": [route_map(routing.bgp.asn, p) for p in routing.policies],
        "router_bgp": router_bgp(model),
        "static_routes": [{"prefix": text(p), "interface": "Null0"} for p in of(4, routing.discard_routes)],
        "ipv6_static_routes": [{"prefix": text(p), "interface": "Null0"} for p in of(6, routing.discard_routes)],
        "vlans": [{"id": v.id, "name": v.name} for v in model.vlans],
        "vlan_interfaces": [],
        "eos_config_future": {"new_ip_radius_cli_order": True, "new_ip_tacacs_cli_order": True},
    }
    for loopback in model.loopbacks:
        own["loopback_interfaces"][0]["ip_address" if loopback.version == 4 else "ipv6_address"] = text(loopback)
    for vlan in model.vlans:
        made: dict[str, Any] = {"name": f"Vlan{vlan.id}", "mtu": vlan.mtu}
        if v4 := of(4, vlan.addresses):
            made["ip_address"] = text(v4[0])
        if v6 := of(6, vlan.addresses):
            made |= {"ipv6_enable": True, "ipv6_addresses": [text(p) for p in v6]}
        own["vlan_interfaces"].append(made)
    if m.gateway:
        own["static_routes"].append({"vrf": m.vrf, "prefix": "0.0.0.0/0", "next_hop": text(m.gateway, length=False)})
    if model.load_balancing == "dynamic":
        own["ip_hardware"] = {"fib": {"load_balance_distribution": {"dynamic": {"enabled": True}}}}
    if not model.lldp:
        own["lldp"] = {"run": False}
    made = {key: value for key, value in (own | qos(model) | management(model)).items() if value is not None}
    return {key: value for key, value in made.items() if value != []}


def ours(model: SwitchModel) -> list[str]:
    """Our lines without those that pyavd does not know."""
    lines = TARGET.render(model)[f"{model.name}.cfg"].decode().splitlines()  # type: ignore[arg-type]
    assert lines[-1] == "end"
    kept, raw = [], False
    for line in lines[OURS_ALONE_AT_THE_TOP:-1]:
        raw = raw or line == RAW_BEGINS
        if not raw:
            kept.append(line)
        raw = raw and line != RAW_ENDS
    while kept[-1] == "!":
        kept.pop()
    return kept


def sections(lines: list[str]) -> list[str]:
    """The text between the marks of the first column, without the section that pyavd does not know."""
    return [section for section in "\n".join(lines).split("\n!\n") if not section.startswith(HASH_SEED)]


@pytest.mark.parametrize("shape", SHAPES)
def test_arista_s_renderer_prints_the_same_lines_in_the_same_order(shape: str) -> None:
    wanted = pyavd.get_device_config(structured(SHAPES[shape])).strip().splitlines()
    for expected, made in zip(sections(wanted), sections(ours(SHAPES[shape])), strict=True):
        assert made == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_compared_is_valid_by_arista_s_schema(shape: str) -> None:
    result = pyavd.validate_structured_config(structured(SHAPES[shape]))
    assert not result.validation_result.violations
    assert not result.validation_result.ignored_eos_config_keys
