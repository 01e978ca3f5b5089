"""Where a scheduler sees servers close to one another: parts of the network without its upper tiers."""

from __future__ import annotations

import networkx as nx
import pytest
from exports import NAMES, source
from hypothesis import given
from hypothesis import strategies as st

from fabric_compiler.export.placement import fabric_of_jobs, parts
from fabric_compiler.export.slurm import block, hostlist
from fabric_compiler.ir.graph import TIER_PAIRS


def expanded(text: str) -> list[str]:
    """A hostlist as slurm.conf(5) has it: names, and one pair of brackets a name."""
    import re

    found = []
    for name in re.findall(r"[^,\[]+(?:\[[^\]]*\])?", text):
        match = re.fullmatch(r"([^\[]*)\[([^\]]*)\]", name)
        if not match:
            found.append(name)
            continue
        for run in match[2].split(","):
            first, _, last = run.partition("-")
            found += [f"{match[1]}{n}" for n in range(int(first), int(last or first) + 1)]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_the_components_of_the_lower_tiers(name: str) -> None:
    build = source(name)
    network = fabric_of_jobs(build, ())
    graph: nx.Graph[str] = nx.Graph()
    for level, found in enumerate(parts(build, network)):
        for link in build.links:
            if link.network == network and link.tiers == TIER_PAIRS[level]:
                graph.add_edge(link.a_device, link.b_device)
        servers = {device.name for device in build.servers}
        wanted = {frozenset(part & servers) for part in nx.connected_components(graph)} - {frozenset()}
        assert {frozenset(part.servers) for part in found} == wanted
        assert len({part.name for part in found}) == len(found)


def test_a_rail_optimized_unit_is_one_part_named_after_its_pod() -> None:
    levels = parts(source("three-tier-16384"), "compute")
    assert [len(level) for level in levels] == [64, 2, 1]
    assert levels[0][0].name == "compute-su1"
    assert all(len(part.servers) == 32 for part in levels[0])
    assert [own.name for own in levels[1][0].below] == [f"compute-su{n}" for n in range(1, 33)]


@given(st.lists(st.integers(0, 40), unique=True), st.sampled_from(["su1-server-", "n", "a-1-"]))
def test_a_hostlist_names_the_same_hosts(numbers: list[int], head: str) -> None:
    names = [f"{head}{n}" for n in numbers]
    assert sorted(expanded(hostlist(names))) == sorted(names)


def test_numbers_with_leading_zeros_stand_alone() -> None:
    assert hostlist(["n01", "n02", "login"]) == "n01,n02,login"
    assert hostlist(["n10", "n11", "n13", "m1"]) == "n[10-11,13],m1"


def test_block_sizes_double_from_the_smallest_block() -> None:
    levels = parts(source("three-tier-16384"), "compute")
    assert block(levels[0], "x").splitlines()[-1] == "BlockSizes=32,64,128,256,512,1024,2048"
    assert block(levels[0][:3], "x").splitlines()[-1] == "BlockSizes=32,64"
