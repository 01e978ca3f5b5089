"""Reads an Arista EOS configuration as the switch would: what is not stated has EOS's default.

Defaults are those of Arista's EOS manual: an IP MTU of 1500, DSCP 0-7 in traffic class 1 and 8-15 in class 0, else the class
of the upper three bits; the PFC priority of a traffic class has its number; one BGP path, or as many as stated, whatever their
AS paths of one length; no communities sent; 12,000 routes of a neighbour; no policy needed (Border Gateway Protocol).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from fabric_compiler.model.device import Prefix
from fabric_compiler.verify.observed import Observed, ObservedInterface, ObservedRouting
from fabric_compiler.verify.readback.peers import Defaults, FamilyLines, Peers, UsualPeer, sessions
from fabric_compiler.verify.readback.policies import BLOCK, is_policy, parse_address, parse_prefix, read_policies, shown

_MTU = 1500
_BANNER = re.compile(r"^banner .*\n(?:(?!EOF$).*\n)*EOF$", re.MULTILINE)
_INTERFACE = re.compile(r"^interface (\S+)\n((?: .*\n)*)", re.MULTILINE)
# the lines that differ from port to port: the description, and addresses
_OWN = re.compile(r"^   (?:description .*|(?:ip|ipv6) address (\S+/\d+).*)\n", re.MULTILINE)
_SUBMODE = re.compile(r"^   ((?:address-family|vrf|vlan|rd) .*)\n((?:      .*\n| *!\n)*)", re.MULTILINE)
_NETWORK = re.compile(r"^ +network (\S+) *(.*)\n", re.MULTILINE)
# a neighbour as `show running-config` prints it, who has nothing of its own but its ASN: by interface, or by address
_USUAL = re.compile(
    r"^   neighbor (?:interface (\S+) peer-group (\S+) remote-as (\d{1,10})"
    r"|(\S+) peer group (\S+)\n   neighbor \4 remote-as (\d{1,10}))\n(?:   neighbor \4 description .*\n)?",
    re.MULTILINE,
)
_VERSIONS = {"address-family ipv4": 4, "address-family ipv6": 6}
_MAXIMUM_ROUTES = 12_000
_ROUTING = frozenset({"router", "peer-filter"})  # words at the margin that bear on routing
_IP_ROUTING = frozenset({"route", "routing", "as-path", "extcommunity-list", "large-community-list", "unicast-routing"})
_HARMLESS = frozenset({"timers", "graceful-restart"})
_HARMLESS_NEIGHBOR = frozenset({"bfd", "description"})
_SPEED = re.compile(r"(?:auto |forced )?(\d+(?:\.\d+)?)([gt])(?:-\d+|full)?")
_DEFAULT_CLASSES = tuple({0: 1, 1: 0}.get(dscp >> 3, dscp >> 3) for dscp in range(64))


@dataclass(slots=True)
class _Port:
    enabled: bool = True
    speed: int = 0
    mtu: int = _MTU
    fec: str = ""
    link_local: bool = False
    switched: bool = True
    vlan: int = 1
    profile: str = ""
    vrf: str = ""


@dataclass(slots=True)
class _Profile:
    """A QoS profile's part in PFC."""

    on: bool = False
    no_drop: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Found:
    hostname: str = ""
    asn: int = 0
    router_id: int = 0
    ports: dict[str, _Port] = field(default_factory=dict)
    addresses: dict[str, tuple[Prefix, ...]] = field(default_factory=dict)  # by port, sorted
    profiles: dict[str, _Profile] = field(default_factory=dict)
    classes: list[int] = field(default_factory=lambda: list(_DEFAULT_CLASSES))
    peers: Peers = field(default_factory=Peers)
    families: dict[tuple[int, str], FamilyLines] = field(default_factory=dict)
    announced: list[Prefix] = field(default_factory=list)
    discards: list[Prefix] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    ipv4_active: bool = True
    maximum_paths: int = 1
    multipath: Literal["any", "path"] = "any"
    forwards: set[int] = field(default_factory=set)
    forwards_over_ipv6: bool = False
    unread: list[str] = field(default_factory=list)


def read(files: Mapping[str, bytes]) -> Observed:
    """Read the one .cfg of a device. Raises ValueError, KeyError or IndexError for what is no EOS configuration."""
    names = [name for name in files if name.endswith(".cfg")]
    if len(names) != 1:
        raise ValueError(f"expected one .cfg of a device, got {len(names)}")
    found = _parse(files[names[0]].decode())
    lossless = {name: _lossless(profile, found.classes) for name, profile in found.profiles.items()}
    svis = {int(name[4:]): port for name, port in found.ports.items() if name.startswith("Vlan")}
    interfaces = {
        name: _observed(port, found.addresses[name], svis, lossless.get(port.profile, ()))
        for name, port in found.ports.items()
        if name.startswith("Ethernet")
    }
    found.peers.families = found.families
    policies = read_policies("".join(found.policies))
    peers, missing = sessions(found.peers, policies, Defaults(found.ipv4_active, False, _MAXIMUM_ROUTES, False))
    return Observed(
        hostname=found.hostname,
        asn=found.asn,
        router_id=found.router_id,
        loopbacks=found.addresses.get("Loopback0", ()),
        interfaces=interfaces,
        vlans={int(name[4:]): own for name, own in found.addresses.items() if name.startswith("Vlan")},
        sessions=peers,
        announced=tuple(found.announced),
        routing=ObservedRouting(
            maximum_paths=dict.fromkeys((4, 6), found.maximum_paths),
            multipath=found.multipath,
            requires_policy=False,
            limits_received=True,  # maximum-accepted-routes would count what the policy lets through
            forwards=frozenset(found.forwards),
            forwards_over_ipv6=found.forwards_over_ipv6,
            discards=tuple(found.discards),
            unread=(*_foreign(found.ports), *found.unread, *policies.unread, *missing),
        ),
    )


def _foreign(ports: Mapping[str, _Port]) -> list[str]:
    """Ports of another VRF, but that of management."""
    return [f"interface {name}: vrf {port.vrf}" for name, port in ports.items() if port.vrf and not name.startswith("Man")]


def _parse(text: str) -> _Found:
    found = _Found()
    text = _BANNER.sub("", text if text.endswith("\n") else text + "\n")
    for name, body in _INTERFACE.findall(text):
        found.addresses[name] = tuple(sorted([parse_prefix(address) for address in _OWN.findall(body) if address]))
        found.ports[name] = _port(_OWN.sub("", body))
    for block in BLOCK.finditer(_INTERFACE.sub("", text)):
        words = block[1].split()
        if is_policy(words):
            found.policies.append(block[0])
        elif not _margin(found, words, block[2]):
            found.unread.append(shown(block[1]))
    return found


def _margin(found: _Found, words: list[str], body: str) -> bool:
    """A line at the margin and what is below it; False where it bears on routing and is not known."""
    match words:
        case ["router", "bgp", asn]:
            found.asn = int(asn)
            _bgp(found, body)
        case ["qos", "profile", name]:
            profile = found.profiles.setdefault(name, _Profile())
            for line in body.split("\n"):
                if not line.startswith("    "):
                    _profile_line(profile, line.split())
        case ["qos", "map", "dscp", *dscps, "to", _, number]:
            for dscp in dscps:
                found.classes[int(dscp)] = int(number)
        case ["hostname", name, *_]:
            found.hostname = name
        case ["ip", "routing", *interfaces] if interfaces in ([], ["ipv6", "interfaces"]):
            found.forwards.add(4)
            found.forwards_over_ipv6 |= bool(interfaces)
        case ["ipv6", "unicast-routing"]:
            found.forwards.add(6)
        case ["ip" | "ipv6", "route", network, "Null0"]:
            found.discards.append(parse_prefix(network))
        case ["ip" | "ipv6", "route", "vrf", *_] | ["no", "ip" | "ipv6", "routing" | "unicast-routing", "vrf", *_]:
            pass  # of a VRF of its own
        case ["no", *rest] | rest:
            return not (rest and (rest[0] in _ROUTING or (rest[0] in ("ip", "ipv6") and rest[1:2] and rest[1] in _IP_ROUTING)))
    return True


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
        case ["vrf", name]:
            port.vrf = name


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


def _bgp(found: _Found, body: str) -> None:
    lines = _SUBMODE.sub("", body)
    for mode, below in _SUBMODE.findall(body):
        if version := _VERSIONS.get(mode):
            _family(found, version, below)
        else:
            found.unread.append(shown(mode))
    for line in _usual(found, lines).split("\n"):
        words = line.split()
        if words and words[0] != "!" and not _bgp_line(found, words):
            found.unread.append(shown(line))


def _usual(found: _Found, lines: str) -> str:
    """Take the neighbours who say what nearly all say; returns the other lines. There are hundreds a device."""
    parts = _USUAL.split(lines)
    others = "".join(parts[::7])
    usual = [
        UsualPeer(interface or name, of_interface or group, int(asn or asn_after), interface is not None)
        for interface, of_interface, asn, name, group, asn_after in zip(*(parts[n::7] for n in range(1, 7)), strict=True)
    ]
    named = {line.split(None, 2)[1] for line in others.split("\n") if line.startswith("   neighbor ") and len(line) > 12}
    if not named.isdisjoint(peer.name for peer in usual):
        return lines  # somebody says more than usual, before or after: the order counts
    found.peers.usual = usual
    return others


def _bgp_line(found: _Found, words: list[str]) -> bool:
    match words:
        case ["router-id", address]:
            found.router_id = parse_address(address).value
        case ["network", network]:
            found.announced.append(parse_prefix(network))
        case ["maximum-paths", number] | ["maximum-paths", _, "ecmp", number]:
            # the second is the width of an ECMP group, the first the paths of one prefix
            found.maximum_paths = min(int(words[1]), int(number))
        case ["bgp", "bestpath", "as-path", "multipath-relax"]:
            found.multipath = "any"
        case ["no", "bgp", "bestpath", "as-path", "multipath-relax"]:
            found.multipath = "path"
        case ["bgp", "default", "ipv4-unicast"]:
            found.ipv4_active = True
        case ["no", "bgp", "default", "ipv4-unicast"]:
            found.ipv4_active = False
        case ["neighbor", "interface", name, "peer-group", group, *rest] if rest[:1] in ([], ["remote-as"]):
            peer = found.peers.named(name)
            peer.interface, peer.group = True, group
            peer.asn = int(rest[1]) if rest else peer.asn
        case ["neighbor", name, "peer", "group"]:
            found.peers.groups.setdefault(name, found.peers.named(name))
            found.peers.peers.pop(name, None)
        case ["neighbor", name, *rest]:
            return rest[:1] != [] and _neighbor(found, name, rest)
        case [word, *_]:
            return word in _HARMLESS
    return True


def _neighbor(found: _Found, name: str, words: list[str]) -> bool:
    if words[0] in _HARMLESS_NEIGHBOR:
        return True
    peer = found.peers.named(name)
    match words:
        case ["peer", "group", group]:
            peer.group = group
        case ["remote-as", asn]:
            peer.asn = int(asn)
        case ["shutdown"]:
            peer.shut = True
        case ["send-community", *kinds]:
            peer.sends_communities = not kinds or "standard" in kinds
        case ["maximum-routes", limit]:
            peer.limit = int(limit)
        case _:
            return False
    return True


def _family(found: _Found, version: int, lines: str) -> None:
    networks = _NETWORK.findall(lines)
    found.announced += [parse_prefix(network) for network, _ in networks]
    found.unread += [f"network {network} {shown(rest)}" for network, rest in networks if rest]
    settings, extended, unread = _settings(_NETWORK.sub("", lines))
    found.families |= {(version, name): stated for name, stated in settings.items()}
    for name in extended:
        found.peers.named(name).extended_next_hop = True
    found.unread += [f"address-family ipv{version}: {line}" for line in unread]


@lru_cache(maxsize=512)
def _settings(lines: str) -> tuple[dict[str, FamilyLines], tuple[str, ...], tuple[str, ...]]:
    """What an address family says of neighbours and groups, who has IPv6 next hops (RFC 8950), and what is not known."""
    found: dict[str, FamilyLines] = {}
    extended, unread = [], []
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
            case ["neighbor", _, "next-hop", "address-family", "ipv6", "originate"]:
                extended.append(name)
            case _:
                unread.append(shown(line))
    return found, tuple(extended), tuple(unread)


def _lossless(profile: _Profile, classes: list[int]) -> tuple[tuple[tuple[int, ...], int], ...]:
    """The classes that the profile pauses, with the DSCP values of each."""
    if not profile.on:
        return ()
    return tuple(sorted((tuple(d for d in range(64) if classes[d] == priority), priority) for priority in profile.no_drop))


def _observed(
    port: _Port, addresses: tuple[Prefix, ...], svis: Mapping[int, _Port], lossless: tuple[tuple[tuple[int, ...], int], ...]
) -> ObservedInterface:
    vlan = port.vlan if port.switched else 0
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
