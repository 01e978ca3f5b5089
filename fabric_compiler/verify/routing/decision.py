"""The decision process of BGP (RFC 4271 9.1), of all speakers of a mesh and all their prefixes at once, to its fixed point.

A round is what all speakers do when each has heard what its neighbours said in the round before. When nobody says anything
new, the routes are those of a fabric at rest. What is equal up to the length of the AS path shares the load; of it, the lowest
router ID is announced (9.1.2.2 f), then the lowest address of the neighbour (g).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.routing.mesh import Mesh, Node, Numbers
from fabric_compiler.verify.routing.routes import LOCAL, NONE, WORST, Ids

Words = npt.NDArray[np.uint64]

_LOWER = np.int64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Decided:
    """A mesh at rest, or where it was left when it did not come to rest: then `restless` are the nodes that still change.

    `sent` has the route that each row of the mesh announces of each kind of prefix, `best` the one that each node prefers,
    `members` of each node and kind the sessions that share the load, a bit each, from the lowest on. `by_tie`: of some node
    and kind the members bring different routes, and the last steps chose which of them is announced.
    """

    mesh: Mesh
    sent: Ids
    best: Ids
    members: tuple[Words, ...]
    rounds: int
    restless: tuple[int, ...]
    by_tie: bool
    down: frozenset[int]  # links


def decide(mesh: Mesh, *, down: Collection[int] = (), start: Decided | None = None, highest: bool = False) -> Decided:
    """Run to rest from scratch, or from `start` with the links `down` gone besides: only what changes is decided again.

    `highest` takes the highest router ID for the lowest, to see what hangs on it.
    """
    process = _Process(mesh, frozenset(down) | (start.down if start else frozenset()), start, highest)
    return process.run()


def bits(words: Words, sessions: int) -> npt.NDArray[np.bool_]:
    """A row a session, a column a kind."""
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=sessions, bitorder="little").astype(np.bool_).T


def _packed(rows: npt.NDArray[np.bool_]) -> Words:
    """Of each column its rows as bits, in as many words as it takes."""
    octets = np.packbits(rows, axis=0, bitorder="little")
    whole = np.zeros((octets.shape[1], -(-max(len(octets), 1) // 8) * 8), dtype=np.uint8)
    whole[:, : len(octets)] = octets.T
    return whole.view(np.uint64)


def offers(decided: Decided, n: int) -> Numbers:
    """What a node has accepted, by session and kind of prefix: the better, the lower; WORST is nothing."""
    mesh = decided.mesh
    gone = np.isin(mesh.nodes[n].link, sorted(decided.down)) if decided.down else None
    return _offered(mesh, decided.sent, n, np.arange(mesh.kinds), gone)


def _offered(mesh: Mesh, sent: Ids, n: int, kinds: Numbers, gone: npt.NDArray[np.bool_] | None) -> Numbers:
    """By session and kind: the order of what was accepted, its number in the lower half."""
    node = mesh.nodes[n]
    said = sent[node.row] if len(kinds) == mesh.kinds else sent[node.row[:, None], kinds]
    if gone is not None:
        said[gone] = NONE
    found = np.empty(said.shape, dtype=np.int64)
    for accept in node.imports:
        heard = said if len(node.imports) == 1 else said[accept.sessions]
        ranks = mesh.routes.ranks(accept.used, node.speaker.asn)
        if len(ranks) > 1:
            place = np.searchsorted(np.array(accept.used), accept.chains[kinds])
            heard = heard + place * ranks.shape[1]
        found[accept.sessions] = ranks.ravel()[heard]
    return found


class _Process:
    def __init__(self, mesh: Mesh, down: frozenset[int], start: Decided | None, highest: bool) -> None:
        self.mesh, self.routes, self.down, self.start = mesh, mesh.routes, down, start
        self.by_tie = bool(start and start.by_tie)
        self._highest = highest
        self._shared = set(range(len(mesh.nodes))) if start else set[int]()  # nodes whose members are still those of `start`
        self._local = np.zeros((len(mesh.nodes), mesh.kinds), dtype=np.bool_)
        for n, node in enumerate(mesh.nodes):
            self._local[n, node.local] = True
        if start:
            self.sent, self.best = start.sent.copy(), start.best.copy()
            self.members = list(start.members)
        else:
            self.sent = np.zeros((len(mesh.rows), mesh.kinds), dtype=np.int32)
            self.best = np.where(self._local, np.int32(LOCAL), np.int32(NONE))
            self.members = [_packed(np.zeros((len(node.link), mesh.kinds), dtype=np.bool_)) for node in mesh.nodes]
        links = np.array(sorted(down), dtype=np.int64)
        touched = {n for link in down for n in mesh.at.get(link, ())}
        self._gone = {n: np.isin(mesh.nodes[n].link, links) for n in sorted(touched)}

    def run(self) -> Decided:
        mesh = self.mesh
        if self.start:
            self.routes.prepare(mesh.chains)
            changed = {n: self._decide(n, np.flatnonzero(~self._local[n])) for n in self._gone}
        else:
            changed = {n: node.local for n, node in enumerate(mesh.nodes)}
        # in a network without dispute the longest chain of decisions is no longer than the longest path
        limit, rounds = 2 * len(mesh.nodes) + 8, 0
        while changed and rounds < limit:
            rounds += 1
            fresh = self._announce(changed)
            self.routes.prepare(mesh.chains)
            told: npt.NDArray[np.bool_] = np.asarray(fresh.any(axis=1))
            changed = {}
            for n, node in enumerate(mesh.nodes):
                if not told[node.row].any():
                    continue
                heard = np.flatnonzero(fresh[node.row].any(axis=0) & ~self._local[n])
                kinds = self._decide(n, heard)
                if len(kinds):
                    changed[n] = kinds
        return Decided(mesh, self.sent, self.best, tuple(self.members), rounds, tuple(sorted(changed)), self.by_tie, self.down)

    def _announce(self, changed: dict[int, Numbers]) -> npt.NDArray[np.bool_]:
        """Let the nodes say what is new to them; returns what is new, by row and kind."""
        fresh = np.zeros(self.sent.shape, dtype=np.bool_)
        for n, kinds in changed.items():
            node = self.mesh.nodes[n]
            for number in node.rows:
                row = self.mesh.rows[number]
                open_kinds = kinds[row.open[kinds]]
                if not len(open_kinds):
                    continue
                best, chains = self.best[n, open_kinds], row.chains[open_kinds]
                said = np.zeros(len(open_kinds), dtype=np.int32)
                for chain in np.unique(chains).tolist():
                    those = chains == chain
                    said[those] = self.routes.announced(chain, node.speaker.asn, row.sends_communities, best[those])
                fresh[number, open_kinds] = said != self.sent[number, open_kinds]
                self.sent[number, open_kinds] = said
        return fresh

    def _decide(self, n: int, kinds: Numbers) -> Numbers:
        """Decide again on those kinds of prefixes; returns those whose best route is another than before."""
        node = self.mesh.nodes[n]
        if not len(kinds):
            return kinds
        offers = _offered(self.mesh, self.sent, n, kinds, self._gone.get(n))
        best: Numbers = offers.min(axis=0, initial=WORST)
        found = best < WORST
        # equal up to here: the same upper half
        members = (offers < ((best >> 32) + 1 << 32)) & found
        members, best = self._last_steps(node, offers, members, best)
        chosen = np.where(found, best & _LOWER, NONE).astype(np.int32)
        if n in self._shared:
            self._shared.remove(n)
            self.members[n] = self.members[n].copy()
        self.members[n][kinds] = _packed(members)
        before = self.best[n, kinds]
        self.best[n, kinds] = chosen
        return np.asarray(kinds[chosen != before])

    def _last_steps(
        self, node: Node, offers: Numbers, members: npt.NDArray[np.bool_], best: Numbers
    ) -> tuple[npt.NDArray[np.bool_], Numbers]:
        """Who shares the load, and which of their routes is announced."""
        multipath = node.speaker.routing.multipath
        if multipath == "any":
            undecided = np.flatnonzero((members & (offers != best)).any(axis=0))
        else:
            undecided = np.flatnonzero(best < WORST)
        if not len(undecided):
            return members, best
        self.by_tie |= bool((members & (offers != best)).any())
        tie = node.tie[::-1] if self._highest else node.tie
        first = tie[np.argmax(members[np.ix_(tie, undecided)], axis=0)]
        best = best.copy()
        best[undecided] = offers[first, undecided]
        if multipath == "neighbour":
            members[:, undecided] &= node.asn[:, None] == node.asn[first]
        elif multipath == "path":
            paths = self.routes.path_numbers()
            members[:, undecided] &= paths[offers[:, undecided] & _LOWER] == paths[best[undecided] & _LOWER]
        return members, best
