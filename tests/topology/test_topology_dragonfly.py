"""Dragonflies: the counts of Kim et al. 2008 and Shpiner et al. 2017, and what holds for all of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from fabrics import Fabric, compiled, intent
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.diagnostics import CompileError, Report
from fabric_compiler.ir.graph import GLOBAL, LOCAL, TIER_PAIRS, Graph
from fabric_compiler.topology.global_cables import GlobalCables, fewest_between_two, global_cables, most_groups
from fabric_compiler.topology.growth import link_moves, moved_cables
from fabric_compiler.verify.graph import check_graph

ARRANGEMENTS = ("absolute", "relative", "palmtree", "circulant")
Matrix = npt.NDArray[np.int64]


def dragonfly(pods: int, servers: int = 1, **topology: Any) -> Fabric:
    """On routers of 64 ports of 400G; a server has eight NICs."""
    keys = {key.replace("_", "-"): value for key, value in topology.items()}
    return made({"kind": "dragonfly", **keys}, pods, servers)


def plus(pods: int, servers: int, leaf: dict[str, Any] | None = None, **topology: Any) -> Fabric:
    keys = {key.replace("_", "-"): value for key, value in topology.items()}
    return made({"kind": "dragonfly-plus", **keys}, pods, servers, leaf)


def made(topology: dict[str, Any], pods: int, servers: int, leaf: dict[str, Any] | None = None) -> Fabric:
    tree = intent(pods, servers, topology=topology)
    network = tree["networks"]["compute"]
    if topology["kind"] == "dragonfly":
        del network["leaf"], network["spine"]
        network["router"] = {"switch": "sn5400"}
    elif leaf:
        network["leaf"] = {"switch": "sn5400", **leaf}
    return compiled(tree)


def counts(fabric: Fabric) -> dict[str, int]:
    """Of devices by role, and of links by tiers."""
    links = np.bincount(fabric.graph.links.tiers, minlength=len(TIER_PAIRS)).tolist()
    return Counter(d.role for d in fabric.graph.devices) | Counter(dict(zip(TIER_PAIRS, links, strict=True)))


def sound(fabric: Fabric) -> bool:
    report = Report()
    check_graph(fabric.graph, fabric.shapes, report)
    return not report.failed


def hops(graph: Graph, role: str) -> Matrix:
    """Links between each two switches of a role."""
    switch = [n for n, d in enumerate(graph.devices) if d.kind == "switch"]
    number = np.full(len(graph.devices), -1)
    number[switch] = np.arange(len(switch))
    a, b = number[graph.links.a_device], number[graph.links.b_device]
    between = (a >= 0) & (b >= 0)
    joined = np.eye(len(switch), dtype=np.int64)
    joined[a[between], b[between]] = joined[b[between], a[between]] = 1
    far = np.where(joined, 1, -1) - np.eye(len(switch), dtype=np.int64)
    reached = joined
    for distance in range(2, 9):
        further = np.minimum(reached @ joined, 1)
        far[(further == 1) & (far < 0)] = distance
        reached = further
    assert far.min() == 0
    chosen = [number[n] for n in switch if graph.devices[n].role == role]
    return far[np.ix_(chosen, chosen)]


def between_groups(cables: GlobalCables, groups: int) -> Matrix:
    count: Matrix = np.bincount(cables.a_group * groups + cables.b_group, minlength=groups**2).reshape(groups, groups)
    return count + count.T


def test_the_dragonfly_of_72_hosts_has_its_published_counts() -> None:
    found = counts(dragonfly(9, hosts_per_router=2, routers_per_group=4, global_links=2))
    assert found == Counter({"server": 9, "router": 36, "server-router": 72, "local": 54, "global": 36})


def test_the_dragonfly_of_1056_hosts_has_its_published_counts() -> None:
    found = counts(dragonfly(33, 4, hosts_per_router=4, routers_per_group=8, global_links=4))
    routers = 33 * 8
    assert found == Counter(
        {
            "server": 132,
            "router": routers,
            "server-router": 1056,
            "local": routers * 7 // 2,
            "global": routers * 4 // 2,
        }
    )


@pytest.mark.parametrize(("pods", "servers", "hosts"), [(9, 1, 2), (33, 4, 4), (129, 16, 8)])
def test_a_group_that_is_left_out_is_the_balanced_one_that_the_servers_fill(pods: int, servers: int, hosts: int) -> None:
    """a = 2p = 2h, and at full size p hosts on each of a*(a*h + 1) routers."""
    shape = dragonfly(pods, servers).shapes[0]
    assert shape.group
    group = shape.group
    assert (group.hosts, group.switches, group.global_links) == (hosts, 2 * hosts, hosts)
    assert pods == most_groups(group.global_ports)


@pytest.mark.parametrize(
    ("pods", "servers", "topology", "leafs", "spines", "cables"),
    [
        # 16 leafs of 16 servers' NICs and 16 spines of 16 global links: 17 groups with 15 or 16 cables between two
        (17, 16, {"leafs_per_group": 16, "spines_per_group": 16, "global_links": 16}, 272, 272, 17 * 128),
        # the largest of leafs and spines of 8 ports: k*k/4 + 1 groups
        (17, 2, {}, 68, 68, 17 * 8),
    ],
)
def test_dragonflies_plus_have_the_counts_of_their_sizes(
    pods: int, servers: int, topology: dict[str, int], leafs: int, spines: int, cables: int
) -> None:
    fabric = plus(pods, servers, **topology)
    found = counts(fabric)
    assert (found["leaf"], found["spine"], found["global"]) == (leafs, spines, cables)
    assert found["leaf-spine"] == leafs * spines // pods
    assert sound(fabric)


def test_a_minimal_path_is_local_global_local() -> None:
    """Diameter 3 between routers; of leafs of a dragonfly-plus leaf, spine, spine, leaf."""
    assert hops(dragonfly(9).graph, "router").max() == 3
    assert hops(plus(17, 2).graph, "leaf").max() == 3


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_below_the_largest_number_of_groups_cables_are_parallel(arrangement: str) -> None:
    fabric = dragonfly(4, hosts_per_router=2, routers_per_group=4, global_links=2, arrangement=arrangement)
    found = counts(fabric)
    assert found["global"] == 4 * 8 // 2  # eight ports of four groups: two or three cables between each two
    assert sound(fabric)


def test_a_dragonfly_a_rail_leaves_no_cable_between_rails() -> None:
    fabric = dragonfly(9, 2, rails=8, hosts_per_router=1, routers_per_group=2, global_links=4)
    devices, links = fabric.graph.devices, fabric.graph.links
    assert sound(fabric)
    for a, b, tiers in zip(links.a_device.tolist(), links.b_device.tolist(), links.tiers.tolist(), strict=True):
        if tiers in (LOCAL, GLOBAL):
            assert devices[a].rail == devices[b].rail
    assert Counter(d.rail for d in devices if d.role == "router") == dict.fromkeys(range(1, 9), 18)


def test_rails_inside_a_group_spread_a_server_over_its_routers() -> None:
    fabric = dragonfly(9, hosts_per_router=2, routers_per_group=4, global_links=2, homing=4)
    links = fabric.graph.links
    met: dict[int, set[int]] = {}
    for a, b in zip(links.a_device.tolist(), links.b_device.tolist(), strict=True):
        if fabric.graph.devices[a].kind == "server":
            met.setdefault(a, set()).add(b)
    assert {len(routers) for routers in met.values()} == {4}


def test_groups_within_the_reserve_move_no_cable() -> None:
    sizes = {"hosts_per_router": 2, "routers_per_group": 4, "global_links": 2, "reserve": {"groups": 9}}
    before = dragonfly(7, **sizes)
    tree = intent(8, 1, topology={"kind": "dragonfly", **{k.replace("_", "-"): v for k, v in sizes.items()}})
    network = tree["networks"]["compute"]
    del network["leaf"], network["spine"]
    network["router"] = {"switch": "sn5400"}
    after = compiled(tree, before.lock)
    moves = link_moves(before.graph, after.graph)
    assert not moves.removed
    assert moves.added
    assert [d for d in after.graph.devices if d in before.graph.devices] == list(before.graph.devices)
    kept = dict(zip(after.graph.devices, after.plan.devices, strict=True))
    assert [kept[d] for d in before.graph.devices] == list(before.plan.devices)


def test_growth_without_a_reserve_says_how_many_cables_move() -> None:
    sizes = {"hosts_per_router": 2, "routers_per_group": 4, "global_links": 2}
    before = dragonfly(7, **sizes)
    tree = intent(8, 1, topology={"kind": "dragonfly", **{k.replace("_", "-"): v for k, v in sizes.items()}})
    network = tree["networks"]["compute"]
    del network["leaf"], network["spine"]
    network["router"] = {"switch": "sn5400"}
    after = compiled(tree, before.lock)
    moves = link_moves(before.graph, after.graph)
    (told,) = (d for d in after.report if d.code == "FC4007")
    assert moves.moved
    assert f": {moves.moved} global cables" in told.message


def test_more_groups_than_global_ports_reach_are_an_error() -> None:
    with pytest.raises(CompileError, match="reach 9"):
        dragonfly(10, hosts_per_router=2, routers_per_group=4, global_links=2)


@given(st.integers(1, 40), st.data(), st.sampled_from(ARRANGEMENTS))
def test_global_cables_are_regular_and_spread_within_one(ports: int, data: st.DataObject, arrangement: Any) -> None:
    groups = data.draw(st.integers(2, most_groups(ports)))
    cables = global_cables(groups, ports, arrangement)
    ends = np.concatenate((cables.a_group * ports + cables.a_port, cables.b_group * ports + cables.b_port))
    assert len(np.unique(ends)) == len(ends)
    degrees = np.bincount(ends // ports, minlength=groups)
    idle = groups * ports % 2  # an odd number of ports has no cable for the last of them
    assert degrees.max() == ports or idle
    assert (ports - degrees).sum() == idle
    pairs = between_groups(cables, groups)[np.triu_indices(groups, 1)]
    assert pairs.min() == fewest_between_two(groups, ports) >= 1
    assert pairs.max() - pairs.min() <= 1


@given(st.integers(2, 30), st.data())
def test_growth_moves_nothing_that_it_need_not_count(ports: int, data: st.DataObject) -> None:
    groups = data.draw(st.integers(2, ports))
    before, after = (global_cables(n, ports, "palmtree") for n in (groups, groups + 1))
    assert 0 <= moved_cables(before, after) <= len(before)
    assert moved_cables(before, before) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(2, 8), st.integers(1, 4), st.data(), st.sampled_from(ARRANGEMENTS))
def test_random_dragonflies_keep_what_a_dragonfly_promises(
    hosts: int, routers: int, links: int, data: st.DataObject, arrangement: str
) -> None:
    """Regular degrees, every two groups joined, even spread, diameter 3."""
    groups = data.draw(st.integers(1, min(most_groups(routers * links), 12)))
    tree = intent(
        topology={
            "kind": "dragonfly",
            "hosts-per-router": hosts,
            "routers-per-group": routers,
            "global-links": links,
            "groups": groups,
            "arrangement": arrangement,
        }
    )
    network = tree["networks"]["compute"]
    del network["leaf"], network["spine"], tree["pods"]
    network["router"] = {"switch": "sn5400"}
    fabric = compiled(tree)
    assert sound(fabric)
    found = counts(fabric)
    assert found["router"] == groups * routers
    assert found["local"] == groups * routers * (routers - 1) // 2
    assert found["global"] == (groups * routers * links // 2 if groups > 1 else 0)
    assert hops(fabric.graph, "router").max() <= 3
