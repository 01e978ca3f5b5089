"""What a topology promises: over which of its links each switch sends to each other one, by the links alone.

A folded Clos (RFC 7938) sends up and then down: a leaf is no transit, spines of a group share an AS, so do the cores of a
plane, and a path meets no AS twice. Of these paths it takes all the shortest that are not drained; drained ones, whatever
their length, where there is no other (RFC 8326). Who computes this knows no BGP and reads no configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.verify.routing.mesh import Numbers

Mask = npt.NDArray[np.bool_]

# the cost of a path: its links, and above all of them whether it is drained
_DRAINED = np.int32(1 << 16)
_FAR = np.int32(1 << 20)
_LEAF, _SPINE, _CORE = 0, 1, 2
_ROLES = {"leaf": _LEAF, "spine": _SPINE, "core": _CORE}
_SERVER_LEAF = 0


class Promise(Protocol):
    """Of the switches of one site and plane of a network. A destination is known by its place among `switches`."""

    switches: Numbers  # indices into Graph.devices, ascending
    edges: Numbers  # places of those that servers may be at: each has a way to each other

    def ports(self, place: int) -> Numbers:
        """Ports of a switch towards others, ascending, by their indices in the layout."""

    def used(self, place: int) -> Mask:
        """Whether a switch sends to a destination over a port: a row a port, a column a destination."""


class ClosPromise:
    def __init__(self, graph: Graph, switches: Numbers, drained: Set[int], drained_links: Set[int]) -> None:
        devices, links = graph.devices, graph.links
        self.switches = switches
        place = np.full(len(devices), -1, dtype=np.int64)
        place[switches] = np.arange(len(switches))
        mine = np.flatnonzero((place[links.b_device] >= 0) & (links.tiers != _SERVER_LEAF))
        lower, upper = place[links.a_device[mine]], place[links.b_device[mine]]
        # the ends of the links by switch and port: who is there, whether it is above, whether the way to it is drained
        who, there = np.concatenate((lower, upper)), np.concatenate((upper, lower))
        port = np.concatenate((links.a_port[mine], links.b_port[mine])).astype(np.int64)
        resting = np.isin(switches, sorted(drained))
        cost = np.where(np.tile(np.isin(mine, sorted(drained_links)), 2) | resting[there], _DRAINED, 0).astype(np.int32)
        order = np.lexsort((port, who))
        self._port, self._there, self._cost = port[order], there[order], cost[order]
        self._above = order < len(mine)
        self._start = np.searchsorted(who[order], np.arange(len(switches) + 1))
        self._role = np.array([_ROLES[devices[int(n)].role] for n in switches], dtype=np.int64)
        self._group = self._groups([devices[int(n)] for n in switches], lower, upper)
        self.edges = np.flatnonzero(self._role == _LEAF)
        self._spread()

    def ports(self, place: int) -> Numbers:
        return self._port[self._start[place] : self._start[place + 1]]

    def used(self, place: int) -> Mask:
        costs = self._offers(place)
        best = costs.min(axis=0, initial=_FAR)
        return np.asarray((costs == best) & (best < _FAR))

    def _groups(self, devices: list[Device], lower: Numbers, upper: Numbers) -> Numbers:
        """Of a spine its group, of a leaf that of the spines above it; -1 for a core."""
        seen: dict[tuple[int, int], int] = {}
        found = np.array([seen.setdefault((d.rail, d.group), len(seen)) for d in devices], dtype=np.int64)
        found[self._role != _SPINE] = -1
        from_leaf = self._role[lower] == _LEAF
        found[lower[from_leaf]] = found[upper[from_leaf]]
        return found

    def _spread(self) -> None:
        """What switches say, by switch and destination: a leaf of itself alone, a spine to its cores of what is below it."""
        count = len(self.switches)
        self._says = np.full((count, count), _FAR, dtype=np.int32)
        np.fill_diagonal(self._says, 0)
        self._says_up = self._says.copy()
        spines, cores = np.flatnonzero(self._role == _SPINE).tolist(), np.flatnonzero(self._role == _CORE).tolist()
        for n in spines:
            self._says_up[n] = np.minimum(self._says[n], self._offers(n).min(axis=0, initial=_FAR))
        for n in (*cores, *spines):
            self._says[n] = np.minimum(self._says[n], self._offers(n).min(axis=0, initial=_FAR))

    def _offers(self, n: int) -> npt.NDArray[np.int32]:
        """What a switch hears, by port and destination."""
        ends = slice(self._start[n], self._start[n + 1])
        there = self._there[ends]
        heard = self._says_up[there] if self._role[n] == _CORE else self._says[there]
        # a path meets no AS twice: neither that of the cores, nor ours on its way down from above
        if self._role[n] == _CORE:
            heard[:, self._role == _CORE] = _FAR
        elif self._role[n] == _SPINE:
            heard[np.ix_(self._above[ends], self._group == self._group[n])] = _FAR
        costs: npt.NDArray[np.int32] = np.minimum(heard + 1 | self._cost[ends, None], _FAR)
        costs[:, n] = _FAR
        return costs


KINDS: Mapping[str, Callable[[Graph, Numbers, Set[int], Set[int]], Promise]] = {
    "rail-optimized": ClosPromise,
    "leaf-spine": ClosPromise,
}
"""By kind of topology: from the graph, the switches of a site and plane, and what is drained of devices and links."""


def promises(graph: Graph, kinds: Mapping[str, str], drained: Set[int], drained_links: Set[int]) -> Iterator[Promise]:
    """The promises of all networks whose kind makes one; `kinds` by network."""
    places: dict[tuple[str, str, int], list[int]] = {}
    for n, device in enumerate(graph.devices):
        if device.kind == "switch":
            places.setdefault((device.network, device.site, device.plane), []).append(n)
    for (network, _, _), members in places.items():
        if kinds[network] in KINDS:
            yield KINDS[kinds[network]](graph, np.array(members, dtype=np.int64), drained, drained_links)
