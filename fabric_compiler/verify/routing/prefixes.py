"""Prefixes as columns, and what the lists of a policy make of them all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.plan import Prefixes
from fabric_compiler.verify.observed import ObservedPolicy, PrefixMatch, Term
from fabric_compiler.verify.routing.routes import DENY, PERMIT, Chain, Ids, Routes, Step

Mask = npt.NDArray[np.bool_]

_WIDTH = {4: 32, 6: 128}
_HALF = (1 << 64) - 1


class PrefixColumns:
    """The prefixes of one family, their bits at the upper end of 128."""

    def __init__(self, version: int, prefixes: Prefixes) -> None:
        self.version, self.prefixes = version, prefixes
        whole = [p.value << 128 - _WIDTH[version] for p in prefixes]
        self._high = np.array([value >> 64 for value in whole], dtype=np.uint64)
        self._low = np.array([value & _HALF for value in whole], dtype=np.uint64)
        self._length = np.array([p.length for p in prefixes], dtype=np.int64)
        self._lists: dict[tuple[PrefixMatch, ...], Mask] = {}

    def __len__(self) -> int:
        return len(self.prefixes)

    def listed(self, rules: tuple[PrefixMatch, ...]) -> Mask:
        """Which prefixes the list permits: the first line that matches decides, none denies."""
        known = self._lists.get(rules)
        if known is None:
            known = np.zeros(len(self), dtype=np.bool_)
            for rule in reversed(rules):
                known[self._matching(rule)] = rule.permit
            self._lists[rules] = known
        return known

    def _matching(self, rule: PrefixMatch) -> Mask:
        mask = ((1 << 128) - 1) >> rule.prefix.length ^ ((1 << 128) - 1)
        value = rule.prefix.value << 128 - _WIDTH[self.version]
        found = (self._high & np.uint64(mask >> 64)) == np.uint64(value >> 64)
        found &= (self._length >= max(rule.shortest, rule.prefix.length)) & (self._length <= rule.longest)
        if mask & _HALF:
            found &= (self._low & np.uint64(mask & _HALF)) == np.uint64(value & _HALF)
        return np.asarray(found)

    def chains(self, policy: ObservedPolicy | None, otherwise: Chain, routes: Routes) -> Ids:
        """The chain that each prefix meets in a policy, by number; `otherwise` where there is no policy."""
        if policy is None:
            return np.full(len(self), routes.chain(otherwise), dtype=np.int32)
        terms = [(term, self._term(term)) for term in policy.terms]
        # prefixes that the same terms match meet the same chain
        alike = np.zeros(len(self), dtype=np.int64)
        for _, matched in terms:
            alike = np.unique(alike * 2 + matched, return_inverse=True)[1].astype(np.int64)
        found = np.zeros(len(self), dtype=np.int32)
        for kind in range(int(alike.max(initial=-1)) + 1):
            those = np.flatnonzero(alike == kind)
            found[those] = routes.chain(_chain([term for term, matched in terms if matched[those[0]]]))
        return found

    def _term(self, term: Term) -> Mask:
        """A list of the other family matches no prefix of this one."""
        own, other = (term.prefixes4, term.prefixes6) if self.version == 4 else (term.prefixes6, term.prefixes4)
        if other is not None:
            return np.zeros(len(self), dtype=np.bool_)
        return np.ones(len(self), dtype=np.bool_) if own is None else self.listed(own)


def _chain(terms: Sequence[Term]) -> Chain:
    """The steps up to the first that takes every route."""
    steps: list[Step] = []
    for term in terms:
        steps.append(Step(term.communities, term.permit, term.prepend, term.set_communities, term.additive, term.preference))
        if term.communities is None:
            break
    chain = tuple(steps)
    # a denial at the end is what the end means; a plain permit is the same whatever its place
    while chain and not chain[-1].permit:
        chain = chain[:-1]
    return chain


def without_policy(required: bool) -> Chain:
    """RFC 8212: a session of another AS without a policy carries nothing, where the router keeps to it."""
    return DENY if required else PERMIT


def kinds(columns: Sequence[Ids], origins: Sequence[tuple[int, ...]]) -> tuple[Ids, npt.NDArray[np.int64]]:
    """Prefixes that have the same origins and meet the same chains everywhere are of one kind.

    `columns` are chains by prefix, one array a policy. Returns the kind of each prefix, and a prefix of each kind.
    """
    owners: dict[tuple[int, ...], int] = {}
    origin = np.array([owners.setdefault(own, len(owners)) for own in origins], dtype=np.int32)
    table = np.ascontiguousarray(np.stack((origin, *columns), axis=1))
    rows = table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1])))[:, 0]
    _, first, kind = np.unique(rows, return_index=True, return_inverse=True)
    return kind.astype(np.int32), first.astype(np.int64)
