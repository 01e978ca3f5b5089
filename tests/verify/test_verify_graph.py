"""What topologies and plans promise is checked on what they made; every falsification is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fabrics import Fabric, compiled, intent
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Links
from fabric_compiler.ir.plan import DevicePlan
from fabric_compiler.verify.graph import check_graph
from fabric_compiler.verify.plan import check_plan

FABRIC = compiled(intent(2, 8, leaf={"switch": "sn5400", "downlinks": 8}, topology={"kind": "rail-optimized", "tiers": 3})
                  | {"management": {"pool": "172.16.0.0/22"}})  # fmt: skip


def graph_findings(fabric: Fabric, links: Links) -> list[str]:
    report = Report()
    check_graph(replace(fabric.graph, links=links), fabric.shapes, report)
    return [diagnostic.message for diagnostic in report]


def test_a_graph_as_built_is_right() -> None:
    assert graph_findings(FABRIC, FABRIC.graph.links) == []


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_two_cables_in_one_port_are_found(data: st.DataObject) -> None:
    links = FABRIC.graph.links
    one = data.draw(st.integers(0, len(links) - 1))
    two = data.draw(st.integers(0, len(links) - 1).filter(lambda n: n != one))
    device, port = links.b_device.copy(), links.b_port.copy()
    device[two], port[two] = device[one], port[one]
    assert any("two cables" in message for message in graph_findings(FABRIC, replace(links, b_device=device, b_port=port)))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_swapped_cables_of_two_leafs_are_found(data: st.DataObject) -> None:
    """Two uplinks of leafs of different groups, swapped at the top: the leafs' links are uneven."""
    links, devices = FABRIC.graph.links, FABRIC.graph.devices
    up = np.flatnonzero(links.tiers == 1).tolist()
    one = data.draw(st.sampled_from(up))
    two = data.draw(st.sampled_from([n for n in up if devices[links.a_device[n]].rail != devices[links.a_device[one]].rail]))
    device, port = links.b_device.copy(), links.b_port.copy()
    device[[one, two]], port[[one, two]] = device[[two, one]], port[[two, one]]
    assert graph_findings(FABRIC, replace(links, b_device=device, b_port=port))


@pytest.mark.parametrize(("column", "value"), [("speed", 100_000), ("plane", 2), ("a_port", 200), ("b_port", -1)])
def test_a_link_that_is_not_its_ports_is_found(column: str, value: int) -> None:
    changed = getattr(FABRIC.graph.links, column).copy()
    changed[-1] = value
    assert graph_findings(FABRIC, replace(FABRIC.graph.links, **{column: changed}))


def test_a_missing_uplink_is_found() -> None:
    links = Links(*(getattr(FABRIC.graph.links, column)[:-1] for column in Links.__slots__))
    assert any("of its" in message for message in graph_findings(FABRIC, links))


def plan_findings(change: Callable[[DevicePlan, DevicePlan], DevicePlan], role: str) -> list[str]:
    """With the second switch of a role changed after the first."""
    devices = list(FABRIC.plan.devices)
    first, second = [n for n, device in enumerate(FABRIC.graph.devices) if device.role == role][:2]
    one, two = devices[first], devices[second]
    assert one
    assert two
    devices[second] = change(one, two)
    report = Report()
    check_plan(FABRIC.graph, replace(FABRIC.plan, devices=tuple(devices)), FABRIC.loaded.intent, report)
    return [diagnostic.message for diagnostic in report]


def test_a_plan_as_made_is_right() -> None:
    assert plan_findings(lambda _, two: two, "leaf") == []


@pytest.mark.parametrize(
    "change",
    [
        lambda one, two: replace(two, asn=one.asn),
        lambda one, two: replace(two, loopbacks=one.loopbacks),
        lambda one, two: replace(two, router_id=one.router_id),
        lambda one, two: replace(two, management=one.management),
        lambda one, two: replace(two, management=None),
        lambda one, two: replace(two, hosts=one.hosts),
        lambda one, two: replace(two, hosts=tuple(p._replace(value=1 << 24) for p in two.hosts)),
        lambda one, two: replace(two, loopbacks=tuple(p._replace(value=1 << 24) for p in two.loopbacks)),
    ],
)
def test_a_number_given_twice_or_from_outside_is_found(change: Callable[[DevicePlan, DevicePlan], DevicePlan]) -> None:
    assert plan_findings(change, "leaf")
