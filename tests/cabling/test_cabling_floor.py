"""Racks, units and lengths: what stands does not move when something is added."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cabling.graph_factory import CATALOG, Builder, G, clos, intent_of, lay, pods_of

from fabric_compiler.cabling.lengths import DEFAULTS, SOLD, sold
from fabric_compiler.cabling.racks import rack_extents
from fabric_compiler.ir.blocks import Block, Extents
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import Graph

PLACED: dict[str, Any] = {"s": {"placement": {}}}


def places(graph: Graph, cabling: Cabling) -> dict[str, tuple[str, int]]:
    found = zip(graph.devices, cabling.places.rack.tolist(), cabling.places.unit.tolist(), strict=True)
    return {device.name: (cabling.places.racks[rack], unit) for device, rack, unit in found}


def lengths(graph: Graph, cabling: Cabling) -> dict[tuple[str, int], int]:
    ends = zip(graph.links.a_device.tolist(), graph.links.a_port.tolist(), cabling.length.tolist(), strict=True)
    return {(graph.devices[device].name, port): length for device, port, length in ends}


def test_leafs_stand_in_the_middle_of_their_pod() -> None:
    graph = clos(1, 8)
    found = places(graph, lay(graph, intent_of(PLACED, [pods_of("su", 1, 8)]))[0])
    assert [found[f"su1-n{n}"] for n in (1, 4, 5, 8)] == [
        ("s-r01-01", 1), ("s-r01-01", 31), ("s-r01-03", 1), ("s-r01-03", 31),
    ]  # fmt: skip
    assert found["backend-su1-leaf-1"] == ("s-r01-02", 1)
    assert found["backend-su1-leaf-2"] == ("s-r01-02", 3)
    assert found["backend-s-spine-1"] == ("s-n01-01", 1)


def test_no_two_devices_share_a_unit() -> None:
    graph = clos(3, 7, leafs=3, spines=3, uplinks=2)
    cabling, _ = lay(graph, intent_of(PLACED, [pods_of("su", 3, 7)]))
    taken: set[tuple[int, int]] = set()
    for device, rack, unit in zip(graph.devices, cabling.places.rack.tolist(), cabling.places.unit.tolist(), strict=True):
        product = CATALOG.servers[device.model] if device.kind == "server" else CATALOG.switches[device.model]
        mine = {(rack, unit + n) for n in range(product.rack_units)}
        assert not mine & taken
        assert all(1 <= u <= 48 for _, u in mine)
        taken |= mine


def test_adding_a_pod_leaves_existing_places_and_lengths_alone() -> None:
    small, large = clos(2, 6), clos(3, 6)
    before, _ = lay(small, intent_of(PLACED, [pods_of("su", 2, 6)]))
    after, _ = lay(large, intent_of(PLACED, [pods_of("su", 3, 6)]))
    assert places(small, before).items() <= places(large, after).items()
    assert lengths(small, before).items() <= lengths(large, after).items()


def test_growth_within_the_reserve_moves_no_device() -> None:
    small, large = clos(2, 5), clos(2, 12)
    before, _ = lay(small, intent_of(PLACED, [pods_of("su", 2, 5, reserve=12)]))
    after, _ = lay(large, intent_of(PLACED, [pods_of("su", 2, 12, reserve=12)]))
    assert places(small, before).items() <= places(large, after).items()


def test_the_order_of_pods_is_that_of_their_positions() -> None:
    graph = clos(2, 4, order=("new1", "old1"))
    intent = intent_of(PLACED, [pods_of("new", 1, 4), pods_of("old", 1, 4)])
    found = places(graph, lay(graph, intent, pod_position={"old1": 0, "new1": 1})[0])
    assert found["old1-n1"][0] < found["new1-n1"][0]


def test_a_pod_removed_leaves_its_racks_empty_where_the_lock_holds_the_others() -> None:
    whole = clos(3, 4)
    before, _ = lay(whole, intent_of(PLACED, [pods_of("su", 3, 4)]))
    rest = clos(2, 4, order=("su1", "su3"))
    after, _ = lay(rest, intent_of(PLACED, [pods_of("su", 3, 4)]), pod_racks=before.pod_racks)
    assert places(rest, after)["su3-n2"] == places(whole, before)["su3-n2"]
    assert after.pod_racks.items() <= before.pod_racks.items()


def test_a_pod_that_outgrew_its_block_continues_behind_the_others() -> None:
    a, b = Extents((Block(0, 3),)), Extents((Block(3, 3),))
    assert rack_extents({"a": 3, "b": 3}, {"a": 0, "b": 1}, {}) == {"a": a, "b": b}
    assert rack_extents({"a": 5, "b": 2}, {}, {"a": a, "b": b}) == {"a": Extents((Block(0, 3), Block(6, 2))), "b": b}
    assert rack_extents({"a": 3, "b": 3, "c": 2}, {"c": 0}, {"a": a, "b": b})["c"] == Extents((Block(6, 2),))


def test_the_racks_of_a_removed_pod_go_to_no_other() -> None:
    first, _ = lay(clos(2, 4), intent_of(PLACED, [pods_of("su", 2, 4)]))
    graph = clos(2, 4, order=("su1", "new1"))
    after, _ = lay(graph, intent_of(PLACED, [pods_of("su", 1, 4), pods_of("new", 1, 4)]), pod_racks=first.pod_racks)
    gone, new = first.pod_racks["s", "su2"].blocks[0], after.pod_racks["s", "new1"].blocks[0]
    assert new.start >= gone.start + gone.size


def test_growth_beyond_the_reserve_moves_no_device_where_the_lock_holds_the_racks() -> None:
    small, large = clos(2, 8), clos(2, 30)
    before, _ = lay(small, intent_of(PLACED, [pods_of("su", 2, 8)]))
    after, _ = lay(large, intent_of(PLACED, [pods_of("su", 2, 30)]), pod_racks=before.pod_racks)
    assert places(small, before).items() <= places(large, after).items()
    taken = list(places(large, after).values())
    assert len(set(taken)) == len(taken)


def test_a_cable_is_at_least_as_long_as_the_way() -> None:
    graph = clos(4, 9, uplinks=2)
    cabling, _ = lay(graph, intent_of({"s": {"placement": {"slack": "2 m"}}}, [pods_of("su", 4, 9)]))
    racks = [cabling.places.racks[rack] for rack in cabling.places.rack.tolist()]
    at = [(int(name[-2:]) * 600, int(name[3:5]) * 3000 * (-1 if name[2] == "n" else 1)) for name in racks]
    for a, b, length in zip(graph.links.a_device.tolist(), graph.links.b_device.tolist(), cabling.length.tolist(), strict=True):
        across = abs(at[a][1] - at[b][1]) - (3000 if at[a][1] * at[b][1] < 0 else 0)  # both count their rows from 1
        assert length >= abs(at[a][0] - at[b][0]) + across + 2000
        assert length in SOLD


def test_a_pod_over_the_end_of_a_row_stays_together() -> None:
    graph = clos(1, 8)
    sites = {"s": {"placement": {"racks-per-row": "2"}}}
    found = places(graph, lay(graph, intent_of(sites, [pods_of("su", 1, 8)]))[0])
    assert (found["backend-su1-leaf-1"][0], found["su1-n8"][0]) == ("s-r01-02", "s-r02-02")


def test_lengths_are_rounded_up_to_what_is_sold() -> None:
    assert sold(np.array([1, 500, 501, 3001, 60_000, 500_001])).tolist() == [500, 500, 1000, 5000, 75_000, 1_000_000]


def test_stated_lengths_win_over_placement_and_stand_as_they_are() -> None:
    graph = clos(1, 4)
    sites = {"s": {"placement": {}, "lengths": {"server-leaf": "2.2 m"}}}
    cabling, _ = lay(graph, intent_of(sites, [pods_of("su", 1, 4)]))
    server_leaf = cabling.length[graph.links.tiers == 0]
    assert set(server_leaf.tolist()) == {2200}
    assert set(cabling.length[graph.links.tiers == 1].tolist()) <= set(SOLD)


def test_a_site_that_states_nothing_has_lengths_by_tier_pair() -> None:
    graph = clos(1, 4)
    cabling, report = lay(graph, intent_of())
    assert not report.found
    assert set(cabling.length[graph.links.tiers == 0].tolist()) == {DEFAULTS["server-leaf"]}
    assert set(cabling.length[graph.links.tiers == 1].tolist()) == {DEFAULTS["leaf-spine"]}


@pytest.mark.parametrize(
    ("placement", "wrong"),
    [({}, False), ({"servers-per-rack": "5"}, True), ({"rack-units": "22"}, False), ({"rack-units": "42"}, False)],
)
def test_servers_that_do_not_fit_their_rack_are_reported_once(placement: dict[str, str], wrong: bool) -> None:
    graph = clos(3, 3)
    cabling, report = lay(graph, intent_of({"s": {"placement": placement}}, [pods_of("su", 3, 3)]))
    assert [d.code for d in report] == ["FC2007"] * wrong
    if wrong:
        assert str(report.found[0].span) == "sites.s.placement.servers-per-rack:1:1"
    assert max(cabling.places.unit.tolist()) <= int(placement.get("rack-units", 48))


def test_a_leaf_more_in_one_network_moves_none_of_another() -> None:
    def graph(first: int) -> Graph:
        builder = Builder("backend", "storage")
        builder.server("su1", 1)
        for network, count in (("backend", first), ("storage", 2)):
            for slot in range(count):
                builder.switch("leaf", slot, [], "su1", network=network)
        return builder.graph()

    small, large = graph(2), graph(3)
    intent = intent_of(PLACED, networks=("backend", "storage"))
    assert places(small, lay(small, intent)[0]).items() <= places(large, lay(large, intent)[0]).items()


def test_spines_stand_by_their_slot() -> None:
    builder = Builder()
    for slot in (0, 23, 24, 24 * 24):
        builder.switch("spine", slot, [(1, 1, 800 * G)])
    graph = builder.graph()
    found = list(places(graph, lay(graph, intent_of(PLACED))[0]).values())
    assert found == [("s-n01-01", 1), ("s-n01-01", 47), ("s-n01-02", 1), ("s-n02-01", 1)]


@pytest.mark.parametrize("slot", [0, 9])
def test_leafs_stand_where_they_stood_when_the_pod_grows_into_a_gap_below(slot: int) -> None:
    def laid(leafs: int) -> dict[str, tuple[str, int]]:
        made = Builder()
        made.server("su1", 1)
        for index, at in ((1, 4), (2, slot))[:leafs]:
            made.switch("leaf", at, [], pod="su1")
            made.devices[-1] = replace(made.devices[-1], index=index)
        graph = made.graph()
        return places(graph, lay(graph, intent_of(PLACED, [pods_of("su", 1, 1)]))[0])

    assert laid(1).items() <= laid(2).items()
