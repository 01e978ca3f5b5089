"""BGP at rest where every speaker has an AS of its own and no preference differs: then only how long a path is, and which
communities it carries, decides, and the paths themselves need not be known.

On a dragonfly there are as many AS paths as pairs of routers, and more after a failure; of lengths there are a few. A path that
comes back to an AS is longer than what that AS has already, so that no loop is ever taken.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.routing.mesh import Mesh, Node, Numbers
from fabric_compiler.verify.routing.routes import Route, passed

Codes = npt.NDArray[np.int16]
Mask = npt.NDArray[np.bool_]

_MARKS = 8  # sets of communities that routes carry
_LONGEST = 63  # ASes in a path
_FAR = np.int16((_LONGEST + 1) * _MARKS)  # no route
_PREFERENCE = Route().preference


class UnlikeError(ValueError):
    """More than lengths and communities decides in this mesh."""


class Lengths:
    """A mesh, with what each session makes of a length and a set of communities. Raises UnlikeError."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        nodes = mesh.nodes
        if len({node.speaker.asn for node in nodes}) < len(nodes):
            raise UnlikeError("speakers share an AS")
        if any(node.speaker.routing.multipath != "any" for node in nodes):
            raise UnlikeError("equal paths do not share the load")
        self._marks: list[frozenset[int]] = [frozenset()]
        self._effects: dict[tuple[int, int, bool], Codes] = {}
        known = 0
        while known < len(self._marks):  # each effect must know every set of communities
            known = len(self._marks)
            self._effects.clear()
            self._tables = [self._table(node) for node in nodes]
        self._at: dict[int, list[int]] = {}
        for n, node in enumerate(nodes):
            for link in node.link.tolist():
                self._at.setdefault(link, []).append(n)
        self._own = np.full((len(nodes), mesh.kinds), _FAR, dtype=np.int16)
        for n, node in enumerate(nodes):
            self._own[n, node.local] = 0

    def at_rest(self, kinds: Numbers | None = None, down: Collection[int] = ()) -> list[Mask]:
        """By node, which sessions share the load to which of the `kinds` (all where left out), without the links `down`."""
        chosen = np.arange(self.mesh.kinds) if kinds is None else kinds
        own = self._own[:, chosen]
        best = own.copy()
        gone = np.array(sorted(down), dtype=np.int64)
        alive = [~np.isin(node.link, gone) for node in self.mesh.nodes]
        changed = np.ones(len(self.mesh.nodes), dtype=np.bool_)
        for _ in range(4 * _LONGEST):
            following = best.copy()
            moved = np.zeros_like(changed)
            for n, node in enumerate(self.mesh.nodes):
                if not changed[node.neighbour].any():
                    continue
                following[n] = self._decide(n, best, chosen, alive[n], own[n])[0]
                moved[n] = not np.array_equal(following[n], best[n])
            best, changed = following, moved
            if not changed.any():
                break
        else:
            raise UnlikeError("it does not come to rest")
        return [self._decide(n, best, chosen, alive[n], own[n])[1] for n in range(len(self.mesh.nodes))]

    def touched(self, members: Sequence[Mask], links: Collection[int]) -> Numbers:
        """The kinds that some node sends over one of the links: what goes elsewhere stays as it is when they fail."""
        found = np.zeros(self.mesh.kinds, dtype=np.bool_)
        for link in links:
            for n in self._at.get(link, ()):
                found |= members[n][self.mesh.nodes[n].link == link].any(axis=0)
        return np.flatnonzero(found)

    def _decide(self, n: int, best: Codes, kinds: Numbers, alive: Mask, own: Codes) -> tuple[Codes, Mask]:
        """The node's best, and the sessions that it comes over; those that are equal in length share the load."""
        node = self.mesh.nodes[n]
        if not len(node.link):
            return own, np.zeros((0, len(kinds)), dtype=np.bool_)
        offers = self._offers(n, best[node.neighbour], kinds)
        offers[~alive] = _FAR
        lengths = offers // _MARKS
        shortest = lengths.min(axis=0, initial=_FAR // _MARKS)
        members: Mask = np.asarray((lengths == shortest) & (shortest < _FAR // _MARKS) & (own != 0))
        first = node.tie[np.argmax(members[node.tie], axis=0)]
        chosen = np.where(members.any(axis=0), offers[first, np.arange(len(kinds))], _FAR)
        return np.where(own == 0, own, chosen).astype(np.int16), members

    def _offers(self, n: int, said: Codes, kinds: Numbers) -> Codes:
        """What neighbours say, as this node takes it, by session and kind."""
        whole, parted = self._tables[n]
        found: Codes = np.take_along_axis(whole, said.astype(np.int64), axis=1)
        for session, pieces in parted.items():
            for mask, effect in pieces:
                here = mask[kinds]
                found[session, here] = effect[said[session, here]]
        return found

    def _table(self, node: Node) -> tuple[Codes, dict[int, list[tuple[Mask, Codes]]]]:
        """A row a session: what becomes of each code; and by session what differs by kind of prefix."""
        whole = np.empty((len(node.link), _FAR + 1), dtype=np.int16)
        parted: dict[int, list[tuple[Mask, Codes]]] = {}
        for accept in node.imports:
            for session in accept.sessions.tolist():
                row = self.mesh.rows[int(node.row[session])]
                pairs = row.chains.astype(np.int64) << 32 | accept.chains
                unlike = np.unique(pairs).tolist()
                effects = [self._effect(pair >> 32, pair & 0xFFFFFFFF, row.sends_communities) for pair in unlike]
                whole[session] = effects[0]
                if any(not np.array_equal(effects[0], effect) for effect in effects[1:]):
                    parted[session] = [(pairs == pair, effect) for pair, effect in zip(unlike, effects, strict=True)]
        return whole, parted

    def _effect(self, announced: int, accepted: int, sends_communities: bool) -> Codes:
        key = (announced, accepted, sends_communities)
        if key in self._effects:
            return self._effects[key]
        chains = self.mesh.routes.chains
        effect = np.full(_FAR + 1, _FAR, dtype=np.int16)
        mark = 0
        while mark < len(self._marks):
            said = passed(chains[announced], Route((), self._marks[mark]))
            if said and not sends_communities:
                said = said._replace(communities=frozenset())
            kept = passed(chains[accepted], said) if said else None
            if said and kept:
                if kept.preference != _PREFERENCE:
                    raise UnlikeError("preferences differ")
                became = self._number(kept.communities)
                lengths = np.arange(_LONGEST + 1)
                longer = lengths + 1 + len(kept.path)
                effect[lengths * _MARKS + mark] = np.where(longer <= _LONGEST, longer * _MARKS + became, _FAR)
            mark += 1
        self._effects[key] = effect
        return effect

    def _number(self, communities: frozenset[int]) -> int:
        if communities not in self._marks:
            if len(self._marks) == _MARKS:
                raise UnlikeError("routes carry many sets of communities")
            self._marks.append(communities)
        return self._marks.index(communities)
