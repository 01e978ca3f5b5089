"""The medium: the first that fits both cages and reaches, the same for all links that meet in a cage."""

from __future__ import annotations

from typing import Any

import pytest
from cabling.graph_factory import CATALOG, Builder, G, clos, intent_of, lay, pods_of

from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import Graph

TAILS = {"storage-nics": 1}  # hgx-b300: QSFP112, 400G


def media(cabling: Cabling) -> list[str]:
    return [CATALOG.media[n].name for n in cabling.medium.tolist()]


def stated(**lengths: str) -> dict[str, Any]:
    return {"s": {"lengths": {pair.replace("_", "-"): length for pair, length in lengths.items()}}}


def splitter(servers: int) -> Graph:
    """Servers with a QSFP112 NIC of 400G on the halves of a leaf's OSFP cages."""
    builder = Builder()
    nodes = [builder.server("su1", n + 1, groups=TAILS) for n in range(servers)]
    leaf = builder.switch("leaf", 0, [(64, 2, 400 * G)], "su1")
    for n, node in enumerate(nodes):
        builder.link(node, 0, leaf, n, 400 * G)
    return builder.graph()


def twin(crossed: bool = False) -> Graph:
    """Two links of 400G between the same two cages."""
    builder = Builder()
    leaf = builder.switch("leaf", 0, [(64, 2, 400 * G)])
    spine = builder.switch("spine", 0, [(64, 2, 400 * G)])
    for port in (0, 1):
        builder.link(leaf, port, spine, 1 - port if crossed else port, 400 * G, "leaf-spine")
    return builder.graph()


@pytest.mark.parametrize(
    ("length", "medium"),
    [
        ("2 m", "800g-dac"),
        ("5 m", "800g-acc"),
        ("30 m", "800g-aoc"),
        ("40 m", "800g-sr8"),
        ("100 m", "800g-dr8"),
        ("3 km", "800g-2lr4"),
    ],
)
def test_the_first_medium_in_the_catalogues_order_that_reaches(length: str, medium: str) -> None:
    cabling, report = lay(clos(1, 2), intent_of(stated(server_leaf=length, leaf_spine=length)))
    assert not report.found
    assert set(media(cabling)) == {medium}


def test_a_splitter_serves_the_cages_of_several_servers() -> None:
    graph = splitter(4)
    cabling, _ = lay(graph, intent_of(stated(server_leaf="3 m")))
    assert set(media(cabling)) == {"400g-dac-splitter"}
    assert cabling.cable.tolist() == [0, 0, 1, 1]


def test_a_splitter_with_a_free_tail_is_the_same_so_that_a_server_more_changes_nothing() -> None:
    small, _ = lay(splitter(3), intent_of(stated(server_leaf="3 m")))
    large, _ = lay(splitter(4), intent_of(stated(server_leaf="3 m")))
    assert media(small) == media(large)[:3]
    assert small.cable.tolist() == large.cable.tolist()[:3]
    assert small.pins == large.pins


def test_a_splitter_has_legs_of_one_length() -> None:
    graph = splitter(2)
    racks = {"servers-per-rack": "1", "rack-pitch": "3 m", "slack": "10 mm"}
    cabling, _ = lay(graph, intent_of({"s": {"placement": racks}}, [pods_of("su", 1, 2)]))
    assert len(set(cabling.length.tolist())) == 1  # one rack on either side of the leaf's
    narrow = {"servers-per-rack": "2", "slack": "500 mm"}
    uneven, report = lay(graph, intent_of({"s": {"placement": narrow}}, [pods_of("su", 1, 2)]))
    assert not report.found
    assert len(set(uneven.length.tolist())) == 2
    assert set(media(uneven)) == {"400g-sr4"}


def test_a_server_cage_that_meets_two_leafs_takes_fibre() -> None:
    builder = Builder()
    node = builder.server("su1", 1, "dgx-b200")
    for rail in range(8):
        leaf = builder.switch("leaf", rail, [(64, 2, 400 * G)], "su1")
        builder.link(node, rail, leaf, 0, 400 * G)
    cabling, _ = lay(builder.graph(), intent_of(stated(server_leaf="2 m")))
    assert set(media(cabling)) == {"400g-sr4"}
    assert len(cabling.cables) == 8


def test_two_links_between_two_cages_are_one_cable_when_their_ports_match() -> None:
    straight, _ = lay(twin(), intent_of(stated(leaf_spine="2 m")))
    assert set(media(straight)) == {"400g-dac-twin"}
    assert straight.cable.tolist() == [0, 0]
    crossed, _ = lay(twin(crossed=True), intent_of(stated(leaf_spine="2 m")))
    assert set(media(crossed)) == {"400g-sr4"}


def test_links_that_meet_in_a_cage_share_the_medium_of_the_longest() -> None:
    builder = Builder()
    leaf = builder.switch("leaf", 0, [(64, 2, 400 * G)])
    spine = builder.switch("spine", 0, [(64, 2, 400 * G)])
    core = builder.switch("core", 0, [(64, 2, 400 * G)])
    builder.link(leaf, 0, spine, 0, 400 * G, "leaf-spine")
    builder.link(spine, 1, core, 0, 400 * G, "spine-core")
    builder.link(leaf, 2, spine, 2, 400 * G, "leaf-spine")
    cabling, _ = lay(builder.graph(), intent_of(stated(leaf_spine="10 m", spine_core="400 m")))
    assert media(cabling) == ["400g-dr4", "400g-dr4", "400g-aoc-twin"]


def test_one_stated_medium_is_the_only_one() -> None:
    cabling, report = lay(clos(1, 2), intent_of(stated(server_leaf="2 m"), media={"server-leaf": "800g-dr8"}))
    assert not report.found
    assert set(media(cabling)[:4]) == {"800g-dr8"}


def test_several_stated_media_are_an_order_before_the_catalogues() -> None:
    order = {"leaf-spine": ["800g-2fr4", "800g-sr8"]}
    for length, medium in (("50 m", "800g-2fr4"), ("2 km", "800g-2fr4"), ("5 km", "800g-2lr4")):
        cabling, report = lay(clos(1, 1), intent_of(stated(leaf_spine=length), media=order))
        assert not report.found
        assert media(cabling)[-1] == medium


def test_a_stated_medium_that_is_too_short_is_reported_once_at_its_line() -> None:
    intent = intent_of(stated(leaf_spine="80 m"), media={"leaf-spine": "800g-sr8"})
    cabling, report = lay(clos(3, 4), intent)
    (found,) = report
    assert (found.code, str(found.span)) == ("FC5001", "networks.backend.media.leaf-spine:1:1")
    assert "80 m" in found.message
    assert "800g-sr8 reaches furthest, 50 m" in found.message
    assert found.hint == "800g-dr8 reaches"
    assert -1 in cabling.medium.tolist()


def test_no_reach_is_reported_where_the_length_is_stated() -> None:
    _, report = lay(clos(2, 4), intent_of(stated(leaf_spine="90000 km")))
    (found,) = report
    assert (found.code, str(found.span)) == ("FC5001", "sites.s.lengths.leaf-spine:1:1")
    placed = {"s": {"placement": {"row-pitch": "100 km"}}}
    _, report = lay(clos(2, 4), intent_of(placed, [pods_of("su", 2, 4)]))
    assert {(d.code, str(d.span)) for d in report} == {("FC5001", "sites.s.placement:1:1")}


@pytest.mark.parametrize(
    ("stated_media", "place", "said"),
    [
        ("400g-dr4", "leaf-spine", "carries 400G"),
        (["800g-sr8", "400zr"], "leaf-spine.1", "carries 400G"),
        ("800g-dr8", "server-leaf", ""),  # fits
    ],
)
def test_a_stated_medium_that_fits_no_end_is_reported(stated_media: Any, place: str, said: str) -> None:
    pair = place.partition(".")[0]
    _, report = lay(clos(2, 2), intent_of(media={pair: stated_media}))
    assert [(d.code, str(d.span)) for d in report] == ([("FC5002", f"networks.backend.media.{place}:1:1")] if said else [])
    assert all(said in d.message for d in report)


def test_a_stated_splitter_where_cages_are_meshed_is_reported() -> None:
    builder = Builder()
    node = builder.server("su1", 1, groups={"gpu-nics": 2})
    for plane in range(2):
        leaf = builder.switch("leaf", plane, [(64, 2, 400 * G)], "su1")
        builder.link(node, plane, leaf, 0, 400 * G)
    _, report = lay(builder.graph(), intent_of(media={"server-leaf": "400g-dac-twin"}))
    (found,) = report
    assert found.code == "FC5002"
    assert "do not all run from one cage to one other" in found.message


def test_ends_that_no_medium_joins_are_reported_once() -> None:
    builder = Builder()
    node = builder.server("su1", 1, groups={"frontend": 1})  # qsfp112 of 200G
    leaf = builder.switch("leaf", 0, [(128, 2, 200 * G)], "su1", "m2-w6940-128qc")
    builder.link(node, 0, leaf, 0, 200 * G)
    builder.link(node, 1, leaf, 2, 200 * G)
    _, report = lay(builder.graph())
    (found,) = report
    assert (found.code, str(found.span)) == ("FC5002", "networks.backend.topology:1:1")
    assert "qsfp112 with 1 port and cpo with 2 ports" in found.message


def test_the_lock_keeps_a_medium_while_it_reaches() -> None:
    graph = clos(1, 1)
    first, _ = lay(graph, intent_of(stated(leaf_spine="10 m")))
    key = next(key for key in first.pins if "leaf-spine" in key)
    assert (key, first.pins[key]) == ("backend leaf-spine 800G osfp1x-osfp1x direct 10 m", "800g-aoc")
    pinned = {**first.pins, key: "800g-sr8"}
    for length, medium in (("10 m", "800g-sr8"), ("45 m", "800g-sr8"), ("80 m", "800g-dr8"), ("7 m", "800g-aoc")):
        cabling, _ = lay(graph, intent_of(stated(leaf_spine=length)), pinned=pinned)
        assert media(cabling)[-1] == medium


def test_what_the_intent_states_comes_before_the_lock() -> None:
    graph = clos(1, 1)
    pinned = {"backend leaf-spine 800G osfp1x-osfp1x direct 10 m": "800g-sr8"}
    intent = intent_of(stated(leaf_spine="10 m"), media={"leaf-spine": ["800g-dr8", "800g-sr8"]})
    assert media(lay(graph, intent, pinned=pinned)[0])[-1] == "800g-dr8"


def test_the_pins_of_a_run_choose_the_same_again() -> None:
    graph = clos(3, 5, uplinks=2)
    intent = intent_of({"s": {"placement": {}}}, [pods_of("su", 3, 5)])
    first, _ = lay(graph, intent)
    again, _ = lay(graph, intent, pinned=first.pins)
    assert again.pins == first.pins
    assert again.medium.tolist() == first.medium.tolist()


@pytest.mark.parametrize("pin", ["", "no such key", "backend leaf-spine 800G osfp1x-osfp1x direct x m"])
def test_a_pin_of_another_shape_is_left_alone(pin: str) -> None:
    cabling, report = lay(clos(1, 1), intent_of(), pinned={pin: "no-such-medium"})
    assert not report.found
    assert pin not in cabling.pins
