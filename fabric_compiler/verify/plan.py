"""The plan gives no number twice and none from outside its pool. By sorting: linear in the devices but for the sort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.ir.plan import DevicePlan, NetworkPlan, Plan, Prefix
from fabric_compiler.plan.numbers import gateway_of
from fabric_compiler.targets.text import prefix

Member = tuple[Device, DevicePlan]

_WIDTH = {4: 32, 6: 128}
_SHOWN = 10  # of each rule: what breaks one device breaks thousands


def check_plan(graph: Graph, plan: Plan, intent: Intent, report: Report) -> None:
    """Report FC7002 for each rule that the plan breaks: that is a bug of the planner, or pools that overlap by default."""
    every = [(d, p) for d, p in zip(graph.devices, plan.devices, strict=True) if p]
    members = [(d, p) for d, p in every if p.asn]  # an InfiniBand switch has a management address alone
    networks = {network.name: network for network in plan.networks}
    for broken in (
        _twice(members),
        _overlaps(members),
        _outside(members, networks),
        _sizes(members, networks),
        _asns(members),
        _managed(every, intent),
    ):
        for sentence in islice(broken, _SHOWN):
            report.error("FC7002", sentence)


def _twice(members: Sequence[Member]) -> Iterator[str]:
    routers: dict[int, str] = {}
    for device, plan in members:
        before = routers.setdefault(plan.router_id, device.name)
        if before != device.name:
            yield f"{device.name} and {before} have the same router ID"


def _overlaps(members: Sequence[Member]) -> Iterator[str]:
    """Loopbacks, hosts' aggregates and links' blocks of the whole fabric are disjoint."""
    blocks = [
        (p.version, p.value, p.value + (1 << _WIDTH[p.version] - p.length), device.name, p)
        for device, plan in members
        for p in (*plan.loopbacks, *plan.hosts, *plan.uplinks)
    ]
    if not blocks:
        return
    blocks.sort(key=lambda block: block[:4])
    furthest = blocks[0]
    for block in blocks[1:]:
        if block[0] == furthest[0] and block[1] < furthest[2]:
            yield f"{prefix(furthest[4])} of {furthest[3]} and {prefix(block[4])} of {block[3]} overlap"
        if block[0] != furthest[0] or block[2] > furthest[2]:
            furthest = block


def _outside(members: Sequence[Member], networks: dict[str, NetworkPlan]) -> Iterator[str]:
    for device, own in members:
        network = networks[device.network]
        for found, pool in ((own.loopbacks, network.loopbacks), (own.hosts, network.hosts), (own.uplinks, network.links)):
            for block in found:
                if not any(_contains(p, block) for p in pool):
                    yield f"{prefix(block)} of {device.name} is in no pool of {device.network}"


def _contains(pool: Prefix, block: Prefix) -> bool:
    shift = _WIDTH[pool.version] - pool.length
    return pool.version == block.version and pool.length <= block.length and block.value >> shift == pool.value >> shift


def _sizes(members: Sequence[Member], networks: dict[str, NetworkPlan]) -> Iterator[str]:
    """A switch has a block of each pool that it draws on, aligned, and large enough for its ports."""
    for device, own in members:
        network = networks[device.network]
        leaf = device.role == "leaf"
        # RFC 3021, RFC 6164: two addresses a link; a subnet has besides its network, gateway and IPv4 broadcast
        hosts = device.downlinks + 3 if network.subnets else 2 * device.downlinks
        for what, found, pools, needed in (
            ("loopbacks", own.loopbacks, network.loopbacks, 1),
            ("hosts", own.hosts, network.hosts if leaf else (), hosts),
            ("uplinks", own.uplinks, network.links if device.uplinks else (), 2 * device.uplinks),
        ):
            if [p.version for p in found] != [p.version for p in pools]:
                families = ", ".join(f"IPv{p.version}" for p in pools) or "none"
                yield f"{device.name} has {len(found)} prefixes for its {what}, and of the network's pools it takes: {families}"
            for block in found:
                size = 1 << _WIDTH[block.version] - block.length
                if block.value & size - 1:
                    yield f"{prefix(block)} of {device.name} is no network address"
                elif size < needed or (what == "loopbacks" and size > 1):
                    yield f"{prefix(block)} for the {what} of {device.name} has {size} addresses, and {needed} are needed"


def _asns(members: Sequence[Member]) -> Iterator[str]:
    """RFC 7938: a leaf's ASN is its own; an ASN is shared by the spines of one group, or the cores of one plane.

    Networks do not meet, so that two may use the same ASNs (see intent.pools).
    """
    owners: dict[tuple[str, int], tuple[object, ...]] = {}
    names: dict[tuple[str, int], str] = {}
    shared: dict[tuple[object, ...], tuple[int, str]] = {}
    for device, plan in members:
        place = (device.site, device.plane, device.rail, device.group)
        owner = (device.network, device.role, *((device.name,) if device.role == "leaf" else place))
        key = (device.network, plan.asn)
        if owners.setdefault(key, owner) != owner:
            yield f"{device.name} and {names[key]} have the ASN {plan.asn}"
        names.setdefault(key, device.name)
        asn, first = shared.setdefault(owner, (plan.asn, device.name))
        if asn != plan.asn:
            yield f"{device.name} has the ASN {plan.asn}, and {first} beside it {asn}"


def _managed(members: Sequence[Member], intent: Intent) -> Iterator[str]:
    if intent.management is None:
        return
    pool, gateway = intent.management.pool, gateway_of(intent.management)
    last = pool.value + (1 << _WIDTH[pool.version] - pool.length) - 1
    # the first address is the network's, in IPv6 the routers' anycast (RFC 4291 2.6.1); the last is IPv4's broadcast
    reserved = {pool.value, gateway.value, *((last,) if pool.version == 4 else ())}
    managed: dict[tuple[int, int], str] = {}
    for device, plan in members:
        own = plan.management
        if own is None or own.length != pool.length or not _contains(pool, own) or own.value in reserved:
            yield f"{device.name} has no management address of the pool"
        elif (before := managed.setdefault(own[:2], device.name)) != device.name:
            yield f"{device.name} and {before} have the same management address"
