"""What policies make of routes, on nets drawn by hand: communities, prepending, preferences, lists, loops, and no rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from verify.routing_reference import tables

from fabric_compiler.ir.graph import Device, Graph, Links
from fabric_compiler.ir.ports import Port, PortLayout
from fabric_compiler.verify.observed import Observed
from fabric_compiler.verify.readback import frr
from fabric_compiler.verify.routing.decision import decide
from fabric_compiler.verify.routing.speakers import port_numbers, speaker
from fabric_compiler.verify.routing.tables import Routing, routing

LAYOUT = PortLayout(tuple(Port(f"p{n}", "", n, 0, (n,), 100_000, "") for n in range(16)), ())
ALL = "ALL"


@dataclass
class Router:
    """`asn` and loopback follow from the place; policies by neighbour, ALL where none is named."""

    asn: int
    networks: Sequence[str] = ()
    accept: Mapping[str, str] = field(default_factory=dict)
    announce: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[str] = ()  # of BGP
    policies: str = ""


def net(routers: Mapping[str, Router], cables: Sequence[str]) -> tuple[Graph, dict[int, Observed]]:
    """Routers by name, and cables as pairs of names: 'a b'. Ports are taken in the order of the cables."""
    names = list(routers)
    ports: dict[str, int] = dict.fromkeys(names, 0)
    ends: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
    rows = []
    for cable in cables:
        a, b = cable.split()
        rows.append((names.index(a), ports[a], names.index(b), ports[b]))
        for one, other in ((a, b), (b, a)):
            ends[one].append((ports[one], other))
            ports[one] += 1
    table = np.array(rows, dtype=np.int32).reshape(-1, 4).T
    filler = np.zeros(len(rows), dtype=np.int32)
    links = Links(table[0], table[1], table[2], table[3], filler, filler, filler + 1, filler)
    observed = {}
    for n, (name, router) in enumerate(routers.items()):
        lines = [f"hostname {name}", "interface lo", f" ip address 10.255.0.{n}/32"]
        lines += [f"ip route {network} Null0" for network in router.networks]
        lines += [f"router bgp {router.asn}", f" bgp router-id 10.255.0.{n}", " no bgp default ipv4-unicast", *router.lines]
        lines += [f" neighbor p{port} interface remote-as {routers[other].asn}" for port, other in ends[name]]
        lines += [" address-family ipv4 unicast", *(f"  network {network}" for network in router.networks)]
        for port, other in ends[name]:
            lines += [f"  neighbor p{port} activate"]
            lines += [f"  neighbor p{port} route-map {router.accept.get(other, ALL)} in"]
            lines += [f"  neighbor p{port} route-map {router.announce.get(other, ALL)} out"]
        lines += [" exit-address-family", "exit", f"route-map {ALL} permit 10", router.policies, ""]
        observed[n] = frr.read({"frr.conf": "\n".join(lines).encode()})
        assert observed[n].routing
        assert observed[n].routing.unread == (), observed[n].routing.unread
    devices = tuple(
        Device(name, "switch", "leaf", "n", "s", "", "", "frr", "", "", LAYOUT, 1, 0, 0, n, n) for n, name in enumerate(names)
    )
    return Graph("f", ("n",), devices, links), observed


def at_rest(routers: Mapping[str, Router], *cables: str) -> Routing:
    graph, observed = net(routers, cables)
    numbers = port_numbers(LAYOUT)
    result = routing(graph, [speaker(observed[n], numbers) for n in range(len(observed))])
    if not any(decided.restless for decided in result.decided):
        assert {name: result.table(name) for name in routers} == tables(graph, graph.links, observed)
    return result


RELAX = (" bgp bestpath as-path multipath-relax",)
DIAMOND = ("a b", "a c", "b d", "c d")


def diamond(**changes: Router) -> dict[str, Router]:
    """d announces; a has two ways to it, through b and through c."""
    made = {
        "a": Router(65001, lines=RELAX),
        "b": Router(65002),
        "c": Router(65003),
        "d": Router(65004, networks=["10.1.0.0/24", "10.2.0.0/16"]),
    }
    return made | changes


def test_paths_of_the_same_length_share_the_load() -> None:
    assert at_rest(diamond(), *DIAMOND).table("a") == {"10.1.0.0/24": ("p0", "p1"), "10.2.0.0/16": ("p0", "p1")}


def test_without_relaxing_only_paths_through_one_as_share_it() -> None:
    alone = at_rest(diamond(a=Router(65001)), *DIAMOND)
    assert alone.table("a")["10.1.0.0/24"] == ("p0",)  # b has the lower router ID
    same = at_rest(diamond(a=Router(65001), c=Router(65002)), *DIAMOND)
    assert same.table("a")["10.1.0.0/24"] == ("p0", "p1")


def test_a_prepended_path_is_passed_over() -> None:
    policies = "route-map LONGER permit 10\n set as-path prepend 65003 65003"
    result = at_rest(diamond(c=Router(65003, announce={"a": "LONGER"}, policies=policies)), *DIAMOND)
    assert result.table("a")["10.1.0.0/24"] == ("p0",)


def test_a_list_takes_the_lengths_that_it_names() -> None:
    policies = (
        "ip prefix-list SHORT seq 5 deny 10.1.0.0/24\nip prefix-list SHORT seq 10 permit 10.0.0.0/8 ge 16 le 24\n"
        "route-map SHORT permit 10\n match ip address prefix-list SHORT"
    )
    result = at_rest(diamond(c=Router(65003, announce={"a": "SHORT"}, policies=policies)), *DIAMOND)
    assert result.table("a") == {"10.1.0.0/24": ("p0",), "10.2.0.0/16": ("p0", "p1")}


def test_a_term_that_denies_goes_before_what_comes_after_it() -> None:
    policies = (
        "ip prefix-list ONE seq 5 permit 10.1.0.0/24\n"
        "route-map BUT permit 20\nexit\nroute-map BUT deny 10\n match ip address prefix-list ONE"
    )
    result = at_rest(diamond(a=Router(65001, accept={"c": "BUT"}, lines=RELAX, policies=policies)), *DIAMOND)
    assert result.table("a") == {"10.1.0.0/24": ("p0",), "10.2.0.0/16": ("p0", "p1")}


def test_a_community_is_set_at_one_place_and_decides_at_another() -> None:
    mark = "route-map MARK permit 10\n set community 65000:1 65000:2 additive"
    both = "bgp community-list standard BOTH seq 5 permit 65000:1 65000:2\n"
    never = "bgp community-list standard NEVER seq 5 permit 65000:1 65000:3\n"
    worse = "route-map WORSE permit 10\n match community {}\n set local-preference 50\nexit\nroute-map WORSE permit 20"
    for lists, name, ports in ((both, "BOTH", ("p1",)), (never, "NEVER", ("p0", "p1"))):
        accept = Router(65001, accept={"b": "WORSE", "c": "WORSE"}, lines=RELAX, policies=lists + worse.format(name))
        result = at_rest(diamond(a=accept, d=Router(65004, ["10.1.0.0/24"], announce={"b": "MARK"}, policies=mark)), *DIAMOND)
        assert result.table("a")["10.1.0.0/24"] == ports


def test_communities_that_are_set_replace_the_others_unless_they_are_added() -> None:
    policies = (
        "bgp community-list standard C seq 5 permit 65000:1\n"
        "route-map ONE permit 10\n set community 65000:1\nexit\nroute-map TWO permit 10\n set community 65000:2{}\nexit\n"
        "route-map MARKED permit 10\n match community C"
    )
    for word, reached in (("", False), (" additive", True)):
        text = policies.format(word)
        chain = {
            "a": Router(65001, accept={"b": "MARKED"}, policies=text),
            "b": Router(65002, announce={"a": "TWO"}, policies=text),
            "c": Router(65003, ["10.1.0.0/24"], announce={"b": "ONE"}, policies=text),
        }
        assert bool(at_rest(chain, "a b", "b c").table("a")) is reached


def test_what_is_not_to_be_exported_ends_at_the_neighbour() -> None:
    for word in ("no-export", "no-advertise"):
        policies = f"route-map STOP permit 10\n set community {word}"
        chain = {
            "a": Router(65001),
            "b": Router(65002),
            "c": Router(65003, ["10.1.0.0/24"], announce={"b": "STOP"}, policies=policies),
        }
        result = at_rest(chain, "a b", "b c")
        assert result.table("b")
        assert not result.table("a")


def test_a_preference_goes_before_the_length_and_stays_in_the_device() -> None:
    policies = "route-map BETTER permit 10\n set local-preference 200"
    routers = {
        "a": Router(65001, accept={"c": "BETTER"}, policies=policies),
        "b": Router(65002, ["10.1.0.0/24"]),
        "c": Router(65003),
        "d": Router(65004, lines=RELAX),
    }
    result = at_rest(routers, "a b", "b c", "c a", "a d", "b d")
    assert result.table("a")["10.1.0.0/24"] == ("p1",)
    assert result.table("d")["10.1.0.0/24"] == ("p1",)  # a's preference is not d's: the path through b is shorter


def test_a_path_that_holds_the_own_as_is_dropped() -> None:
    chain = {"a": Router(65001), "b": Router(65002), "c": Router(65001, ["10.1.0.0/24"])}
    result = at_rest(chain, "a b", "b c")
    assert result.table("b")
    assert not result.table("a")


def test_a_session_without_a_policy_carries_nothing_unless_it_may() -> None:
    graph, observed = net({"a": Router(65001), "b": Router(65002, ["10.1.0.0/24"])}, ["a b"])
    numbers = port_numbers(LAYOUT)
    for line, reached in (("", False), (" no bgp ebgp-requires-policy", True)):
        conf = f"hostname a\nrouter bgp 65001\n bgp router-id 10.255.0.0\n{line}\n neighbor p0 interface remote-as 65002\n"
        one = frr.read({"frr.conf": conf.encode()})
        result = routing(graph, [speaker(one, numbers), speaker(observed[1], numbers)])
        assert bool(result.table("a")) is reached


def test_two_who_prefer_each_other_do_not_come_to_rest() -> None:
    """Griffin, Shepherd, Wilfong, 'The stable paths problem', 2002: DISAGREE, which oscillates in step."""
    policies = "route-map BETTER permit 10\n set local-preference 200"
    routers = {
        "a": Router(65001, accept={"b": "BETTER"}, policies=policies),
        "b": Router(65002, accept={"a": "BETTER"}, policies=policies),
        "d": Router(65004, ["10.1.0.0/24"]),
    }
    (decided,) = at_rest(routers, "a b", "a d", "b d").decided
    assert decided.restless == (0, 1)


def test_what_hangs_on_a_router_id_shows_when_the_highest_wins() -> None:
    """a announces one of two equal paths; e's AS is in the one through b."""
    routers = diamond(e=Router(65002))
    (decided,) = at_rest(routers, *DIAMOND, "a e").decided
    assert decided.by_tie
    other = decide(decided.mesh, highest=True)
    differ = [n for n, words in enumerate(decided.members) if (words != other.members[n]).any()]
    assert [decided.mesh.nodes[n].device for n in differ] == [4]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_net_has_the_tables_of_the_reference(data: st.DataObject) -> None:
    """Filters, communities and prepends at random, of which none makes a longer path better."""
    count = data.draw(st.integers(2, 6))
    names = [chr(ord("a") + n) for n in range(count)]
    networks = ["10.1.0.0/24", "10.2.0.0/24", "10.2.0.0/16", "192.0.2.0/24"]
    lists = (
        "ip prefix-list P seq 5 permit 10.0.0.0/8 ge 24\nip prefix-list Q seq 5 deny 10.2.0.0/16 le 24\n"
        "ip prefix-list Q seq 10 permit 0.0.0.0/0 le 32\nbgp community-list standard C seq 5 permit 65000:1\n"
    )
    conditions = ("", " match ip address prefix-list P\n", " match ip address prefix-list Q\n", " match community C\n")
    actions = ("", " set community 65000:1 additive\n", " set community 65000:2\n", " set community no-export additive\n")
    routers = {}
    for n, name in enumerate(names):
        asn = 65001 + data.draw(st.integers(0, n))
        policies, chosen = lists, [ALL]
        for policy in ("X", "Y"):
            chosen.append(policy)
            for term in range(data.draw(st.integers(1, 3))):
                action = data.draw(st.sampled_from(("permit", "permit", "deny")))
                prepend = f" set as-path prepend {' '.join([str(asn)] * data.draw(st.integers(1, 2)))}\n"
                policies += f"route-map {policy} {action} {10 * term + 10}\n{data.draw(st.sampled_from(conditions))}"
                policies += data.draw(st.sampled_from((*actions, prepend))) + "exit\n"
        routers[name] = Router(
            asn,
            data.draw(st.lists(st.sampled_from(networks), max_size=2, unique=True)),
            {other: data.draw(st.sampled_from(chosen)) for other in names},
            {other: data.draw(st.sampled_from(chosen)) for other in names},
            RELAX if data.draw(st.booleans()) else (),
            policies,
        )
    pairs = [f"{a} {b}" for i, a in enumerate(names) for b in names[i + 1 :] if routers[a].asn != routers[b].asn]
    cables = data.draw(st.lists(st.sampled_from(pairs), max_size=9)) if pairs else []
    result = at_rest(routers, *cables)
    assert not any(decided.restless for decided in result.decided)
