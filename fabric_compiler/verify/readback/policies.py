"""Filters and route-maps, whose words are the same in FRR (filter.html, routemap.html) and EOS (ACLs and Route Maps).

Lines that are met and not known are kept: a policy of which a part was passed over would be another policy.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from fabric_compiler.model.device import Prefix
from fabric_compiler.verify.observed import CommunityMatch, ObservedPolicy, PrefixMatch, Term

BLOCK: Final = re.compile(r"^([^\s!#].*)\n((?:(?:[ !#].*)?\n)*)", re.MULTILINE)
"""A line at the margin and the lines below it, up to the next at the margin."""

# the words that both operating systems print for them (RFC 1997, RFC 8326)
_COMMUNITIES = {"no-export": 0xFFFFFF01, "no-advertise": 0xFFFFFF02, "graceful-shutdown": 0xFFFF0000, "GSHUT": 0xFFFF0000}
_SHOWN = 80  # characters of a line that is not known


class _Lines(NamedTuple):
    """A term as it stands: lists by name."""

    term: Term
    list4: str = ""
    list6: str = ""
    community_list: str = ""


@dataclass(slots=True)
class Policies:
    """What the filters and route-maps of a device say, in the order of the file, and what nobody here understands."""

    prefix_lists: dict[tuple[int, str], list[tuple[int, PrefixMatch]]] = field(default_factory=dict)
    community_lists: dict[str, list[tuple[int, CommunityMatch]]] = field(default_factory=dict)
    terms: dict[str, list[_Lines]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


class ReadPolicies(NamedTuple):
    """Route-maps by name with their lists put in."""

    by_name: dict[str, ObservedPolicy]
    unread: tuple[str, ...]


def parse_address(text: str) -> Prefix:
    """'10.0.0.1' or 'fd00::1' -> Prefix of a host. Raises ValueError."""
    family, version, length = (socket.AF_INET6, 6, 128) if ":" in text else (socket.AF_INET, 4, 32)
    try:
        return Prefix(version, int.from_bytes(socket.inet_pton(family, text), "big"), length)
    except OSError as problem:
        raise ValueError(f"not an address: {text[:60]!r}") from problem


def parse_prefix(text: str) -> Prefix:
    """'10.0.0.1/31' -> Prefix with the host's bits. Raises ValueError."""
    host, slash, length = text.partition("/")
    own = parse_address(host)
    if not slash or not length.isdecimal() or int(length) > own.length:
        raise ValueError(f"not a prefix: {text[:60]!r}")
    return own._replace(length=int(length))


def network_of(address: Prefix) -> Prefix:
    """The subnet of an address."""
    shift = {4: 32, 6: 128}[address.version] - address.length
    return address._replace(value=address.value >> shift << shift)


@lru_cache(maxsize=512)
def read_policies(text: str) -> ReadPolicies:
    """The policies of a device from those of its lines that belong to them. Most devices of a role have the same text."""
    found = Policies()
    for head, body in BLOCK.findall(text):
        if not _block(found, head, body):
            found.unread.append(shown(head))
    resolved = {name: _resolved(found, name) for name in found.terms}
    return ReadPolicies(resolved, tuple(found.unread))


def is_policy(words: Sequence[str]) -> bool:
    """Whether a line at the margin belongs to the filters and route-maps."""
    return words[0] == "route-map" or (
        words[0] in ("ip", "ipv6", "bgp") and len(words) > 1 and words[1] in ("prefix-list", "community-list")
    )


def shown(line: str) -> str:
    line = line.strip()
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def _block(found: Policies, head: str, body: str) -> bool:
    """False for a line that is not known. FRR has a line for each entry of a list, EOS a block a list."""
    match head.split():
        case ["ip" | "ipv6" as family, "prefix-list", name, *rule]:
            version = 4 if family == "ip" else 6
            rules = found.prefix_lists.setdefault((version, name), [])
            if rule:
                rules.append(_prefix_rule(version, tuple(rule)))
            rules += [_prefix_rule(version, tuple(line.split())) for line in _lines(body)]
            return True
        case ["bgp" | "ip", "community-list", *words] if not body.strip(" !\n"):
            return _community_list(found, words[1:] if words[:1] == ["standard"] else words)
        case ["route-map", name, "permit" | "deny" as action, sequence]:
            lines, unread = _term(int(sequence), action == "permit", body)
            found.terms.setdefault(name, []).append(lines)
            found.unread += [f"route-map {name} {sequence}: {line}" for line in unread]
            return True
    return False


def _lines(body: str) -> list[str]:
    return [line for line in body.split("\n") if line and line.strip()[:1] not in ("", "!", "#")]


@lru_cache(maxsize=4096)
def _prefix_rule(version: int, words: tuple[str, ...]) -> tuple[int, PrefixMatch]:
    """`seq 10 permit 10.0.0.0/8 ge 24 le 32`. A bound that is not stated is the prefix's own length, above `ge` the longest."""
    match words:
        case ["seq", sequence, "permit" | "deny" as action, network, *bounds]:
            prefix = parse_prefix(network)
            limits = dict(zip(bounds[::2], map(int, bounds[1::2]), strict=True))
            if prefix.version == version and limits.keys() <= {"ge", "le"}:
                shortest = limits.get("ge", prefix.length)
                longest = limits.get("le", {4: 32, 6: 128}[version] if "ge" in limits else prefix.length)
                return int(sequence), PrefixMatch(action == "permit", network_of(prefix), shortest, longest)
    raise ValueError(f"not a line of an IPv{version} prefix list: {shown(' '.join(words))!r}")


def _community_list(found: Policies, words: list[str]) -> bool:
    match words:
        case [name, "seq", number, "permit" | "deny" as action, *communities] if communities:
            sequence = int(number)
        case [name, "permit" | "deny" as action, *communities] if communities:
            sequence = len(found.community_lists.get(name, ()))
        case _:
            return False
    held = frozenset(_community(text) for text in communities)
    found.community_lists.setdefault(name, []).append((sequence, CommunityMatch(action == "permit", held)))
    return True


def _community(text: str) -> int:
    """'65535:0' -> number. Raises ValueError."""
    if text in _COMMUNITIES:
        return _COMMUNITIES[text]
    high, colon, low = text.partition(":")
    if not (colon and high.isdecimal() and low.isdecimal() and int(high) < 1 << 16 and int(low) < 1 << 16):
        raise ValueError(f"not a community: {text[:60]!r}")
    return int(high) << 16 | int(low)


@lru_cache(maxsize=1024)
def _term(sequence: int, permit: bool, body: str) -> tuple[_Lines, tuple[str, ...]]:
    """A term of a route-map, and its lines that are not known."""
    found, unread = _Lines(Term(sequence, permit)), []
    for line in _lines(body):
        match line.split():
            case ["match", "ip", "address", "prefix-list", name]:
                found = found._replace(list4=name)
            case ["match", "ipv6", "address", "prefix-list", name]:
                found = found._replace(list6=name)
            case ["match", "community", name]:
                found = found._replace(community_list=name)
            case ["set", "as-path", "prepend", *asns] if asns and all(asn.isdecimal() for asn in asns):
                found = found._replace(term=found.term._replace(prepend=tuple(map(int, asns))))
            case ["set", "community", "none"]:
                found = found._replace(term=found.term._replace(set_communities=frozenset(), additive=False))
            case ["set", "community", *communities] if communities:
                additive = communities[-1] == "additive"
                held = frozenset(_community(text) for text in (communities[:-1] if additive else communities))
                found = found._replace(term=found.term._replace(set_communities=held, additive=additive))
            case ["set", "local-preference", preference]:
                found = found._replace(term=found.term._replace(preference=int(preference)))
            case ["exit"] | ["description", *_]:
                pass
            case _:
                unread.append(shown(line))
    return found, tuple(unread)


def _resolved(found: Policies, name: str) -> ObservedPolicy:
    """The route-map with its lists. One that is missing matches nothing here, and is said to be missing."""
    terms = []
    for lines in sorted(found.terms[name], key=lambda lines: lines.term.sequence):
        term = lines.term
        if lines.list4 and lines.list6:
            found.unread.append(f"route-map {name} {term.sequence} matches an IPv4 and an IPv6 prefix list together")
        if lines.list4:
            term = term._replace(prefixes4=_list(found, 4, lines.list4))
        if lines.list6:
            term = term._replace(prefixes6=_list(found, 6, lines.list6))
        if lines.community_list:
            entries = found.community_lists.get(lines.community_list)
            if entries is None:
                found.unread.append(f"the community list {lines.community_list} is matched and not there")
            term = term._replace(communities=tuple(entry for _, entry in sorted(entries or (), key=lambda e: e[0])))
        terms.append(term)
    return ObservedPolicy(name, tuple(terms))


def _list(found: Policies, version: int, name: str) -> tuple[PrefixMatch, ...]:
    rules = found.prefix_lists.get((version, name))
    if rules is None:
        found.unread.append(f"the prefix list {name} is matched and not there")
    return tuple(rule for _, rule in sorted(rules or (), key=lambda rule: rule[0]))
