"""The pools of a network: those of the intent, or the defaults of its place among the networks."""

from __future__ import annotations

from dataclasses import dataclass

from fabric_compiler.intent.schema import NetworkIntent
from fabric_compiler.intent.values import AsnRange
from fabric_compiler.ir.plan import Prefix, Prefixes

MAX_DEFAULTS = 14  # networks that 10.0.0.0/8 is cut for


@dataclass(frozen=True, slots=True)
class Pools:
    """`links` is empty where links are unnumbered."""

    loopbacks: Prefixes
    links: Prefixes
    hosts: Prefixes
    leaf_asns: AsnRange
    spine_asns: AsnRange
    core_asns: AsnRange


def pools(network: NetworkIntent, slot: int) -> Pools:
    """Stated pools, IPv4 first. Defaults: hosts 10.0.0.0/12, 10.16.0.0/12 ...; loopbacks 10.224.0.0/16, 10.225.0.0/16 ...;
    ASNs of 32 bits for private use (RFC 6996)."""
    addressing, asns = network.addressing, network.asns
    ten = 10 << 24
    if network.protocol == "infiniband":  # addresses are the subnet manager's to give
        none = _asns(0, 0)
        return Pools((), (), (), none, none, none)
    links: Prefixes = () if isinstance(addressing.links, str) else tuple(sorted(addressing.links))
    return Pools(
        loopbacks=tuple(sorted(addressing.loopbacks or (Prefix(4, ten + ((224 + slot) << 16), 16),))),
        links=links,
        hosts=tuple(sorted(addressing.hosts or (Prefix(4, ten + (slot << 20), 12),))),
        leaf_asns=asns.leaf or _asns(4_200_000_000 + slot * 1_000_000, 1_000_000),
        spine_asns=asns.spine or _asns(4_240_000_000 + slot * 100_000, 100_000),
        core_asns=asns.core or _asns(4_250_000_000 + slot * 100_000, 100_000),
    )


def _asns(first: int, count: int) -> AsnRange:
    return AsnRange(first, first + count - 1)
