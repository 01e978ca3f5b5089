"""InfiniBand fabrics, whole: the published counts, growth, and Ethernet beside it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import infiniband
import pytest
from compiler.builds import Built, Tree, desk, outputs, with_pods
from fabrics import CATALOG, compiled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabric_compiler.ir.graph import TIER_PAIRS

# NVIDIA DGX SuperPOD B200 reference architecture, "Larger SuperPOD component counts"
SUPERPODS = [
    # SUs, nodes, GPUs, leafs, spines, cores, node-leaf, leaf-spine, spine-core
    (2, 64, 512, 16, 8, 0, 512, 512, 0),
    (4, 128, 1024, 32, 16, 0, 1024, 1024, 0),
    (8, 256, 2048, 64, 32, 0, 2048, 2048, 0),
    (16, 512, 4096, 128, 128, 64, 4096, 4096, 4096),
    (32, 1024, 8192, 256, 256, 128, 8192, 8192, 8192),
    (64, 2048, 16384, 512, 512, 256, 16384, 16384, 16384),
]


@pytest.mark.parametrize("row", SUPERPODS, ids=lambda row: f"{row[0]} SUs")
def test_superpods_have_the_published_counts(row: tuple[int, ...]) -> None:
    pods, *counts = row
    graph = compiled(infiniband.intent(pods, 32, topology={"kind": "rail-optimized", "reserve": {"pods": pods}})).graph
    roles = Counter(device.role for device in graph.devices)
    links = Counter(TIER_PAIRS[tiers] for tiers in graph.links.tiers.tolist())
    gpus = sum(CATALOG.servers[device.model].gpus for device in graph.devices if device.role == "server")
    found = [roles["server"], gpus, *(roles[role] for role in ("leaf", "spine", "core")), *(links[pair] for pair in TIER_PAIRS)]
    assert found == counts


def test_the_hosts_of_the_subnet_manager_take_a_server_s_ports() -> None:
    """NVIDIA's table of a full SuperPOD: 127 servers, 1,020 links of servers and UFM, 1,024 above."""
    tree = infiniband.intent(
        3, 32, topology={"kind": "rail-optimized", "reserve": {"pods": 4}}, subnet_manager={"hosts": ["a", "b"]}
    )
    tree["pods"].append(tree["pods"][0] | {"name": "rest", "count": 1, "servers": 31})
    with desk() as here:
        built = here.build(tree)
    assert built.counts["servers"] == 127
    assert built.counts["gpus"] == 1016
    assert built.counts["links"] == {"compute": {"server-leaf": 1020, "leaf-spine": 1024}}
    assert built.counts["switches"] == {"compute": {"leaf": 32, "spine": 16}}
    leafs = [row["b_device"] for row in built.table("links") if row["a_device"] in ("a", "b")]
    assert len(set(leafs)) == 4  # no leaf takes two of them away


def test_a_switch_of_infiniband_has_no_directory_and_its_subnet_has() -> None:
    with desk() as here:
        files = here.build(infiniband.intent(topology={"kind": "rail-optimized", "planes": 2}, server="hgx-b300")).files
    assert not any(name.startswith(("devices/", "hosts/")) for name in files)
    for plane in (1, 2):
        assert f"networks/compute/opensm-p{plane}/opensm.conf" in files
        assert f"networks/compute/opensm-p{plane}/topology.net" in files
    prefixes = {
        line for p in (1, 2) for line in lines(files, f"networks/compute/opensm-p{p}/opensm.conf") if "subnet_prefix" in line
    }
    assert len(prefixes) == 2


def test_an_infiniband_network_beside_it_changes_no_file_of_an_ethernet_network() -> None:
    tree = infiniband.intent()
    storage = {
        "topology": {"kind": "leaf-spine", "homing": 2},
        "leaf": {"switch": "sn5600"},
        "spine": {"switch": "7060x6-64pe", "nos": "eos"},
    }
    compute = tree["networks"].pop("compute")
    tree["networks"] = {"storage": storage}
    tree["pods"][0]["connect"] = {"storage": "storage-nics"}
    both = tree | {
        "networks": {"storage": storage, "compute": compute},
        "pods": [tree["pods"][0] | {"connect": {"storage": "storage-nics", "compute": "gpu-nics"}}],
    }
    with desk() as here, desk() as there:
        alone, beside = here.build(tree), there.build(both)
    for name, content in alone.files.items():
        if name.startswith(("devices/", "hosts/")):
            assert beside.files[name] == content, name
    assert alone.rows("addresses") == beside.rows("addresses")
    assert alone.rows("sessions") == beside.rows("sessions")
    assert {name for name in beside.files if name.startswith("devices/")} == {
        n for n in alone.files if n.startswith("devices/")
    }


@st.composite
def fabrics(draw: st.DrawFn) -> Tree:
    """A small InfiniBand fabric with a reserve of a pod more than there are."""
    pods = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(("rail-optimized", "leaf-spine")))
    planes = draw(st.sampled_from((1, 1, 2)))
    tiers = draw(st.sampled_from((2, 2, 3)))
    topology: Tree = {"kind": kind, "tiers": tiers, "planes": planes, "reserve": {"pods": pods + 1}}
    topology |= {"rails": draw(st.sampled_from((4, 8)))} if kind == "rail-optimized" else {"homing": 2}
    manager: Tree = {"routing": draw(st.sampled_from(("auto", "updn", "minhop")))}
    downlinks = draw(st.sampled_from((8, 16)))
    if planes == 1 and downlinks == 16 and kind == "rail-optimized" and draw(st.booleans()):  # its leafs have free ports
        manager["hosts"] = ["ufm-1", "ufm-2"]
    tree = infiniband.intent(
        pods,
        draw(st.integers(2, 6)),
        server="hgx-b300" if planes == 2 else "dgx-b200",
        topology=topology,
        leaf={"switch": "qm9700", "downlinks": downlinks},
        spine={"switch": "qm9700"} | ({"downlinks": 8} if tiers == 3 else {}),
        subnet_manager=manager,
    )
    if draw(st.booleans()):
        tree["tenants"] = {"one": {"pods": "su1"}, "two": {"pods": f"su{pods}" if pods > 1 else "su1", "shared": True}}
    if draw(st.booleans()):
        tree["management"] = {"pool": "172.16.0.0/20"}
    return tree


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(fabrics())
def test_adding_a_pod_leaves_existing_lines_alone(tree: Tree) -> None:
    with desk() as here:
        before = here.build(tree)
        after = here.build(with_pods(tree, tree["pods"][0]["count"] + 1))
    for table in ("devices", "links", "cables", "cable_ends", "guids", "addresses"):
        assert before.rows(table) <= after.rows(table), table
    for name in before.files:
        if name.startswith(("networks/", "hosts/")):
            lost = counted(before.files[name]) - counted(after.files[name])
            assert not lost, f"{name}: {lost}"


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(fabrics())
def test_guids_are_unique_and_local(tree: Tree) -> None:
    with desk() as here:
        rows = here.build(tree).table("guids")
    nodes = [int(row["node_guid"], 16) for row in rows]
    ports = [int(row["port_guid"], 16) for row in rows]
    assert len(set(nodes)) == len(set(ports)) == len(rows)
    assert all(guid >> 56 == 0x02 for guid in (*nodes, *ports))  # EUI-64: local, of a single device
    assert {guid for row, guid in zip(rows, ports, strict=True) if row["port"]}.isdisjoint(nodes)


def test_the_same_intent_makes_the_same_bytes() -> None:
    tree = infiniband.intent(tenants={"research": {"pods": "su1"}}, subnet_manager={"hosts": "ufm-1"})
    with desk() as here, desk() as there:
        assert outputs(here.build(tree)) == outputs(there.build(tree, jobs=2))


def test_a_removed_tenant_and_host_come_back_with_their_numbers() -> None:
    tree = infiniband.intent(
        tenants={"one": {"pods": "su1"}, "two": {"pods": "su2"}}, subnet_manager={"hosts": ["ufm-1", "ufm-2"]}
    )
    with desk() as here:
        first = here.build(tree)
        without: Any = tree | {"tenants": {"two": {"pods": "su2"}}}
        without["networks"] = {"compute": tree["networks"]["compute"] | {"subnet-manager": {"hosts": ["ufm-2"]}}}
        here.build(without)
        assert outputs(here.build(tree)) == outputs(first)


def lines(files: Any, name: str) -> list[str]:
    return [line for line in files[name].decode().splitlines() if line]


def counted(content: bytes) -> Counter[str]:
    """The lines; how many LIDs there are now is a comment, and the end of a list moves."""
    return Counter(line.rstrip(";,") for line in content.decode().splitlines() if " LIDs an HCA" not in line)


def test_what_a_build_counts_is_what_it_holds() -> None:
    with desk() as here:
        built: Built = here.build(infiniband.intent(subnet_manager={"hosts": "ufm-1"}))
    assert (
        len(built.table("guids"))
        == sum(built.counts["switches"]["compute"].values()) + built.counts["links"]["compute"]["server-leaf"]
    )
