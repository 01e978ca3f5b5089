"""What an independent reader of a rendered configuration found in it: what both ends of a link must share, and what BGP does.

A reader parses the files alone. It knows the operating system's syntax and nothing of the device model. What the devices of
a role say alike (policies, the settings of a peer group) is one object for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fabric_compiler.model.device import Prefix

EXTERNAL = 0
"""The ASN of a neighbour that may have any but our own."""


@dataclass(frozen=True, slots=True)
class ObservedInterface:
    enabled: bool
    speed: int  # Mb/s; 0: the file does not say (a server's NIC negotiates)
    mtu: int  # bytes of IP packet
    fec: str  # rs, none; empty: the file does not say
    addresses: tuple[Prefix, ...]
    unnumbered: bool  # IPv6 link-local is enabled for routing
    vlan: int
    # per lossless class: (DSCP values that map to it, priority that is paused), sorted
    lossless: tuple[tuple[tuple[int, ...], int], ...]


class PrefixMatch(NamedTuple):
    """A line of a prefix list: prefixes inside `prefix` with a length from `shortest` to `longest`."""

    permit: bool
    prefix: Prefix
    shortest: int
    longest: int


class CommunityMatch(NamedTuple):
    """A line of a community list: routes that carry all of `communities`."""

    permit: bool
    communities: frozenset[int]


class Term(NamedTuple):
    """A term of a route-map: conditions that must all hold, None where there is none, and what is set then."""

    sequence: int
    permit: bool
    prefixes4: tuple[PrefixMatch, ...] | None = None
    prefixes6: tuple[PrefixMatch, ...] | None = None
    communities: tuple[CommunityMatch, ...] | None = None
    prepend: tuple[int, ...] = ()
    set_communities: frozenset[int] | None = None
    additive: bool = False
    preference: int | None = None


class ObservedPolicy(NamedTuple):
    """A route-map with its lists put in; terms by sequence. What no term matches is denied."""

    name: str
    terms: tuple[Term, ...]


class FamilySettings(NamedTuple):
    """What a session does with the routes of one family. A policy is None where none is applied."""

    accept: ObservedPolicy | None = None
    announce: ObservedPolicy | None = None
    limit: int = 0  # routes, beyond which the session is ended; 0: none


class Peering(NamedTuple):
    """What the sessions of a peer group share. A family is None where it is not activated."""

    ipv4: FamilySettings | None = None
    ipv6: FamilySettings | None = None
    extended_next_hop: bool = False  # RFC 8950
    sends_communities: bool = False
    shut: bool = False

    def family(self, version: int) -> FamilySettings | None:
        return self.ipv4 if version == 4 else self.ipv6


class ObservedSession(NamedTuple):
    """A BGP neighbour by interface name or by address."""

    interface: str
    address: Prefix | None
    asn: int  # or EXTERNAL
    peering: Peering = Peering()


@dataclass(frozen=True, slots=True)
class ObservedRouting:
    """How the device decides, apart from its sessions.

    `multipath` says which paths that are equal up to the length of their AS paths share the load: any, those through the same
    neighbouring AS, or those with the same AS path. `limits_received`: a limit counts what arrives, not what is accepted.
    `unread` holds the lines that bear on routing and mean nothing to the reader.
    """

    maximum_paths: Mapping[int, int]  # by family
    multipath: Literal["any", "neighbour", "path"]
    requires_policy: bool  # RFC 8212: without one, nothing is accepted or announced
    limits_received: bool
    forwards: frozenset[int]  # families
    forwards_over_ipv6: bool  # IPv4 on ports that have no address of it
    discards: tuple[Prefix, ...]  # static routes that drop
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    hostname: str
    asn: int
    router_id: int
    loopbacks: tuple[Prefix, ...]
    interfaces: Mapping[str, ObservedInterface]
    vlans: Mapping[int, tuple[Prefix, ...]]
    sessions: tuple[ObservedSession, ...]
    announced: tuple[Prefix, ...]  # BGP network statements
    routing: ObservedRouting | None = None  # of a switch
