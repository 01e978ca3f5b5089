"""Which leafs reach which, by the links that stand: over a spine that both have, or over a core that spines of two groups have.

That is what the routing policies let through (control/routing.py): a leaf is never a transit, and the spines of a group do not
take one another's routes, for they share an ASN. Traffic follows the routes, so that a way that exists is used (RFC 7938).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.failures.view import LEAF_SPINE, SPINE_CORE, Bools, Ints, View

Floats = npt.NDArray[np.float32]  # of small counts; a product of matrices is many times as fast as with integers


@dataclass(frozen=True, slots=True)
class Adjacency:
    """Links that stand: counted by leaf and spine, and by spine and core."""

    leaf_spine: Ints
    spine_core: Ints

    def without(self, view: View, rows: Ints) -> Adjacency:
        """Without these rows of the network's links."""
        lower, upper = self.leaf_spine.copy(), self.spine_core.copy()
        for tier, counts in ((LEAF_SPINE, lower), (SPINE_CORE, upper)):
            joints = view.joints[tier]
            gone = np.isin(joints.link, rows)
            np.subtract.at(counts, (joints.below[gone], joints.above[gone]), 1)
        return Adjacency(lower, upper)


def adjacency(view: View) -> Adjacency:
    counts = []
    for tier, shape in ((LEAF_SPINE, (view.leafs, view.spines)), (SPINE_CORE, (view.spines, view.cores))):
        found = np.zeros(shape, dtype=np.int64)
        np.add.at(found, (view.joints[tier].below, view.joints[tier].above), 1)
        counts.append(found)
    return Adjacency(counts[0], counts[1])


@dataclass(frozen=True, slots=True)
class Connectivity:
    """`reach` by leaf and leaf. `spare_spines` and `spare_cores`: the fewest that two leafs which reach each other over a
    spine, and over cores alone, have in common; a failure that touches fewer cuts nobody off."""

    reach: Bools
    spare_spines: int
    spare_cores: int


def connectivity(view: View, standing: Adjacency) -> Connectivity:
    """Every leaf reaches itself."""
    lower = (standing.leaf_spine > 0).astype(np.float32)
    common = lower @ lower.T
    np.fill_diagonal(common, np.inf)
    reach = common > 0
    spare_spines = int(common[reach & np.isfinite(common)].min(initial=np.iinfo(np.int32).max))
    if not view.cores:
        return Connectivity(reach, spare_spines, np.iinfo(np.int32).max)
    cores = _common_cores(view, lower, standing)
    over_cores = (cores > 0) & ~reach
    spare_cores = int(cores[over_cores].min(initial=np.iinfo(np.int32).max))
    return Connectivity(reach | over_cores, spare_spines, spare_cores)


def _common_cores(view: View, lower: Floats, standing: Adjacency) -> Floats:
    """Cores over which two leafs reach each other through spines of two groups, counted."""
    upper = (standing.spine_core > 0).astype(np.float32)
    by_group: list[tuple[Ints, Floats]] = []  # the leafs that have links to it, and the cores that each comes to over it
    ways = np.zeros((view.leafs, view.cores), dtype=np.float32)
    for spines in (np.flatnonzero(view.group == g) for g in range(int(view.group.max()) + 1)):
        members = np.flatnonzero(lower[:, spines].any(axis=1))
        cores = ((lower[np.ix_(members, spines)] @ upper[spines]) > 0).astype(np.float32)
        ways[members] += cores
        by_group.append((members, cores))
    any_way = (ways > 0).astype(np.float32)
    found: Floats = any_way @ any_way.T
    for members, cores in by_group:
        only = cores * (ways[members] == 1)  # both come to the core by this group alone: the way down would be a loop
        found[np.ix_(members, members)] -= only @ only.T
    return found
