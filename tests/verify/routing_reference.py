"""Path-vector routing in plain Python, a prefix at a time: slow, short, and of another hand than the product's.

It takes what the readers found and nothing of verify/routing. Sessions as in RFC 4271 6.2, the decision as in 9.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fabric_compiler.ir.graph import Graph, Links
from fabric_compiler.model.device import Prefix
from fabric_compiler.targets.text import prefix as text
from fabric_compiler.verify.observed import FamilySettings, Observed, ObservedPolicy, ObservedSession, PrefixMatch

BITS = {4: 32, 6: 128}
PATIENCE = 200  # sweeps


@dataclass(frozen=True)
class Path:
    asns: tuple[int, ...] = ()
    communities: frozenset[int] = frozenset()
    preference: int = 100


@dataclass(eq=False)
class Router:
    name: str
    observed: Observed
    # port, the neighbour, our settings and his, for the family at hand
    sessions: list[tuple[str, Router, ObservedSession, ObservedSession]] = field(default_factory=list)


def covers(outer: Prefix, inner: Prefix) -> bool:
    shift = BITS[outer.version] - outer.length
    return outer.version == inner.version and inner.length >= outer.length and inner.value >> shift == outer.value >> shift


def listed(rules: Sequence[PrefixMatch], found: Prefix) -> bool:
    for rule in rules:
        if covers(rule.prefix, found) and rule.shortest <= found.length <= rule.longest:
            return rule.permit
    return False


def through(policy: ObservedPolicy | None, required: bool, found: Prefix, path: Path) -> Path | None:
    if policy is None:
        return None if required else path
    for term in policy.terms:
        if term.prefixes4 is not None and not (found.version == 4 and listed(term.prefixes4, found)):
            continue
        if term.prefixes6 is not None and not (found.version == 6 and listed(term.prefixes6, found)):
            continue
        if term.communities is not None:
            entry = next((entry for entry in term.communities if entry.communities <= path.communities), None)
            if entry is None or not entry.permit:
                continue
        if not term.permit:
            return None
        communities = path.communities
        if term.set_communities is not None:
            communities = term.set_communities | (communities if term.additive else frozenset())
        return Path((*term.prepend, *path.asns), communities, path.preference if term.preference is None else term.preference)
    return None


def addresses(observed: Observed, port: str) -> tuple[Prefix, ...]:
    found = observed.interfaces.get(port)
    return found.addresses if found and found.enabled else ()


def session_at(router: Router, port: str, other: Router, other_port: str) -> list[tuple[ObservedSession, int]]:
    """Our sessions over a port, with the version of the addresses that they run between."""
    found = []
    mine = router.observed.interfaces.get(port)
    for session in router.observed.sessions:
        if session.interface == port and mine and mine.enabled:
            found.append((session, 0))
        elif session.address and any(session.address[:2] == own[:2] for own in addresses(other.observed, other_port)):
            beside = any(covers(own, session.address) for own in addresses(router.observed, port))
            found += [(session, session.address.version)] if beside else []
    return found


def expects(router: Router, session: ObservedSession, other: Router) -> bool:
    return other.observed.asn == session.asn if session.asn else other.observed.asn != router.observed.asn


def join(graph: Graph, links: Links, routers: Mapping[int, Router], version: int) -> None:
    for a, a_port, b, b_port in zip(links.a_device, links.a_port, links.b_device, links.b_port, strict=True):
        if int(a) not in routers or int(b) not in routers:
            continue
        one, two = routers[int(a)], routers[int(b)]
        here = graph.devices[int(a)].layout.ports[int(a_port)].name
        there = graph.devices[int(b)].layout.ports[int(b_port)].name
        for mine, over in session_at(one, here, two, there):
            for his, over_his in session_at(two, there, one, here):
                if over != over_his or not (expects(one, mine, two) and expects(two, his, one)):
                    continue
                if one.observed.asn == two.observed.asn or mine.peering.shut or his.peering.shut:
                    continue
                if not (mine.peering.family(version) and his.peering.family(version)) or (version, over) == (6, 4):
                    continue
                if version == 4 and over != 4 and not (mine.peering.extended_next_hop and his.peering.extended_next_hop):
                    continue
                one.sessions.append((here, two, mine, his))
                two.sessions.append((there, one, his, mine))


def held(observed: Observed) -> set[Prefix]:
    """Connected, and routes that drop."""
    assert observed.routing
    up = [port for port in observed.interfaces.values() if port.enabled]
    own = [*observed.loopbacks, *(a for port in up for a in port.addresses)]
    own += [a for vlan, found in observed.vlans.items() if any(port.vlan == vlan for port in up) for a in found]
    return {
        Prefix(a.version, a.value >> BITS[a.version] - a.length << BITS[a.version] - a.length, a.length) for a in own
    } | set(observed.routing.discards)


def settings(session: ObservedSession, version: int) -> FamilySettings:
    found = session.peering.family(version)
    assert found
    return found


@dataclass
class Settled:
    """Of one prefix: the ports by which each router sends to it, and the sessions over which it arrives and is accepted."""

    ports: dict[str, set[str]]
    arrives: set[tuple[str, int]]
    accepted: set[tuple[str, int]]


def settle(routers: Sequence[Router], found: Prefix) -> Settled:
    origins = [r for r in routers if found in r.observed.announced and found in held(r.observed)]
    best: dict[str, Path] = {router.name: Path() for router in origins}
    for _ in range(PATIENCE):
        before = dict(best)
        settled = Settled({}, set(), set())
        for router in routers:
            routing = router.observed.routing
            assert routing
            heard = []
            for place, (port, other, mine, his) in enumerate(router.sessions):
                if other.name not in before or before[other.name].communities & {0xFFFFFF01, 0xFFFFFF02}:
                    continue
                assert other.observed.routing
                said = through(
                    settings(his, found.version).announce, other.observed.routing.requires_policy, found, before[other.name]
                )
                if said is None:
                    continue
                communities = said.communities if his.peering.sends_communities else frozenset()
                told = Path((other.observed.asn, *said.asns), communities)
                settled.arrives.add((router.name, place))
                if router.observed.asn in told.asns:
                    continue
                taken = through(settings(mine, found.version).accept, routing.requires_policy, found, told)
                if taken:
                    settled.accepted.add((router.name, place))
                    heard.append(((-taken.preference, len(taken.asns)), other.observed.router_id, place, port, taken, other))
            if router in origins:
                continue
            best.pop(router.name, None)
            if not heard:
                continue
            rank, _, _, _, path, neighbor = min(heard, key=lambda h: h[:3])
            equal = [h for h in heard if h[0] == rank]
            if routing.multipath == "neighbour":
                equal = [h for h in equal if h[5].observed.asn == neighbor.observed.asn]
            elif routing.multipath == "path":
                equal = [h for h in equal if h[4].asns == path.asns]
            best[router.name] = path
            settled.ports[router.name] = {h[3] for h in equal}
        if best == before:
            return settled
    raise AssertionError(f"{text(found)} does not come to rest")


def beyond(routers: Sequence[Router], version: int, settled: Sequence[Settled]) -> list[tuple[Router, int]]:
    """Sessions that their limit ends."""
    over = []
    for router in routers:
        for place, (_, _, mine, _) in enumerate(router.sessions):
            routing = router.observed.routing
            assert routing
            counted = [s.arrives if routing.limits_received else s.accepted for s in settled]
            limit = settings(mine, version).limit
            if limit and sum((router.name, place) in found for found in counted) > limit:
                over.append((router, place))
    return over


def end(router: Router, place: int) -> None:
    """Take a session away at both ends."""
    port, other, mine, his = router.sessions[place]
    other.sessions = [s for s in other.sessions if not (s[1] is router and s[2] is his and s[3] is mine)]
    router.sessions = [s for s in router.sessions if s != (port, other, mine, his)]


def tables(graph: Graph, links: Links, observed: Mapping[int, Observed]) -> dict[str, dict[str, tuple[str, ...]]]:
    """By device and prefix the ports of the routes that BGP gives."""
    made: dict[str, dict[str, tuple[str, ...]]] = {graph.devices[n].name: {} for n in observed}
    for version in (4, 6):
        routers = {n: Router(graph.devices[n].name, own) for n, own in observed.items()}
        join(graph, links, routers, version)
        prefixes = sorted({p for own in observed.values() for p in own.announced if p.version == version})
        everyone = list(routers.values())
        while True:
            settled = [settle(everyone, found) for found in prefixes]
            over = beyond(everyone, version, settled)
            if not over:
                break
            sessions = [(router, router.sessions[place]) for router, place in over]
            for router, session in sessions:
                if session in router.sessions:
                    end(router, router.sessions.index(session))
        for found, result in zip(prefixes, settled, strict=True):
            for router in everyone:
                if router.name in result.ports and found not in held(router.observed):
                    made[router.name][text(found)] = tuple(sorted(result.ports[router.name]))
    return made
