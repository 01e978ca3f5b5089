"""The neighbours of BGP and their groups, as FRR and EOS have them: what a neighbour does not state is its group's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from fabric_compiler.verify.observed import FamilySettings, ObservedPolicy, ObservedSession, Peering
from fabric_compiler.verify.readback.policies import ReadPolicies, parse_address


class FamilyLines(NamedTuple):
    """What is stated for one family; None, empty and -1: nothing."""

    active: bool | None = None
    accept: str = ""
    announce: str = ""
    limit: int = -1


@dataclass(slots=True)
class Peer:
    """A neighbour or a group; -1, empty and None where it does not state it."""

    asn: int = -1
    group: str = ""
    interface: bool = False
    shut: bool = False
    extended_next_hop: bool = False
    sends_communities: bool | None = None
    limit: int = -1  # of every family


class UsualPeer(NamedTuple):
    """A neighbour who states his ASN and his group, and nothing else outside of the address families."""

    name: str
    group: str
    asn: int
    interface: bool


@dataclass(slots=True)
class Peers:
    """`families` has what is stated in an address family, by version and name."""

    groups: dict[str, Peer] = field(default_factory=dict)
    usual: list[UsualPeer] = field(default_factory=list)
    peers: dict[str, Peer] = field(default_factory=dict)
    families: Mapping[tuple[int, str], FamilyLines] = field(default_factory=dict)

    def named(self, name: str) -> Peer:
        """The group of that name, else the neighbour, which is there from now on."""
        return self.groups[name] if name in self.groups else self.peers.setdefault(name, Peer())


class Defaults(NamedTuple):
    """Of the operating system: what holds for a neighbour that neither states it nor has a group that does."""

    ipv4_active: bool
    sends_communities: bool
    limit: int
    # FRR offers RFC 8950 on every neighbour by interface, EOS where it is stated
    interface_extended_next_hop: bool


def sessions(found: Peers, policies: ReadPolicies, defaults: Defaults) -> tuple[tuple[ObservedSession, ...], tuple[str, ...]]:
    """The sessions, and names of policies that are applied and not there. A neighbour without an ASN has no session."""
    made: dict[tuple[str, bool], Peering] = {}
    missing: set[str] = set()
    stated = {name for _, name in found.families}
    result = []
    for name, group, asn, interface in found.usual:
        peering = made.get((group, interface)) if name not in stated else None
        if peering is None:
            peering = _peering(found, name, Peer(asn, group, interface), policies, defaults, missing)
            if name not in stated:
                made[group, interface] = peering
        result.append(ObservedSession(name if interface else "", None if interface else parse_address(name), asn, peering))
    for name, peer in found.peers.items():
        asn = peer.asn if peer.asn >= 0 or peer.group not in found.groups else found.groups[peer.group].asn
        if asn >= 0:
            peering = _peering(found, name, peer, policies, defaults, missing)
            address = None if peer.interface else parse_address(name)
            result.append(ObservedSession(name if peer.interface else "", address, asn, peering))
    return tuple(result), tuple(sorted(f"route-map {name} is applied and not there" for name in missing))


def _peering(found: Peers, name: str, peer: Peer, policies: ReadPolicies, defaults: Defaults, missing: set[str]) -> Peering:
    group = found.groups.get(peer.group, Peer())
    families: list[FamilySettings | None] = []
    for version in (4, 6):
        own = found.families.get((version, name), FamilyLines())
        shared = found.families.get((version, peer.group), FamilyLines())
        active = _first((own.active, shared.active), None)
        if not (active if active is not None else version == 4 and defaults.ipv4_active):
            families.append(None)
            continue
        limits = (own.limit, peer.limit, shared.limit, group.limit)
        accept, announce = own.accept or shared.accept, own.announce or shared.announce
        missing |= {policy for policy in (accept, announce) if policy and policy not in policies.by_name}
        families.append(
            FamilySettings(
                policies.by_name.get(accept, ObservedPolicy(accept, ())) if accept else None,
                policies.by_name.get(announce, ObservedPolicy(announce, ())) if announce else None,
                next((limit for limit in limits if limit >= 0), defaults.limit),
            )
        )
    sends = _first((peer.sends_communities, group.sends_communities), defaults.sends_communities)
    extended = peer.extended_next_hop or group.extended_next_hop or (peer.interface and defaults.interface_extended_next_hop)
    return _shared(Peering(families[0], families[1], extended, bool(sends), peer.shut or group.shut))


def _first(stated: Iterable[bool | None], otherwise: bool | None) -> bool | None:
    return next((value for value in stated if value is not None), otherwise)


@lru_cache(maxsize=2048)
def _shared(peering: Peering) -> Peering:
    """The same object for all devices that say the same."""
    return peering
