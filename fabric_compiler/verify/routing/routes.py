"""Routes as BGP compares them, each kept once and known by its number; and what policies make of them.

A policy meets prefixes of few kinds: those that its terms treat alike. For one kind it comes down to a chain of steps that
ask for communities alone. What a chain makes of a route is computed once for all devices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.observed import CommunityMatch

Ids = npt.NDArray[np.int32]

NONE: Final = 0
"""The number of no route."""
LOCAL: Final = 1
"""The number of a route of the device's own."""
WORST: Final = np.int64(1) << 62
"""What no route compares as."""

_DEFAULT_PREFERENCE = 100  # RFC 4271 9.1.1 leaves it to the router; FRR and EOS have this
_NO_EXPORT, _NO_ADVERTISE = 0xFFFFFF01, 0xFFFFFF02  # RFC 1997
_UNKNOWN: Final = -1


class Route(NamedTuple):
    """Attributes that decide: all our routes have the origin IGP and no MED, and LOCAL_PREF stays in a device."""

    path: tuple[int, ...] = ()
    communities: frozenset[int] = frozenset()
    preference: int = _DEFAULT_PREFERENCE


class Step(NamedTuple):
    """What is left of a policy's term for prefixes that its lists match; `communities` None: whatever the route carries."""

    communities: tuple[CommunityMatch, ...] | None
    permit: bool
    prepend: tuple[int, ...] = ()
    set_communities: frozenset[int] | None = None
    additive: bool = False
    preference: int | None = None

    def matches(self, carried: frozenset[int]) -> bool:
        """The first entry all of whose communities are carried decides; none: no match."""
        if self.communities is None:
            return True
        return next((entry.permit for entry in self.communities if entry.communities <= carried), False)


Chain = tuple[Step, ...]

PERMIT: Final[Chain] = (Step(None, True),)
DENY: Final[Chain] = ()


def passed(chain: Chain, route: Route) -> Route | None:
    """The route after the first step that matches; None where it denies, or none does."""
    step = next((step for step in chain if step.matches(route.communities)), None)
    if step is None or not step.permit:
        return None
    communities = route.communities
    if step.set_communities is not None:
        communities = communities | step.set_communities if step.additive else step.set_communities
    return Route(
        (*step.prepend, *route.path),
        communities,
        route.preference if step.preference is None else step.preference,
    )


class Routes:
    """All routes of one analysis. Numbers of routes and of chains start at 0, which is none and DENY."""

    def __init__(self) -> None:
        self.routes: list[Route] = [Route(preference=-1), Route()]
        self.chains: list[Chain] = [DENY]
        self._ids = {self.routes[LOCAL]: LOCAL}
        self._chain_ids: dict[Chain, int] = {DENY: 0}
        self._through: dict[int, list[int]] = defaultdict(list)  # AS -> routes whose path holds it
        self._order = np.array([WORST, 0], dtype=np.int64)
        self._wire: list[int] = []  # routes that are sent
        self._sent_ids: set[int] = set()
        self._accepted: dict[int, tuple[int, Ids]] = {}  # chain -> how many of them were taken, and what each became
        self._announced: dict[tuple[int, int, bool], Ids] = {}

    def __len__(self) -> int:
        return len(self.routes)

    def number(self, route: Route) -> int:
        known = self._ids.get(route)
        if known is None:
            known = self._ids[route] = len(self.routes)
            self.routes.append(route)
            for asn in set(route.path):
                self._through[asn].append(known)
        return known

    def chain(self, chain: Chain) -> int:
        known = self._chain_ids.get(chain)
        if known is None:
            known = self._chain_ids[chain] = len(self.chains)
            self.chains.append(chain)
        return known

    def prepare(self, chains: Iterable[int]) -> None:
        """Compute what the chains make of what is sent, and put all routes in order; before `ranks` after every round."""
        for chain in chains:
            done, known = self._accepted.setdefault(chain, (0, np.zeros(1, dtype=np.int32)))
            if not (new := self._wire[done:]):
                continue
            made = [passed(self.chains[chain], self.routes[sent]) for sent in new]
            table = np.zeros(len(self.routes), dtype=np.int32)
            table[: len(known)] = known
            table[new] = [NONE if route is None else self.number(route) for route in made]
            self._accepted[chain] = len(self._wire), table
        if len(self._order) != len(self.routes):
            # RFC 4271 9.1.2: LOCAL_PREF, then the length of the AS path; equal routes have equal upper halves
            keys = [(-route.preference, len(route.path)) for route in self.routes[1:]]
            places = {key: place for place, key in enumerate(sorted(set(keys)))}
            ranks = np.array([places[key] for key in keys], dtype=np.int64)
            self._order = np.concatenate(([WORST], ranks << 32 | np.arange(1, len(self.routes))))

    def ranks(self, chains: Sequence[int], asn: int) -> npt.NDArray[np.int64]:
        """A row a chain, by number of what a neighbour sends: the order of what a device of this AS makes of it, its number in
        the lower half. A path that holds the own AS is dropped (RFC 4271 9.1.2)."""
        tables = [self._accepted[chain][1] for chain in chains]
        found = np.full((len(chains), max(map(len, tables))), WORST, dtype=np.int64)
        for row, table in zip(found, tables, strict=True):
            row[: len(table)] = self._order[table]
        looped = self.holding(asn)
        found[:, looped[looped < found.shape[1]]] = WORST
        return found

    def announced(self, chain: int, asn: int, sends_communities: bool, best: Ids) -> Ids:
        """What a device of this AS sends of its best routes."""
        key = (chain, asn, sends_communities)
        table = self._announced.get(key)
        size = int(best.max(initial=0)) + 1
        if table is None or len(table) < size:
            grown = np.full(max(size, 64), _UNKNOWN, dtype=np.int32)
            if table is not None:
                grown[: len(table)] = table
            table = self._announced[key] = grown
            table[NONE] = NONE
        found = table[best]
        if (found == _UNKNOWN).any():
            for number in np.unique(best[found == _UNKNOWN]).tolist():
                table[number] = self._sent(self.chains[chain], asn, sends_communities, self.routes[number])
            found = table[best]
        return found

    def _sent(self, steps: Chain, asn: int, sends_communities: bool, route: Route) -> int:
        # RFC 1997: what came with it; a policy may set it on the way out
        made = None if route.communities & {_NO_EXPORT, _NO_ADVERTISE} else passed(steps, route)
        if made is None:
            return NONE
        route = Route((asn, *made.path), made.communities if sends_communities else frozenset())
        sent = self.number(route)
        if sent not in self._sent_ids:
            self._sent_ids.add(sent)
            self._wire.append(sent)
        return sent

    def holding(self, asn: int) -> npt.NDArray[np.int64]:
        """Numbers of the routes whose path holds an AS."""
        return np.array(self._through.get(asn, ()), dtype=np.int64)

    def path_lengths(self) -> Ids:
        """By number; no route is longer than all."""
        lengths = np.array([len(route.path) for route in self.routes], dtype=np.int32)
        lengths[NONE] = np.iinfo(np.int32).max
        return lengths

    def path_numbers(self) -> Ids:
        """By number: the same where the AS paths are the same."""
        seen: dict[tuple[int, ...], int] = {}
        return np.array([seen.setdefault(route.path, len(seen)) for route in self.routes], dtype=np.int32)
