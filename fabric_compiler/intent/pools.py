"""Pools of addresses and ranges of ASNs: one prefix a family, and none that overlaps another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.intent.positions import SourceMap
from fabric_compiler.intent.schema import Intent
from fabric_compiler.model.device import Prefix

PURPOSES = ("loopbacks", "links", "hosts")


class Claim(NamedTuple):
    """Numbers from `first` to `last` of one space (an address family, a network's ASNs) that a line of the intent takes."""

    space: str
    first: int
    last: int
    what: str
    span: Span


def check(intent: Intent, source: SourceMap, report: Report) -> None:
    """Reports pools and ranges that overlap (FC4002) and more than one prefix of a family (FC2007)."""
    _one_a_family(intent, source, report)
    _disjoint([*_pools(intent, source), *_asns(intent, source)], report)


def size(prefix: Prefix) -> int:
    """Addresses in a prefix."""
    return 1 << ((32 if prefix.version == 4 else 128) - prefix.length)


def contains(pool: Prefix, address: Prefix) -> bool:
    return pool.version == address.version and 0 <= address.value - pool.value < size(pool)


def _prefixes(intent: Intent, network: str, purpose: str) -> tuple[Prefix, ...]:
    stated = getattr(intent.networks[network].addressing, purpose)
    return stated if isinstance(stated, tuple) else ()


def _one_a_family(intent: Intent, source: SourceMap, report: Report) -> None:
    for network in intent.networks:
        for purpose in PURPOSES:
            seen: dict[int, int] = {}
            for index, prefix in enumerate(_prefixes(intent, network, purpose)):
                path = ("networks", network, "addressing", purpose)
                if prefix.version in seen:
                    message = f"networks.{network}.addressing.{purpose}: a second IPv{prefix.version} prefix"
                    related = (("the first one", source.at(*path, seen[prefix.version])),)
                    hint = "state one prefix, or an IPv4 and an IPv6 one"
                    report.error("FC2007", message, source.at(*path, index), hint, related)
                seen.setdefault(prefix.version, index)


def _pools(intent: Intent, source: SourceMap) -> Iterator[Claim]:
    for network in intent.networks:
        for purpose in PURPOSES:
            for index, prefix in enumerate(_prefixes(intent, network, purpose)):
                what = f"networks.{network}.addressing.{purpose}"
                yield _claim(prefix, what, source.at("networks", network, "addressing", purpose, index))
    if intent.management:
        yield _claim(intent.management.pool, "management.pool", source.at("management", "pool"))


def _claim(prefix: Prefix, what: str, span: Span) -> Claim:
    return Claim(f"IPv{prefix.version}", prefix.value, prefix.value + size(prefix) - 1, what, span)


def _asns(intent: Intent, source: SourceMap) -> Iterator[Claim]:
    """Of one network: networks do not meet, so that two may use the same ASNs."""
    for network, stated in intent.networks.items():
        for role in ("leaf", "spine", "core", "router"):
            asns = getattr(stated.asns, role)
            if asns is not None:
                path = ("networks", network, "asns", role)
                yield Claim(f"ASN {network}", asns.first, asns.last, ".".join(path), source.at(*path))


def _disjoint(claims: Iterable[Claim], report: Report) -> None:
    """Sorted by their first number, a claim overlaps an earlier one only if it overlaps the one that reaches furthest."""
    furthest: dict[str, Claim] = {}
    for claim in sorted(claims, key=lambda c: (c.space, c.first, -c.last, c.span)):
        before = furthest.get(claim.space)
        if before is not None and claim.first <= before.last:
            later, earlier = (claim, before) if claim.span > before.span else (before, claim)
            message = f"{later.what} overlaps {earlier.what}"
            report.error("FC4002", message, later.span, "give each a range of its own", ((earlier.what, earlier.span),))
        if before is None or claim.last > before.last:
            furthest[claim.space] = claim
