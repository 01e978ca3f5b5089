"""The readers find the routing policy that the device model decided, and keep every line of it that they do not know."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from targets.model_factory import leaf, prefix, spine

from fabric_compiler.model.device import PeerGroup, PolicyTerm, PrefixList, Routing, SwitchModel
from fabric_compiler.targets import eos as eos_target
from fabric_compiler.targets import frr as frr_target
from fabric_compiler.targets import sonic as sonic_target
from fabric_compiler.verify.observed import (
    CommunityMatch,
    FamilySettings,
    Observed,
    ObservedPolicy,
    Peering,
    PrefixMatch,
    Term,
)
from fabric_compiler.verify.readback import eos, frr, sonic

MODELS: dict[str, Callable[[str], SwitchModel]] = {
    "unnumbered": lambda nos: leaf(nos),
    "numbered": lambda nos: leaf(nos, unnumbered=False),
    "IPv6 links": lambda nos: leaf(nos, unnumbered=False, ipv6_links=True),
    "IPv4": lambda nos: leaf(nos, dual_stack=False),
    "VLAN": lambda nos: leaf(nos, vlan=True),
    "drained": lambda nos: leaf(nos, drained=True, drained_ports=(0,)),
    "spine": lambda nos: spine(nos),
}
SYSTEMS: dict[str, Callable[[SwitchModel], Observed]] = {
    "frr": lambda model: frr.read(frr_target.render(model)),
    "sonic": lambda model: sonic.read(sonic_target.render(model)),
    "eos": lambda model: eos.read(dict(eos_target.TARGET.render(model))),
}


def policy(routing: Routing, name: str) -> ObservedPolicy:
    lists = {(found.version, found.name): found for found in routing.prefix_lists}
    communities = {found.name: found for found in routing.community_lists}

    def rules(found: PrefixList) -> tuple[PrefixMatch, ...]:
        longest = {4: 32, 6: 128}[found.version]
        return tuple(
            PrefixMatch(True, r.prefix, r.ge or r.prefix.length, r.le or (longest if r.ge else r.prefix.length))
            for r in found.rules
        )

    def number(text: str) -> int:
        high, low = text.split(":")
        return int(high) * 65536 + int(low)

    def term(stated: PolicyTerm) -> Term:
        return Term(
            stated.sequence,
            stated.permit,
            rules(lists[4, stated.match_prefix_list4]) if stated.match_prefix_list4 else None,
            rules(lists[6, stated.match_prefix_list6]) if stated.match_prefix_list6 else None,
            tuple(CommunityMatch(True, frozenset({number(c)})) for c in communities[stated.match_community].communities)
            if stated.match_community
            else None,
            (routing.bgp.asn,) * stated.prepend,
            frozenset({number(stated.set_community)}) if stated.set_community else None,
            stated.additive,
            stated.set_local_preference if stated.set_local_preference >= 0 else None,
        )

    found = next(p for p in routing.policies if p.name == name)
    return ObservedPolicy(name, tuple(term(t) for t in found.terms) or (Term(10, False),))


def peering(routing: Routing, group: PeerGroup, by_interface: bool, system: str) -> Peering:
    settings = FamilySettings(policy(routing, group.policy_in), policy(routing, group.policy_out), group.maximum_prefix)
    extended = group.extended_nexthop or (by_interface and system != "eos")
    # EOS has the line in the IPv4 family alone
    return Peering(
        settings if group.ipv4 else None, settings if group.ipv6 else None, extended and (group.ipv4 or system != "eos"), True
    )


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", MODELS)
def test_the_policies_of_every_session_are_read_back(system: str, name: str) -> None:
    model = MODELS[name]("eos" if system == "eos" else "sonic")
    seen = SYSTEMS[system](model)
    routing = model.routing
    groups = {group.name: group for group in routing.bgp.peer_groups}
    assert len(seen.sessions) == len(routing.bgp.neighbors)
    by_end = {(n.interface, n.address and n.address.value): n for n in routing.bgp.neighbors}
    for session in seen.sessions:
        neighbor = by_end[session.interface, session.address and session.address.value]
        assert session.peering == peering(routing, groups[neighbor.peer_group], bool(neighbor.interface), system)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", MODELS)
def test_how_the_device_decides_is_read_back(system: str, name: str) -> None:
    model = MODELS[name]("eos" if system == "eos" else "sonic")
    seen = SYSTEMS[system](model).routing
    assert seen is not None
    versions = {p.version for p in model.routing.bgp.networks}
    assert {seen.maximum_paths[version] for version in versions} == {model.routing.bgp.maximum_paths}
    assert seen.multipath == "any"
    assert sorted(seen.discards) == sorted(model.routing.discard_routes)
    assert versions <= seen.forwards
    assert seen.unread == ()


def of_frr(*lines: str) -> Observed:
    return frr.read({"frr.conf": "\n".join(("router bgp 65001", *lines, "")).encode()})


def of_eos(*lines: str) -> Observed:
    return eos.read({"x.cfg": "\n".join(("router bgp 65001", *lines, "")).encode()})


def unread(seen: Observed) -> str:
    assert seen.routing is not None
    return "; ".join(seen.routing.unread)


FRR_SESSION = (
    " no bgp default ipv4-unicast",
    " neighbor swp1 interface remote-as 65002",
    " address-family ipv4 unicast",
    "  neighbor swp1 activate",
    "  neighbor swp1 route-map IN in",
    " exit-address-family",
    "exit",
)
EOS_SESSION = (
    "   no bgp default ipv4-unicast",
    "   neighbor UP peer group",
    "   neighbor interface Ethernet1 peer-group UP remote-as 65002",
    "   address-family ipv4",
    "      neighbor UP activate",
    "      neighbor UP route-map IN in",
    "!",
)
FILTERS = (
    "ip prefix-list A seq 20 permit 10.0.0.0/8 ge 24 le 26",
    "ip prefix-list A seq 10 deny 10.1.0.0/16",
    "ip prefix-list A seq 30 permit 0.0.0.0/0 le 32",
    "ip prefix-list A seq 40 permit 10.2.0.0/16 ge 20",
    "bgp community-list standard C seq 10 permit 65000:1 65000:2",
    "bgp community-list standard C seq 5 deny no-export",
    "route-map IN permit 20",
    " match community C",
    "route-map IN deny 10",
    " match ip address prefix-list A",
    " match ipv6 address prefix-list A6",
)


def test_lines_of_lists_and_terms_stand_by_their_sequence() -> None:
    (session,) = of_frr(*FRR_SESSION, *FILTERS, "ipv6 prefix-list A6 seq 5 permit ::/0 ge 64 le 64").sessions
    assert session.peering.ipv6 is None
    assert session.peering.ipv4 is not None
    accept = session.peering.ipv4.accept
    assert accept is not None
    first, second = accept.terms
    assert first.prefixes4 == (
        PrefixMatch(False, prefix("10.1.0.0/16"), 16, 16),
        PrefixMatch(True, prefix("10.0.0.0/8"), 24, 26),
        PrefixMatch(True, prefix("0.0.0.0/0"), 0, 32),
        PrefixMatch(True, prefix("10.2.0.0/16"), 20, 32),
    )
    assert first.prefixes6 == (PrefixMatch(True, prefix("::/0"), 64, 64),)
    assert second.communities == (
        CommunityMatch(False, frozenset({0xFFFFFF01})),
        CommunityMatch(True, frozenset({65000 << 16 | 1, 65000 << 16 | 2})),
    )
    assert session.peering.ipv4.announce is None


@pytest.mark.parametrize(
    "line",
    [
        " neighbor swp1 allowas-in",
        " bgp always-compare-med",
        " neighbor swp1 default-originate",
        " redistribute connected",
        " address-family l2vpn evpn\n  advertise-all-vni\n exit-address-family",
        " address-family ipv4 unicast\n  neighbor swp1 allowas-in\n exit-address-family",
        " address-family ipv4 unicast\n  network 10.0.0.0/8 route-map X\n exit-address-family",
        " address-family ipv4 unicast\n  aggregate-address 10.0.0.0/8\n exit-address-family",
        "exit\nroute-map IN permit 30\n match as-path X",
        "exit\nroute-map IN permit 30\n on-match next",
        "exit\nroute-map IN permit 30\n set metric 5",
        "exit\nroute-map IN permit 30\n match ip address prefix-list GONE",
        "exit\nroute-map IN permit 30\n match community GONE",
        "exit\nbgp community-list expanded E permit .*",
        "exit\nbgp as-path access-list X permit ^1$",
        "exit\nip route 0.0.0.0/0 192.0.2.1",
        "exit\nrouter bgp 65001 vrf red\n network 10.0.0.0/8",
        "exit\nrouter ospf\n network 10.0.0.0/8 area 0",
        "exit\ninterface swp1\n ip ospf area 0",
        "exit\nno ip forwarding",
        " neighbor swp2 interface remote-as 65002\n address-family ipv4\n  neighbor swp2 activate\n"
        "  neighbor swp2 route-map GONE out\n exit-address-family",
    ],
)
def test_a_line_of_frr_that_bears_on_routing_and_is_not_known_is_kept(line: str) -> None:
    before = (*FRR_SESSION[:2], "exit", "route-map IN permit 10", "router bgp 65001")
    assert unread(of_frr(*before)) == ""
    assert unread(of_frr(*before, line)) != ""


@pytest.mark.parametrize(
    "line",
    [
        "   neighbor UP allowas-in 1",
        "   redistribute connected",
        "   bgp asn notation asdot",
        "   distance bgp 20 200 200",
        "   maximum-paths",
        "   vrf red\n      network 10.0.0.0/8",
        "   address-family evpn\n      neighbor UP activate",
        "   address-family ipv4\n      neighbor UP additional-paths receive",
        "   address-family ipv4\n      network 10.0.0.0/8 route-map X",
        "!\nroute-map IN permit 30\n   match as-path X",
        "!\nroute-map IN permit 30\n   continue",
        "!\nroute-map IN permit 30\n   match ip address prefix-list GONE",
        "!\nip as-path access-list X permit ^1$ any",
        "!\nip route 0.0.0.0/0 192.0.2.1",
        "!\nno ip routing",
        "!\nrouter ospf 1\n   network 10.0.0.0/8 area 0",
        "!\ninterface Ethernet2\n   vrf red",
        "!\nip community-list regexp X permit .*",
    ],
)
def test_a_line_of_eos_that_bears_on_routing_and_is_not_known_is_kept(line: str) -> None:
    before = ("   neighbor UP peer group", "!", "route-map IN permit 10", "!", "router bgp 65001")
    assert unread(of_eos(*before)) == ""
    assert unread(of_eos(*before, line)) != ""


def test_what_a_neighbour_states_goes_before_what_its_group_states() -> None:
    seen = of_frr(
        " neighbor UP peer-group",
        " neighbor UP remote-as 65002",
        " neighbor swp1 interface peer-group UP",
        " neighbor swp2 interface peer-group UP",
        " neighbor swp2 shutdown",
        " address-family ipv4 unicast",
        "  neighbor UP maximum-prefix 10",
        "  neighbor UP route-map IN in",
        "  neighbor swp1 maximum-prefix 20",
        "  no neighbor swp2 activate",
        " exit-address-family",
        "exit",
        "route-map IN permit 10",
    )
    one, two = seen.sessions
    assert one.peering.ipv4 is not None
    assert (one.peering.ipv4.limit, one.peering.ipv4.accept) == (20, ObservedPolicy("IN", (Term(10, True),)))
    assert (two.peering.ipv4, two.peering.shut, one.peering.shut) == (None, True, False)


def test_a_neighbour_that_is_stated_twice_is_what_was_stated_last() -> None:
    usual = (" neighbor swp1 interface peer-group UP", " neighbor swp1 remote-as 65002")
    group = (" neighbor UP peer-group",)
    later, earlier = (
        of_frr(*group, *usual, " neighbor swp1 remote-as 65009"),
        of_frr(*group, " neighbor swp1 remote-as 65009", *usual),
    )
    assert [session.asn for seen in (later, earlier) for session in seen.sessions] == [65009, 65002]


def test_what_is_not_stated_has_the_defaults_of_frr() -> None:
    seen = of_frr(" neighbor swp1 interface remote-as 65002", "exit")
    assert seen.routing is not None
    assert (seen.routing.multipath, seen.routing.requires_policy, seen.routing.maximum_paths[4]) == ("neighbour", True, 256)
    assert seen.sessions[0].peering == Peering(FamilySettings(), None, True, True)


def test_what_is_not_stated_has_the_defaults_of_eos() -> None:
    seen = of_eos("   neighbor UP peer group", "   neighbor interface Ethernet1 peer-group UP remote-as 65002", "!")
    assert seen.routing is not None
    assert (seen.routing.multipath, seen.routing.requires_policy, seen.routing.maximum_paths[4]) == ("any", False, 1)
    assert seen.routing.forwards == frozenset()
    assert seen.sessions[0].peering == Peering(FamilySettings(None, None, 12000), None, False, False)


def test_an_eos_policy_is_read_as_frrs() -> None:
    as_eos = (
        "ip prefix-list A",
        "   seq 20 permit 10.0.0.0/8 ge 24 le 26",
        "   seq 10 deny 10.1.0.0/16",
        "ip community-list C permit 65000:1 65000:2",
        "route-map IN permit 20",
        "   match community C",
        "   set community 65000:9 additive",
        "route-map IN deny 10",
        "   match ip address prefix-list A",
    )
    as_frr = (
        "ip prefix-list A seq 20 permit 10.0.0.0/8 ge 24 le 26",
        "ip prefix-list A seq 10 deny 10.1.0.0/16",
        "bgp community-list standard C seq 5 permit 65000:1 65000:2",
        *as_eos[4:],
    )
    one, two = of_eos(*EOS_SESSION, *as_eos).sessions[0].peering.ipv4, of_frr(*FRR_SESSION, *as_frr).sessions[0].peering.ipv4
    assert one is not None
    assert two is not None
    assert one.accept == two.accept
    assert one.accept is not None


def test_devices_of_a_role_share_their_policies() -> None:
    one, two = (sonic.read(sonic_target.render(spine(name=name))) for name in ("a", "b"))
    assert one.sessions[0].peering is two.sessions[0].peering
