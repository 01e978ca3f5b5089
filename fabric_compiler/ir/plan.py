"""The plan: the numbers of each device. What its ports get follows from its blocks (see plan.numbers)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt


class Prefix(NamedTuple):
    """An address with its prefix length; a network where the host bits are zero. `version` is 4 or 6."""

    version: int
    value: int
    length: int


Prefixes: TypeAlias = tuple[Prefix, ...]


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """Numbers of one switch. A tuple of prefixes holds at most one a family, IPv4 first. An InfiniBand switch has a management
    address at most, and ASN 0 (RFC 7607: no switch has it)."""

    asn: int
    router_id: int
    loopbacks: Prefixes
    management: Prefix | None  # with the pool's length
    hosts: Prefixes = ()  # a leaf's aggregate: what its servers' addresses are taken from
    uplinks: Prefixes = ()  # what the addresses of its uplinks are taken from; empty: unnumbered


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """Pools of one network, and the cut of the hosts' pool. `column_bits` include those of the planes."""

    name: str
    loopbacks: Prefixes
    links: Prefixes  # empty: unnumbered
    hosts: Prefixes
    subnets: bool  # a subnet a leaf; else a /31 a NIC
    plane_bits: int
    column_bits: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`devices` stands beside Graph.devices; None for a server."""

    networks: tuple[NetworkPlan, ...]
    devices: tuple[DevicePlan | None, ...]
    guids: Guids | None = None  # None: no network is InfiniBand


Uint64s: TypeAlias = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Guids:
    """GUIDs of the InfiniBand networks. `switch` and `system` have a row a device, 0 where it is none of their switches; the
    others a row a link, of the HCA at its lower end, 0 for other links. An HCA has one port."""

    switch: Uint64s
    system: Uint64s
    node: Uint64s
    port: Uint64s
    image: Uint64s  # system image GUID of the HCA
