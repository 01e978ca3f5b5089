"""No credit loop: no circle among the buffers that packets wait for.

A packet that holds a buffer behind one channel and waits for the next makes the next a dependency of the first (Dally, Seitz,
"Deadlock-Free Message Routing in Multiprocessor Interconnection Networks", 1987). Each virtual lane has buffers of its own.
Which lane a packet takes out of a switch follows from its service level and the ports that it comes and goes by (IBA 7.6.6).
The channels at end ports are in no circle: nothing waits behind an end port, and an end port takes what comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.channels import Channels
from fabric_compiler.verify.cycles import circle
from fabric_compiler.verify.forwarding import MAX_HOPS, Destinations, Forwarding

Numbers = npt.NDArray[np.int64]
Levels = npt.NDArray[np.uint8]
"""Service level by end port (row) and destination (column); 255 where nothing is sent."""
Lanes = npt.NDArray[np.uint8]
"""Virtual lane by switch, port in, port out and service level, as the switch's SLtoVLMappingTable has it; 15 drops."""

LEVELS = 16
DROPPED = 15


class Buffer(NamedTuple):
    channel: int
    lane: int


@dataclass(frozen=True, slots=True)
class Credit:
    """`loop`: buffers that wait for one another in a circle, empty where there is none. `lanes` are those in use between
    switches; `dropped` pairs of an end port and a destination have a level that some switch on the way maps to VL 15."""

    loop: tuple[Buffer, ...]
    lanes: tuple[int, ...]
    dependencies: int
    dropped: tuple[tuple[int, int], ...]


def credit(channels: Channels, table: Forwarding, to: Destinations, levels: Iterable[Levels], lanes: Lanes) -> Credit:
    """Where traffic waits, of all `levels` together: packets of several service levels may share a lane.

    Ways that do not arrive are followed as far as they go.
    """
    edges, used, dropped = [np.empty(0, dtype=np.int64)], np.zeros(DROPPED + 1, dtype=bool), list[tuple[int, int]]()
    base = len(channels) * LEVELS
    for entry, one in product(_entries(channels, lanes), levels):
        for level, column in _traffic(one[entry]):
            lost = _follow(channels, table, to, lanes, int(entry[0]), level, column, edges, used)
            dropped += [(int(entry[0]), int(n)) for n in lost]
        if len(edges) > 64:
            edges = [np.unique(np.concatenate(edges))]
    all_edges = np.unique(np.concatenate(edges))
    found = circle(all_edges // base, all_edges % base)
    loop = tuple(Buffer(node // LEVELS, node % LEVELS) for node in found)
    return Credit(loop, tuple(np.flatnonzero(used[:DROPPED]).tolist()), len(all_edges), tuple(dropped))


def _entries(channels: Channels, lanes: Lanes) -> Iterator[npt.NDArray[np.int32]]:
    """End ports of one switch whose packets get the same lanes: they come by ports with equal tables."""
    order = np.argsort(channels.end_switch, kind="stable")
    for run in np.split(order, np.flatnonzero(np.diff(channels.end_switch[order])) + 1):
        if len(run):
            tables = lanes[channels.end_switch[run[0]], channels.end_port[run]]
            alike = np.unique(tables.reshape(len(run), -1), axis=0, return_inverse=True)[1].ravel()
            yield from (run[alike == kind].astype(np.int32) for kind in range(int(alike.max()) + 1))


def _traffic(levels: Levels) -> Iterator[tuple[int, Numbers]]:
    """Each service level that some of the end ports use, and the destinations that they use it to."""
    for level in range(LEVELS):
        column = np.flatnonzero((levels == level).any(axis=0))
        if len(column):
            yield level, column


def _follow(
    channels: Channels,
    table: Forwarding,
    to: Destinations,
    lanes: Lanes,
    end: int,
    level: int,
    column: Numbers,
    edges: list[Numbers],
    used: npt.NDArray[np.bool_],
) -> Numbers:
    """Add the dependencies of packets from one end port to many destinations; returns those to which they are dropped."""
    lid = to.lid[column]
    at = np.full(len(column), channels.end_switch[end])
    into = np.full(len(column), channels.end_port[end])
    before = np.full(len(column), -1, dtype=np.int64)
    base = len(channels) * LEVELS
    lost = [np.empty(0, dtype=np.int64)]
    for _ in range(MAX_HOPS):
        out = table[at, lid]
        channel = channels.at[at, out]
        lane = np.full(len(out), DROPPED, dtype=np.uint8)
        leads = (channel >= 0) | (channels.end_at[at, out] >= 0)
        lane[leads] = lanes[at[leads], into[leads], out[leads], level]
        lost.append(column[leads & (lane == DROPPED)])
        on = (channel >= 0) & (lane != DROPPED)
        column, lid, before, channel, lane = column[on], lid[on], before[on], channel[on], lane[on]
        if not len(column):
            break
        used[np.unique(lane)] = True
        buffer = channel.astype(np.int64) * LEVELS + lane
        behind = before >= 0
        edges.append(np.unique(before[behind] * base + buffer[behind]))
        before, at, into = buffer, channels.head[channel], channels.in_port[channel]
    return np.concatenate(lost)
