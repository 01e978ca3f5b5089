"""Blocks: the spans of number spaces that the lock pins. Inside a block a number follows from coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

MAX_PLACES = 1 << 20
"""Racks of a site, and rows of its switches: what a rack's name and place are computed from has this many."""


class Block(NamedTuple):
    """`size` numbers from `start`."""

    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Extents:
    """The blocks of one owner, in the order in which it got them: what outgrows a block continues in the next."""

    blocks: tuple[Block, ...]

    def __len__(self) -> int:
        return sum(size for _, size in self.blocks)

    def slot(self, ordinal: int) -> int:
        """The number of the `ordinal`-th place, from 0. Raises IndexError beyond the last."""
        for start, size in self.blocks:
            if ordinal < size:
                return start + ordinal
            ordinal -= size
        raise IndexError(ordinal)

    def ordinal(self, slot: int) -> int:
        """The place of a number, the inverse of `slot`. Raises ValueError for a number of somebody else."""
        before = 0
        for start, size in self.blocks:
            if start <= slot < start + size:
                return before + slot - start
            before += size
        raise ValueError(slot)


Blocks: TypeAlias = Mapping[str, Extents]
"""Extents by owner; the owners' names, as the lock shows them, are made by the functions below."""


SEAT_PORTS = 1 << 10
"""Seats of hosts are numbered by leaf and port; a leaf has at most so many downlinks."""


KINDS = frozenset({"network", "management", "racks", "switch-rows", "tenant"})
"""First words of owners that are no network's, so that no network may have them for its name."""


def network_block(network: str) -> str:
    """Its place among the networks: it selects the default pools."""
    return f"network/{network}"


def site_rows(network: str, site: str) -> str:
    """Rows of leafs (a leaf in each column) that the network is laid out for at a site."""
    return f"{network}/rows/{site}"


def pod_rows(network: str, site: str, pod: str) -> str:
    """Rows of a pod, out of its site's."""
    return f"{network}/pod/{site}/{pod or 'leafs'}"


def spine_block(network: str, site: str, plane: int, column: int, group: int) -> str:
    """Spines of a group; `column` 0 where a group serves all columns."""
    return f"{network}/spines/{site}/p{plane}" + (f"/r{column}" if column else "") + f"/g{group}"


def core_block(network: str, site: str, plane: int) -> str:
    return f"{network}/cores/{site}/p{plane}"


def asn_block(switches: str) -> str:
    """The ASN that the spines of a group, or the cores of a plane, share; `switches` is their block."""
    network, kind, rest = switches.split("/", 2)
    return f"{network}/{kind}-asn/{rest}"


def management_block(switches: str) -> str:
    """Management addresses of the switches of a pod or of another block."""
    return f"management/{switches}"


def manager_block(network: str, host: str) -> str:
    """Seats (see topology.seats) of a host of the network's subnet manager."""
    return f"{network}/manager/{host}"


def tenant_block(tenant: str) -> str:
    """Its P_Key, counted from 0 for the key 1."""
    return f"tenant/{tenant}"


def rack_block(site: str, owner: str) -> str:
    """Racks of a pod's servers, or of the leafs that a network has there."""
    return f"racks/{site}/{owner}"


def switch_rows_block(site: str, owner: str) -> str:
    """Rows of a network's switches of a tier, above the pods."""
    return f"switch-rows/{site}/{owner}"
