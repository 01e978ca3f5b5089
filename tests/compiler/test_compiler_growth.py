"""Growth does not renumber, and within the reserve it changes nothing but the lines of ports that come into use."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from compiler.builds import Built, Desk, Tree, desk, fabrics, outputs, with_pods, with_storage
from compiler.growth import changed, lost, lost_lines, lost_rows
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

# without shrinking, which takes minutes of compiles
FEW = settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate))
PLACED = {"gru1": {"placement": {}}}


def servers_and_leafs(built: Built) -> list[str]:
    return built.devices("server") + built.devices("leaf")


def gained_only(before: Built, after: Built) -> None:
    """No number, cable or session went, and nothing that was said of a port in use."""
    assert lost_rows(before, after) == []
    for role in ("leaf", "spine", "core"):
        for device in before.devices(role):
            assert lost(before, after, device) == []


@FEW
@given(fabrics(growing=True), st.booleans())
def test_a_pod_within_the_reserve_changes_no_file_of_a_leaf_or_server_and_takes_no_line_from_a_spine(
    tree: Tree, other: bool
) -> None:
    with desk() as here:
        before = here.build(tree)
        pod = tree["pods"][0]
        grown = tree | {"pods": [*tree["pods"], pod | {"name": "ext", "count": 1, "servers": 2}]}
        after = here.build(grown if other else with_pods(tree, pod["count"] + 1))
    assert changed(before, after, servers_and_leafs(before)) == []
    gained_only(before, after)


@FEW
@given(fabrics(growing=True), st.booleans())
def test_another_network_changes_no_file_of_a_switch(tree: Tree, first: bool) -> None:
    tree = tree | {"networks": {"backend": tree["networks"]["backend"]}}
    tree["pods"] = [pod | {"connect": {"backend": "gpu-nics"}} for pod in tree["pods"]]
    with desk() as here:
        before = here.build(tree)
        after = here.build(with_storage(tree, first))
    switches = [row["name"] for row in before.table("devices") if row["kind"] == "switch"]
    assert changed(before, after, switches) == []
    assert lost_rows(before, after) == []
    for server in before.devices("server"):
        name = f"hosts/{server}/60-fabric.yaml"
        assert lost_lines(before.files[name].decode().splitlines(), after.files[name].decode().splitlines()) == []


def test_another_network_takes_no_line_from_a_server_whatever_nics_it_takes(tmp_path: Path) -> None:
    here = Desk(tmp_path)
    front = with_storage(FIXED)["networks"]["storage"]
    connect = {"backend": "gpu-nics", "storage": "frontend"}  # behind the storage NICs in the server's list
    tree = FIXED | {"networks": FIXED["networks"] | {"storage": front}, "pods": [FIXED["pods"][0] | {"connect": connect}]}
    before = here.build(tree)
    tree["networks"] = tree["networks"] | {"more": front | {"addressing": {"servers": "subnet"}}}
    tree["pods"] = [tree["pods"][0] | {"connect": connect | {"more": "storage-nics"}}]
    after = here.build(tree)
    for name, content in before.below("hosts/su1-server-1").items():
        assert lost_lines(content.decode().splitlines(), after.files[name].decode().splitlines()) == [], name


@FEW
@given(fabrics(growing=True), st.integers(1, 6), st.sampled_from(({}, {"placement": {}})))
def test_servers_within_the_reserve_change_nothing_but_the_lines_of_their_ports(tree: Tree, more: int, site: Tree) -> None:
    pod = tree["pods"][0]
    last = pod | {"name": "last", "count": 1, "reserve": {"servers": pod["servers"] + more}}
    tree = tree | {"sites": {"gru1": site}, "pods": [pod | {"reserve": last["reserve"]}, last]}
    with desk() as here:
        before = here.build(tree)
        after = here.build(tree | {"pods": [tree["pods"][0], last | {"servers": pod["servers"] + more}]})
    roles = {row["name"]: row["pod"] for row in before.table("devices") if row["role"] == "leaf"}
    assert changed(before, after, before.devices("server") + [name for name, pod in roles.items() if pod != "last1"]) == []
    gained_only(before, after)


@FEW
@given(fabrics(), st.integers(2, 6))
def test_growth_beyond_the_reserve_moves_no_number(tree: Tree, pods: int) -> None:
    network: dict[str, Any] = tree["networks"]["backend"]
    # two tiers end where a spine has no port left
    topology = network["topology"] | {"tiers": 3, "reserve": {"pods": 1}}
    tree = tree | {"networks": tree["networks"] | {"backend": network | {"topology": topology}}}
    with desk() as here:
        before = here.build(with_pods(tree, 1))
        after = here.build(with_pods(tree, pods))
    assert lost_rows(before, after, ("devices", "asns")) == []
    # the addresses of a link are those of its lower end, wherever the cable goes
    above = {*before.devices("spine"), *before.devices("core")}
    assert {row for row in before.rows("addresses") - after.rows("addresses") if row[0] not in above} == set()
    assert changed(before, after, before.devices("server")) == []


@FEW
@given(fabrics(), st.integers(0, 2))
def test_a_pod_that_is_removed_and_added_back_restores_every_byte(tree: Tree, gone: int) -> None:
    tree = three_pods(tree)
    with desk() as here:
        before = here.build(tree)
        without = here.build(tree | {"pods": [pod for n, pod in enumerate(tree["pods"]) if n != gone]})
        after = here.build(tree)
    assert before.files != without.files
    assert after.lock == before.lock
    assert after.files == before.files


@FEW
@given(fabrics(), st.integers(0, 2))
def test_a_pod_in_place_of_a_removed_one_gets_none_of_its_numbers(tree: Tree, gone: int) -> None:
    tree = three_pods(tree)
    rest = [pod for n, pod in enumerate(tree["pods"]) if n != gone]
    with desk() as here:
        before = here.build(tree)
        here.build(tree | {"pods": rest})
        after = here.build(tree | {"pods": [*rest, tree["pods"][gone] | {"name": "fresh"}]})
    old, new = numbers_of(before, tree["pods"][gone]["name"] + "1"), numbers_of(after, "fresh1")
    assert old
    assert new
    assert old & new == set()


def test_the_order_of_pods_and_networks_in_the_intent_is_free(tmp_path: Path) -> None:
    tree = three_pods(with_storage(FIXED))
    here = Desk(tmp_path)
    before = here.build(tree)
    turned = tree | {"pods": tree["pods"][::-1], "networks": dict(reversed(tree["networks"].items()))}
    after = here.build(turned)
    assert after.lock == before.lock
    assert lost_rows(before, after) == lost_rows(after, before) == []
    assert devices_of(after) == devices_of(before)


@pytest.mark.parametrize("placement", [{}, {"racks-per-row": 3}, {"servers-per-rack": 1}])
def test_growth_moves_no_rack_and_no_length(tmp_path: Path, placement: dict[str, Any]) -> None:
    """One step after the other: a network, servers beyond their reserve, a pod, a third tier's switches."""
    here = Desk(tmp_path)
    pod = FIXED["pods"][0]
    tree = FIXED | {"sites": {"gru1": {"placement": placement}}}
    steps = [tree, with_storage(tree), with_storage(tree, first=True)]
    steps.append(steps[-1] | {"pods": [pod | {"servers": 7, "connect": steps[-1]["pods"][0]["connect"]}]})
    steps.append(with_pods(steps[-1], 4))
    third = {"topology": {"kind": "leaf-spine", "tiers": 3, "leafs": 4}} | {t: {"switch": "sn5400"} for t in ("leaf", "spine")}
    steps.append(steps[-1] | {"networks": {"lab": third} | steps[-1]["networks"]})
    built = [here.build(step) for step in steps]
    for before, after in pairwise(built):
        assert lost_rows(before, after, ("devices",)) == []
        assert lengths(before).items() <= lengths(after).items()


FIXED: Tree = {
    "version": 1,
    "fabric": "small",
    "sites": PLACED,
    "networks": {
        "backend": {
            "topology": {"kind": "rail-optimized", "tiers": 2, "rails": 4, "reserve": {"pods": 4}},
            "leaf": {"switch": "sn5600", "downlinks": 8},
            "spine": {"switch": "sn5600"},
            "headroom": "16:1",
            "addressing": {"links": "10.240.0.0/16", "hosts": "10.0.0.0/12"},
        }
    },
    "pods": [{"name": "su", "count": 2, "servers": 4, "server": "dgx-b200", "connect": {"backend": "gpu-nics"}}],
    "management": {"pool": "172.16.0.0/22"},
}


def three_pods(tree: Tree) -> Tree:
    """Of different sizes, with names that do not sort as they stand."""
    pod = tree["pods"][0] | {"count": 1}
    pods = [pod | {"name": "b"}, pod | {"name": "a", "servers": 2}, pod | {"name": "c", "servers": pod["servers"] + 2}]
    return tree | {"pods": pods}


def numbers_of(built: Built, pod: str) -> set[tuple[str, str]]:
    """Addresses, ASNs and racks of the pod's devices; links between switches have theirs from the leaf."""
    names = {row["name"] for row in built.table("devices") if row["pod"] == pod}
    found = {("address", row["address"]) for row in built.table("addresses") if row["device"] in names}
    found |= {("asn", row["asn"]) for row in built.table("asns") if row["device"] in names}
    return found | {("rack", row["rack"]) for row in built.table("devices") if row["name"] in names}


def lengths(built: Built) -> dict[tuple[str, str, str], str]:
    return {(row["a_device"], row["a_port"], row["b_device"]): row["length_m"] for row in built.table("links")}


def devices_of(built: Built) -> dict[str, bytes]:
    return {name: content for name, content in outputs(built).items() if name.startswith(("devices/", "hosts/"))}
