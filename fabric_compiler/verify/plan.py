"""The plan gives no number twice and none from outside its pool. By sorting: linear in the devices but for the sort."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.ir.plan import DevicePlan, Plan, Prefix
from fabric_compiler.plan.numbers import gateway_of
from fabric_compiler.targets.text import prefix

_WIDTH = {4: 32, 6: 128}


def check_plan(graph: Graph, plan: Plan, intent: Intent, report: Report) -> None:
    """Report FC7002 for each rule that the plan breaks: that is a bug of the planner, or pools that overlap by default."""
    members = [(d, p) for d, p in zip(graph.devices, plan.devices, strict=True) if p]
    for sentence in (
        *_twice(members),
        *_overlaps(members),
        *_outside(members, plan),
        *_asns(members),
        *_managed(members, intent),
    ):
        report.error("FC7002", sentence)


def _twice(members: Iterable[tuple[Device, DevicePlan]]) -> Iterator[str]:
    seen: dict[tuple[str, object], str] = {}
    for device, plan in members:
        numbers: list[tuple[str, object]] = [("router ID", plan.router_id)]
        if plan.management:
            numbers.append(("management address", plan.management))
        for number in numbers:
            if number in seen:
                yield f"{device.name} and {seen[number]} have the same {number[0]}"
            seen[number] = device.name


def _overlaps(members: Iterable[tuple[Device, DevicePlan]]) -> Iterator[str]:
    """Loopbacks, hosts' aggregates and links' blocks of the whole fabric are disjoint."""
    blocks = [
        (p.version, p.value, p.value + (1 << _WIDTH[p.version] - p.length), device.name, p)
        for device, plan in members
        for p in (*plan.loopbacks, *plan.hosts, *plan.uplinks)
    ]
    blocks.sort(key=lambda block: block[:4])
    for one, two in pairwise(blocks):
        if one[0] == two[0] and two[1] < one[2]:
            yield f"{prefix(one[4])} of {one[3]} and {prefix(two[4])} of {two[3]} overlap"


def _outside(members: Iterable[tuple[Device, DevicePlan]], plan: Plan) -> Iterator[str]:
    pools = {network.name: network for network in plan.networks}
    for device, own in members:
        network = pools[device.network]
        for found, pool in ((own.loopbacks, network.loopbacks), (own.hosts, network.hosts), (own.uplinks, network.links)):
            for block in found:
                if not any(_contains(p, block) for p in pool):
                    yield f"{prefix(block)} of {device.name} is in no pool of {device.network}"


def _contains(pool: Prefix, block: Prefix) -> bool:
    shift = _WIDTH[pool.version] - pool.length
    return pool.version == block.version and pool.length <= block.length and block.value >> shift == pool.value >> shift


def _asns(members: Iterable[tuple[Device, DevicePlan]]) -> Iterator[str]:
    """RFC 7938: a leaf's ASN is its own; an ASN is shared by the spines of one group, or the cores of one plane."""
    owners: dict[tuple[str, int], tuple[object, ...]] = {}
    names: dict[tuple[str, int], str] = {}
    for device, plan in members:
        leaf = device.role == "leaf"
        owner = (device.name,) if leaf else (device.role, device.site, device.plane, device.rail, device.group)
        key = (device.network, plan.asn)
        if owners.setdefault(key, owner) != owner:
            yield f"{device.name} and {names[key]} have the ASN {plan.asn}"
        names[key] = device.name


def _managed(members: Iterable[tuple[Device, DevicePlan]], intent: Intent) -> Iterator[str]:
    if intent.management is None:
        return
    pool, gateway = intent.management.pool, gateway_of(intent.management)
    for device, plan in members:
        own = plan.management
        if (
            own is None
            or not _contains(pool, Prefix(own.version, own.value, _WIDTH[own.version]))
            or own.value == gateway.value
        ):
            yield f"{device.name} has no management address of the pool"
