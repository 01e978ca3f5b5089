"""BGP of a folded Clos (RFC 7938): sessions on every link between switches, and policies that let through only the plan.

A leaf announces its loopback and its servers' aggregate and nothing that it learnt, so that it is never a transit; a spine
and a core pass on loopbacks and aggregates. Filters and limits come from pools and reserved blocks, not from what exists.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fabric_compiler.control.dragonfly import CAME_OVER_GLOBAL, CAME_OVER_TWO, PREPENDED, Detours
from fabric_compiler.intent.schema import BfdTimers, NetworkIntent
from fabric_compiler.ir.graph import GLOBAL, LEAF_SPINE, LOCAL, Device
from fabric_compiler.ir.plan import DevicePlan, NetworkPlan, Prefix, Prefixes
from fabric_compiler.model.device import (
    Bfd,
    Bgp,
    CommunityList,
    Neighbor,
    PeerGroup,
    Policy,
    PolicyTerm,
    PrefixList,
    PrefixRule,
    Routing,
)

GRACEFUL_SHUTDOWN = "65535:0"  # RFC 8326
DRAINED = "DRAINED"
_LEAVING = "GRACEFUL-SHUTDOWN"
_MARK = "CAME-OVER-GLOBAL"
_SECOND_MARK = "CAME-OVER-TWO"
_WIDTH = {4: 32, 6: 128}
# the tier above and the tier below, as the names of peer groups
_ABOVE = {"leaf": "SPINES", "spine": "CORES"}
_BELOW = {"spine": "LEAFS", "core": "SPINES"}
# a dragonfly's: routers of the same group, and switches of other groups
_BESIDE = {LOCAL: "LOCAL", GLOBAL: "GLOBAL"}


@dataclass(frozen=True, slots=True)
class Underlay:
    """What the switches of one network share."""

    network: NetworkIntent
    plan: NetworkPlan
    families: frozenset[int]  # of loopbacks and hosts
    link_families: frozenset[int]  # of numbered links; empty: unnumbered
    hosts_lengths: dict[int, int]  # family -> length of a leaf's aggregate
    routes: dict[str, int]  # site -> of one family, within the reserve
    paths: dict[str, int]  # role -> the most paths of equal cost
    detours: Detours | None = None  # of a dragonfly

    @property
    def family_sessions(self) -> tuple[int, ...]:
        """The families that have sessions of their own, on links numbered in both; else one session carries all."""
        return tuple(sorted(self.families)) if len(self.link_families) == 2 else ()

    def maximum_paths(self, role: str) -> int:
        """As stated, or up to a power of two."""
        return self.network.bgp.maximum_paths or 1 << (self.paths[role] - 1).bit_length()

    def group(self, device: Device, lower: bool, tiers: int, version: int, drained: bool) -> str:
        """The peer group of a session over a link of these tiers; `lower`: this device is the lower end."""
        name = _BESIDE[tiers] if tiers in _BESIDE else (_ABOVE if lower else _BELOW)[device.role]
        return name + (str(version) if version and self.family_sessions else "") + (f"-{DRAINED}" if drained else "")


def underlay(
    network: NetworkIntent, plan: NetworkPlan, hosts: Prefixes, routes: dict[str, int], paths: dict[str, int]
) -> Underlay:
    """`hosts` are any leaf's aggregates."""
    families = frozenset(p.version for p in (*plan.loopbacks, *plan.hosts))
    lengths = {p.version: p.length for p in hosts}
    return Underlay(network, plan, families, frozenset(p.version for p in plan.links), lengths, routes, paths)


def routing(
    shared: Underlay, device: Device, plan: DevicePlan, neighbors: tuple[Neighbor, ...], drained: bool, has_servers: bool
) -> Routing:
    """The routing of one switch; `drained`: the device itself is in maintenance."""
    bgp = shared.network.bgp
    announced = (*plan.loopbacks, *(plan.hosts if has_servers else ()))
    own = _own_lists(announced) if device.role == "leaf" else ()
    lists = (*_pool_lists(shared), *own)
    links_drained = any(neighbor.drained for neighbor in neighbors)
    subnets = shared.plan.subnets
    marks = _marks(shared.detours.fallback) if shared.detours and _has_globals(shared, device) else ()
    return Routing(
        bgp=Bgp(
            asn=plan.asn,
            router_id=plan.router_id,
            maximum_paths=shared.maximum_paths(device.role),
            multipath_relax=True,
            graceful_restart=bgp.graceful_restart,
            restart_time=bgp.restart_time,
            keepalive=bgp.timers.keepalive,
            hold=bgp.timers.hold,
            bfd=_bfd(shared.network),
            networks=announced,
            peer_groups=tuple(_peer_groups(shared, device, drained, links_drained)),
            neighbors=neighbors,
        ),
        prefix_lists=lists,
        community_lists=(*marks, CommunityList(_LEAVING, (GRACEFUL_SHUTDOWN,))),
        policies=(
            *_policies(_pool_lists(shared), own or _pool_lists(shared), drained, links_drained),
            *(
                _global_policies(_pool_lists(shared), shared.detours, drained, links_drained)
                if shared.detours and marks
                else ()
            ),
        ),
        # a subnet's prefix is connected; an aggregate of /31s needs a route of its own to be announced
        discard_routes=() if subnets or not has_servers else plan.hosts,
    )


def _bfd(network: NetworkIntent) -> Bfd | None:
    stated = network.bgp.bfd
    if stated is False:
        return None
    timers = stated if isinstance(stated, BfdTimers) else BfdTimers()
    return Bfd(timers.transmit, timers.receive, timers.multiplier)


def _pool_lists(shared: Underlay) -> tuple[PrefixList, ...]:
    lists = []
    for pool in shared.plan.loopbacks:
        lists.append(PrefixList(f"LOOPBACKS{pool.version}", pool.version, (_rule(10, pool, _WIDTH[pool.version]),)))
    for pool in shared.plan.hosts:
        lists.append(PrefixList(f"HOSTS{pool.version}", pool.version, (_rule(10, pool, shared.hosts_lengths[pool.version]),)))
    return tuple(sorted(lists, key=lambda found: (found.version, found.name)))


def _rule(sequence: int, pool: Prefix, length: int) -> PrefixRule:
    """Prefixes of one length out of a pool."""
    return PrefixRule(sequence, pool) if length == pool.length else PrefixRule(sequence, pool, length, length)


def _own_lists(announced: Prefixes) -> tuple[PrefixList, ...]:
    return tuple(
        PrefixList(f"OWN{version}", version, tuple(PrefixRule(10 * n, p) for n, p in enumerate(found, 1)))
        for version in (4, 6)
        if (found := [p for p in announced if p.version == version])
    )


def _policies(
    accepted: tuple[PrefixList, ...], announced: tuple[PrefixList, ...], drained: bool, links_drained: bool
) -> Iterable[Policy]:
    yield Policy("ACCEPT", tuple(_accept(accepted)))
    if links_drained:
        terms = [_term(10 * n, found, set_local_preference=0) for n, found in enumerate(accepted, 1)]
        yield Policy(f"ACCEPT-{DRAINED}", tuple(terms))
    if not drained:
        yield Policy("ANNOUNCE", tuple(_term(10 * n, found) for n, found in enumerate(announced, 1)))
    if drained or links_drained:
        terms = [_term(10 * n, found, set_community=GRACEFUL_SHUTDOWN, additive=True) for n, found in enumerate(announced, 1)]
        yield Policy(f"ANNOUNCE-{DRAINED}", tuple(terms))


def _accept(lists: tuple[PrefixList, ...]) -> Iterable[PolicyTerm]:
    """RFC 8326: what comes with GRACEFUL_SHUTDOWN is used when there is nothing else."""
    for n, found in enumerate(lists):
        yield _term(20 * n + 10, found, match_community=_LEAVING, set_local_preference=0)
        yield _term(20 * n + 20, found)


def _has_globals(shared: Underlay, device: Device) -> bool:
    """Whether it has sessions with switches of other groups of a dragonfly."""
    return shared.detours is not None and device.role in ("router", "spine")


def _global_policies(lists: tuple[PrefixList, ...], detours: Detours, drained: bool, links_drained: bool) -> Iterable[Policy]:
    """Between groups: what comes is marked, what is marked does not go on (see control.dragonfly)."""
    yield Policy(f"ACCEPT-{_BESIDE[GLOBAL]}", tuple(_marked(lists, detours.fallback, False)))
    if links_drained:
        yield Policy(f"ACCEPT-{_BESIDE[GLOBAL]}-{DRAINED}", tuple(_marked(lists, detours.fallback, True)))
    if not drained:
        yield Policy(f"ANNOUNCE-{_BESIDE[GLOBAL]}", tuple(_onwards(lists, detours.fallback)))
    if drained or links_drained:
        yield Policy(f"ANNOUNCE-{_BESIDE[GLOBAL]}-{DRAINED}", tuple(_onwards(lists, detours.fallback, GRACEFUL_SHUTDOWN)))


def _marked(lists: tuple[PrefixList, ...], fallback: bool, drained: bool) -> Iterable[PolicyTerm]:
    """What comes over a global cable gets the first mark, or the second where it has the first."""
    leaving = 0  # RFC 8326: the preference of what is used when there is nothing else
    cases = [(_LEAVING, CAME_OVER_GLOBAL, leaving), ("", CAME_OVER_GLOBAL, leaving if drained else -1)]
    if fallback:
        cases = [
            (f"{_LEAVING}-{_MARK}", CAME_OVER_TWO, leaving),
            cases[0],
            (_MARK, CAME_OVER_TWO, leaving if drained else -1),
            cases[1],
        ]
    sequence = 0
    for found in lists:
        for match, community, preference in cases:
            sequence += 10
            yield _term(
                sequence, found, match_community=match, set_community=community, additive=True, set_local_preference=preference
            )


def _onwards(lists: tuple[PrefixList, ...], fallback: bool, community: str = "") -> Iterable[PolicyTerm]:
    sequence = 0
    for found in lists:
        sequence += 10
        yield _term(sequence, found, permit=False, match_community=_SECOND_MARK if fallback else _MARK)
        if fallback:
            sequence += 10
            yield _term(
                sequence, found, match_community=_MARK, prepend=PREPENDED, set_community=community, additive=bool(community)
            )
        sequence += 10
        yield _term(sequence, found, set_community=community, additive=bool(community))


def _marks(fallback: bool) -> tuple[CommunityList, ...]:
    """Lists of what marks a route; a list whose entry has two communities is of routes that carry both."""
    first = CommunityList(_MARK, (CAME_OVER_GLOBAL,))
    if not fallback:
        return (first,)
    both = CommunityList(f"{_LEAVING}-{_MARK}", (f"{CAME_OVER_GLOBAL} {GRACEFUL_SHUTDOWN}",))
    return (first, CommunityList(_SECOND_MARK, (CAME_OVER_TWO,)), both)


def _term(
    sequence: int,
    found: PrefixList,
    *,
    permit: bool = True,
    prepend: int = 0,
    match_community: str = "",
    set_community: str = "",
    additive: bool = False,
    set_local_preference: int = -1,
) -> PolicyTerm:
    return PolicyTerm(
        sequence=sequence,
        permit=permit,
        match_prefix_list4=found.name if found.version == 4 else "",
        match_prefix_list6=found.name if found.version == 6 else "",
        match_community=match_community,
        set_community=set_community,
        additive=additive,
        prepend=prepend,
        set_local_preference=set_local_preference,
    )


def _peer_groups(shared: Underlay, device: Device, drained: bool, links_drained: bool) -> Iterable[PeerGroup]:
    for lower, tiers in _sides(shared, device):
        suffix = f"-{_BESIDE[GLOBAL]}" if tiers == GLOBAL else ""
        limit = shared.network.bgp.maximum_prefix or _limit(announced_by(shared, device, lower, tiers))
        for version in shared.family_sessions or (0,):
            for link_drained in (False, True) if links_drained else (False,):
                yield PeerGroup(
                    name=shared.group(device, lower, tiers, version, link_drained),
                    policy_in=f"ACCEPT{suffix}" + (f"-{DRAINED}" if link_drained else ""),
                    policy_out=f"ANNOUNCE{suffix}" + (f"-{DRAINED}" if drained or link_drained else ""),
                    maximum_prefix=limit,
                    bfd=shared.network.bgp.bfd is not False,
                    ipv4=4 in shared.families and version in (0, 4),
                    ipv6=6 in shared.families and version in (0, 6),
                    extended_nexthop=4 in shared.families and 4 not in shared.link_families,
                )


def _sides(shared: Underlay, device: Device) -> list[tuple[bool, int]]:
    """Where a switch has neighbours: whether it is the lower end, and the tiers of the links, those of a dragonfly's groups."""
    if shared.detours:
        sides = {"router": [(False, LOCAL), (False, GLOBAL)], "leaf": [(True, LEAF_SPINE)]}
        return sides.get(device.role, [(False, LEAF_SPINE), (False, GLOBAL)])
    if device.role == "spine" and not device.uplinks:
        return [(False, LEAF_SPINE)]
    # a spine of three tiers has cores above it and leafs below
    return [(lower, LEAF_SPINE) for lower, names in ((True, _ABOVE), (False, _BELOW)) if device.role in names]


def announced_by(shared: Underlay, device: Device, lower: bool, tiers: int) -> int:
    """The most routes of one family that a neighbour announces within the reserve; a leaf announces two."""
    leafs_below = not lower and device.role == "spine" and tiers not in _BESIDE
    return 2 if leafs_below else shared.routes[device.site]


def _limit(routes: int) -> int:
    """Half as many again, and room for a few."""
    return max(8, routes + routes // 2)
