"""The plan: the numbers of each device. What its ports get follows from its blocks (see plan.numbers)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Prefix(NamedTuple):
    """An address with its prefix length; a network where the host bits are zero. `version` is 4 or 6."""

    version: int
    value: int
    length: int


Prefixes: TypeAlias = tuple[Prefix, ...]


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """Numbers of one switch. A tuple of prefixes holds at most one a family, IPv4 first."""

    asn: int
    router_id: int
    loopbacks: Prefixes
    management: Prefix | None  # with the pool's length
    hosts: Prefixes = ()  # a leaf's aggregate: what its servers' addresses are taken from
    uplinks: Prefixes = ()  # what the addresses of its uplinks are taken from; empty: unnumbered


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """Pools of one network, and the cut of the hosts' pool. `column_bits` include those of the planes; rails that are
    networks of their own count among the planes."""

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
