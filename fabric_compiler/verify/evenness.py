"""How evenly all-to-all traffic loads the cables of a folded Clos: as evenly as forwarding by destination can."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.channels import Channels
from fabric_compiler.verify.forwarding import Ways

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The channels from one switch upwards, or down to one. `step`: the most flows that a destination brings to one of them."""

    switch: int
    upwards: bool
    least: int
    most: int
    step: int


def bundles(channels: Channels, found: Ways, tier: npt.NDArray[np.int32]) -> list[Bundle]:
    """`tier` numbers the tiers of the switches from below; channels within a tier are in no bundle."""
    rise = tier[channels.head] - tier[channels.tail]
    out = []
    for upwards in (True, False):
        chosen = np.flatnonzero(rise > 0 if upwards else rise < 0)
        if not len(chosen):
            continue
        owner = (channels.tail if upwards else channels.head)[chosen]
        order = np.argsort(owner, kind="stable")
        owner, flows, largest = owner[order], found.flows[chosen][order], found.largest[chosen][order]
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        columns = owner[first], np.minimum.reduceat(flows, first), np.maximum.reduceat(flows, first)
        step = np.maximum.reduceat(largest, first)
        out += [Bundle(switch, upwards, *loads) for switch, *loads in zip(*(c.tolist() for c in (*columns, step)), strict=True)]
    return out


def empty_ports(channels: Channels) -> int:
    """End ports that the fullest switch has and others lack, all together.

    opensm's ftree lays its ways out as if they were there (osm_ucast_ftree.c, dummy_hops), to keep shifts free of congestion.
    """
    count = np.unique(channels.end_switch, return_counts=True)[1]
    return int((count.max() - count).sum()) if len(count) else 0


def uneven(found: list[Bundle], holes: int) -> list[Bundle]:
    """Bundles whose loads differ by more than one flow, that is by what one destination brings; `holes`: see `empty_ports`."""
    return [bundle for bundle in found if bundle.most - bundle.least > bundle.step * (1 + holes)]
