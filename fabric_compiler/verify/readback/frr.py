"""Reads an frr.conf: sessions, what BGP announces, and the addresses where FRR holds them."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from fabric_compiler.model.device import Prefix
from fabric_compiler.verify.observed import Observed, ObservedInterface, ObservedSession

_VLAN = re.compile(r"(?i)vlan(\d+)")


@dataclass(slots=True)
class _Peer:
    asn: int = -1  # -1: not stated here
    group: str = ""
    interface: bool = False


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


class _Reader:
    """Where we are in a file, and what was found up to there."""

    def __init__(self) -> None:
        self.found = FrrFacts()
        self.peers: dict[str, _Peer] = {}
        self.groups: dict[str, _Peer] = {}
        self.announced: list[Prefix] = []
        self.addresses: dict[str, list[Prefix]] = {}
        self.shut: set[str] = set()
        self._context = ""
        self._interface = ""

    def line(self, raw: str) -> None:
        """Raises IndexError where the line ends too early, ValueError for a word that cannot be."""
        words = raw.split()
        if not words or words[0][0] in "!#":
            return
        if raw[0] != " ":
            self._open(words)
        elif self._context == "bgp":
            if words[0] == "neighbor":
                _neighbor(words, self.peers, self.groups)
            elif words[0] == "network":
                self.announced.append(parse_prefix(words[1]))
            elif words[0] == "bgp" and words[1] == "router-id":
                self.found.router_id = parse_address(words[2]).value
        elif self._context == "interface":
            if words[0] in ("ip", "ipv6") and words[1] == "address":
                self.addresses.setdefault(self._interface, []).append(parse_prefix(words[2]))
            elif words[0] == "shutdown":
                self.shut.add(self._interface)

    def _open(self, words: list[str]) -> None:
        """A line at the margin ends the block before it; BGP instances of a VRF are not the underlay's."""
        self._context = ""
        if words[0] == "hostname":
            self.found.hostname = words[1]
        elif words[0] == "interface":
            self._context, self._interface = "interface", words[1]
        elif words[:2] == ["router", "bgp"] and len(words) == 3:
            asn = _asn(words[2])
            if self.found.asn not in (0, asn):
                raise ValueError(f"a second BGP instance, {asn} after {self.found.asn}")
            self._context, self.found.asn = "bgp", asn


def facts(text: str) -> FrrFacts:
    """Read an frr.conf line by line; lines that say nothing of interest are passed over. Raises ValueError with the line."""
    reader = _Reader()
    for number, raw in enumerate(text.split("\n"), start=1):
        try:
            reader.line(raw)
        except (IndexError, ValueError) as problem:
            said = "it ends too early" if isinstance(problem, IndexError) else problem
            raise ValueError(f"frr.conf, line {number}: {said}") from problem
    found = reader.found
    found.sessions = tuple(_sessions(reader.peers, reader.groups))
    found.announced = tuple(reader.announced)
    found.addresses = {name: tuple(own) for name, own in reader.addresses.items()}
    found.shut = frozenset(reader.shut)
    return found


def _asn(text: str) -> int:
    if not text.isdecimal() or len(text) > 10:
        raise ValueError(f"not an ASN: {text[:60]!r}")
    return int(text)


def _neighbor(words: list[str], peers: dict[str, _Peer], groups: dict[str, _Peer]) -> None:
    """`neighbor NAME ...`: what says who it is; its policies and families do not matter here."""
    name, what = words[1], words[2]
    if what == "peer-group" and len(words) == 3:
        groups.setdefault(name, _Peer())
    elif what == "interface":
        peer = peers.setdefault(name, _Peer())
        peer.interface = True
        _assign(peer, words[3:])
    elif what in ("remote-as", "peer-group"):
        peer = groups[name] if name in groups else peers.setdefault(name, _Peer())
        _assign(peer, words[2:])


def _assign(peer: _Peer, words: list[str]) -> None:
    for key, value in pairwise(words):
        if key == "remote-as":
            peer.asn = 0 if value == "external" else _asn(value)
        elif key == "peer-group":
            peer.group = value


def _sessions(peers: Mapping[str, _Peer], groups: Mapping[str, _Peer]) -> list[ObservedSession]:
    sessions = []
    for name, peer in peers.items():
        asn = peer.asn if peer.asn >= 0 else groups[peer.group].asn if peer.group in groups else -1
        if asn < 0:
            continue
        if peer.interface:
            sessions.append(ObservedSession(name, None, asn))
        else:
            sessions.append(ObservedSession("", parse_address(name), asn))
    return sessions


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
    )
