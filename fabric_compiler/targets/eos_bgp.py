"""EOS: filters, route maps, static routes and BGP."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any, Final, NamedTuple

from fabric_compiler.model.device import (
    Bgp,
    CommunityList,
    Management,
    Neighbor,
    PeerGroup,
    Policy,
    PolicyTerm,
    PrefixList,
    Routing,
    SwitchModel,
)
from fabric_compiler.targets.eos_interfaces import by_version
from fabric_compiler.targets.eos_text import block, marked_list, numbered, rest_of_line, word
from fabric_compiler.targets.text import address, dotted, prefix

# an empty policy denies; so does an empty prefix list, which EOS would not keep
_DENY_ALL: Final = PolicyTerm(10, False)
_NOTHING: Final = {4: "0.0.0.0/0", 6: "::/0"}


@lru_cache(maxsize=256)
def filters(prefix_lists: tuple[PrefixList, ...], community_lists: tuple[CommunityList, ...], ipv6: bool) -> str:
    """Community and prefix lists, by name as EOS prints them, and IPv6 routing where `ipv6`."""
    lists = []
    for held in sorted(prefix_lists, key=lambda held: (held.version, held.name)):
        rules = [
            {"sequence": r.sequence, "action": "permit", "network": prefix(r.prefix), "ge": r.ge, "le": r.le}
            for r in held.rules
        ]
        if not rules:
            longest = 32 if held.version == 4 else 128
            rules = [{"sequence": 10, "action": "deny", "network": _NOTHING[held.version], "ge": 0, "le": longest}]
        lists.append(("ip" if held.version == 4 else "ipv6", word(held.name), rules))
    # an entry for each community: one of them is enough; several in an entry would have to be there together
    communities = [
        (word(held.name), [word(community) for community in held.communities])
        for held in sorted(community_lists, key=lambda held: held.name)
    ]
    return block("filters", prefix_lists=lists, community_lists=communities, ipv6=ipv6) % {}


@lru_cache(maxsize=256)
def route_maps(policies: tuple[Policy, ...], asn: int) -> str:
    """Policies by name; `asn` is what a prepend repeats."""
    terms = [
        (word(policy.name), _worded(term), " ".join([str(asn)] * term.prepend))
        for policy in sorted(policies, key=lambda policy: policy.name)
        for term in policy.terms or (_DENY_ALL,)
    ]
    return block("route_maps", terms=terms) % {}


def _worded(term: PolicyTerm) -> PolicyTerm:
    return dataclasses.replace(
        term,
        match_prefix_list4=_named(term.match_prefix_list4),
        match_prefix_list6=_named(term.match_prefix_list6),
        match_community=_named(term.match_community),
        set_community=_named(term.set_community),
    )


def _named(name: str) -> str:
    """A name that may be left empty."""
    return word(name) if name else ""


def prepending_asn(policies: tuple[Policy, ...], asn: int) -> int:
    """The device's ASN where its policies hold it; 0 where they are the same for all of a role."""
    return asn if any(term.prepend for policy in policies for term in policy.terms) else 0


@lru_cache(maxsize=256)
def _static_format(count4: int, count6: int, gateway_version: int, vrf: str) -> str:
    return block(
        "static_routes",
        ("gateway",),
        discards4=marked_list("discard4_", count4),
        discards6=marked_list("discard6_", count6),
        gateway_version=gateway_version,
        vrf=vrf,
    )


def static_routes(routing: Routing, management: Management) -> str:
    """Discard routes of what BGP announces as a whole, and the default route of the management VRF."""
    discards4, discards6 = by_version(sorted(routing.discard_routes))
    gateway = management.gateway if management.address is not None else None
    values = numbered("discard4_", discards4) | numbered("discard6_", discards6)
    values["gateway"] = address(gateway) if gateway else ""
    shape = _static_format(len(discards4), len(discards6), gateway.version if gateway else 0, word(management.vrf))
    return shape % values


class BgpShape(NamedTuple):
    """What all devices of a role share: `bgp` without its numbers, networks and neighbours."""

    bgp: Bgp
    networks: tuple[int, int]


@lru_cache(maxsize=256)
def _bgp_format(shape: BgpShape) -> str:
    groups = [_worded_group(group) for group in sorted(shape.bgp.peer_groups, key=lambda group: group.name)]
    families: list[dict[str, Any]] = []
    for version, name, count in ((4, "ipv4", shape.networks[0]), (6, "ipv6", shape.networks[1])):
        members = [group for group in groups if (group.ipv4 if version == 4 else group.ipv6)]
        if members or count:
            families.append({"name": name, "groups": members, "networks": marked_list(f"network{version}_", count)})
    return block("bgp", ("asn", "router_id", "neighbors"), bgp=shape.bgp, groups=groups, families=families)


def _worded_group(group: PeerGroup) -> PeerGroup:
    return dataclasses.replace(group, name=word(group.name), policy_in=word(group.policy_in), policy_out=word(group.policy_out))


@lru_cache(maxsize=256)
def _neighbor_format(group: str, numbered_link: bool, described: bool) -> str:
    return block("neighbor", ("peer", "asn", "description"), group=word(group), numbered=numbered_link, described=described)


def _neighbor(neighbor: Neighbor) -> str:
    if neighbor.address is None:
        values = {"peer": word(neighbor.interface), "asn": neighbor.asn}
        return _neighbor_format(neighbor.peer_group, False, False) % values
    described = rest_of_line(neighbor.description)
    values = {"peer": address(neighbor.address), "asn": neighbor.asn, "description": described}
    return _neighbor_format(neighbor.peer_group, True, bool(described)) % values


def router_bgp(model: SwitchModel) -> str:
    """The router's lines; neighbours by address, then by interface, each in order."""
    bgp = model.routing.bgp
    networks4, networks6 = by_version(sorted(bgp.networks))
    place = {port.name: number for number, port in enumerate(model.interfaces)}
    by_address = sorted((n for n in bgp.neighbors if n.address), key=lambda n: n.address or ())
    by_interface = sorted((n for n in bgp.neighbors if not n.address), key=lambda n: place.get(n.interface, len(place)))
    values: dict[str, object] = {
        "asn": bgp.asn,
        "router_id": dotted(bgp.router_id),
        "neighbors": "".join([_neighbor(neighbor) for neighbor in [*by_address, *by_interface]]),
    }
    values |= numbered("network4_", networks4) | numbered("network6_", networks6)
    role = dataclasses.replace(bgp, asn=0, router_id=0, networks=(), neighbors=())
    return _bgp_format(BgpShape(role, (len(networks4), len(networks6)))) % values
