"""Cables and their ends: each link has one, each cage one module."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from cabling.graph_factory import CATALOG, Builder, G, clos, intent_of, lay, pods_of
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.cabling.cables import cable_names
from fabric_compiler.cabling.cages import components
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import Graph


def ends_of(graph: Graph, cabling: Cabling) -> dict[int, Counter[tuple[int, int]]]:
    """By cable, the device and cage of each end."""
    found: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    columns = (column.tolist() for column in (cabling.ends.cable, cabling.ends.device, cabling.ends.cage))
    for cable, device, cage in zip(*columns, strict=True):
        found[cable][device, cage] += 1
    return found


def cage_of(graph: Graph, device: int, port: int) -> tuple[int, int]:
    return device, graph.devices[device].layout.ports[port].cage


def mixed(seed: int, leafs: int, spines: int, servers: int) -> Graph:
    """Servers with twin-port and single-port NICs on leafs of split and whole cages, joined at random."""
    random = np.random.default_rng(seed)
    builder = Builder()
    below = [
        builder.server(f"su{n % 3 + 1}", n // 3 + 1, "hgx-b300", {"gpu-nics": 2, "storage-nics": 1}) for n in range(servers)
    ]
    middle = [builder.switch("leaf", n, [(64, 2, 400 * G)], f"su{n % 3 + 1}") for n in range(leafs)]
    above = [builder.switch("spine", n, [(32, 2, 400 * G), (32, 1, 400 * G)]) for n in range(spines)]
    free = [(leaf, port) for leaf in middle for port in range(128)]
    tops = [(spine, port) for spine in above for port in range(96)]
    random.shuffle(free)
    random.shuffle(tops)
    for node in below:
        for port in range(18):
            if random.random() < 0.7:
                builder.link(node, port, *free.pop(), 400 * G)
    for top in tops[: len(free) // 3]:
        builder.link(*free.pop(), *top, 400 * G, "leaf-spine")
    return builder.graph()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(1, 4), st.integers(1, 3), st.integers(1, 12), st.booleans())
def test_every_link_has_one_cable_and_every_cage_one_module(
    seed: int, leafs: int, spines: int, servers: int, placed: bool
) -> None:
    graph = mixed(seed, leafs, spines, min(servers, leafs * 5))
    sites = (
        {"s": {"placement": {"slack": "300 mm"}}} if placed else {"s": {"lengths": {"server-leaf": "2 m", "leaf-spine": "2 m"}}}
    )
    cabling, report = lay(graph, intent_of(sites))
    assert not report.found
    ends = ends_of(graph, cabling)
    assert sorted(ends) == list(range(len(cabling.cables)))
    links = graph.links
    used: dict[int, set[tuple[int, int]]] = defaultdict(set)
    columns = (links.a_device, links.a_port, links.b_device, links.b_port, cabling.cable, cabling.medium, cabling.length)
    for a, a_port, b, b_port, cable, medium, length in zip(*(column.tolist() for column in columns), strict=True):
        used[cable] |= {cage_of(graph, a, a_port), cage_of(graph, b, b_port)}
        assert CATALOG.media[medium].reach >= length == cabling.cables.length[cable]
        assert cabling.cables.medium[cable] == medium
    assert all(set(ends[cable]) == cages and max(ends[cable].values()) == 1 for cable, cages in used.items())
    held: dict[tuple[int, int], set[int]] = defaultdict(set)
    for device, cage, module in zip(
        *(c.tolist() for c in (cabling.ends.device, cabling.ends.cage, cabling.ends.module)), strict=True
    ):
        held[device, cage].add(module)
        assert module >= 0
    assert all(len(fitted) == 1 for fitted in held.values())
    assert len(set(cable_names(graph, cabling))) == len(cabling.cables)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=40))
def test_components_are_those_of_the_graph(edges: list[tuple[int, int]]) -> None:
    import networkx as nx

    graph = nx.Graph(edges)
    graph.add_nodes_from(range(20))
    a, b = (np.array([edge[n] for edge in edges], dtype=np.int64) for n in (0, 1))
    found = components(a, b, 20).tolist()
    for component in nx.connected_components(graph):
        assert {found[node] for node in component} == {min(component)}


def test_a_twin_module_is_one_module_with_two_fibres() -> None:
    builder = Builder()
    leaf = builder.switch("leaf", 0, [(64, 2, 400 * G)], nos="eos", model="7060x6-64pe")
    spine = builder.switch("spine", 0, [(64, 2, 400 * G)])
    for port, other in ((0, 0), (1, 2)):
        builder.link(leaf, port, spine, other, 400 * G, "leaf-spine")
    graph = builder.graph()
    cabling, _ = lay(graph, intent_of({"s": {"lengths": {"leaf-spine": "40 m"}}}))
    assert [
        (line.item, line.kind, line.count, line.watts_each) for line in cabling.bom if line.kind in ("module", "cable")
    ] == [
        ("OSFP 2x400G-SR4", "module", 3, 15.0),
        ("fibre for 400g-sr4 40 m", "cable", 2, 0),
    ]
    assert cable_names(graph, cabling) == ["backend-s-leaf-1:Ethernet1/1", "backend-s-leaf-1:Ethernet1/5"]
    assert cabling.power["s"].modules == 45


def test_a_splitter_is_one_piece_named_by_the_cage_of_its_head() -> None:
    builder = Builder()
    nodes = [builder.server("su1", n + 1, groups={"storage-nics": 1}) for n in range(3)]
    leaf = builder.switch("leaf", 0, [(64, 2, 400 * G)], "su1")
    for n, node in enumerate(nodes):
        builder.link(node, 0, leaf, n, 400 * G)
    graph = builder.graph()
    cabling, _ = lay(graph, intent_of({"s": {"lengths": {"server-leaf": "2 m"}}}))
    assert cable_names(graph, cabling) == ["backend-su1-leaf-1:cage-1", "backend-su1-leaf-1:cage-2"]
    assert cabling.ends.cable.tolist() == [0, 0, 0, 1, 1]
    assert [(line.item, line.count) for line in cabling.bom if line.kind == "cable"] == [
        ("400g-dac-splitter osfp to 2 x qsfp112 2 m", 2)
    ]
    assert not [line for line in cabling.bom if line.kind == "module"]


def test_adding_a_pod_leaves_existing_cables_alone() -> None:
    def rows(graph: Graph, cabling: Cabling) -> set[tuple[str, str, int]]:
        columns = zip(cabling.cables.medium.tolist(), cabling.cables.length.tolist(), strict=True)
        named = zip(cable_names(graph, cabling), columns, strict=True)
        return {(name, CATALOG.media[medium].name, length) for name, (medium, length) in named}

    placed: dict[str, dict[str, dict[str, str]]] = {"s": {"placement": {}}}
    small, large = clos(2, 6), clos(3, 6)
    before, _ = lay(small, intent_of(placed, [pods_of("su", 2, 6)]))
    after, _ = lay(large, intent_of(placed, [pods_of("su", 3, 6)]), pinned=before.pins, pod_racks=before.pod_racks)
    assert rows(small, before) <= rows(large, after)
    assert before.pins.items() <= after.pins.items()


def test_the_bill_counts_everything_and_its_order_is_that_of_kinds() -> None:
    graph = clos(2, 3)
    cabling, _ = lay(graph, intent_of())
    kinds = [line.kind for line in cabling.bom]
    assert kinds == sorted(kinds, key=("server", "switch", "module", "cable").index)
    counted = {kind: sum(line.count for line in cabling.bom if line.kind == kind) for kind in kinds}
    assert counted == {"server": 6, "switch": 6, "cable": len(graph.links)}
    assert all(line.source for line in cabling.bom)


def test_optics_of_a_co_packaged_switch_are_no_item() -> None:
    builder = Builder()
    leaf = builder.switch("leaf", 0, [(64, 2, 400 * G)])
    spine = builder.switch("spine", 0, [(128, 1, 400 * G)], model="m2-w6940-128qc")
    builder.link(leaf, 0, spine, 0, 400 * G, "leaf-spine")
    cabling, report = lay(builder.graph())
    assert not report.found
    assert [line.item for line in cabling.bom if line.kind == "module"] == ["OSFP 2x400G-FR4"]


def test_a_graph_without_links_has_racks_and_no_cables() -> None:
    builder = Builder()
    builder.switch("spine", 0, [(64, 1, 800 * G)])
    cabling, report = lay(builder.graph())
    assert (len(cabling.cables), len(cabling.ends), report.found) == (0, 0, [])
    empty, _ = lay(Builder().graph())
    assert (empty.bom, len(empty.length)) == ((), 0)


def test_power_is_the_sum_of_servers_switches_and_cable_ends() -> None:
    graph = clos(1, 2, leafs=1, spines=1, uplinks=1)
    cabling, _ = lay(graph, intent_of())
    power = cabling.power["s"]
    assert (power.servers, power.switches, power.modules) == (2 * 14_500, 2 * 940, 2 * 3 + 30)
    assert power.total == sum(round(line.count * line.watts_each) for line in cabling.bom)


def test_a_budget_that_is_exceeded_is_reported_with_the_arithmetic() -> None:
    graph = clos(1, 2, leafs=1, spines=1, uplinks=1)
    for budget, wrong in (("30916 W", False), ("30915 W", True)):
        _, report = lay(graph, intent_of({"s": {"power": budget}, "t": {"power": "1 W"}}))
        assert [d.code for d in report] == ["FC5003"] * wrong
    (found,) = report
    assert str(found.span) == "sites.s.power:1:1"
    assert "servers 29 kW, switches 1.88 kW, modules and cable ends 36 W" in found.message
    assert "1 W more than its" in found.message
