"""Growth does not renumber; within the reserve it does not move a cable."""

from __future__ import annotations

from typing import Any

import pytest
from fabrics import Fabric, compiled, intent
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.plan import lock as locks

SMALL = {"leaf": {"switch": "sn5400", "downlinks": 8}, "addressing": {"links": "10.240.0.0/12", "hosts": "10.0.0.0/10"}}
MANAGED = {"management": {"pool": "172.16.0.0/20"}}


def fabric(groups: list[tuple[str, int, int]], lock: locks.Lock | None = None, **topology: Any) -> Fabric:
    """Pods as (name, count, servers)."""
    tree = intent(**SMALL, topology={"kind": "rail-optimized"} | topology) | MANAGED
    tree["pods"] = [tree["pods"][0] | {"name": name, "count": count, "servers": servers} for name, count, servers in groups]
    return compiled(tree, lock)


def numbers(made: Fabric) -> dict[str, Any]:
    return {d.name: p for d, p in zip(made.graph.devices, made.plan.devices, strict=True) if p}


def cables(made: Fabric, role: str) -> set[tuple[Any, ...]]:
    """The cables of all devices of a role."""
    links, devices = made.graph.links, made.graph.devices
    columns = (links.a_device, links.a_port, links.b_device, links.b_port)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {(devices[a].name, p, devices[b].name, q) for a, p, b, q in rows if role in (devices[a].role, devices[b].role)}


def test_a_pod_within_the_reserve_moves_no_cable_and_no_number() -> None:
    small = fabric([("su", 2, 8)], reserve={"pods": 4})
    large = fabric([("su", 3, 8)], small.lock, reserve={"pods": 4})
    assert numbers(small).items() <= numbers(large).items()
    assert cables(small, "leaf") <= cables(large, "leaf")


def test_a_pod_beyond_the_reserve_moves_no_number() -> None:
    small = fabric([("su", 2, 8)])
    large = fabric([("su", 8, 8)], small.lock)
    assert numbers(small).items() <= numbers(large).items()


def test_growth_alone_does_not_turn_two_tiers_into_three() -> None:
    small = fabric([("su", 2, 8)])
    with pytest.raises(CompileError, match="FC3004"):
        fabric([("su", 9, 8)], small.lock)


def test_a_pod_that_is_removed_and_added_back_has_its_numbers() -> None:
    three = fabric([("a", 1, 8), ("b", 1, 16), ("c", 1, 8)])
    two = fabric([("a", 1, 8), ("c", 1, 8)], three.lock)
    assert numbers(two).items() <= numbers(three).items()
    other = fabric([("a", 1, 8), ("c", 1, 8), ("d", 1, 8)], two.lock)
    back = fabric([("a", 1, 8), ("b", 1, 16), ("c", 1, 8), ("d", 1, 8)], other.lock)
    assert numbers(three).items() <= numbers(back).items()


def test_pruning_frees_the_numbers_of_the_removed() -> None:
    two = fabric([("a", 1, 8)], fabric([("a", 1, 8), ("b", 1, 8)]).lock)
    assert any(entry.removed for entry in two.lock.blocks.values())
    after = fabric([("a", 1, 8), ("c", 1, 8)], locks.prune(two.lock))
    before = fabric([("a", 1, 8), ("b", 1, 8)])
    assert numbers(after)["compute-c1-leaf-r1"] == numbers(before)["compute-b1-leaf-r1"]


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 3), st.integers(1, 24)), min_size=1, max_size=4,
                            unique_by=lambda pod: pod[0]), min_size=2, max_size=4),
    reserve=st.integers(1, 16),
)  # fmt: skip
def test_no_history_gives_two_devices_one_number(steps: list[list[tuple[str, int, int]]], reserve: int) -> None:
    lock = None
    for pods in steps:
        made = fabric(pods, lock, tiers=3, reserve={"pods": reserve})
        lock = locks.loads(locks.dumps(made.lock), "x.lock")
        found = numbers(made).values()
        for take in (
            lambda p: p.loopbacks,
            lambda p: p.router_id,
            lambda p: p.management,
            lambda p: p.hosts or id(p),
            lambda p: p.uplinks or id(p),
        ):
            values = [take(plan) for plan in found]
            assert len(values) == len(set(values))
        leafs = [plan.asn for name, plan in numbers(made).items() if "leaf" in name]
        assert len(leafs) == len(set(leafs))


def test_a_lock_survives_writing_and_reading() -> None:
    lock = fabric([("a", 3, 20), ("b", 1, 8)]).lock
    assert locks.loads(locks.dumps(lock), "x.lock") == lock
    assert locks.dumps(locks.loads(locks.dumps(lock), "x.lock")) == locks.dumps(lock)


def test_two_owners_of_one_block_are_an_error_that_names_both() -> None:
    text = "version: 1\nblocks:\n  n/pod/s/a1: 0+2\n  n/pod/s/b1: 1+1\n"
    with pytest.raises(CompileError) as caught:
        locks.loads(text, "x.lock")
    (found,) = caught.value.diagnostics
    assert found.code == "FC4004"
    assert "a1" in found.message and "b1" in found.message
    assert str(found.span) == "x.lock:4:3" and str(found.related[0][1]) == "x.lock:3:3"


@pytest.mark.parametrize(
    "text",
    [
        "version: 2\n", "", "[]", "version: 1\nblocks: 3\n", "version: 1\nblocks:\n  a/b: 1-2\n",
        "version: 1\nblocks:\n  ../a: 0+1\n", "version: 1\nblocks:\n  a/b: 0+0\n", "version: 1\nblocks:\n  a/b: 9999999999+1\n",
        "<<<<<<< HEAD\nversion: 1\n",
    ],
)  # fmt: skip
def test_a_malformed_lock_is_an_error_with_a_place(text: str) -> None:
    with pytest.raises(CompileError) as caught:
        locks.loads(text, "x.lock")
    assert all(found.span for found in caught.value.diagnostics)


@pytest.mark.parametrize(
    ("addressing", "asns", "code", "path"),
    [
        ({"loopbacks": "10.254.0.0/30"}, {}, "FC4001", "loopbacks"),
        ({"hosts": "10.0.0.0/25"}, {}, "FC4001", "hosts"),
        ({"links": "10.240.0.0/28"}, {}, "FC4001", "links"),
        ({}, {"leaf": "65000-65003"}, "FC4003", "leaf"),
    ],
)
def test_an_exhausted_pool_is_reported_once_where_it_is_stated(
    addressing: dict[str, str], asns: dict[str, str], code: str, path: str
) -> None:
    with pytest.raises(CompileError) as caught:
        compiled(intent(2, addressing=addressing, asns=asns))
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert path in found.message or path in found.hint or found.span


@pytest.mark.parametrize("server", ["hgx-b300", "dgx-h100", "gb200-nvl72", "hgx-generic-8"])
@pytest.mark.parametrize("first", ["hgx-b300", "dgx-b200", "gb200-nvl72"])
def test_a_pod_of_other_servers_within_the_reserve_leaves_the_existing_leafs_alone(first: str, server: str) -> None:
    """Slower or faster NICs, more of them or fewer: what is built keeps its columns, speeds, ports and numbers."""
    tree = intent(
        topology={"kind": "rail-optimized", "reserve": {"pods": 4}}, leaf={"switch": "sn5600"}, spine={"switch": "sn5600"}
    )
    pod = tree["pods"][0] | {"count": 1, "servers": 4, "server": first}
    small = compiled(tree | {"pods": [pod]})
    try:
        large = compiled(tree | {"pods": [pod, pod | {"name": "ext", "server": server}]}, small.lock)
    except CompileError as error:
        # no port of the leaf has the speed, or too many NICs meet one leaf: said, not laid out anew
        assert {d.code for d in error.diagnostics} <= {"FC3001", "FC3002", "FC3003", "FC3004"}
        return
    assert numbers(small).items() <= numbers(large).items()
    assert cables(small, "leaf") <= cables(large, "leaf")


def test_loopbacks_of_all_roles_are_apart_up_to_the_last() -> None:
    made = fabric([("su", 4, 8)], reserve={"pods": 4})
    tree = intent(**SMALL | {"addressing": {"loopbacks": "10.254.0.0/26", "hosts": "10.0.0.0/10"}})
    tree["pods"][0] |= {"count": 4, "servers": 8}
    full = compiled(tree)  # 32 leafs in the half of 64
    loopbacks = [loopback for plan in numbers(full).values() for loopback in plan.loopbacks]
    assert len(loopbacks) == len(set(loopbacks)) == len(numbers(made)) == len(numbers(full))
    tree["networks"]["compute"]["addressing"]["loopbacks"] = "10.254.0.0/27"
    with pytest.raises(CompileError, match="FC4001"):
        compiled(tree)


def test_a_network_that_is_removed_and_added_back_keeps_its_shape() -> None:
    small = fabric([("su", 1, 8)])
    grown = fabric([("su", 1, 16)], small.lock)
    assert grown.shapes[0].leaf.downlinks == small.shapes[0].leaf.downlinks == 8
    assert numbers(small).items() <= numbers(grown).items()
