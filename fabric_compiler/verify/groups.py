"""The graph of a dragonfly keeps what it promises: whole groups, regular degrees, global cables spread within one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.graph import GLOBAL, LEAF_SPINE, LOCAL, SERVER_LEAF, SERVER_ROUTER, Graph
from fabric_compiler.topology.shape import GroupShape, Shape

Numbers = npt.NDArray[np.int64]
_SHOWN = 5


def irregular(graph: Graph, shape: Shape) -> Iterator[str]:
    """What is not as a dragonfly has it, in sentences."""
    assert shape.group
    found = _Dragonflies(graph, shape, shape.group)
    yield from found.servers()
    yield from found.inside()
    yield from found.between()


class _Dragonflies:
    """The links of one network, with the dragonfly (its plane and rail) and the group of each end."""

    def __init__(self, graph: Graph, shape: Shape, group: GroupShape) -> None:
        self.graph, self.shape, self.group = graph, shape, group
        self.mine = graph.links.network == graph.networks.index(shape.network)
        rail = np.array([max(d.rail, 1) for d in graph.devices], dtype=np.int64)
        plane = np.array([max(d.plane, 1) for d in graph.devices], dtype=np.int64)
        self.copy = (plane - 1) * shape.columns + rail - 1
        self.number = np.array([d.group for d in graph.devices], dtype=np.int64)
        self.home = (self.number << 16) + self.copy  # a group of one dragonfly

    def _ends(self, tiers: int) -> tuple[Numbers, Numbers]:
        links = self.graph.links
        chosen = np.flatnonzero(self.mine & (links.tiers == tiers))
        return links.a_device[chosen].astype(np.int64), links.b_device[chosen].astype(np.int64)

    def _switches(self, role: str) -> Numbers:
        members = [n for n, d in enumerate(self.graph.devices) if d.network == self.shape.network and d.role == role]
        return np.array(members, dtype=np.int64)

    def _name(self, device: int) -> str:
        return self.graph.devices[device].name

    def servers(self) -> Iterator[str]:
        """A switch has no more NICs than it was laid out for; a server's are in one group."""
        server, switch = self._ends(SERVER_LEAF if self.group.spines else SERVER_ROUTER)
        if not len(server):
            return
        count = np.bincount(switch)
        for n in np.flatnonzero(count > self.group.hosts)[:_SHOWN].tolist():
            yield f"{self._name(n)} has {count[n]} NICs, and {self.group.hosts} ports for them"
        order = np.argsort(server, kind="stable")
        apart = np.flatnonzero((np.diff(server[order]) == 0) & (np.diff(self.number[switch[order]]) != 0))
        for n in apart[:_SHOWN].tolist():
            yield f"{self._name(int(server[order[n]]))} has NICs in two groups of {self.shape.network}"

    def inside(self) -> Iterator[str]:
        """Every two routers of a group are joined once; every leaf and spine of a group as often as the group is wide."""
        low = self._switches("leaf" if self.group.spines else "router")
        per_group = np.unique(self.home[low], return_counts=True)[1]
        if (per_group != self.group.switches).any():
            yield f"a group of {self.shape.network} is not whole"
            return
        one, other = self._ends(LEAF_SPINE if self.group.spines else LOCAL)
        for n in np.flatnonzero(self.home[one] != self.home[other])[:_SHOWN].tolist():
            yield f"the link of {self._name(int(one[n]))} and {self._name(int(other[n]))} leaves their group"
        pairs, count = np.unique(np.minimum(one, other) << 32 | np.maximum(one, other), return_counts=True)
        groups = len(per_group)
        if self.group.spines:
            expected, wide = groups * self.group.switches * self.group.spines, self.group.width
        else:
            expected, wide = groups * self.group.switches * (self.group.switches - 1) // 2, 1
        for n in np.flatnonzero(count != wide)[:_SHOWN].tolist():
            a, b = (self._name(int(end)) for end in (pairs[n] >> 32, pairs[n] & 0xFFFFFFFF))
            yield f"{a} and {b} have {count[n]} links, and {wide} were laid"
        if len(pairs) != expected:
            yield f"{len(pairs)} pairs of switches are joined inside groups of {self.shape.network}, and {expected} should be"

    def between(self) -> Iterator[str]:
        """Every two groups of a dragonfly are joined, all as often, or some once more."""
        one, other = self._ends(GLOBAL)
        carriers = self._switches("spine" if self.group.spines else "router")
        degree = np.bincount(np.concatenate((one, other)), minlength=len(self.graph.devices))
        for n in carriers[degree[carriers] > self.group.global_links][:_SHOWN].tolist():
            yield f"{self._name(n)} has {degree[n]} global links, and {self.group.global_links} ports for them"
        for copy in np.unique(self.copy[carriers]).tolist():
            groups = np.unique(self.number[carriers[self.copy[carriers] == copy]])
            place = np.full(int(groups.max(initial=0)) + 1, -1, dtype=np.int64)
            place[groups] = np.arange(len(groups))
            here = self.copy[one] == copy
            a, b = place[self.number[one[here]]], place[self.number[other[here]]]
            count = np.bincount(a * len(groups) + b, minlength=len(groups) ** 2).reshape(len(groups), len(groups))
            count = (count + count.T)[np.triu_indices(len(groups), 1)]
            if len(count) and (count.min() < 1 or count.max() - count.min() > 1):
                yield f"two groups of {self.shape.network} have {count.min()} global cables, and two others {count.max()}"
