"""Global cables: which port of which group meets which, for any number of groups that the ports reach.

A group has `ports` global ports (a*h of a dragonfly, of its routers in their order). With `groups` groups each pair has as
many cables as fit all pairs, and some pairs one more, so that no port that can be used stays empty. Ports are dealt in
rounds: in a full round a group meets every other once, in the order of the arrangement; in the last one it meets those of
a circulant graph, which is as regular as its size allows.

Arrangements: absolute and relative as in Hastings et al., "Comparing Global Link Arrangements for Dragonfly Networks"
(CLUSTER 2015), circulant likewise; palmtree as in Camarero et al., "Topological Characterization of Hamming and Dragonfly
Networks" (TACO 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Arrangement = Literal["absolute", "relative", "palmtree", "circulant"]


@dataclass(frozen=True, slots=True)
class GlobalCables:
    """A row a cable, lower group first; groups and ports of a group count from 0."""

    a_group: Numbers
    a_port: Numbers
    b_group: Numbers
    b_port: Numbers

    def __len__(self) -> int:
        return len(self.a_group)


def most_groups(ports: int) -> int:
    """With one cable between each two (Kim et al. 2008: g = a*h + 1)."""
    return ports + 1


def fewest_between_two(groups: int, ports: int) -> int:
    """Cables that every pair of groups has at least; 0 where there are no two groups."""
    return ports // (groups - 1) if groups > 1 else 0


def global_cables(groups: int, ports: int, arrangement: Arrangement) -> GlobalCables:
    """The cables of `groups` groups of `ports` global ports each. Raises ValueError for more groups than the ports reach."""
    if groups > most_groups(ports):
        raise ValueError(f"{ports} global ports reach {most_groups(ports)} groups, not {groups}")
    if groups < 2:
        none = np.empty(0, dtype=np.int64)
        return GlobalCables(none, none, none, none)
    order = _order(groups, arrangement)
    rounds, rest = divmod(ports, groups - 1)
    place = np.zeros((groups, groups), dtype=np.int64)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(groups - 1), order.shape), axis=1)
    one, other = np.triu_indices(groups, 1)
    found = [
        (one, turn * (groups - 1) + place[one, other], other, turn * (groups - 1) + place[other, one]) for turn in range(rounds)
    ]
    if rest:
        chosen = _regular(groups, rest)
        inside = np.take_along_axis(chosen, order, axis=1)
        rank = np.zeros((groups, groups), dtype=np.int64)
        np.put_along_axis(rank, order, np.cumsum(inside, axis=1) - 1, axis=1)
        more = chosen[one, other]
        one, other = one[more], other[more]
        first = rounds * (groups - 1)
        found.append((one, first + rank[one, other], other, first + rank[other, one]))
    return GlobalCables(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _order(groups: int, arrangement: Arrangement) -> Numbers:
    """For each group all others, in the order of its ports."""
    own, turn = np.arange(groups)[:, None], np.arange(groups - 1)[None, :]
    if arrangement == "absolute":
        return turn + (turn >= own)
    if arrangement == "relative":
        return (own + turn + 1) % groups
    if arrangement == "palmtree":
        return (own - turn - 1) % groups
    return (own + (1 - turn % 2 * 2) * (turn // 2 + 1)) % groups


def _regular(groups: int, degree: int) -> npt.NDArray[np.bool_]:
    """Which pairs meet once more, so that each group does so `degree` times; one group of an odd number does so once less
    where the degree is odd, for ends come in pairs. 0 < degree < groups - 1."""
    chosen = np.zeros((groups, groups), dtype=np.bool_)
    own = np.arange(groups)
    for offset in range(1, degree // 2 + 1):
        chosen[own, (own + offset) % groups] = chosen[(own + offset) % groups, own] = True
    if degree % 2 and groups % 2 == 0:
        chosen[own, (own + groups // 2) % groups] = True
    elif degree % 2:
        # steps of (groups - 1) / 2 go round all groups, for the two have no common divisor: every other step is a pair
        path = own * (groups // 2) % groups
        one, other = path[0:-1:2], path[1::2]
        chosen[one, other] = chosen[other, one] = True
    return chosen
