"""Credit loops: found where packets of some pairs wait in a circle, on the lanes that they really take."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subnet_factory import Wiring, clos, dragonfly, shortest_ways, subnet, three_tiers

from fabric_compiler.verify.channels import Channels, channels
from fabric_compiler.verify.credit import DROPPED, LEVELS, Lanes, Levels, credit
from fabric_compiler.verify.forwarding import Forwarding, destinations

RING = Wiring(
    tuple(((f"host-{n}-1", 1), (f"leaf-{n}", 1)) for n in range(1, 5))
    + tuple(((f"leaf-{n}", 2), (f"leaf-{n % 4 + 1}", 3)) for n in range(1, 5))
)


def lanes(found: Channels, by_level: list[int]) -> Lanes:
    width = max(node.port_count for node in found.switches) + 1
    return np.broadcast_to(np.array(by_level, dtype=np.uint8), (len(found.switches), width, width, LEVELS)).copy()


def levels(found: Channels, level: int = 0) -> Levels:
    return np.full((len(found.ends), len(destinations(found))), level, dtype=np.uint8)


ONE = [0] * LEVELS
EACH = [*range(15), 15]


def clockwise(found: Channels) -> Forwarding:
    """In a ring, always to the next switch."""
    to = destinations(found)
    table = np.full((len(found.switches), int(to.lid.max()) + 1), 2, dtype=np.uint8)
    table[found.end_switch[to.end], to.lid] = 1
    return table


@pytest.mark.parametrize("wiring", [clos(4, 2, 4, 2), three_tiers(2, 2, 2, 4, 4)])
def test_up_and_down_has_no_loop_on_one_lane(wiring: Wiring) -> None:
    found = channels(subnet(wiring))
    result = credit(found, shortest_ways(found), destinations(found), [levels(found)], lanes(found, ONE))
    assert (result.loop, result.lanes, result.dropped) == ((), (0,), ())
    assert result.dependencies


def test_a_ring_that_goes_one_way_has_the_ring_for_its_loop() -> None:
    found = channels(subnet(RING))
    result = credit(found, clockwise(found), destinations(found), [levels(found)], lanes(found, ONE))
    assert len(result.loop) == 4
    heads = [int(found.head[buffer.channel]) for buffer in result.loop]
    tails = [int(found.tail[buffer.channel]) for buffer in result.loop]
    assert tails == [*heads[-1:], *heads[:-1]]


def test_a_change_of_lane_at_one_switch_opens_the_ring() -> None:
    """The dateline of Dally and Seitz 1987: who crosses from leaf 4 to leaf 1 goes on in another lane."""
    found = channels(subnet(RING))
    to = destinations(found)
    number = np.array([int(node.text.split("-")[1]) for node in found.switches])
    crosses = number[found.end_switch][:, None] > number[found.end_switch[to.end]][None, :]
    level = np.where(crosses, 1, 0).astype(np.uint8)
    lane = lanes(found, [0, 1, *[0] * 14])
    lane[number == 4, :, 2, 1] = 2
    lane[number <= 2, 3, 2, 1] = 2  # by port 3 came who crossed; who starts here comes by port 1
    assert credit(found, clockwise(found), to, [level], lane).loop == ()
    lane[number <= 2, 1, 2, 1] = 2
    assert len(credit(found, clockwise(found), to, [level], lane).loop) == 4


def test_shortest_ways_on_a_dragonfly_have_a_loop_on_one_lane() -> None:
    found = channels(subnet(dragonfly(2, 4, 2, 9)))
    assert credit(found, shortest_ways(found), destinations(found), [levels(found)], lanes(found, ONE)).loop


def test_levels_that_are_free_of_loops_by_themselves_may_have_one_together() -> None:
    """Each of two halves of a ring on a lane that both share."""
    found = channels(subnet(RING))
    to = destinations(found)
    number = np.array([int(node.text.split("-")[1]) for node in found.switches])
    starts = np.where(number[found.end_switch] <= 2, 0, 255).astype(np.uint8)
    half = np.broadcast_to(starts[:, None], (len(found.ends), len(to))).copy()
    other = np.where(half == 0, 255, 1).astype(np.uint8)
    for one, loop in (([half], False), ([other], False), ([half, other], True)):
        assert bool(credit(found, clockwise(found), to, one, lanes(found, ONE)).loop) == loop


def test_levels_that_are_dropped_are_named_and_wait_nowhere() -> None:
    found = channels(subnet(RING))
    result = credit(found, clockwise(found), destinations(found), [levels(found, 15)], lanes(found, EACH))
    assert result.loop == ()
    assert result.dropped


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_graph_of_dependencies_is_that_of_single_packets(data: st.DataObject) -> None:
    """Against the plain way: every packet on its own, and networkx for the circle."""
    wiring = data.draw(st.sampled_from([RING, clos(3, 2, 2), dragonfly(1, 2, 1, 3)]))
    found = channels(subnet(wiring, data.draw(st.sampled_from([0, 1]))))
    to = destinations(found)
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    level = draw.choice([0, 1, 2, 255], levels(found).shape).astype(np.uint8)
    lane = draw.choice([0, 0, 0, 1, 2, DROPPED], lanes(found, ONE).shape).astype(np.uint8)
    table = clockwise(found) if wiring is RING else shortest_ways(found)
    edges = set()
    for start in range(len(found.ends)):
        for column, lid in enumerate(to.lid.tolist()):
            at, into, before = int(found.end_switch[start]), int(found.end_port[start]), None
            while level[start, column] != 255:
                out = int(table[at, lid])
                own = int(lane[at, into, out, level[start, column]])
                channel = int(found.at[at, out])
                if own == DROPPED or channel < 0:
                    break
                if before is not None:
                    edges.add((before, (channel, own)))
                before, at, into = (channel, own), int(found.head[channel]), int(found.in_port[channel])
    result = credit(found, table, to, [level], lane)
    assert result.dependencies == len(edges)
    assert bool(result.loop) == (not nx.is_directed_acyclic_graph(nx.DiGraph(list(edges))))
    pairs = zip(result.loop, [*result.loop[1:], *result.loop[:1]], strict=True)
    assert all((tuple(one), tuple(two)) in edges for one, two in pairs)
