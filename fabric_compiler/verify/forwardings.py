"""Where a mesh sends what, at rest and after a failure: what the deadlock check follows traffic by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.routing.decision import Decided, bits, decide
from fabric_compiler.verify.routing.lengths import Lengths
from fabric_compiler.verify.routing.mesh import Mesh, Numbers
from fabric_compiler.verify.routing.routes import NONE

Mask = npt.NDArray[np.bool_]


class Forwarding(Protocol):
    """`members` are by node which sessions share the load to which kinds of prefixes, at rest."""

    mesh: Mesh
    members: Sequence[Mask]

    def after(self, links: Collection[int]) -> tuple[Numbers, Sequence[Mask]]:
        """The kinds of prefixes that go elsewhere without the links, and the members for these alone."""


class ByLength:
    """Where lengths and communities decide (see routing.lengths)."""

    def __init__(self, lengths: Lengths) -> None:
        self.mesh, self._lengths = lengths.mesh, lengths
        self.members: Sequence[Mask] = lengths.at_rest()

    def after(self, links: Collection[int]) -> tuple[Numbers, Sequence[Mask]]:
        kinds = self._lengths.touched(self.members, links)
        return kinds, self._lengths.at_rest(kinds, links)


class ByPath:
    """By the whole decision process."""

    def __init__(self, decided: Decided) -> None:
        self.mesh, self._decided = decided.mesh, decided
        self.members: Sequence[Mask] = [
            bits(m, len(node.link)) for m, node in zip(decided.members, decided.mesh.nodes, strict=True)
        ]

    def after(self, links: Collection[int]) -> tuple[Numbers, Sequence[Mask]]:
        after = decide(self.mesh, start=self._start(links), down=links)
        members = [bits(m, len(node.link)) for m, node in zip(after.members, self.mesh.nodes, strict=True)]
        moved = np.zeros(self.mesh.kinds, dtype=np.bool_)
        for one, other in zip(self.members, members, strict=True):
            moved |= (one != other).any(axis=0)
        kinds = np.flatnonzero(moved)
        return kinds, [found[:, kinds] for found in members]

    def _start(self, links: Collection[int]) -> Decided:
        """What only a lost switch had is gone from the start: BGP looks for it on ever longer paths, no packet goes there."""
        mesh, lost, before = self.mesh, frozenset(links), self._decided
        cut = {n for n, node in enumerate(mesh.nodes) if lost.issuperset(node.link.tolist())}
        gone = [kind for kind, origins in enumerate(mesh.origins) if cut.issuperset(origins)]
        if not gone:
            return before
        sent, best = before.sent.copy(), before.best.copy()
        sent[:, gone], best[:, gone] = NONE, NONE
        members = [words.copy() for words in before.members]
        for words in members:
            words[gone] = 0
        return replace(before, sent=sent, best=best, members=tuple(members))
