"""AVD: filters, route maps, static routes and BGP."""

from __future__ import annotations

from typing import Any, Final

from fabric_compiler.export.avd_text import rest_of_line
from fabric_compiler.model.device import Bgp, Neighbor, PeerGroup, Policy, PolicyTerm, PrefixList, SwitchModel
from fabric_compiler.targets.eos_text import word
from fabric_compiler.targets.text import address, dotted, prefix

_DENY_ALL: Final = PolicyTerm(10, False)  # an empty policy denies
_NOTHING: Final = {4: "deny 0.0.0.0/0 le 32", 6: "deny ::/0 le 128"}  # and so does an empty list


def routing(model: SwitchModel) -> dict[str, Any]:
    own, m = model.routing, model.management
    unnumbered = any(group.extended_nexthop for group in own.bgp.peer_groups)  # RFC 8950
    discards = {
        version: [{"prefix": prefix(p), "interface": "Null0"} for p in sorted(own.discard_routes) if p.version == version]
        for version in (4, 6)
    }
    gateway = m.gateway if m.address is not None else None
    if gateway:
        default = "0.0.0.0/0" if gateway.version == 4 else "::/0"
        discards[gateway.version].append({"vrf": word(m.vrf), "prefix": default, "next_hop": address(gateway)})
    lists = {version: [_list(found) for found in own.prefix_lists if found.version == version] for version in (4, 6)}
    dynamic = {"fib": {"load_balance_distribution": {"dynamic": {"enabled": True}}}}
    return {
        "service_routing_protocols_model": "multi-agent",
        "ip_routing": True,
        "ip_routing_ipv6_interfaces": unnumbered or None,
        "ipv6_unicast_routing": unnumbered or any(group.ipv6 for group in own.bgp.peer_groups) or None,
        "ip_hardware": dynamic if model.load_balancing == "dynamic" else None,
        "prefix_lists": lists[4],
        "ipv6_prefix_lists": lists[6],
        "ip_community_lists": [
            {"name": word(held.name), "entries": [{"action": "permit", "communities": [word(one)]} for one in held.communities]}
            for held in own.community_lists
        ],
        "route_maps": [_route_map(policy, own.bgp.asn) for policy in own.policies],
        "static_routes": discards[4],
        "ipv6_static_routes": discards[6],
        "router_bgp": _bgp(model),
    }


def _list(held: PrefixList) -> dict[str, Any]:
    rows = []
    for rule in held.rules:
        bounds = (f" ge {rule.ge}" if rule.ge else "") + (f" le {rule.le}" if rule.le else "")
        rows.append({"sequence": rule.sequence, "action": f"permit {prefix(rule.prefix)}{bounds}"})
    return {"name": word(held.name), "sequence_numbers": rows or [{"sequence": 10, "action": _NOTHING[held.version]}]}


def _route_map(policy: Policy, asn: int) -> dict[str, Any]:
    return {"name": word(policy.name), "sequence_numbers": [_term(term, asn) for term in policy.terms or (_DENY_ALL,)]}


def _term(term: PolicyTerm, asn: int) -> dict[str, Any]:
    matches = (
        term.match_community and f"community {word(term.match_community)}",
        term.match_prefix_list4 and f"ip address prefix-list {word(term.match_prefix_list4)}",
        term.match_prefix_list6 and f"ipv6 address prefix-list {word(term.match_prefix_list6)}",
    )
    sets = (
        term.prepend and f"as-path prepend {' '.join([str(asn)] * term.prepend)}",
        term.set_community and f"community {word(term.set_community)}{' additive' if term.additive else ''}",
        term.set_local_preference >= 0 and f"local-preference {term.set_local_preference}",
    )
    made: dict[str, Any] = {"sequence": term.sequence, "type": "permit" if term.permit else "deny"}
    return made | {"match": [line for line in matches if line], "set": [line for line in sets if line]}


def _bgp(model: SwitchModel) -> dict[str, Any]:
    bgp = model.routing.bgp
    relax = "bgp bestpath as-path multipath-relax"
    place = {port.name: number for number, port in enumerate(model.interfaces)}
    by_interface = sorted((n for n in bgp.neighbors if not n.address), key=lambda n: place.get(n.interface, len(place)))
    restart: dict[str, Any] = (
        {"enabled": True, "restart_time": bgp.restart_time} if bgp.graceful_restart else {"enabled": False}
    )
    made: dict[str, Any] = {
        "as": str(bgp.asn),
        "router_id": dotted(bgp.router_id),
        "maximum_paths": {"paths": bgp.maximum_paths, "ecmp": bgp.maximum_paths},
        "timers": {"keepalive_time": bgp.keepalive, "hold_time": bgp.hold},
        "graceful_restart": restart,
        "bgp": {"default": {"ipv4_unicast": False}},
        "bgp_defaults": [relax if bgp.multipath_relax else f"no {relax}"],
        "peer_groups": [_group(group, bgp) for group in bgp.peer_groups],
        "neighbors": [_neighbor(n) for n in sorted((n for n in bgp.neighbors if n.address), key=lambda n: n.address or ())],
        "neighbor_interfaces": [
            {"name": word(n.interface), "peer_group": word(n.peer_group), "remote_as": str(n.asn)} for n in by_interface
        ],
    }
    for version in (4, 6):
        groups = [_activated(group, version) for group in bgp.peer_groups if (group.ipv4 if version == 4 else group.ipv6)]
        networks = [{"prefix": prefix(p)} for p in sorted(bgp.networks) if p.version == version]
        if groups or networks:
            made[f"address_family_ipv{version}"] = {"peer_groups": groups, "networks": networks}
    return {key: value for key, value in made.items() if value != []}


def _group(group: PeerGroup, bgp: Bgp) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": word(group.name),
        "send_community": "standard",
        "maximum_routes": group.maximum_prefix,
        "bfd": group.bfd,
    }
    if group.bfd and bgp.bfd:
        made["bfd_timers"] = {"interval": bgp.bfd.transmit, "min_rx": bgp.bfd.receive, "multiplier": bgp.bfd.multiplier}
    return made


def _activated(group: PeerGroup, version: int) -> dict[str, Any]:
    made: dict[str, Any] = {"name": word(group.name), "activate": True}
    made |= {"route_map_in": word(group.policy_in), "route_map_out": word(group.policy_out)}
    if version == 4 and group.extended_nexthop:
        made["next_hop"] = {"address_family_ipv6": {"enabled": True, "originate": True}}
    return made


def _neighbor(neighbor: Neighbor) -> dict[str, Any]:
    assert neighbor.address
    made = {"ip_address": address(neighbor.address), "peer_group": word(neighbor.peer_group), "remote_as": str(neighbor.asn)}
    description = rest_of_line(neighbor.description)
    return made | ({"description": description} if description else {})
