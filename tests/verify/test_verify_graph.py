"""What topologies and plans promise is checked on what they made; every falsification is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fabrics import Fabric, compiled, intent
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Links
from fabric_compiler.ir.plan import DevicePlan, Prefix
from fabric_compiler.verify.graph import check_graph
from fabric_compiler.verify.plan import check_plan
from fabric_compiler.verify.spread import uneven

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


@pytest.mark.parametrize("port", [-1, 200])
def test_two_links_to_one_port_that_does_not_exist_are_found(port: int) -> None:
    """Such a port has no name to be reported under."""
    links = FABRIC.graph.links
    device, ports = links.b_device.copy(), links.b_port.copy()
    device[-1], ports[-2:] = device[-2], port
    found = graph_findings(FABRIC, replace(links, b_device=device, b_port=ports))
    assert found
    assert all(f"has no port number {port}" in message for message in found)


def test_a_device_that_does_not_exist_is_found() -> None:
    changed = FABRIC.graph.links.b_device.copy()
    changed[0] = len(FABRIC.graph.devices)
    (message,) = graph_findings(FABRIC, replace(FABRIC.graph.links, b_device=changed))
    assert "device number" in message


def test_a_link_that_is_filed_under_other_tiers_is_found() -> None:
    tiers = FABRIC.graph.links.tiers.copy()
    tiers[tiers == 2] = 1
    assert any("spine and core" in message for message in graph_findings(FABRIC, replace(FABRIC.graph.links, tiers=tiers)))


def test_a_leaf_that_leaves_out_a_spine_is_found() -> None:
    """All its links go to the other one: as many to each switch that it meets, and half of its paths."""
    links = FABRIC.graph.links
    leaf = links.a_device[links.tiers == 1][0]
    mine = np.flatnonzero((links.tiers == 1) & (links.a_device == leaf))
    spine = links.b_device[mine[0]]
    used = {*links.b_port[links.b_device == spine].tolist(), *links.a_port[links.a_device == spine].tolist()}
    moved = mine[links.b_device[mine] != spine]
    device, port = links.b_device.copy(), links.b_port.copy()
    device[moved] = spine
    port[moved] = [n for n in range(FABRIC.graph.devices[spine].downlinks) if n not in used][: len(moved)]
    (message,) = graph_findings(FABRIC, replace(links, b_device=device, b_port=port))
    assert "between 0 and" in message


def test_a_leaf_over_the_spines_of_another_rail_is_found() -> None:
    """Two leafs whose uplinks are swapped altogether: each is evenly spread, over what is not its own."""
    links, devices = FABRIC.graph.links, FABRIC.graph.devices
    up = links.tiers == 1
    one = links.a_device[up][0]
    two = next(n for n in links.a_device[up] if devices[n].rail != devices[one].rail)
    left, right = np.flatnonzero(up & (links.a_device == one)), np.flatnonzero(up & (links.a_device == two))
    device, port = links.b_device.copy(), links.b_port.copy()
    for column in (device, port):
        column[left], column[right] = column[right].copy(), column[left].copy()
    found = graph_findings(FABRIC, replace(links, b_device=device, b_port=port))
    assert any("of another rail" in message for message in found)


def test_swapped_cables_between_spines_and_cores_are_found() -> None:
    links, devices = FABRIC.graph.links, FABRIC.graph.devices
    up = np.flatnonzero(links.tiers == 2)
    one = up[0]
    two = next(
        n for n in up
        if links.b_device[n] != links.b_device[one] and devices[links.a_device[n]].rail != devices[links.a_device[one]].rail
    )  # fmt: skip
    device, port = links.b_device.copy(), links.b_port.copy()
    device[[one, two]], port[[one, two]] = device[[two, one]], port[[two, one]]
    assert any("each core" in m for m in graph_findings(FABRIC, replace(links, b_device=device, b_port=port)))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_swapped_cables_of_two_nics_are_found(data: st.DataObject) -> None:
    """NIC k of every server is on rail k, in the row of its server's other NICs."""
    links, devices = FABRIC.graph.links, FABRIC.graph.devices
    down = np.flatnonzero(links.tiers == 0).tolist()
    one = data.draw(st.sampled_from(down))
    two = data.draw(st.sampled_from([n for n in down if devices[links.b_device[n]].rail != devices[links.b_device[one]].rail]))
    device, port = links.b_device.copy(), links.b_port.copy()
    device[[one, two]], port[[one, two]] = device[[two, one]], port[[two, one]]
    found = graph_findings(FABRIC, replace(links, b_device=device, b_port=port))
    assert any("rail" in message or "two pods" in message for message in found)


def test_a_server_cable_in_a_port_for_uplinks_is_found() -> None:
    """In the place of an uplink that is left out."""
    links = FABRIC.graph.links
    link = int(np.flatnonzero(links.tiers == 0)[0])
    leaf = int(links.b_device[link])
    up = int(np.flatnonzero((links.tiers == 1) & (links.a_device == leaf))[0])
    keep = np.arange(len(links)) != up
    port = links.b_port.copy()
    port[link] = links.a_port[up]
    changed = replace(links, b_port=port)
    left = Links(*(getattr(changed, column)[keep] for column in Links.__slots__))
    assert any("is no downlink" in message for message in graph_findings(FABRIC, left))


def test_more_oversubscription_than_is_stated_is_found() -> None:
    """A leaf with downlinks beyond its uplinks, which the stated 1:1 does not allow."""
    graph = FABRIC.graph
    n = next(n for n, device in enumerate(graph.devices) if device.role == "leaf")
    leaf = graph.devices[n]
    wide = replace(leaf, downlinks=leaf.downlinks + 2 * leaf.uplinks)
    devices = (*graph.devices[:n], wide, *graph.devices[n + 1 :])
    report = Report()
    check_graph(replace(graph, devices=devices), FABRIC.shapes, report)
    (message,) = (diagnostic.message for diagnostic in report)
    assert f"{leaf.name} is oversubscribed 3:1, more than 1:1" in message


def test_capacities_are_those_of_the_links() -> None:
    """Sixteen leafs of 8 links of 400G down and up; a pod that is not full uses less, and that is no fault."""
    report = Report()
    leaf, spine = check_graph(FABRIC.graph, FABRIC.shapes, report)
    assert not list(report)
    links = FABRIC.graph.links
    for tier, above, below in ((leaf, 1, 0), (spine, 2, 1)):
        assert tier.up == int(links.speed[links.tiers == above].sum())
        assert tier.used == int(links.speed[links.tiers == below].sum())
        assert tier.used <= tier.down
        assert tier.oversubscription <= 1
    assert (leaf.network, leaf.tier, leaf.switches) == ("compute", "leaf", 16)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 20),
    st.sampled_from(["rail-optimized", "leaf-spine"]),
    st.integers(2, 3),
    st.sampled_from([None, "10.240.0.0/14"]),
    st.booleans(),
    st.sampled_from(["1:1", "2:1"]),
)
def test_a_correct_fabric_passes(
    pods: int, servers: int, kind: str, tiers: int, links: str | None, subnets: bool, ratio: str
) -> None:
    addressing: dict[str, Any] = {"loopbacks": "10.254.0.0/16", "hosts": "10.0.0.0/10"}
    addressing |= ({"links": links} if links else {}) | ({"servers": "subnet"} if subnets else {})
    topology = {"kind": kind, "tiers": tiers, "oversubscription": ratio}
    fabric = compiled(intent(pods, servers, topology=topology, addressing=addressing))
    assert graph_findings(fabric, fabric.graph.links) == []
    assert all(not list(uneven(fabric.graph, shape)) for shape in fabric.shapes)
    report = Report()
    check_plan(fabric.graph, fabric.plan, fabric.loaded.intent, report)
    assert not list(report)


def test_a_missing_uplink_is_found() -> None:
    links = Links(*(getattr(FABRIC.graph.links, column)[:-1] for column in Links.__slots__))
    assert any("of its" in message for message in graph_findings(FABRIC, links))


NUMBERED = compiled(intent(1, 2, leaf={"switch": "sn5400"}, addressing={"links": "10.240.0.0/16", "hosts": "10.0.0.0/12"}))


def plan_findings(change: Callable[[DevicePlan, DevicePlan], DevicePlan], role: str, fabric: Fabric = FABRIC) -> list[str]:
    """With the second switch of a role changed after the first."""
    devices = list(fabric.plan.devices)
    first, second = [n for n, device in enumerate(fabric.graph.devices) if device.role == role][:2]
    one, two = devices[first], devices[second]
    assert one
    assert two
    devices[second] = change(one, two)
    report = Report()
    check_plan(fabric.graph, replace(fabric.plan, devices=tuple(devices)), fabric.loaded.intent, report)
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


def moved(prefixes: tuple[Prefix, ...], **values: int) -> tuple[Prefix, ...]:
    return tuple(prefix._replace(**values) for prefix in prefixes)


@pytest.mark.parametrize(
    "change",
    [
        lambda one, two: replace(two, uplinks=one.uplinks),
        lambda one, two: replace(two, uplinks=moved(two.uplinks, length=31)),
        lambda one, two: replace(two, uplinks=moved(two.uplinks, value=two.uplinks[0].value + 1)),
        lambda one, two: replace(two, uplinks=()),
        lambda one, two: replace(two, hosts=moved(two.hosts, length=31)),
        lambda one, two: replace(two, hosts=()),
        lambda one, two: replace(two, loopbacks=()),
    ],
)
def test_a_block_that_is_missing_or_too_small_is_found(change: Callable[[DevicePlan, DevicePlan], DevicePlan]) -> None:
    assert plan_findings(change, "leaf", NUMBERED)


@pytest.mark.parametrize("offset", [0, 1, 1023, 1024])
def test_a_management_address_that_is_not_a_switchs_is_found(offset: int) -> None:
    """Of the pool 172.16.0.0/22 the network, the gateway, the broadcast, and what follows it."""
    pool = (172 << 24) + (16 << 16)

    def change(_: DevicePlan, two: DevicePlan) -> DevicePlan:
        assert two.management
        return replace(two, management=two.management._replace(value=pool + offset))

    assert any("management" in message for message in plan_findings(change, "leaf"))


def test_a_management_address_of_another_length_is_found() -> None:
    def change(_: DevicePlan, two: DevicePlan) -> DevicePlan:
        assert two.management
        return replace(two, management=two.management._replace(length=30))

    assert any("management" in message for message in plan_findings(change, "leaf"))


@pytest.mark.parametrize("role", ["spine", "core"])
def test_switches_that_should_share_an_asn_and_do_not_are_found(role: str) -> None:
    (message,) = plan_findings(lambda _, two: replace(two, asn=two.asn + 77), role)
    assert "beside it" in message


def test_a_block_inside_another_but_not_next_to_it_is_found() -> None:
    """Sorted, another block stands between the two."""
    devices = list(FABRIC.plan.devices)
    leafs = [n for n, device in enumerate(FABRIC.graph.devices) if device.role == "leaf"]
    leafs.sort(key=lambda n: devices[n].hosts if devices[n] else ())  # type: ignore[union-attr]
    first, last = devices[leafs[0]], devices[leafs[-1]]
    assert first
    assert last
    devices[leafs[0]] = replace(first, hosts=moved(first.hosts, length=10))
    report = Report()
    check_plan(FABRIC.graph, replace(FABRIC.plan, devices=tuple(devices)), FABRIC.loaded.intent, report)
    overlapping = [d.message for d in report if "overlap" in d.message]
    assert len(overlapping) == 10  # of fifteen: the first are shown
    assert all(FABRIC.graph.devices[leafs[0]].name in message for message in overlapping)
