"""Tenants become partitions: each reaches its own, and nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import infiniband
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.compiler import Analysis
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.model.subnet import Partition


def compiled(root: Path, tenants: dict[str, Any], pods: int = 2, servers: int = 2) -> Analysis:
    return infiniband.analysed(infiniband.intent(pods, servers, tenants=tenants), root)


def partitions(analysis: Analysis) -> dict[str, Partition]:
    return {partition.name: partition for partition in analysis.subnets[0].partitions}


def owners(analysis: Analysis, partition: Partition, full: bool) -> set[str]:
    names = {node.port_guid: node.name.split()[0] for node in analysis.subnets[0].nodes}
    return {names[member.port_guid] for member in partition.members if member.full == full}


def test_without_tenants_all_reach_all(tmp_path: Path) -> None:
    (only,) = infiniband.analysed(infiniband.intent(1, 2), tmp_path).subnets[0].partitions
    assert (only.p_key, only.everyone, only.ipoib) == (0x7FFF, "full", True)


def test_a_tenant_is_a_partition_of_its_pods_and_servers(tmp_path: Path) -> None:
    found = compiled(tmp_path, {"one": {"pods": "su1"}, "two": {"servers": ["su2-server-1", "su2-server-[2-9]"]}})
    made = partitions(found)
    assert owners(found, made["one"], True) == {"su1-server-1", "su1-server-2"}
    assert owners(found, made["two"], True) == {"su2-server-1", "su2-server-2"}
    assert (made["one"].p_key, made["two"].p_key) == (1, 2)
    assert made["Default"].everyone == "limited"
    assert len(made["one"].members) == 16  # eight NICs a server


def test_limited_members_reach_full_ones_alone(tmp_path: Path) -> None:
    tenants = {"all": {"servers": "su1-server-1", "limited": {"pods": ["su1", "su2"]}, "shared": True, "p-key": "0x0100"}}
    found = compiled(tmp_path, tenants)
    shared = partitions(found)["all"]
    assert shared.p_key == 0x100
    assert owners(found, shared, True) == {"su1-server-1"}
    assert owners(found, shared, False) == {"su1-server-2", "su2-server-1", "su2-server-2"}


def test_a_server_in_two_exclusive_tenants_is_an_error_that_names_both(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        compiled(tmp_path, {"one": {"pods": "su1"}, "two": {"servers": "su1-server-2"}})
    (found,) = [d for d in caught.value.diagnostics if d.code == "FC2007"]
    assert "su1-server-2 is in two exclusive tenants" in found.message
    assert found.related[0][0] == "the tenant one"


def test_servers_in_no_tenant_are_a_warning(tmp_path: Path) -> None:
    found = compiled(tmp_path, {"one": {"pods": "su1"}})
    assert [d.code for d in found.warnings] == ["FC6020"]


def test_levels_have_lanes_of_their_own(tmp_path: Path) -> None:
    tenants = {f"t{n}": {"pods": f"su{n}", "service-level": n - 1} for n in (1, 2, 3)}
    lanes = compiled(tmp_path, tenants, pods=3).subnets[0].lanes
    assert (lanes.count, lanes.qos) == (4, True)
    assert [(level.number, level.lane) for level in lanes.levels] == [(0, 0), (1, 1), (2, 2)]


def test_a_stated_key_is_not_another_s(tmp_path: Path) -> None:
    first = compiled(tmp_path, {"one": {"pods": "su1"}})
    from fabric_compiler.plan import lock

    (tmp_path / "x.lock").write_text(lock.dumps(first.lock))
    with pytest.raises(CompileError) as caught:
        compiled(tmp_path, {"one": {"pods": "su1"}, "two": {"pods": "su2", "p-key": "0x0001"}})
    assert [d.code for d in caught.value.diagnostics] == ["FC4002"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), st.booleans())
def test_tenants_share_no_port_unless_one_is_shared(places: list[int], shared: bool) -> None:
    """Pods spread over tenants in any way."""
    import tempfile

    tenants: dict[str, Any] = {}
    for pod, place in enumerate(places, 1):
        tenants.setdefault(f"t{place}", {"pods": []})["pods"].append(f"su{pod}")
    if shared:
        tenants["common"] = {"pods": ["su1", "su2", "su3", "su4"], "shared": True}
    with tempfile.TemporaryDirectory() as root:
        made = partitions(compiled(Path(root), tenants, pods=4, servers=1))
    exclusive = [p for name, p in made.items() if name not in ("Default", "common")]
    ports = [member.port_guid for partition in exclusive for member in partition.members]
    assert len(ports) == len(set(ports)) == 32
    assert len({partition.p_key for partition in made.values()}) == len(made)
