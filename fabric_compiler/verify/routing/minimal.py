"""What a dragonfly promises: minimal paths, all that are equally short, and no others; by the links alone.

A minimal path has at most one global cable. Inside a group routers are joined with one another; leafs of a dragonfly-plus meet
over their spines, and no leaf is a transit.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.graph import GLOBAL, SERVER_TIERS, Graph
from fabric_compiler.verify.routing.mesh import Numbers

Mask = npt.NDArray[np.bool_]
Costs = npt.NDArray[np.int8]

_FAR = np.int8(32)


class MinimalPromise:
    """Of the switches of one site and plane; see promise.Promise. Nothing is promised of a network with drained parts, whose
    traffic may take the fallback."""

    def __init__(self, graph: Graph, switches: Numbers, drained: Set[int], drained_links: Set[int]) -> None:
        devices, links = graph.devices, graph.links
        self.switches = switches
        place = np.full(len(devices), -1, dtype=np.int64)
        place[switches] = np.arange(len(switches))
        mine = np.flatnonzero((place[links.b_device] >= 0) & ~np.isin(links.tiers, SERVER_TIERS))
        lower, upper = place[links.a_device[mine]], place[links.b_device[mine]]
        who, there = np.concatenate((lower, upper)), np.concatenate((upper, lower))
        port = np.concatenate((links.a_port[mine], links.b_port[mine])).astype(np.int64)
        order = np.lexsort((port, who))
        self._port, self._there = port[order], there[order]
        self._beyond = np.tile(links.tiers[mine] == GLOBAL, 2)[order]
        self._start = np.searchsorted(who[order], np.arange(len(switches) + 1))
        roles = np.array([devices[n].role for n in switches.tolist()])
        self.edges = np.flatnonzero(roles != "spine")
        self._spine, self._leaf = roles == "spine", roles == "leaf"  # a leaf is no transit
        groups: dict[tuple[int, int], int] = {}
        self._group = np.array(
            [groups.setdefault((max(devices[n].rail, 1), devices[n].group), len(groups)) for n in switches.tolist()],
            dtype=np.int64,
        )
        self._inside = self._within_groups(len(groups))
        self._direct = self._over_one_cable()

    def ports(self, place: int) -> Numbers:
        return self._port[self._start[place] : self._start[place + 1]]

    def used(self, place: int) -> Mask:
        """A switch sends over its own global cable, or to a switch of its group that has one."""
        ends = slice(self._start[place], self._start[place + 1])
        there = self._there[ends]
        home = self._group[there][:, None] == self._group[None, :]
        inside = np.where(home, self._distance(there), _FAR)
        onwards = np.where(self._beyond[ends, None] | home, inside, self._direct[there])
        onwards[self._leaf[there][:, None] & (there[:, None] != np.arange(len(self.switches)))] = _FAR
        costs = np.minimum(onwards + np.int8(1), _FAR)
        costs[:, place] = _FAR
        best = costs.min(axis=0, initial=_FAR)
        return np.asarray((costs == best) & (best < _FAR))

    def distances(self) -> Costs:
        """Links on a minimal path between each two switches that servers are at."""
        found = np.empty((len(self.edges), len(self.edges)), dtype=np.int8)
        for members, inside in zip(self._members, self._inside, strict=True):
            rows = np.flatnonzero(np.isin(self.edges, members))
            over = self._direct[members].min(axis=0)[self.edges] + np.int8(1)
            own = np.minimum(self._direct[self.edges[rows]][:, self.edges], over)
            within = np.searchsorted(members, self.edges[rows])
            own[:, rows] = inside[np.ix_(within, within)]
            found[rows] = own
        return found

    def _distance(self, places: Numbers) -> Costs:
        """Links to each switch of the same group, _FAR to others."""
        found = np.full((len(places), len(self.switches)), _FAR, dtype=np.int8)
        for row, place in enumerate(places.tolist()):
            members = self._members[self._group[place]]
            found[row, members] = self._inside[self._group[place]][np.searchsorted(members, place)]
        return found

    def _within_groups(self, count: int) -> list[Costs]:
        """By group, links between its members, in the order of `_members`."""
        self._members = [np.flatnonzero(self._group == group) for group in range(count)]
        found = []
        for members in self._members:
            spine = self._spine[members]
            if not spine.any():
                costs = np.ones((len(members), len(members)), dtype=np.int8)
            else:
                costs = np.where(spine[:, None] == spine[None, :], np.int8(2), np.int8(1))
                costs[np.ix_(spine, spine)] = _FAR
            np.fill_diagonal(costs, 0)
            found.append(costs.astype(np.int8))
        return found

    def _over_one_cable(self) -> Costs:
        """From a switch over one of its own global cables to each switch of another group."""
        count = len(self.switches)
        found = np.full((count, count), _FAR, dtype=np.int8)
        for place in range(count):
            ends = slice(self._start[place], self._start[place + 1])
            over = self._there[ends][self._beyond[ends]]
            if len(over):
                found[place] = np.minimum(self._distance(over).min(axis=0) + np.int8(1), _FAR)
        return found
