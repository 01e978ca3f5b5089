"""Reads an Arista EOS configuration as the switch would: what is not stated has EOS's default.

Defaults are those of Arista's EOS manual: an IP MTU of 1500, DSCP 0-7 in traffic class 1 and 8-15 in class 0, else the class
of the upper three bits; the PFC priority of a traffic class has its number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from fabric_compiler.model.device import Prefix
from fabric_compiler.verify.observed import Observed, ObservedInterface, ObservedSession
from fabric_compiler.verify.readback.frr import parse_address, parse_prefix

_MTU = 1500
_BANNER = re.compile(r"^banner .*\n(?:(?!EOF$).*\n)*EOF$", re.MULTILINE)
_INTERFACE = re.compile(r"^interface (\S+)\n((?: .*\n)*)", re.MULTILINE)
# the lines that differ from port to port: the description, and addresses
_OWN = re.compile(r"^   (?:description .*|(?:ip|ipv6) address (\S+/\d+).*)\n", re.MULTILINE)
_SPEED = re.compile(r"(?:auto |forced )?(\d+(?:\.\d+)?)([gt])(?:-\d+|full)?")
_DEFAULT_CLASSES = tuple({0: 1, 1: 0}.get(dscp >> 3, dscp >> 3) for dscp in range(64))


@dataclass(slots=True)
class _Port:
    enabled: bool = True
    speed: int = 0
    mtu: int = _MTU
    fec: str = ""
    addresses: list[Prefix] = field(default_factory=list)
    link_local: bool = False
    switched: bool = True
    vlan: int = 1
    profile: str = ""


@dataclass(slots=True)
class _Profile:
    """A QoS profile's part in PFC."""

    on: bool = False
    no_drop: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Peer:
    asn: int = -1  # -1: not stated here
    group: str = ""
    interface: bool = False


@dataclass(slots=True)
class _Found:
    hostname: str = ""
    asn: int = 0
    router_id: int = 0
    ports: dict[str, _Port] = field(default_factory=dict)
    profiles: dict[str, _Profile] = field(default_factory=dict)
    classes: list[int] = field(default_factory=lambda: list(_DEFAULT_CLASSES))
    groups: dict[str, _Peer] = field(default_factory=dict)
    peers: dict[str, _Peer] = field(default_factory=dict)
    announced: list[Prefix] = field(default_factory=list)


def read(files: Mapping[str, bytes]) -> Observed:
    """Read the one .cfg of a device. Raises ValueError, KeyError or IndexError for what is no EOS configuration."""
    names = [name for name in files if name.endswith(".cfg")]
    if len(names) != 1:
        raise ValueError(f"expected one .cfg of a device, got {len(names)}")
    found = _parse(files[names[0]].decode())
    lossless = {name: _lossless(profile, found.classes) for name, profile in found.profiles.items()}
    svis = {int(name[4:]): port for name, port in found.ports.items() if name.startswith("Vlan")}
    interfaces = {
        name: _observed(port, svis, lossless.get(port.profile, ()))
        for name, port in found.ports.items()
        if name.startswith("Ethernet")
    }
    loopback = found.ports.get("Loopback0")
    return Observed(
        hostname=found.hostname,
        asn=found.asn,
        router_id=found.router_id,
        loopbacks=tuple(sorted(loopback.addresses)) if loopback else (),
        interfaces=interfaces,
        vlans={number: tuple(sorted(svi.addresses)) for number, svi in svis.items()},
        sessions=tuple(_sessions(found)),
        announced=tuple(found.announced),
    )


def _parse(text: str) -> _Found:
    found = _Found()
    text = _BANNER.sub("", text if text.endswith("\n") else text + "\n")
    for name, body in _INTERFACE.findall(text):
        own = [parse_prefix(address) for address in _OWN.findall(body) if address]
        found.ports[name] = replace(_port(_OWN.sub("", body)), addresses=own)
    mode, submode, profile = "", "", _Profile()
    for raw in _INTERFACE.sub("", text).split("\n"):
        if not raw or raw[0] == "!":
            continue
        words = raw.split()
        if raw[0] == " ":
            deeper = raw.startswith("    ")
            if not deeper:
                submode = words[0] if words else ""
            if mode == "bgp" and (not deeper or submode == "address-family"):
                _bgp_line(found, words)
            elif mode == "profile" and not deeper:
                _profile_line(profile, words)
            continue
        mode = ""
        if words[:2] == ["router", "bgp"]:
            mode, found.asn = "bgp", int(words[2])
        elif words[:2] == ["qos", "profile"]:
            mode, profile = "profile", found.profiles.setdefault(words[2], _Profile())
        elif words[:3] == ["qos", "map", "dscp"]:
            end = words.index("to")
            for dscp in words[3:end]:
                found.classes[int(dscp)] = int(words[end + 2])
        elif words[0] == "hostname":
            found.hostname = words[1]
    return found


@lru_cache(maxsize=512)
def _port(body: str) -> _Port:
    """What the lines of an interface say, apart from what is its own alone: most interfaces of a fabric say the same."""
    port = _Port()
    for raw in body.split("\n"):
        if not raw.startswith("    "):
            _port_line(port, raw.split())
    return port


def _port_line(port: _Port, words: list[str]) -> None:
    match words:
        case ["no", "switchport"]:
            port.switched = False
        case ["speed", *rate]:
            port.speed = _speed(" ".join(rate))
        case ["mtu", mtu]:
            port.mtu = int(mtu)
        case ["error-correction", "encoding", "reed-solomon"]:
            port.fec = "rs"
        case ["no", "error-correction", "encoding"]:
            port.fec = "none"
        case ["ipv6", "enable"]:
            port.link_local = True
        case ["service-profile", name]:
            port.profile = name
        case ["shutdown"]:
            port.enabled = False
        case ["no", "shutdown"]:
            port.enabled = True
        case ["switchport", "access", "vlan", number]:
            port.vlan = int(number)
        case ["switchport"]:
            port.switched = True


@lru_cache(maxsize=64)
def _speed(rate: str) -> int:
    """'400g-4' -> Mb/s; 0 for `auto` alone."""
    known = _SPEED.fullmatch(rate)
    return round(float(known[1]) * {"g": 1000, "t": 1_000_000}[known[2]]) if known else 0


def _profile_line(profile: _Profile, words: list[str]) -> None:
    match words:
        case ["priority-flow-control", "on"]:
            profile.on = True
        case ["no", "priority-flow-control"]:
            profile.on = False
        case ["priority-flow-control", "priority", priority, "no-drop"]:
            profile.no_drop.add(int(priority))
        case ["priority-flow-control", "priority", priority, "drop"]:
            profile.no_drop.discard(int(priority))


def _bgp_line(found: _Found, words: list[str]) -> None:
    match words:
        case ["router-id", address]:
            found.router_id = parse_address(address).value
        case ["network", network, *_]:
            found.announced.append(parse_prefix(network))
        case ["neighbor", "interface", name, "peer-group", group, *rest]:
            found.peers[name] = _Peer(int(rest[1]) if rest[:1] == ["remote-as"] else -1, group, True)
        case ["neighbor", name, "peer", "group"]:
            found.groups.setdefault(name, _Peer())
        case ["neighbor", name, "peer", "group", group]:
            found.peers.setdefault(name, _Peer()).group = group
        case ["neighbor", name, "remote-as", asn]:
            peer = found.groups[name] if name in found.groups else found.peers.setdefault(name, _Peer())
            peer.asn = int(asn)


def _sessions(found: _Found) -> list[ObservedSession]:
    """A neighbour without an ASN of its own or of its group has no session."""
    sessions = []
    for name, peer in found.peers.items():
        asn = peer.asn if peer.asn >= 0 or peer.group not in found.groups else found.groups[peer.group].asn
        if asn >= 0:
            sessions.append(
                ObservedSession(name if peer.interface else "", None if peer.interface else parse_address(name), asn)
            )
    return sessions


def _lossless(profile: _Profile, classes: list[int]) -> tuple[tuple[tuple[int, ...], int], ...]:
    """The classes that the profile pauses, with the DSCP values of each."""
    if not profile.on:
        return ()
    return tuple(sorted((tuple(d for d in range(64) if classes[d] == priority), priority) for priority in profile.no_drop))


def _observed(port: _Port, svis: Mapping[int, _Port], lossless: tuple[tuple[tuple[int, ...], int], ...]) -> ObservedInterface:
    vlan = port.vlan if port.switched else 0
    addresses = tuple(sorted(port.addresses))
    return ObservedInterface(
        enabled=port.enabled,
        speed=port.speed,
        # a switched port passes packets as long as its SVI sends
        mtu=svis[vlan].mtu if vlan in svis else port.mtu,
        fec=port.fec,
        addresses=addresses,
        unnumbered=port.link_local and not any(own.version == 6 for own in addresses),
        vlan=vlan,
        lossless=lossless,
    )
