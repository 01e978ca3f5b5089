"""Which NICs should reach which: those of one network and plane, on different servers, each direction and family."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fabric_compiler.ir.plan import Prefix
from fabric_compiler.lab.build import End
from fabric_compiler.lab.layout import Layout
from fabric_compiler.targets.text import address


class Endpoint(NamedTuple):
    """An address of a server's NIC; `mtu` is the NIC's."""

    device: str
    namespace: str
    port: str
    network: str
    plane: int
    mtu: int
    own: Prefix

    def __str__(self) -> str:
        return f"{self.device} {self.port} ({address(self.own)})"


Pair = tuple[Endpoint, Endpoint]


@dataclass(frozen=True, slots=True)
class Pairs:
    """`total`: how many there are in all; `seed` None where all of them are chosen."""

    chosen: tuple[Pair, ...]
    total: int
    seed: int | None

    @property
    def extent(self) -> str:
        if self.seed is None:
            return f"all {self.total} pairs of NICs"
        return f"{len(self.chosen)} of {self.total} pairs of NICs, sampled with seed {self.seed}"


def endpoints(layout: Layout) -> list[Endpoint]:
    """Of the NICs that have a cable."""
    wires = {wire.a: wire for wire in layout.wires}
    return [
        Endpoint(node.name, node.namespace, port.name, wire.network, wire.plane, port.mtu, own)
        for node in layout.servers
        for port in node.ports
        if (wire := wires.get(End(node.name, port.name)))
        for own in port.addresses
    ]


def pairs(found: Sequence[Endpoint], limit: int, seed: int) -> Pairs:
    """All pairs, or of more than `limit` a sample; in one of as many pairs as there are NICs each sends and receives."""
    groups: dict[tuple[str, int, int], list[Endpoint]] = {}
    for one in found:
        groups.setdefault((one.network, one.plane, one.own.version), []).append(one)
    with_others = {tuple(group): _count(group) for group in groups.values() if _count(group)}
    total = sum(with_others.values())
    if total <= limit:
        return Pairs(tuple(pair for group in with_others for pair in _all(group)), total, None)
    drawn = random.Random(seed)  # noqa: S311 -- a sample, no secret
    rings = [pair for group in with_others for pair in _ring(group)]
    drawn.shuffle(rings)
    chosen = dict.fromkeys(rings[:limit])
    while len(chosen) < limit:
        (group,) = drawn.choices(list(with_others), list(with_others.values()))
        one, other = drawn.sample(group, 2)
        if one.device != other.device:
            chosen[one, other] = None
    return Pairs(tuple(chosen), total, seed)


def _count(group: Sequence[Endpoint]) -> int:
    of_device = Counter(one.device for one in group)
    return len(group) ** 2 - sum(count**2 for count in of_device.values())


def _all(group: Sequence[Endpoint]) -> Iterator[Pair]:
    return ((one, other) for one in group for other in group if one.device != other.device)


def _ring(group: Sequence[Endpoint]) -> Iterator[Pair]:
    """Each sends to the next of another server: sorted by server, as many places on as the largest server has."""
    ordered = sorted(group)
    step = max(Counter(one.device for one in group).values())
    for at, one in enumerate(ordered):
        other = ordered[(at + step) % len(ordered)]
        if one.device != other.device:
            yield one, other
