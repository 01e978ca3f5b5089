"""Reads an frr.conf: sessions, policies, what BGP announces, and the addresses where FRR holds them.

Defaults are those of docs.frrouting.org (bgp.html) under `frr defaults traditional`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from fabric_compiler.model.device import Prefix
from fabric_compiler.verify.observed import Observed, ObservedInterface, ObservedRouting, ObservedSession
from fabric_compiler.verify.readback.peers import Defaults, FamilyLines, Peers, UsualPeer, sessions
from fabric_compiler.verify.readback.policies import BLOCK, is_policy, parse_address, parse_prefix, read_policies, shown

_VLAN = re.compile(r"(?i)vlan(\d+)")
_FAMILY = re.compile(r"^ +address-family (.*)\n((?:.*\n)*?)(?: +exit-address-family\n|\Z)", re.MULTILINE)
_NETWORK = re.compile(r"^ +network (\S*) *(.*)\n", re.MULTILINE)
# a neighbour as `show running-config` prints it, who has nothing of its own but its ASN: by interface, or by address
_USUAL = re.compile(
    r"^ neighbor (\S+) (?:interface peer-group (\S+)\n neighbor \1 remote-as (\d{1,10})"
    r"|remote-as (\d{1,10})\n neighbor \1 peer-group (\S+))\n(?: neighbor \1 description .*\n)?",
    re.MULTILINE,
)

# words at the margin, and of BGP, that say nothing of where a route goes
_HARMLESS = frozenset({"frr", "log", "service", "fpm", "debug", "agentx", "bfd", "end", "exit"})
_HARMLESS_BGP = frozenset({"log-neighbor-changes", "graceful-restart"})
_HARMLESS_NEIGHBOR = frozenset({"description", "bfd", "timers", "advertisement-interval"})
_VERSIONS = {"ipv4": 4, "ipv4 unicast": 4, "ipv6": 6, "ipv6 unicast": 6}
_MAXIMUM_PATHS = 256  # unless stated: what Debian and SONiC build FRR with, at least


@dataclass(slots=True)
class FrrFacts:
    """What stands in an frr.conf. A session without an ASN of its own or of its group is none: FRR would not start it."""

    hostname: str = ""
    asn: int = 0
    router_id: int = 0
    sessions: tuple[ObservedSession, ...] = ()
    announced: tuple[Prefix, ...] = ()
    addresses: dict[str, tuple[Prefix, ...]] = field(default_factory=dict)
    shut: frozenset[str] = frozenset()
    routing: ObservedRouting | None = None


def facts(text: str) -> FrrFacts:
    """Read an frr.conf. Raises ValueError with the line that FRR would refuse."""
    try:
        return _Reader(text).facts()
    except (IndexError, ValueError):
        number, problem = _refused(text)
        said = "it ends too early" if isinstance(problem, IndexError) else problem
        raise ValueError(f"frr.conf, line {number}: {said}") from problem


def _refused(text: str) -> tuple[int, Exception]:
    """The line with which a file stops being one, and why."""
    lines = text.split("\n")
    for number in range(1, len(lines) + 1):
        try:
            _Reader("\n".join(lines[:number])).facts()
        except (IndexError, ValueError) as problem:
            return number, problem
    raise AssertionError("the file as a whole was refused")


class _Reader:
    """Where we are in a file, and what was found up to there."""

    def __init__(self, text: str) -> None:
        self._text = text if text.endswith("\n") else f"{text}\n"
        self._hostname = ""
        self._asn = self._router_id = 0
        self._peers = Peers()
        self._families: dict[tuple[int, str], FamilyLines] = {}
        self._announced: list[Prefix] = []
        self._addresses: dict[str, list[Prefix]] = {}
        self._shut: set[str] = set()
        self._discards: list[Prefix] = []
        self._paths: dict[int, int] = {4: _MAXIMUM_PATHS, 6: _MAXIMUM_PATHS}
        self._multipath: Literal["any", "neighbour"] = "neighbour"  # same remote-as: bgp_path_info_cmp of FRR's bgp_route.c
        self._requires_policy = True
        self._ipv4_active = True
        self._unread: list[str] = []

    def facts(self) -> FrrFacts:
        policies = []
        for block in BLOCK.finditer(self._text):
            if is_policy(block[1].split()):
                policies.append(block[0])
            else:
                self._block(block[1].split(), block[2], block[1])
        read = read_policies("".join(policies))
        # FRR sends communities, and knows no limit, unless told
        defaults = Defaults(self._ipv4_active, True, 0, True)
        found, missing = sessions(self._peers, read, defaults)
        return FrrFacts(
            hostname=self._hostname,
            asn=self._asn,
            router_id=self._router_id,
            sessions=found,
            announced=tuple(self._announced),
            addresses={name: tuple(own) for name, own in self._addresses.items()},
            shut=frozenset(self._shut),
            routing=ObservedRouting(
                maximum_paths=self._paths,
                multipath=self._multipath,
                requires_policy=self._requires_policy,
                limits_received=False,  # a prefix that a filter or a loop drops is not counted
                forwards=frozenset({4, 6}),
                forwards_over_ipv6=True,
                discards=tuple(self._discards),
                unread=(*self._unread, *read.unread, *missing),
            ),
        )

    def _block(self, words: list[str], body: str, head: str) -> None:
        match words:
            case ["hostname", *_]:
                self._hostname = words[1]
            case ["interface", *_]:
                self._interface(words[1], body)
                self._unread += [shown(head)] if len(words) > 2 else []  # of a VRF
            case ["ip" | "ipv6", "route", network, "Null0" | "blackhole" | "reject"]:
                self._discards.append(parse_prefix(network))
            case ["router", "bgp", asn]:
                self._bgp(_asn(asn), body)
            case [word, *_] if word in _HARMLESS:
                pass
            case ["no", word, *_] if word in _HARMLESS:
                pass
            case _:
                self._unread.append(shown(head))

    def _interface(self, name: str, body: str) -> None:
        for words in map(str.split, body.split("\n")):
            match words:
                case ["ip" | "ipv6", "address", address]:
                    self._addresses.setdefault(name, []).append(parse_prefix(address))
                case ["shutdown"]:
                    self._shut.add(name)
                case [word, *_] if word[0] not in "!#" and word not in ("description", "exit"):
                    self._unread.append(f"interface {name}: {shown(' '.join(words))}")

    def _bgp(self, asn: int, body: str) -> None:
        if self._asn not in (0, asn):
            raise ValueError(f"a second BGP instance, {asn} after {self._asn}")
        self._asn = asn
        start = body.find("\n address-family ") + 1 or len(body)
        neighbors, families = body[:start], body[start:]
        for family, lines in _FAMILY.findall(families):
            version = _VERSIONS.get(family.strip())
            if version:
                self._family(version, lines)
            else:
                self._unread.append(f"address-family {shown(family)}")
        for line in self._usual(neighbors + _FAMILY.sub("", families)).split("\n"):
            words = line.split(None, 3)
            if not words or words[0][0] in "!#":
                continue
            known = self._neighbor(words) if words[0] == "neighbor" else self._bgp_line(line.split())
            if not known:
                self._unread.append(shown(line))

    def _usual(self, lines: str) -> str:
        """Take the neighbours who say what nearly all say; returns the other lines. There are hundreds a device."""
        parts = _USUAL.split(lines)
        others = "".join(parts[::6])
        columns = [parts[n::6] for n in range(1, 6)]
        named = {line.split(None, 2)[1] for line in others.split("\n") if line.startswith(" neighbor ") and len(line) > 10}
        if not named.isdisjoint(columns[0]):
            return lines  # somebody says more than usual, before or after: the order counts
        self._peers.usual = [
            UsualPeer(name, group or group_after, int(asn or asn_after), asn is not None)
            for name, group, asn, asn_after, group_after in zip(*columns, strict=True)
        ]
        return others

    def _bgp_line(self, words: list[str]) -> bool:
        match words:
            case ["bgp", "router-id", address]:
                self._router_id = parse_address(address).value
            case ["bgp", "bestpath", "as-path", "multipath-relax"]:
                self._multipath = "any"
            case ["bgp", "bestpath", "compare-routerid"]:
                pass
            case ["bgp", "ebgp-requires-policy"]:
                self._requires_policy = True
            case ["no", "bgp", "ebgp-requires-policy"]:
                self._requires_policy = False
            case ["bgp", "default", "ipv4-unicast"]:
                self._ipv4_active = True
            case ["no", "bgp", "default", "ipv4-unicast"]:
                self._ipv4_active = False
            case ["bgp", word, *_] if word in _HARMLESS_BGP:
                pass
            case ["timers", "bgp", *_]:
                pass
            case ["network", network]:
                self._announced.append(parse_prefix(network))
            case _:
                return False
        return True

    def _neighbor(self, words: list[str]) -> bool:
        """`neighbor NAME WHAT REST`, the rest as one word."""
        name, what = words[1], words[2]
        if what in _HARMLESS_NEIGHBOR:
            return True
        rest = words[3].split() if len(words) > 3 else []
        if what == "peer-group" and not rest:
            self._peers.groups.setdefault(name, self._peers.named(name))
            self._peers.peers.pop(name, None)
            return True
        if what not in ("interface", "remote-as", "peer-group", "capability", "shutdown"):
            return False
        peer = self._peers.named(name)
        if what == "interface":
            peer.interface = True
        elif what == "capability":
            peer.extended_next_hop = rest == ["extended-nexthop"]
            return peer.extended_next_hop
        elif what == "shutdown":
            peer.shut = True
            return True
        else:
            rest = [what, *rest]
        for key, value in pairwise(rest):
            if key == "remote-as":
                peer.asn = 0 if value == "external" else _asn(value)
            elif key == "peer-group":
                peer.group = value
        return True

    def _family(self, version: int, lines: str) -> None:
        networks = _NETWORK.findall(lines)
        self._announced += [parse_prefix(network) for network, _ in networks]
        self._unread += [f"network {network} {shown(rest)}" for network, rest in networks if rest]
        settings, paths, unread = _settings(_NETWORK.sub("", lines))
        self._families |= {(version, name): stated for name, stated in settings.items()}
        self._peers.families = self._families
        self._paths[version] = paths or self._paths[version]
        self._unread += [f"address-family ipv{version}: {line}" for line in unread]


@lru_cache(maxsize=512)
def _settings(lines: str) -> tuple[dict[str, FamilyLines], int, tuple[str, ...]]:
    """What an address family says of neighbours and groups, its maximum-paths, and what is not known."""
    found: dict[str, FamilyLines] = {}
    paths, unread = 0, []
    for line in lines.split("\n"):
        words = line.split()
        name = words[1] if len(words) > 1 else ""
        stated = found.get(name, FamilyLines())
        match words:
            case [] | ["!", *_]:
                pass
            case ["neighbor", _, "activate"]:
                found[name] = stated._replace(active=True)
            case ["no", "neighbor", name, "activate"]:
                found[name] = found.get(name, FamilyLines())._replace(active=False)
            case ["neighbor", _, "route-map", policy, "in"]:
                found[name] = stated._replace(accept=policy)
            case ["neighbor", _, "route-map", policy, "out"]:
                found[name] = stated._replace(announce=policy)
            case ["neighbor", _, "maximum-prefix", limit]:
                found[name] = stated._replace(limit=int(limit))
            case ["neighbor", _, "soft-reconfiguration" | "send-community", *_]:
                pass
            case ["maximum-paths", number]:
                paths = int(number)
            case _:
                unread.append(shown(line))
    return found, paths, tuple(unread)


def _asn(text: str) -> int:
    if not text.isdecimal() or len(text) > 10:
        raise ValueError(f"not an ASN: {text[:60]!r}")
    return int(text)


def read(files: Mapping[str, bytes]) -> Observed:
    """What a Linux router with this frr.conf would do. Speed, MTU and QoS are not FRR's, and stay unknown."""
    found = facts(files["frr.conf"].decode())
    unnumbered = {s.interface for s in found.sessions if s.interface}
    interfaces: dict[str, ObservedInterface] = {}
    vlans: dict[int, tuple[Prefix, ...]] = {}
    for name in [*found.addresses, *sorted(unnumbered - found.addresses.keys())]:
        if name == "lo":
            continue
        if vlan := _VLAN.fullmatch(name):
            vlans[int(vlan[1])] = found.addresses[name]
            continue
        interfaces[name] = ObservedInterface(
            enabled=name not in found.shut,
            speed=0,
            mtu=0,
            fec="",
            addresses=found.addresses.get(name, ()),
            unnumbered=name in unnumbered,
            vlan=0,
            lossless=(),
        )
    return Observed(
        hostname=found.hostname,
        asn=found.asn,
        router_id=found.router_id,
        loopbacks=found.addresses.get("lo", ()),
        interfaces=interfaces,
        vlans=vlans,
        sessions=found.sessions,
        announced=found.announced,
        routing=found.routing,
    )
