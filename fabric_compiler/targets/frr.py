"""FRR's integrated configuration: the routing part of a SONiC switch, and any switch on Linux (the lab).

Syntax is that of docs.frrouting.org, checked by loading it into FRR 8.4.4 and reading it back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from fabric_compiler.model.device import CommunityList, Policy, PolicyTerm, PrefixList, Routing, SwitchModel
from fabric_compiler.targets.base import Target
from fabric_compiler.targets.templates import template
from fabric_compiler.targets.text import address, dotted, line, prefix

# a peer's description: FRR keeps the rest of the line; SONiC's own limit for a port's is 255
_DESCRIPTION = 255
# an empty policy; FRR takes a route-map that it does not know for one that denies, and says nothing
_DENY_ALL = PolicyTerm(10, False)


def linux_name(name: str) -> str:
    """The interface's name in Linux, which takes no slash and 15 characters: Ethernet1/5 -> et1_5; Ethernet512 stays."""
    return re.sub(r"^Ethernet", "et", name).replace("/", "_") if "/" in name else name


def configuration(
    model: SwitchModel,
    template_name: str,
    name_of: Callable[[str], str] = str,
    raw_of: tuple[str, ...] = (),
    interfaces: str = "",
) -> str:
    """The frr.conf of a device by the template; `raw_of` says whose raw snippets go in, `interfaces` is text of its own."""
    routing = model.routing
    bgp = routing.bgp
    interface_neighbors = []
    address_neighbors = []
    for n in bgp.neighbors:
        described = description(n.description)
        if n.address is None:
            interface_neighbors.append((name_of(n.interface), n.asn, n.peer_group, described))
        else:
            address_neighbors.append((address(n.address), n.asn, n.peer_group, described))
    return template(template_name).render(
        hostname=line(model.name),
        discards4=[prefix(p) for p in sorted(routing.discard_routes) if p.version == 4],
        discards6=[prefix(p) for p in sorted(routing.discard_routes) if p.version == 6],
        interfaces=interfaces,
        asn=bgp.asn,
        router_id=dotted(bgp.router_id),
        graceful_restart=bgp.graceful_restart,
        restart_time=bgp.restart_time,
        multipath_relax=bgp.multipath_relax,
        keepalive=bgp.keepalive,
        hold=bgp.hold,
        groups=[(g.name, g.bfd and bgp.bfd is not None, g.extended_nexthop) for g in bgp.peer_groups],
        interface_neighbors=interface_neighbors,
        address_neighbors=address_neighbors,
        families=list(_families(routing)),
        maximum_paths=bgp.maximum_paths,
        policies=_policies(routing.prefix_lists, routing.community_lists, routing.policies, bgp.asn),
        bfd=bgp.bfd,
        raw=[(line(r.nos), [line(text) for text in r.lines]) for r in model.raw if r.nos in raw_of],
    )


def description(text: str) -> str:
    """A peer's description on its line; FRR's parser takes what stands behind a bar for a filter of the output."""
    return line(text).replace("|", "/")[:_DESCRIPTION].strip()


def _families(routing: Routing) -> Iterable[tuple[str, list[str], list[tuple[str, str, str, int]]]]:
    bgp = routing.bgp
    for version, family in ((4, "ipv4"), (6, "ipv6")):
        networks = [prefix(p) for p in sorted(bgp.networks) if p.version == version]
        members = [
            (g.name, g.policy_in, g.policy_out, g.maximum_prefix)
            for g in bgp.peer_groups
            if (g.ipv4 if version == 4 else g.ipv6)
        ]
        if networks or members:
            yield family, networks, members


@lru_cache(maxsize=256)
def _policies(
    prefix_lists: tuple[PrefixList, ...], community_lists: tuple[CommunityList, ...], policies: tuple[Policy, ...], asn: int
) -> str:
    """Filters and route-maps; many devices of a role share them, and the leafs' differ by their own ASN."""
    return template("frr/policies.j2").render(
        prefix_lists=[
            ("ip" if p.version == 4 else "ipv6", p.name, [(r.sequence, prefix(r.prefix), r.ge, r.le) for r in p.rules])
            for p in sorted(prefix_lists, key=lambda p: p.version)
        ],
        # one entry a community: any of them matches; several in one entry would have to be there together
        community_lists=[(c.name, [(5 * i, text) for i, text in enumerate(c.communities, start=1)]) for c in community_lists],
        terms=[(p.name, term, " ".join([str(asn)] * term.prepend)) for p in policies for term in p.terms or (_DENY_ALL,)],
    )


def _interfaces(model: SwitchModel) -> str:
    """Addresses of the ports, loopback and VLANs, which on Linux are FRR's to set."""
    held = [(linux_name(i.name), i.addresses) for i in model.interfaces if i.addresses and i.enabled]
    held.append(("lo", model.loopbacks))
    held += [(f"vlan{v.id}", v.addresses) for v in model.vlans]
    return template("frr/interfaces.j2").render(
        interfaces=[
            (name, [prefix(p) for p in own if p.version == 4], [prefix(p) for p in own if p.version == 6]) for name, own in held
        ]
    )


def render(model: SwitchModel) -> dict[str, bytes]:
    """frr.conf for Linux. Raw snippets of SONiC are lines of FRR too, and its port names hold here."""
    text = configuration(model, "frr/frr.conf.j2", linux_name, raw_of=("frr", "sonic"), interfaces=_interfaces(model))
    return {"frr.conf": text.encode()}


TARGET = Target("frr", "devices", render)
