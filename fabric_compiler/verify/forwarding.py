"""What forwarding tables do with traffic of every pair of end ports: where it arrives, over how many cables, with what load.

InfiniBand forwards by destination: all end ports of a switch share its table, so that the ways from its switches with end
ports to every LID are the ways of all pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.graph import Column
from fabric_compiler.verify.channels import Channels

Numbers = npt.NDArray[np.int64]
Forwarding = npt.NDArray[np.uint8]
"""A row a switch, a column a LID; holds the port, 255 for none."""

MAX_HOPS = 64  # IBA 14.2.1.2: a directed route has no more, and opensm counts no farther
ARRIVES, NO_ENTRY, DEAD_END, WRONG_PORT, GOES_ROUND = range(5)
_CHUNK = 1 << 22  # pairs of a switch and a LID that are looked at together


@dataclass(frozen=True, slots=True)
class Destinations:
    """A row a LID of an end port."""

    lid: Column
    end: Column

    def __len__(self) -> int:
        return len(self.lid)


@dataclass(frozen=True, slots=True)
class Ways:
    """From every switch with end ports (`source`, a row) to every destination (a column).

    `flows` counts the pairs of end ports that use a channel, each way to a LID once; `largest` is the most of them that go to
    one destination: what a table cannot split.
    """

    source: Column
    destinations: Destinations
    outcome: npt.NDArray[np.uint8]
    hops: npt.NDArray[np.uint8]  # cables between switches
    flows: Numbers
    largest: Numbers


def destinations(channels: Channels) -> Destinations:
    """All LIDs of all end ports, several of each where LMC is not 0."""
    rows = [(end.port.lid + bit, n) for n, end in enumerate(channels.ends) for bit in range(1 << end.port.lmc)]
    lid, end = np.array(rows, dtype=np.int32).reshape(-1, 2).T
    return Destinations(lid, end)


def ways(channels: Channels, table: Forwarding) -> Ways:
    """Follow the tables from every switch with end ports to every destination."""
    source, weight = np.unique(channels.end_switch, return_counts=True)
    to = destinations(channels)
    outcome = np.empty((len(source), len(to)), dtype=np.uint8)
    hops = np.zeros((len(source), len(to)), dtype=np.uint8)
    flows, largest = np.zeros(len(channels), dtype=np.int64), np.zeros(len(channels), dtype=np.int64)
    for chunk in _chunks(len(source), len(to)):
        outcome[:, chunk], hops[:, chunk], some, most = _follow(channels, table, source, weight, to.lid[chunk], to.end[chunk])
        flows += some
        np.maximum(largest, most, out=largest)
    return Ways(source, to, outcome, hops, flows, largest)


def _chunks(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, _CHUNK // max(rows, 1))
    yield from (slice(first, first + size) for first in range(0, columns, size))


def _follow(
    channels: Channels, table: Forwarding, source: Column, weight: Numbers, lid: Column, end: Column
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], Numbers, Numbers]:
    """Outcome and hops of some destinations, and the flows on every channel: of all of them, and the most of one."""
    shape = (len(source), len(lid))
    row, column = (n.ravel() for n in np.indices(shape, dtype=np.int32))  # of what is under way
    at = source[row]
    outcome, hops = np.full(shape, GOES_ROUND, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
    used: list[Numbers] = []  # channel and destination
    carried: list[Numbers] = []
    for _ in range(MAX_HOPS):
        out = table[at, lid[column]]
        channel = channels.at[at, out]
        ended = channel < 0
        there = channels.end_at[at[ended], out[ended]]
        outcome[row[ended], column[ended]] = np.select(
            [out[ended] == 255, there == end[column[ended]], there >= 0], [NO_ENTRY, ARRIVES, WRONG_PORT], DEAD_END
        )
        row, column, channel = row[~ended], column[~ended], channel[~ended]
        if not len(row):
            break
        hops[row, column] += 1
        used.append(channel.astype(np.int64) * len(lid) + column)
        carried.append(weight[row])
        at = channels.head[channel]
    flows, largest = np.zeros(len(channels), dtype=np.int64), np.zeros(len(channels), dtype=np.int64)
    if used:
        by_destination, which = np.unique(np.concatenate(used), return_inverse=True)
        sums = np.bincount(which, np.concatenate(carried)).astype(np.int64)
        np.add.at(flows, by_destination // len(lid), sums)
        np.maximum.at(largest, by_destination // len(lid), sums)
    return outcome, hops, flows, largest


def turns(channels: Channels, table: Forwarding) -> npt.NDArray[np.bool_]:
    """By switch, port in and port out: whether traffic between end ports takes that turn."""
    width = max((node.port_count for node in channels.switches), default=0) + 1
    taken = np.zeros((len(channels.switches), width, width), dtype=bool)
    to = destinations(channels)
    source = np.unique(channels.end_switch)
    for chunk in _chunks(len(source), len(to)):
        lid = to.lid[chunk]
        at, column = (n.ravel() for n in np.meshgrid(source, np.arange(len(lid)), indexing="ij"))
        into = np.full(len(at), -1)
        for _ in range(MAX_HOPS):
            out = table[at, lid[column]]
            leads = (channels.at[at, out] >= 0) | (channels.end_at[at, out] >= 0)
            at, column, into, out = at[leads], column[leads], into[leads], out[leads]
            if (into < 0).any():  # they come from every end port of the switch
                starts = np.zeros(taken.shape[::2], dtype=bool)
                starts[at, out] = True
                taken[channels.end_switch, channels.end_port] |= starts[channels.end_switch]
            else:
                taken[at, into, out] = True
            channel = channels.at[at, out]
            at, column = channels.head[channel[channel >= 0]], column[channel >= 0]
            into = channels.in_port[channel[channel >= 0]]
            if not len(at):
                break
    return taken


def shortest(channels: Channels, source: Column) -> npt.NDArray[np.uint8]:
    """Cables between `source` switches (rows) and every switch (columns) on a shortest way; 255 where there is none."""
    count = len(channels.switches)
    neighbour = np.zeros((count, count), dtype=np.float32)
    neighbour[channels.tail, channels.head] = 1
    distance = np.full((len(source), count), 255, dtype=np.uint8)
    front = np.zeros((len(source), count), dtype=np.float32)
    front[np.arange(len(source)), source] = 1
    for hops in range(MAX_HOPS):
        new = (front > 0) & (distance == 255)
        if not new.any():
            break
        distance[new] = hops
        front = new.astype(np.float32) @ neighbour
    return distance
