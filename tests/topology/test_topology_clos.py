"""Folded Clos networks: published counts, and what full bisection and even spread mean."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from fabrics import compiled, intent

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.ir.graph import TIER_PAIRS

# NVIDIA DGX SuperPOD B200 reference architecture, "Larger SuperPOD component counts": as Ethernet, 64 ports of 400G a switch
SUPERPOD = [
    # SUs, leafs, spines, cores, node-leaf, leaf-spine, spine-core
    (2, 16, 8, 0, 512, 512, 0),
    (4, 32, 16, 0, 1024, 1024, 0),
    (8, 64, 32, 0, 2048, 2048, 0),
    (16, 128, 128, 64, 4096, 4096, 4096),
    (32, 256, 256, 128, 8192, 8192, 8192),
    (64, 512, 512, 256, 16384, 16384, 16384),
]


@pytest.mark.parametrize(("pods", "leafs", "spines", "cores", "down", "up", "top"), SUPERPOD)
def test_superpod_has_the_published_counts(
    pods: int, leafs: int, spines: int, cores: int, down: int, up: int, top: int
) -> None:
    fabric = compiled(intent(pods, topology={"kind": "rail-optimized", "reserve": {"pods": pods}}))
    roles = Counter(device.role for device in fabric.graph.devices)
    links = np.bincount(fabric.graph.links.tiers, minlength=len(TIER_PAIRS)).tolist()
    assert roles == Counter({"server": 32 * pods, "leaf": leafs, "spine": spines} | ({"core": cores} if cores else {}))
    assert links == [down, up, top, 0, 0, 0]


def test_the_number_of_spines_divides_the_uplinks_of_a_leaf() -> None:
    fabric = compiled(intent(3))
    assert sum(device.role == "spine" for device in fabric.graph.devices) == 16


@pytest.mark.parametrize("pods", [16, 32])
def test_every_group_of_spines_reaches_every_core_evenly(pods: int) -> None:
    graph = compiled(intent(pods)).graph
    top = graph.links.tiers == 2
    reached = Counter(
        ((graph.devices[a].rail, graph.devices[a].group), b)
        for a, b in zip(graph.links.a_device[top].tolist(), graph.links.b_device[top].tolist(), strict=True)
    )
    groups = {group for group, _ in reached}
    cores = [n for n, device in enumerate(graph.devices) if device.role == "core"]
    assert len(reached) == len(groups) * len(cores)
    assert len(set(reached.values())) == 1


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"topology": {"kind": "rail-optimized", "oversubscription": "3:1"}},
        {"topology": {"kind": "rail-optimized", "rails": 4}},
        {"topology": {"kind": "rail-optimized", "rails": 2, "tiers": 3}},
        {"topology": {"kind": "leaf-spine", "homing": 2}},
        {"topology": {"kind": "leaf-spine", "homing": 4, "tiers": 3}},
        {"leaf": {"switch": "sn5600"}, "spine": {"switch": "7060x6-64pe", "nos": "eos"}},
    ],
)
def test_each_leaf_spreads_its_uplinks_evenly_and_keeps_its_ratio(network: dict[str, Any]) -> None:
    fabric = compiled(intent(3, 24, **network))
    graph, shape = fabric.graph, fabric.shapes[0]
    up = graph.links.tiers == 1
    pairs = Counter(zip(graph.links.a_device[up].tolist(), graph.links.b_device[up].tolist(), strict=True))
    for leaf, device in enumerate(graph.devices):
        if device.role == "leaf":
            counts = [count for (a, _), count in pairs.items() if a == leaf]
            assert len(set(counts)) == 1
            assert sum(counts) == device.uplinks == shape.leaf.uplinks
            ratio = shape.intent.topology.oversubscription
            assert device.downlinks * shape.leaf.down_speed <= ratio * device.uplinks * shape.leaf.up_speed


def test_nic_k_of_every_server_is_on_rail_k() -> None:
    graph = compiled(intent(2, 8)).graph
    down = graph.links.tiers == 0
    for a, port, b in zip(
        *(c[down].tolist() for c in (graph.links.a_device, graph.links.a_port, graph.links.b_device)), strict=True
    ):
        assert graph.devices[b].rail == port + 1
        assert graph.devices[b].pod == graph.devices[a].pod


def test_planes_are_disjoint() -> None:
    tree = intent(
        2, 16, topology={"kind": "rail-optimized", "planes": 2}, leaf={"switch": "sn5600"}, spine={"switch": "sn5600"}
    )
    tree["pods"][0]["server"] = "hgx-b300"
    graph = compiled(tree).graph
    for a, b in zip(graph.links.a_device.tolist(), graph.links.b_device.tolist(), strict=True):
        one, two = graph.devices[a], graph.devices[b]
        assert one.kind == "server" or one.plane == two.plane
    servers = Counter(graph.links.a_device[graph.links.tiers == 0].tolist())
    assert set(servers.values()) == {16}


def test_a_network_can_be_stated_by_its_switches_alone() -> None:
    tree = intent(topology={"kind": "leaf-spine", "leafs": 24, "spines": 8})
    del tree["pods"]
    roles = Counter(device.role for device in compiled(tree).graph.devices)
    assert roles == Counter(leaf=24, spine=8)


def test_a_fabric_has_two_spines_at_least() -> None:
    assert sum(d.role == "spine" for d in compiled(intent(1, 4, leaf={"switch": "sn5400", "downlinks": 4})).graph.devices) == 2


@pytest.mark.parametrize(
    ("network", "code"),
    [
        ({"topology": {"kind": "rail-optimized", "tiers": 2, "reserve": {"pods": 9}}}, "FC3004"),
        ({"topology": {"kind": "rail-optimized", "spines": 7}}, "FC3003"),
        ({"topology": {"kind": "rail-optimized", "leafs": 7}}, "FC3003"),
        ({"topology": {"kind": "rail-optimized", "rails": 16}}, "FC3003"),
        ({"topology": {"kind": "rail-optimized", "planes": 2}}, "FC3002"),
        ({"leaf": {"switch": "sn5400", "downlinks": 60}}, "FC3001"),
        ({"leaf": {"switch": "sn5400", "downlinks": 40, "uplinks": 20}}, "FC3001"),
        ({"topology": {"kind": "rail-optimized", "uplink-speed": "800G"}}, "FC3001"),
    ],
)
def test_what_cannot_be_built_is_an_error(network: dict[str, Any], code: str) -> None:
    with pytest.raises(CompileError) as caught:
        compiled(intent(2, **network))
    assert code in {diagnostic.code for diagnostic in caught.value.diagnostics}
