"""The quantities of docs/failures.md for every case of a kind, as shares of what there is without a failure.

What a case changes is counted from the rows that it loses. Leafs cut off from one another are looked for only where a failure
touches as many switches as two leafs have in common; then the network is searched as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.failures.cases import Cases
from fabric_compiler.verify.failures.connectivity import adjacency, connectivity
from fabric_compiler.verify.failures.gone import Gone, totals
from fabric_compiler.verify.failures.view import LEAF_SPINE, SERVER_LEAF, SPINE_CORE, Bools, Ints, Joints, View

Shares = npt.NDArray[np.float64]

QUANTITIES = ("reachability", "leaf uplinks", "spine uplinks", "rail", "server")


@dataclass(frozen=True, slots=True)
class Remaining:
    """A share a case, by those quantities that the network has; `searched` are the cases whose connectivity was not plain
    from counts."""

    shares: dict[str, Shares]
    searched: int


class Network:
    """A network without failures, and what remains of it with some."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._standing = adjacency(view)
        self._whole = connectivity(view, self._standing)

    def remaining(self, cases: Cases) -> Remaining:
        view, gone = self.view, Gone(self.view, cases)
        searched = self._searched(gone)
        reachability = _by_counts(view, gone)
        for case in searched.tolist():
            reachability[case] = self._search(gone, case)
        spines = gone.lost(SPINE_CORE)
        leafs = gone.lost(LEAF_SPINE, above=spines)
        shares = {"reachability": reachability, "leaf uplinks": leafs.worst(gone.count)}
        if view.cores:
            shares["spine uplinks"] = spines.worst(gone.count)
        if not view.stated_by_switches:
            shares["server"] = gone.lost(SERVER_LEAF).worst(gone.count)
            shares["rail"] = gone.rails(leafs)
        return Remaining(shares, len(searched))

    @cached_property
    def _complete(self) -> bool:
        """Whether each leaf of a site and plane reaches each other one, and each host of a site is in all its planes."""
        view, attached = self.view, self.view.joints[SERVER_LEAF]
        same = view.island[:, None] == view.island[None, :]
        present = np.unique(attached.below * view.islands + view.island[attached.above])
        of_site = np.unique(view.site[present // view.islands] * view.islands + present % view.islands)
        planes = np.bincount(of_site // view.islands, minlength=view.sites)
        return bool((self._whole.reach == same).all()) and len(present) == int(planes[view.site].sum())

    def _searched(self, gone: Gone) -> Ints:
        """Cases that may cut standing leafs off from one another, or leave hosts without a plane in common."""
        if not self._complete:
            return np.arange(gone.count)
        spines = gone.touched(LEAF_SPINE, self.view.spines)
        doubtful = spines >= self._whole.spare_spines
        if self.view.cores:
            cores = gone.touched(SPINE_CORE, self.view.cores) + spines * self._cores_a_spine
            doubtful |= cores >= self._whole.spare_cores
        if self.view.islands > self.view.sites:
            doubtful |= gone.hosts_without_a_plane() > 0
        return np.flatnonzero(doubtful)

    @cached_property
    def _cores_a_spine(self) -> int:
        return int((self._standing.spine_core > 0).sum(axis=1).max(initial=0))

    def _search(self, gone: Gone, case: int) -> float:
        """Pairs of hosts in the case's network as it stands."""
        links, hosts_lost, leafs_lost = gone.of(case)
        view = self.view
        reach = connectivity(view, self._standing.without(view, links)).reach.copy()
        reach[leafs_lost] = reach[:, leafs_lost] = False
        attached = view.joints[SERVER_LEAF]
        stands = ~np.isin(attached.below, hosts_lost)
        up = stands & ~np.isin(attached.link, links) & ~np.isin(attached.above, leafs_lost)
        before = _host_pairs(view, attached, stands, self._whole.reach)
        return _host_pairs(view, attached, up, reach) / before if before else 1.0


def _by_counts(view: View, gone: Gone) -> Shares:
    """Where all leafs of a site that stand reach each other: hosts that lost all their links reach nobody."""
    now, before = np.zeros(gone.count), np.zeros(gone.count)
    for site in range(view.sites):
        standing = int((view.site == site).sum()) - gone.hosts_lost(site)
        up = standing - gone.hosts_cut_off(site)
        now += up * (up - 1)
        before += standing * (standing - 1)
    return totals(now, before)


def _host_pairs(view: View, attached: Joints, up: Bools, reach: Bools) -> int:
    """Ordered pairs of hosts of which some leafs reach each other. Hosts on the same leafs are alike, and counted at once."""
    met = np.zeros((view.hosts, view.leafs), dtype=np.bool_)
    met[attached.below[up], attached.above[up]] = True
    kinds: dict[bytes, int] = {}
    many: list[int] = []
    rows: list[int] = []
    for row, packed in enumerate(np.packbits(met, axis=1)):
        kind = kinds.setdefault(packed.tobytes(), len(kinds))
        if kind == len(many):
            many.append(0)
            rows.append(row)
        many[kind] += 1
    flat = met[rows].astype(np.float32)
    together = (flat @ reach.astype(np.float32) @ flat.T) > 0
    counts = np.array(many, dtype=np.float64)  # exact up to 2^53
    return int(counts @ together.astype(np.float64) @ counts) - int(counts[np.diagonal(together)].sum())
