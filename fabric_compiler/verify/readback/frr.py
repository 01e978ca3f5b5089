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


def facts(text: str) -> FrrFacts:
    """Read an frr.conf line by line; lines that say nothing of interest are passed over. Raises ValueError."""
    found = FrrFacts()
    peers: dict[str, _Peer] = {}
    groups: dict[str, _Peer] = {}
    announced: list[Prefix] = []
    addresses: dict[str, list[Prefix]] = {}
    shut: set[str] = set()
    context, interface = "", ""
    for raw in text.splitlines():
        words = raw.split()
        if not words or words[0][0] in "!#":
            continue
        if raw[0] != " ":
            context = words[0]
            if context == "hostname":
                found.hostname = words[1]
            elif context == "interface":
                interface = words[1]
            elif context == "router":
                if words[1] == "bgp":
                    if found.asn and found.asn != int(words[2]):
                        raise ValueError("two BGP instances")
                    found.asn = int(words[2])
                else:
                    context = ""
        elif context == "router":
            if words[0] == "neighbor":
                _neighbor(words, peers, groups)
            elif words[0] == "network":
                announced.append(parse_prefix(words[1]))
            elif words[:2] == ["bgp", "router-id"]:
                found.router_id = parse_address(words[2]).value
        elif context == "interface":
            if words[0] in ("ip", "ipv6") and words[1] == "address":
                addresses.setdefault(interface, []).append(parse_prefix(words[2]))
            elif words[0] == "shutdown":
                shut.add(interface)
    found.sessions = tuple(_sessions(peers, groups))
    found.announced = tuple(announced)
    found.addresses = {name: tuple(own) for name, own in addresses.items()}
    found.shut = frozenset(shut)
    return found


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
            peer.asn = int(value) if value.isdecimal() else 0
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
