"""The length of the cable of each link: stated by tier pair, else from where its ends stand, else a default."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fabric_compiler.cabling.columns import DeviceColumns, Ints
from fabric_compiler.cabling.floor import Floor
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.graph import TIER_PAIRS, Graph

# Convention: steps in which cables of all kinds are sold, in mm; beyond the last one, cut to its multiples.
SOLD = (
    500, 1000, 1500, 2000, 2500, 3000, 5000, 7000, 10_000, 15_000, 20_000, 30_000, 40_000, 50_000, 75_000, 100_000, 150_000,
    200_000, 300_000, 400_000, 500_000,
)  # fmt: skip

# Convention for a site that states neither placement nor lengths: a leaf in the middle of its pod, spines in the same hall;
# the routers of a group in neighbouring racks, other groups anywhere in the hall.
DEFAULTS: Mapping[str, int] = {
    "server-leaf": 5000,
    "leaf-spine": 30_000,
    "spine-core": 50_000,
    "server-router": 5000,
    "local": 3000,
    "global": 50_000,
}

LONGEST = np.iinfo(np.int32).max  # 2,147 km, further than any medium reaches


def link_lengths(graph: Graph, columns: DeviceColumns, floor: Floor, intent: Intent) -> Ints:
    """In mm, a row a link. A stated length is the cable's own; a derived one is rounded up to what is sold.

    Derived: along the rows, across them and in height, plus the slack of the placement, which is the way up to the tray and
    down again. A link between two sites counts as one of its lower end's site that has no placement.
    """
    a, b = graph.links.a_device, graph.links.b_device
    site = columns.site[a]
    fixed = np.zeros((len(columns.sites), len(TIER_PAIRS)), dtype=np.int64)
    default = np.array([DEFAULTS[pair] for pair in TIER_PAIRS], dtype=np.int64)
    slack = np.zeros(len(columns.sites), dtype=np.int64)
    placed = np.zeros(len(columns.sites), dtype=np.bool_)
    for number, name in enumerate(columns.sites):
        if name not in intent.sites:
            continue
        stated = intent.sites[name]
        for pair, length in stated.lengths.items():
            fixed[number, TIER_PAIRS.index(pair)] = length
        if stated.placement:
            placed[number], slack[number] = True, stated.placement.slack
    apart = sum(np.abs(axis[a] - axis[b]) for axis in (floor.x, floor.y, floor.z))
    derived = sold(np.asarray(apart) + slack[site])
    unstated = np.where(placed[site] & (site == columns.site[b]), derived, default[graph.links.tiers])
    chosen = fixed[site, graph.links.tiers]
    return np.minimum(np.where(chosen > 0, chosen, unstated), LONGEST)


def sold(lengths: Ints) -> Ints:
    """Rounded up to lengths that cables are sold in."""
    steps = np.array(SOLD, dtype=np.int64)
    within = steps[np.minimum(np.searchsorted(steps, lengths), len(steps) - 1)]
    return np.where(lengths <= steps[-1], within, -(-lengths // steps[-1]) * steps[-1])
