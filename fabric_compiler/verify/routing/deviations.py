"""Where a fabric at rest departs from what its topology promises, and which of the departures is the cause of the others.

A switch that a neighbour leaves without a route passes on that lack to all behind it. What is blamed is the last place up to
which all is as promised: a neighbour that has the route and withholds it, or a switch that refuses it or prefers another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.routing.decision import Decided, bits, offers
from fabric_compiler.verify.routing.mesh import Node, Numbers
from fabric_compiler.verify.routing.promise import Promise
from fabric_compiler.verify.routing.routes import NONE, WORST

Mask = npt.NDArray[np.bool_]

EXAMPLES = 5


class Kind(Enum):
    """What goes wrong between a switch and its neighbour, over one port and with one kind of prefix."""

    WITHHELD = "the neighbour has a route and does not announce it"
    REFUSED = "the switch does not accept it"
    LOOP = "the switch finds its own AS in the path"
    PASSED_OVER = "the switch has it and prefers another"
    BESIDES = "the switch uses it, and should not"


class Cause(NamedTuple):
    """Departures that follow from no other, of one node and one of its sessions: the first kind of prefix, and of how many
    prefixes there are more."""

    kind: Kind
    decided: Decided
    node: int
    session: int  # place among those of the node
    prefixes: int
    more: int


@dataclass(slots=True)
class Deviations:
    """`causes` are all that were found; what follows from sessions that are down, or from the causes, is only counted:
    ways between two switches that are fewer than promised, or of which there is none."""

    causes: list[Cause] = field(default_factory=list)
    fewer: int = 0
    none: int = 0
    examples: list[tuple[int, int, int, int]] = field(default_factory=list)  # from, to (devices), promised, found

    def __bool__(self) -> bool:
        return bool(self.causes or self.fewer or self.none)


def deviations(promises: Sequence[Promise], decided: Sequence[Decided]) -> Deviations:
    """Hold all meshes against the promises."""
    found = Deviations()
    of_device = {int(device): (p, place) for p in promises for place, device in enumerate(p.switches)}
    for d in decided:
        _Mesh(d, of_device, found).compare()
    for version in (4, 6):
        _parted([d for d in decided if d.mesh.version == version], of_device, found)
    return found


class _Apart(NamedTuple):
    """A node that departs, by port and kind of prefix; `session` is that of each port, -1 where none came up."""

    lacking: Mask
    besides: Mask
    session: Numbers


class _Mesh:
    def __init__(self, decided: Decided, of_device: dict[int, tuple[Promise, int]], found: Deviations) -> None:
        self.decided, self.mesh, self.of_device, self.found = decided, decided.mesh, of_device, found
        self.apart: dict[int, _Apart] = {}
        self.departs = np.zeros((len(self.mesh.nodes), self.mesh.kinds), dtype=np.bool_)

    def compare(self) -> None:
        by_promise: dict[int, Numbers] = {}
        for n, node in enumerate(self.mesh.nodes):
            if node.device not in self.of_device:
                continue
            promise, place = self.of_device[node.device]
            if id(promise) not in by_promise:
                by_promise[id(promise)] = self._columns(promise)
            self._compare(n, node, promise, place, by_promise[id(promise)])
        for n, apart in self.apart.items():
            self._blame(n, self.mesh.nodes[n], apart)

    def _columns(self, promise: Promise) -> Numbers:
        """The destination of each kind of prefix; -1 where several switches announce it, or one of another network."""
        places = {int(device): place for place, device in enumerate(promise.switches)}
        return np.array(
            [places.get(self.mesh.nodes[own[0]].device, -1) if len(own) == 1 else -1 for own in self.mesh.origins],
            dtype=np.int64,
        )

    def _compare(self, n: int, node: Node, promise: Promise, place: int, columns: Numbers) -> None:
        ports, promised = promise.ports(place), promise.used(place)
        used = bits(self.decided.members[n], len(node.port))
        if not np.array_equal(ports, node.port):
            at = np.searchsorted(ports, node.port)
            by_port = np.zeros((len(ports), self.mesh.kinds), dtype=np.bool_)
            there = np.flatnonzero((at < len(ports)) & (ports[np.minimum(at, len(ports) - 1)] == node.port))
            np.logical_or.at(by_port, at[there], used[there])
            session = np.full(len(ports), -1, dtype=np.int64)
            session[at[there]] = there
            used = by_port
        else:
            session = np.arange(len(ports))
        if not np.array_equal(columns, np.arange(promised.shape[1])):
            promised = promised[:, columns]
        if np.array_equal(promised, used) and (columns >= 0).all():
            return
        known = columns >= 0
        lacking, besides = promised & ~used & known, used & ~promised & known
        departs = lacking.any(axis=0) | besides.any(axis=0)
        if departs.any():
            self.departs[n] = departs
            self.apart[n] = _Apart(lacking, besides, session)
            self._count(node, lacking, promised, used)

    def _count(self, node: Node, lacking: Mask, promised: Mask, used: Mask) -> None:
        kinds = np.flatnonzero(lacking.any(axis=0))
        before, now = promised[:, kinds].sum(axis=0), used[:, kinds].sum(axis=0)
        self.found.none += int((now == 0).sum())
        self.found.fewer += int((now > 0).sum())
        for place, k in enumerate(kinds[: EXAMPLES - len(self.found.examples)].tolist()):
            to = self.mesh.nodes[self.mesh.origins[k][0]].device
            self.found.examples.append((node.device, to, int(before[place]), int(now[place])))

    def _blame(self, n: int, node: Node, apart: _Apart) -> None:
        """Find the departures of a node that follow from no other."""
        accepted = offers(self.decided, n)
        ports, kinds = np.nonzero(apart.besides)
        sessions = apart.session[ports]
        # somebody who departs himself tells of a way that is none, and leads us astray
        misled = np.zeros(self.mesh.kinds, dtype=np.bool_)
        by_other = self.departs[node.neighbour[sessions], kinds]
        misled[kinds[by_other]] = True
        lacks = np.asarray(apart.lacking.any(axis=0))
        alone = ~by_other & ~lacks[kinds]
        self._causes(Kind.BESIDES, n, sessions[alone], kinds[alone])
        ports, kinds = np.nonzero(apart.lacking)
        there = apart.session[ports] >= 0
        kinds, sessions = kinds[there], apart.session[ports[there]]
        neighbour = node.neighbour[sessions]
        said = self.decided.sent[node.row[sessions], kinds]
        withheld = (said == NONE) & (self.decided.best[neighbour, kinds] != NONE)
        told = (said != NONE) & ~self.departs[neighbour, kinds]
        dropped = told & (accepted[sessions, kinds] == WORST)
        looped = dropped & np.isin(said, self.mesh.routes.holding(node.speaker.asn))
        for kind, those in (
            (Kind.WITHHELD, withheld),
            (Kind.LOOP, looped),
            (Kind.REFUSED, dropped & ~looped),
            (Kind.PASSED_OVER, told & ~dropped & ~misled[kinds]),
        ):
            self._causes(kind, n, sessions[those], kinds[those])

    def _causes(self, kind: Kind, n: int, sessions: Numbers, kinds: Numbers) -> None:
        each, first, of = np.unique(sessions, return_index=True, return_inverse=True)
        count = np.bincount(of, weights=self.mesh.weight[kinds], minlength=len(each)).astype(np.int64)
        for session, k, prefixes in zip(each.tolist(), kinds[first].tolist(), count.tolist(), strict=True):
            self.found.causes.append(Cause(kind, self.decided, n, session, k, prefixes - 1))


def _parted(decided: Sequence[Decided], of_device: dict[int, tuple[Promise, int]], found: Deviations) -> None:
    """Count the ways between switches of one promise that are in different meshes: no session joins them."""
    mesh_of = {node.device: number for number, d in enumerate(decided) for node in d.mesh.nodes}
    for promise in {id(promise): promise for promise, _ in of_device.values()}.values():
        edges = [int(promise.switches[place]) for place in promise.edges.tolist()]
        edges = [device for device in edges if device in mesh_of]
        sizes: dict[int, int] = {}
        for device in edges:
            sizes[mesh_of[device]] = sizes.get(mesh_of[device], 0) + 1
        if len(sizes) > 1:
            found.none += len(edges) ** 2 - sum(size**2 for size in sizes.values())
            first = edges[0]
            other = next(device for device in edges if mesh_of[device] != mesh_of[first])
            found.examples[EXAMPLES - 1 :] = [(first, other, 0, 0)]


def narrowed(decided: Decided) -> Iterator[tuple[Node, int]]:
    """Nodes with more equal paths to a switch than they may use, and the most of them."""
    alone = np.array([len(own) == 1 for own in decided.mesh.origins], dtype=np.bool_)
    for n, node in enumerate(decided.mesh.nodes):
        most = node.speaker.routing.maximum_paths[decided.mesh.version]
        if most < len(node.port):
            widest = int(bits(decided.members[n], len(node.port)).sum(axis=0).max(initial=0, where=alone))
            if widest > most:
                yield node, widest


def astray(decided: Decided) -> Iterator[tuple[Node, int, int]]:
    """Nodes, a session and a kind of prefix, where packets do not come nearer: the neighbour has no route, or one as long as
    ours. Where every hop shortens the AS path nothing goes in a circle, and all ends at who announces it."""
    mesh = decided.mesh
    left = mesh.routes.path_lengths()[decided.best]
    for n, node in enumerate(mesh.nodes):
        members = bits(decided.members[n], len(node.port))
        wrong = members & (left[node.neighbour] >= left[n])
        if wrong.any():
            session, k = np.argwhere(wrong)[0].tolist()
            yield node, session, k
