"""What is lost in each case, in the numbers of the network's roles; capacity that is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.failures.cases import Cases
from fabric_compiler.verify.failures.view import SERVER_LEAF, Ints, View

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lost:
    """The devices of a role whose capacity upwards is less in a case: `key` is case * width + device, ascending; `share` is
    what is lost of all."""

    width: int
    key: Ints
    share: Shares

    def worst(self, cases: int) -> Shares:
        """By case: what remains to the device that lost most."""
        found = np.ones(cases)
        np.minimum.at(found, self.key // max(self.width, 1), 1 - self.share)
        return found


class Gone:
    """The losses of all cases of a kind."""

    def __init__(self, view: View, cases: Cases) -> None:
        self._view, self._cases = view, cases
        self.count = len(cases)
        self._devices = [self._of_role(role) for role in range(4)]  # case, number

    def _of_role(self, role: int) -> tuple[Ints, Ints]:
        """Devices of a role that stand no more. Where leafs are the hosts, a leaf is both."""
        mine = np.isin(self._cases.device, self._view.devices[role])
        return self._cases.of_device[mine], self._view.number[self._cases.device[mine]]

    def _joints(self, tier: int) -> tuple[Ints, Ints]:
        """(case, row of the tier's joints) of every link that is lost."""
        joints = self._view.joints[tier]
        if tier == SERVER_LEAF and self._view.stated_by_switches:
            return self._devices[1]
        place = np.full(len(self._view.links), -1, dtype=np.int64)
        place[joints.link] = np.arange(len(joints.link))
        row = place[self._cases.link]
        mine = row >= 0
        return self._cases.of_link[mine], row[mine]

    def _standing(self, tier: int) -> tuple[Ints, Ints]:
        """Those whose lower end still stands."""
        case, row = self._joints(tier)
        kept = ~self._is_lost(tier, case, self._view.joints[tier].below[row])
        return case[kept], row[kept]

    def _is_lost(self, role: int, case: Ints, device: Ints) -> npt.NDArray[np.bool_]:
        count = max(len(self._view.devices[role]), 1)
        lost_case, lost = self._devices[role]
        return np.isin(case * count + device, lost_case * count + lost)

    def touched(self, tier: int, width: int) -> Ints:
        """By case: the upper ends of lost links whose lower end stands."""
        case, row = self._standing(tier)
        pairs = np.unique(case * width + self._view.joints[tier].above[row])
        return np.bincount(pairs // max(width, 1), minlength=self.count)

    def hosts_lost(self, site: int) -> Ints:
        case, host = self._devices[0]
        return np.bincount(case[self._view.site[host] == site], minlength=self.count)

    def hosts_cut_off(self, site: int) -> Ints:
        """By case: hosts of the site that stand and have lost every link."""
        case, host = self._cut_off
        return np.bincount(case[self._view.site[host] == site], minlength=self.count)

    @cached_property
    def _cut_off(self) -> tuple[Ints, Ints]:
        hosts = self._view.hosts
        case, row = self._standing(SERVER_LEAF)
        attached = self._view.joints[SERVER_LEAF]
        keys, lost = np.unique(case * hosts + attached.below[row], return_counts=True)
        bare = keys[lost == np.bincount(attached.below, minlength=hosts)[keys % hosts]]
        return bare // hosts, bare % hosts

    def hosts_without_a_plane(self) -> Ints:
        """By case: hosts that stand and have lost all their links of a plane."""
        view, attached = self._view, self._view.joints[SERVER_LEAF]
        width = view.hosts * view.islands
        owner = view.island[attached.above] * view.hosts + attached.below
        case, row = self._standing(SERVER_LEAF)
        keys, lost = np.unique(case * width + owner[row], return_counts=True)
        bare = keys[lost == np.bincount(owner, minlength=width)[keys % width]]
        return np.bincount(bare // width, minlength=self.count)

    def of(self, case: int) -> tuple[Ints, Ints, Ints]:
        """Links, hosts and leafs that one case loses."""
        links = self._cases.link[self._cases.of_link == case]
        hosts, leafs = (lost[of == case] for of, lost in self._devices[:2])
        return links, hosts, leafs

    def lost(self, tier: int, above: Lost | None = None) -> Lost:
        """Capacity upwards that the lower ends of a tier lose and that stand; where the tier above has lost some of its own, a
        link to it is worth as much less."""
        joints = self._view.joints[tier]
        width = len(self._view.devices[tier])
        case, row = self._standing(tier)
        weight = joints.speed[row].astype(np.float64)
        if above is not None and len(above.key):
            more_case, more_row, share = self._under(tier, above, case, row)
            case, row = np.concatenate((case, more_case)), np.concatenate((row, more_row))
            weight = np.concatenate((weight, joints.speed[more_row] * share))
        key, which = np.unique(case * width + joints.below[row], return_inverse=True)
        built = np.bincount(joints.below, weights=joints.speed, minlength=width)
        lost: Shares = np.bincount(which, weights=weight, minlength=len(key)) / built[key % max(width, 1)]
        return Lost(width, key, lost)

    def _under(self, tier: int, above: Lost, case: Ints, row: Ints) -> tuple[Ints, Ints, Shares]:
        """(case, row, share lost) of the links that stand, below devices that lost capacity of their own."""
        joints = self._view.joints[tier]
        order = np.argsort(joints.above, kind="stable")
        start = np.searchsorted(joints.above[order], np.arange(above.width + 1))
        device = above.key % above.width
        sizes = start[device + 1] - start[device]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        under = order[np.repeat(start[device], sizes) + within]
        of = np.repeat(above.key // above.width, sizes)
        count = max(len(joints.link), 1)
        stands = ~np.isin(of * count + under, case * count + row) & ~self._is_lost(tier, of, joints.below[under])
        return of[stands], under[stands], np.repeat(above.share, sizes)[stands]

    def rails(self, uplinks: Lost) -> Shares:
        """By case: what remains of the worst rail. A leaf carries what is left of its NICs' links, and of its uplinks."""
        view, attached = self._view, self._view.joints[SERVER_LEAF]
        width = view.leafs
        all_case, all_row = self._joints(SERVER_LEAF)
        case, row = self._standing(SERVER_LEAF)
        down = _sums(case * width + attached.above[row], attached.speed[row])
        every = _sums(all_case * width + attached.above[all_row], attached.speed[all_row])
        keys = np.unique(np.concatenate((every[0], uplinks.key)))
        built = np.bincount(attached.above, weights=attached.speed, minlength=width)[keys % width]
        lost = _at(keys, *down)
        there = built - (_at(keys, *every) - lost)  # of servers that stand
        share = np.divide(there - lost, there, out=np.ones(len(keys)), where=there > 0)
        missing = there * (1 - np.minimum(share, 1 - _at(keys, uplinks.key, uplinks.share)))
        number = len(view.rails)
        place = keys // width * number + view.rail[keys % width]
        whole = np.bincount(view.rail[attached.above], weights=attached.speed, minlength=number)
        gone = np.bincount(place, weights=built - there, minlength=self.count * number).reshape(self.count, number)
        less = np.bincount(place, weights=missing, minlength=self.count * number).reshape(self.count, number)
        standing = whole - gone
        left = np.divide(standing - less, standing, out=np.ones_like(standing), where=standing > 0)
        found: Shares = left.min(axis=1)
        return found


def _sums(keys: Ints, values: Ints) -> tuple[Ints, Shares]:
    found, which = np.unique(keys, return_inverse=True)
    return found, np.bincount(which, weights=values.astype(np.float64), minlength=len(found)).astype(np.float64)


def _at(keys: Ints, found: Ints, values: Shares) -> Shares:
    """Values by key, 0 where there is none; both ascend."""
    out = np.zeros(len(keys))
    out[np.searchsorted(keys, found)] = values
    return out


def totals(now: Shares, before: Shares) -> Shares:
    """A quotient each; all where there was nothing."""
    found: Shares = np.divide(now, before, out=np.ones(len(before)), where=before > 0)
    return found
