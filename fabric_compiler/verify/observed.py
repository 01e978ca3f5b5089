"""What an independent reader of a rendered configuration found in it: the facts that both ends of a link must share.

A reader parses the files alone. It knows the operating system's syntax and nothing of the device model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fabric_compiler.model.device import Prefix


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


@dataclass(frozen=True, slots=True)
class ObservedSession:
    """A BGP neighbour by interface name or by address; `asn` 0: any external one."""

    interface: str
    address: Prefix | None
    asn: int


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
