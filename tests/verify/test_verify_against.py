"""An observed set of links against the planned one: every mistake of a technician comes out as what it is."""

from __future__ import annotations

from typing import Any

import networkx as nx
from fabrics import Fabric, compiled, intent
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import to_networkx
from fabric_compiler.verify.against import Difference, End, Link, Moved, Swap, compare, link, planned, report_difference

FABRIC: Fabric = compiled(intent(1, 4, topology={"kind": "rail-optimized", "tiers": 2, "rails": 4}))
PLAN = planned(FABRIC.graph)
ORDERED = sorted(PLAN)
SPARE = End("spare", "1")

links = st.sampled_from(ORDERED)


def ends(graph: nx.MultiGraph[Any]) -> set[Link]:
    return {link((a, at["a_port"]), (b, at["b_port"])) for a, b, at in graph.edges(data=True)}


def exchanged(one: Link, other: Link) -> tuple[Link, Link]:
    return link(one[0], other[1]), link(other[0], one[1])


def test_the_planned_links_are_those_of_the_public_graph() -> None:
    assert ends(to_networkx(FABRIC.graph)) == PLAN
    assert planned(FABRIC.graph, ["compute"]) == PLAN
    assert planned(FABRIC.graph, []) == frozenset()


def test_the_plan_itself_differs_in_nothing() -> None:
    assert not compare(PLAN, [link(b, a) for a, b in PLAN])


@settings(deadline=None)
@given(st.sets(links, min_size=1, max_size=8))
def test_a_link_that_nobody_sees_is_missing(gone: set[Link]) -> None:
    assert compare(PLAN, PLAN - gone) == Difference(tuple(sorted(gone)), (), (), ())


@settings(deadline=None)
@given(st.sets(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=4))
def test_a_link_between_ports_that_the_plan_does_not_use_is_extra(ports: set[tuple[str, str]]) -> None:
    strange = {link((f"x{device}", port), SPARE) for device, port in ports}
    assert compare(PLAN, PLAN | strange) == Difference((), tuple(sorted(strange)), (), ())


@settings(deadline=None)
@given(st.lists(links, min_size=2, max_size=2, unique=True))
def test_two_cables_with_their_ends_exchanged_are_one_swap(pair: list[Link]) -> None:
    one, other = sorted(pair)
    made = exchanged(one, other)
    found = compare(PLAN, (PLAN - {one, other}) | {*made})
    assert found == Difference((), (), (), (Swap((one, other), (min(made), max(made))),))


@settings(deadline=None)
@given(links, st.booleans())
def test_a_cable_in_a_free_port_is_moved(one: Link, lower: bool) -> None:
    made = link(one[0] if lower else one[1], SPARE)
    assert compare(PLAN, (PLAN - {one}) | {made}) == Difference((), (), (Moved(one, made),), ())


@settings(deadline=None)
@given(st.lists(links, min_size=3, max_size=3, unique=True))
def test_a_circle_of_three_is_three_moved_cables(three: list[Link]) -> None:
    made = {link(three[n][0], three[(n + 1) % 3][1]) for n in range(3)}
    found = compare(PLAN, (PLAN - {*three}) | made)
    assert {m.planned for m in found.moved} == {*three}
    assert {m.observed for m in found.moved} == made
    assert not (found.missing or found.extra or found.swapped)


@settings(deadline=None)
@given(st.lists(links, max_size=12, unique=True), st.lists(st.tuples(links, links), max_size=12))
def test_each_link_that_differs_is_told_once(gone: list[Link], crossed: list[tuple[Link, Link]]) -> None:
    observed = (PLAN - {*gone}) | {link(a[0], b[1]) for a, b in crossed} | {link(a[0], b[0]) for a, b in crossed}
    found = compare(PLAN, observed)
    lacking = [*found.missing, *(m.planned for m in found.moved), *(p for s in found.swapped for p in s.planned)]
    besides = [*found.extra, *(m.observed for m in found.moved), *(o for s in found.swapped for o in s.observed)]
    assert sorted(lacking) == sorted(PLAN - observed)
    assert sorted(besides) == sorted(observed - PLAN)


def test_a_finding_names_both_ends_by_device_and_port() -> None:
    one, other = ORDERED[0], ORDERED[1]
    report = Report()
    report_difference(compare(PLAN, (PLAN - {one, other}) | {*exchanged(one, other)}), report)
    (found,) = report
    assert found.code == "FC7031"
    assert all(str(end) in found.message for pair in (one, other) for end in pair)


def test_the_findings_of_a_dark_network_stay_countable() -> None:
    many = [link(("leaf", str(n)), ("spine", str(n))) for n in range(1000)]
    report = Report()
    report_difference(compare(many, []), report)
    assert len(report.found) < 300
    assert report.found[-1].message == "and 800 more missing links"
