"""Hosts of a subnet manager spread over leafs and pods, and keep their ports."""

from __future__ import annotations

from pathlib import Path

import infiniband
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.ir.blocks import Extents
from fabric_compiler.topology.seats import NoSeatError, Seat, seats


def numbers(extents: Extents) -> list[int]:
    return [start + n for start, size in extents.blocks for n in range(size)]


def leafs(count: int, ports: range, planes: int = 1, rows: int = 1) -> list[Seat]:
    return [
        Seat((row * planes + plane) * count + leaf, port, plane + 1, row)
        for row in range(rows)
        for plane in range(planes)
        for leaf in range(count)
        for port in ports
    ]


def test_no_leaf_holds_two_ports_while_others_are_free() -> None:
    made = seats(["a", "b"], 2, 1, leafs(4, range(28, 32)), {})
    chosen = [number >> 10 for extents in made.values() for number in numbers(extents)]
    assert sorted(chosen) == [0, 1, 2, 3]
    assert all(number & 1023 == 31 for extents in made.values() for number in numbers(extents))  # the last port first


def test_hosts_stand_in_different_pods() -> None:
    made = seats(["a", "b"], 1, 1, leafs(2, range(30, 32), rows=2), {})
    rows = {number >> 11 for extents in made.values() for number in numbers(extents)}
    assert len(rows) == 2


def test_a_port_in_each_plane() -> None:
    made = seats(["a"], 2, 2, leafs(2, range(30, 32), planes=2), {})
    planes = [(number >> 10) // 2 for number in numbers(made["a"])]
    assert planes == [0, 1, 0, 1]


def test_too_few_ports_name_the_host_that_finds_none() -> None:
    with pytest.raises(NoSeatError, match="b"):
        seats(["a", "b"], 2, 1, leafs(1, range(29, 32)), {})


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
def test_more_leafs_move_no_host(count: int, ports: int, hosts: int, more: int) -> None:
    names = [f"h{n}" for n in range(hosts)]
    before = leafs(count, range(32 - ports * hosts, 32))
    made = seats(names, ports, 1, before, {})
    taken = [number for extents in made.values() for number in numbers(extents)]
    assert len(set(taken)) == ports * hosts
    again = seats(names, ports, 1, leafs(count, range(32 - ports * hosts, 32), rows=1 + more), made)
    assert again == made


def test_a_leaf_without_a_free_port_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        infiniband.analysed(infiniband.intent(1, 32, subnet_manager={"hosts": ["ufm-1"]}), tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == "FC3001"
    assert "31 of 32" in found.hint


def test_servers_that_come_later_take_no_host_s_port(tmp_path: Path) -> None:
    """Within the reserve there is room for both; beyond it the host moves, and is told."""
    small = infiniband.intent(1, 20, subnet_manager={"hosts": ["ufm-1"]}, leaf={"switch": "qm9700", "downlinks": 32})
    first = infiniband.analysed(small, tmp_path)
    (tmp_path / "x.lock").write_text(dumped(first))
    small["pods"][0]["servers"] = 31
    grown = infiniband.analysed(small, tmp_path)
    assert host_links(grown) == host_links(first)
    small["pods"][0]["servers"] = 32
    with pytest.raises(CompileError):
        infiniband.analysed(small, tmp_path)


def dumped(analysis: infiniband.Analysis) -> str:
    from fabric_compiler.plan import lock

    return lock.dumps(analysis.lock)


def host_links(analysis: infiniband.Analysis) -> set[tuple[str, int]]:
    graph = analysis.graph
    links = graph.links
    return {
        (graph.devices[b].name, port)
        for a, b, port in zip(links.a_device.tolist(), links.b_device.tolist(), links.b_port.tolist(), strict=True)
        if graph.devices[a].role == "manager"
    }
