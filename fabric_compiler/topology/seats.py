"""Ports of leafs that pods leave free, and the hosts of subnet managers that take them.

A host keeps its ports in the lock: they are chosen once, spread over leafs and pods, the last port of a leaf first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fabric_compiler.catalog.types import NicGroup, Server
from fabric_compiler.ir.blocks import SEAT_PORTS, Block, Extents


class Seat(NamedTuple):
    """A free port of a leaf; `row` tells leafs of one row from others'."""

    slot: int  # of the leaf
    port: int  # from 0
    plane: int
    row: int

    @property
    def number(self) -> int:
        """As the lock holds it."""
        return self.slot * SEAT_PORTS + self.port


class NoSeatError(ValueError):
    """A host finds no free port on a plane."""


def host_nics(server: Server, planes: int) -> NicGroup | None:
    """The NICs with which a host of the subnet manager meets its subnets."""
    return next((group for group in server.nic_groups.values() if group.hcas.get(planes)), None)


def seats(
    hosts: Sequence[str], ports: int, planes: int, free: Iterable[Seat], held: Mapping[str, Extents]
) -> dict[str, Extents]:
    """The seats of each host: `ports` times one in every plane, in the order of the host's ports.

    Seats that are `held` stay while they are free. Raises NoSeatError.
    """
    open_seats = {seat.number: seat for seat in free}
    made: dict[str, list[int]] = {}
    for host in hosts:
        numbers = [start + n for start, size in held.get(host, Extents(())).blocks for n in range(size)]
        wanted = [number for number in numbers[: ports * planes] if number in open_seats]
        fitting = [n for at, n in enumerate(wanted) if open_seats[n].plane == at % planes + 1]
        made[host] = fitting if fitting == numbers[: len(fitting)] else []
    taken = {number for numbers in made.values() for number in numbers}
    on_leaf: Counter[int] = Counter(open_seats[number].slot for number in taken)
    on_row: Counter[int] = Counter(open_seats[number].row for number in taken)
    for host, numbers in made.items():
        own: Counter[int] = Counter(open_seats[number].slot for number in numbers)
        while len(numbers) < ports * planes:
            plane = len(numbers) % planes + 1
            choice = [seat for number, seat in open_seats.items() if seat.plane == plane and number not in taken]
            if not choice:
                raise NoSeatError(host)
            best = min(choice, key=lambda s: (own[s.slot], on_leaf[s.slot], on_row[s.row], s.row, s.slot, -s.port))
            numbers.append(best.number)
            taken.add(best.number)
            own[best.slot] += 1
            on_leaf[best.slot] += 1
            on_row[best.row] += 1
    return {host: Extents(tuple(Block(number, 1) for number in numbers)) for host, numbers in made.items()}
