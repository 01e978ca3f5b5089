"""Forwarding tables are followed as switches follow them: by destination, from every switch with end ports."""

from __future__ import annotations

import numpy as np
import pytest
from subnet_factory import Wiring, clos, dragonfly, shortest_ways, subnet, three_tiers

from fabric_compiler.verify.channels import channels
from fabric_compiler.verify.evenness import bundles, empty_ports, uneven
from fabric_compiler.verify.forwarding import (
    ARRIVES,
    DEAD_END,
    GOES_ROUND,
    NO_ENTRY,
    WRONG_PORT,
    destinations,
    shortest,
    turns,
    ways,
)

SHAPES = {
    "two tiers": (clos(4, 2, 8, 4), 2),
    "three tiers": (three_tiers(3, 2, 2, 4, 4), 4),
    "dragonfly": (dragonfly(2, 4, 2, 9), 3),
}


@pytest.mark.parametrize("lmc", [0, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_shortest_ways_arrive_everywhere_over_the_cables_that_the_topology_needs(shape: str, lmc: int) -> None:
    wiring, most = SHAPES[shape]
    found = channels(subnet(wiring, lmc))
    table = shortest_ways(found)
    result = ways(found, table)
    assert result.outcome.shape == (len(np.unique(found.end_switch)), len(found.ends) << lmc)
    assert (result.outcome == ARRIVES).all()
    assert result.hops.max() == most
    needed = shortest(found, result.source)[:, found.end_switch[result.destinations.end]]
    assert (result.hops == needed).all()


def test_every_flow_is_counted_on_every_cable_that_it_takes() -> None:
    found = channels(subnet(clos(4, 2, 8, 4)))
    result = ways(found, shortest_ways(found))
    assert result.flows.sum() == 2 * 32 * 24  # two cables for each of 24 hosts of other leafs
    assert result.largest.max() == 24


def test_what_is_wrong_with_a_table_is_told_by_source_and_destination() -> None:
    found = channels(subnet(clos(2, 2, 2)))
    good = shortest_ways(found)
    to = destinations(found)
    leafs = [n for n, node in enumerate(found.switches) if node.text.startswith("leaf")]
    spine = next(n for n, node in enumerate(found.switches) if node.text == "spine-1")
    far = int(np.flatnonzero(found.end_switch[to.end] == leafs[1])[0])
    up, lid = int(found.out_port[found.at[leafs[0]][found.at[leafs[0]] >= 0][0]]), int(to.lid[far])

    def outcome(switch: int, port: int) -> int:
        table = good.copy()
        table[leafs[0], lid], table[spine, lid] = up, good[spine, lid]
        table[switch, lid] = port
        return int(ways(found, table).outcome[0, far])

    assert outcome(leafs[0], 255) == NO_ENTRY
    assert outcome(leafs[0], 60) == DEAD_END
    assert outcome(leafs[0], 1) == WRONG_PORT
    assert outcome(leafs[1], int(found.out_port[found.at[leafs[1]][found.at[leafs[1]] >= 0][0]])) == GOES_ROUND


def test_turns_are_those_that_single_packets_take() -> None:
    found = channels(subnet(three_tiers(2, 2, 2, 4, 4)))
    table = shortest_ways(found)
    to = destinations(found)
    expected = np.zeros_like(turns(found, table))
    for start in range(len(found.ends)):
        for lid in to.lid.tolist():
            at, into = int(found.end_switch[start]), int(found.end_port[start])
            while True:
                out = int(table[at, lid])
                expected[at, into, out] = True
                channel = int(found.at[at, out])
                if channel < 0:
                    break
                at, into = int(found.head[channel]), int(found.in_port[channel])
    assert (turns(found, table) == expected).all()


def tiers(wiring: Wiring) -> tuple[list[object], int]:
    found = channels(subnet(wiring))
    order = {"leaf": 0, "spine": 1, "core": 2}
    tier = np.array([order[node.text.split("-")[0]] for node in found.switches], dtype=np.int32)
    return [*uneven(bundles(found, ways(found, shortest_ways(found)), tier), empty_ports(found))], empty_ports(found)


def test_destinations_dealt_out_in_turn_load_two_tiers_evenly() -> None:
    assert tiers(clos(4, 2, 8, 4)) == ([], 0)


def test_a_table_that_prefers_a_cable_is_uneven() -> None:
    found = channels(subnet(clos(4, 2, 8, 4)))
    table = shortest_ways(found)
    table[table == 10] = 9
    tier = np.array([node.text.startswith("spine") for node in found.switches], dtype=np.int32)
    (first, *_) = uneven(bundles(found, ways(found, table), tier), 0)
    assert (first.least, first.upwards) == (0, True)


def test_empty_ports_are_counted_and_allowed_for() -> None:
    assert tiers(clos(4, 2, 8, 4).without("host-1-8", "host-2-8"))[1] == 2
