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
        gone = _Gone(self.view, cases)
        searched = self._searched(gone)
        reachability, rail = self._by_counts(gone)
        for case in searched.tolist():
            reachability[case], rail[case] = self._search(gone, case)
        shares = {"reachability": reachability, "rail": rail, "leaf uplinks": _worst(self.view, gone, LEAF_SPINE)}
        if self.view.cores:
            shares["spine uplinks"] = _worst(self.view, gone, SPINE_CORE)
        if not self.view.stated_by_switches:
            shares["server"] = _worst(self.view, gone, SERVER_LEAF)
        return Remaining(shares, len(searched))

    @cached_property
    def _complete(self) -> bool:
        """Whether each leaf of a plane reaches each other one, and each host is in the same planes."""
        planes = np.array([plane for _, plane in self.view.rails])[self.view.rail]
        same = planes[:, None] == planes[None, :]
        return bool((self._whole.reach == same).all()) and self._planes_of_hosts == 1

    @cached_property
    def _planes_of_hosts(self) -> int:
        """In how many sets of planes hosts are; 1: all in the same."""
        attached = self.view.joints[SERVER_LEAF]
        planes = np.array([plane for _, plane in self.view.rails])[self.view.rail[attached.above]]
        count = int(planes.max(initial=0)) + 1
        present = np.unique(attached.below * count + planes)
        kinds = np.bincount(present % count, minlength=count)
        return 1 if set(kinds.tolist()) <= {0, self.view.hosts} else 2

    def _searched(self, gone: _Gone) -> Ints:
        """Cases that may cut standing leafs off from one another, or leave hosts without a plane in common."""
        if not self._complete:
            return np.arange(gone.count)
        spines = gone.touched(LEAF_SPINE, self.view.spines)
        doubtful = spines >= self._whole.spare_spines
        if self.view.cores:
            cores = gone.touched(SPINE_CORE, self.view.cores) + spines * self._cores_a_spine
            doubtful |= cores >= self._whole.spare_cores
        if len({plane for _, plane in self.view.rails}) > 1:
            doubtful |= gone.hosts_without_a_plane() > 0
        return np.flatnonzero(doubtful)

    @cached_property
    def _cores_a_spine(self) -> int:
        return int((self._standing.spine_core > 0).sum(axis=1).max(initial=0))

    def _by_counts(self, gone: _Gone) -> tuple[Shares, Shares]:
        """Where all leafs that stand reach each other: hosts and NICs that lost their links reach nobody."""
        standing = self.view.hosts - gone.hosts_lost
        reachability = _pairs(standing - gone.hosts_cut_off, standing)
        rail = np.ones(gone.count)
        for number in range(len(self.view.rails)):
            there, lost = gone.nics(number)
            np.minimum(rail, _pairs(there - lost, there), out=rail)
        return reachability, rail

    def _search(self, gone: _Gone, case: int) -> tuple[float, float]:
        """The case's network as it stands: pairs of hosts, and of NICs on the worst rail."""
        links, hosts_lost, leafs_lost = gone.of(case)
        view, whole = self.view, self._whole.reach
        reach = connectivity(view, self._standing.without(view, links)).reach.copy()
        reach[leafs_lost] = reach[:, leafs_lost] = False
        attached = view.joints[SERVER_LEAF]
        stands = ~np.isin(attached.below, hosts_lost)
        up = stands & ~np.isin(attached.link, links) & ~np.isin(attached.above, leafs_lost)
        reachability = _share(_host_pairs(view, attached, up, reach), _host_pairs(view, attached, stands, whole))
        worst = 1.0
        for number in range(len(view.rails)):
            mine = view.rail[attached.above] == number
            now, before = (
                _ordered_pairs(np.bincount(attached.above[mine & chosen], minlength=view.leafs), there)
                for chosen, there in ((up, reach), (stands, whole))
            )
            worst = min(worst, _share(now, before))
        return reachability, worst


class _Gone:
    """What is lost in each case, in the numbers of the network's roles."""

    def __init__(self, view: View, cases: Cases) -> None:
        self._view, self._cases = view, cases
        self.count = len(cases)
        self._lost = [self._of_role(role) for role in range(4)]  # case, number
        self.hosts_lost = np.bincount(self._lost[0][0], minlength=self.count)

    def _of_role(self, role: int) -> tuple[Ints, Ints]:
        """Devices of a role that stand no more. Where leafs are the hosts, a leaf is both."""
        members = self._view.devices[role]
        mine = np.isin(self._cases.device, members)
        return self._cases.of_device[mine], self._view.number[self._cases.device[mine]]

    def joints(self, tier: int) -> tuple[Ints, Ints]:
        """(case, row of the tier's joints) of every link that is lost."""
        joints = self._view.joints[tier]
        if tier == SERVER_LEAF and self._view.stated_by_switches:
            return self._lost[1]
        place = np.full(len(self._view.links), -1, dtype=np.int64)
        place[joints.link] = np.arange(len(joints.link))
        row = place[self._cases.link]
        mine = row >= 0
        return self._cases.of_link[mine], row[mine]

    def standing(self, tier: int) -> tuple[Ints, Ints]:
        """Those whose lower end still stands."""
        case, row = self.joints(tier)
        below = self._view.joints[tier].below[row]
        count = len(self._view.devices[tier])
        lost_case, lost = self._lost[tier]
        kept = ~np.isin(case * count + below, lost_case * count + lost)
        return case[kept], row[kept]

    def touched(self, tier: int, width: int) -> Ints:
        """By case: the upper ends of lost links whose lower end stands."""
        case, row = self.standing(tier)
        pairs = np.unique(case * width + self._view.joints[tier].above[row])
        return np.bincount(pairs // width, minlength=self.count)

    @cached_property
    def hosts_cut_off(self) -> Ints:
        """By case: hosts that stand and have lost every link."""
        case, row = self.standing(SERVER_LEAF)
        attached = self._view.joints[SERVER_LEAF]
        keys, lost = np.unique(case * self._view.hosts + attached.below[row], return_counts=True)
        built = np.bincount(attached.below, minlength=self._view.hosts)
        return np.bincount(keys[lost == built[keys % self._view.hosts]] // self._view.hosts, minlength=self.count)

    def hosts_without_a_plane(self) -> Ints:
        """By case: hosts that stand, have a link, and have lost all those of a plane."""
        view, attached = self._view, self._view.joints[SERVER_LEAF]
        planes = np.array([plane for _, plane in view.rails])[view.rail[attached.above]]
        width = view.hosts * (int(planes.max()) + 1)
        owner = planes * view.hosts + attached.below
        case, row = self.standing(SERVER_LEAF)
        keys, lost = np.unique(case * width + owner[row], return_counts=True)
        built = np.bincount(owner, minlength=width)
        bare = keys[lost == built[keys % width]]
        return np.bincount(bare // width, minlength=self.count)

    def nics(self, rail: int) -> tuple[Ints, Ints]:
        """By case: NIC ports on the rail whose server stands, and those of them whose link is lost."""
        attached = self._view.joints[SERVER_LEAF]
        mine = self._view.rail[attached.above] == rail
        case, row = self.standing(SERVER_LEAF)
        lost = np.bincount(case[mine[row]], minlength=self.count)
        all_case, all_row = self.joints(SERVER_LEAF)
        of_lost_hosts = np.bincount(all_case[mine[all_row]], minlength=self.count) - lost
        return int(mine.sum()) - of_lost_hosts, lost

    def of(self, case: int) -> tuple[Ints, Ints, Ints]:
        """Links, hosts and leafs that one case loses."""
        links = self._cases.link[self._cases.of_link == case]
        hosts, leafs = (lost[of == case] for of, lost in (self._lost[0], self._lost[1]))
        return links, hosts, leafs


def _worst(view: View, gone: _Gone, tier: int) -> Shares:
    """By case: what remains of the capacity upwards of the device that has lost the largest share of it, and stands."""
    joints = view.joints[tier]
    count = len(view.devices[tier])
    case, row = gone.standing(tier)
    keys, which = np.unique(case * count + joints.below[row], return_inverse=True)
    lost = np.bincount(which, weights=joints.speed[row], minlength=len(keys))
    built = np.bincount(joints.below, weights=joints.speed, minlength=count)
    worst = np.ones(gone.count)
    np.minimum.at(worst, keys // max(count, 1), 1 - lost / built[keys % max(count, 1)])
    return worst


def _pairs(now: Ints, before: Ints) -> Shares:
    """Ordered pairs of `now` over those of `before`; all where there were none."""
    had = before * (before - 1)
    found: Shares = np.divide(now * (now - 1), had, out=np.ones(len(had)), where=had > 0)
    return found


def _share(now: int, before: int) -> float:
    return now / before if before else 1.0


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
    return _ordered_pairs(np.array(many), (flat @ reach.astype(np.float32) @ flat.T) > 0)


def _ordered_pairs(many: Ints, together: Bools) -> int:
    """Of so many of each kind, those whose kinds are together; nothing is a pair with itself."""
    counts = many.astype(np.float64)  # exact up to 2^53
    return int(counts @ together.astype(np.float64) @ counts) - int(many[np.diagonal(together)].sum())
