"""From a build to a layout, to what is promised, and to what is tried: all without the kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from examples import INTENTS
from hypothesis import given
from hypothesis import strategies as st
from lab.mistakes import LEAFS, SPINES, compiled

from fabric_compiler import compiler
from fabric_compiler.compiler import Options
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.ir.plan import Prefix
from fabric_compiler.lab import ethernet, machine, pairs, planning, promise, protocols, slices
from fabric_compiler.lab.build import Build, read
from fabric_compiler.lab.machine import Machine
from fabric_compiler.lab.pairs import Endpoint
from fabric_compiler.lab.planning import Planned
from fabric_compiler.lab.slices import Slice

ALL = Slice()


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Build]:
    """The build of an example intent."""
    made: dict[str, Build] = {}

    def build(name: str) -> Build:
        if name not in made:
            directory = tmp_path_factory.mktemp(name)
            for file in (f"{name}.yaml", f"{name}.lock"):
                (directory / file).write_bytes((INTENTS / file).read_bytes())
            made[name] = read(compiler.build(directory / f"{name}.yaml", directory / "build", Options()).path)
        return made[name]

    return build


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return read(compiled("small", tmp_path_factory.mktemp("small")))


def test_a_pod_comes_with_the_switches_above_it(example: Callable[[str], Build]) -> None:
    build = example("three-tier-mixed")
    names = slices.choose(build, Slice(pods=("su1",)), "ethernet")
    roles = sorted(build.devices[name].role for name in names)
    assert roles == ["core"] * 4 + ["leaf"] * 4 + ["server"] * 3 + ["spine"] * 8
    assert {build.devices[name].pod for name in names} == {"", "su1"}


def test_devices_are_those_that_match_and_their_servers(example: Callable[[str], Build]) -> None:
    build = example("three-tier-mixed")
    names = slices.choose(build, Slice(devices=("*-su1-leaf-r1", "*-spine-r1-*")), "ethernet")
    assert sorted(build.devices[name].role for name in names) == ["leaf", "server", "server", "server", "spine", "spine"]
    both = slices.choose(build, Slice(pods=("su2",), devices=("*-leaf-r1",)), "ethernet")
    assert both == {"backend-su2-leaf-r1", "su2-server-1", "su2-server-2", "su2-server-3"}


@pytest.mark.parametrize("part", [Slice(pods=("su9",)), Slice(devices=("nobody-*",))])
def test_a_slice_that_matches_nothing_is_an_error(part: Slice, example: Callable[[str], Build]) -> None:
    with pytest.raises(CompileError, match="FC2005"):
        slices.choose(example("three-tier-mixed"), part, "ethernet")


def test_wires_are_the_links_whose_ends_are_both_there(small: Build) -> None:
    planned = planning.plan(small, Slice(devices=(LEAFS[0], SPINES[0])))
    assert set(planned.layout.nodes) == {LEAFS[0], SPINES[0], "pod1-server-1"}
    assert len(planned.layout.wires) == len(planned.build.links) == 10
    assert all(session.a.device == LEAFS[0] and session.b.device == SPINES[0] for session in planned.build.sessions)
    ports = planned.layout.nodes[SPINES[0]].ports
    assert len(ports) == 2  # of those to the other leafs there is none


def test_a_lab_says_where_it_departs_from_the_devices(example: Callable[[str], Build]) -> None:
    notes = planning.plan(example("numbered-dual-stack"), ALL).layout.notes
    assert any("17 EOS switches run the FRR rendering" in note for note in notes)


def test_a_build_that_its_inputs_do_not_explain_is_refused(small: Build, tmp_path: Path) -> None:
    path = compiled("small", tmp_path)
    (intent,) = (path / "inputs").glob("*.yaml")
    intent.write_text(intent.read_text().replace('"count": 3', '"count": 2'))
    with pytest.raises(CompileError, match="FC8101"):
        planning.plan(read(path, edited=True), ALL)


def ways(planned: Planned, device: str, prefix: Prefix) -> frozenset[str]:
    return promise.promised(planned).bgp[device].get(prefix, frozenset())


def test_a_leaf_reaches_the_others_over_all_spines_and_spines_do_not_reach_each_other(small: Build) -> None:
    planned = planning.plan(small, ALL)
    models = planned.intended.models
    uplinks = {port.name for port in models[LEAFS[0]].interfaces if port.role == "fabric"}
    assert len(uplinks) == 4
    for prefix in models[LEAFS[1]].routing.bgp.networks:
        assert ways(planned, LEAFS[0], prefix) == uplinks
    (own,) = models[SPINES[0]].loopbacks
    assert len(ways(planned, LEAFS[0], own)) == 2
    assert ways(planned, SPINES[1], own) == frozenset()  # by a leaf it would be a valley, and AS of its own


def test_what_is_drained_is_used_where_there_is_nothing_else(example: Callable[[str], Build]) -> None:
    build = example("unnumbered")  # its second spine is in maintenance
    planned = planning.plan(build, ALL)
    leaf, other = "backend-pod1-leaf-1", planned.intended.models["backend-pod2-leaf-1"]
    to_spine = {link.a.port: link.b.device for link in build.links if link.a.device == leaf}
    for prefix in other.routing.bgp.networks:
        assert {to_spine[port] for port in ways(planned, leaf, prefix)} == {"backend-lab1-spine-1"}
    alone = planning.plan(build, Slice(devices=("*-leaf-*", "*-spine-2")))
    for prefix in other.routing.bgp.networks:
        assert {to_spine[port] for port in ways(alone, leaf, prefix)} == {"backend-lab1-spine-2"}


def test_three_tiers_share_the_load_over_all_cores(example: Callable[[str], Build]) -> None:
    """A leaf has two ways up; a spine eight to another rail, one a link down to its own."""
    planned = planning.plan(example("three-tier-mixed"), ALL)
    models = planned.intended.models
    there = models["backend-su7-leaf-r2"].routing.bgp.networks[-1]
    assert len(ways(planned, "backend-su1-leaf-r1", there)) == 2
    assert len(ways(planned, "backend-lab1-spine-r1-g1-1", there)) == 8
    assert len(ways(planned, "backend-lab1-spine-r2-g1-1", there)) == 1


def endpoint(number: int, device: int, network: str = "net", plane: int = 1, version: int = 4) -> Endpoint:
    return Endpoint(f"s{device}", f"lab_x_s{device}", f"eth{number}", network, plane, 9100, Prefix(version, number, 32))


ENDPOINTS = st.builds(
    endpoint, st.integers(0, 999), st.integers(0, 5), st.sampled_from(["a", "b"]), st.integers(1, 2), st.sampled_from([4, 6])
)


@given(st.sets(ENDPOINTS, max_size=25), st.integers(1, 40), st.integers(0, 9))
def test_pairs_are_of_one_network_plane_and_family_and_of_two_servers(found: set[Endpoint], limit: int, seed: int) -> None:
    everyone = sorted(found)
    should = {
        (one, other)
        for one in everyone
        for other in everyone
        if (one.network, one.plane, one.own.version) == (other.network, other.plane, other.own.version)
        and one.device != other.device
    }
    made = pairs.pairs(everyone, limit, seed)
    assert made.total == len(should)
    assert should.issuperset(made.chosen)
    assert len(set(made.chosen)) == len(made.chosen) == min(limit, len(should))
    assert (made.seed is None) == (len(should) <= limit)
    assert pairs.pairs(everyone, limit, seed) == made


def test_in_a_sample_every_nic_sends_and_receives() -> None:
    everyone = [endpoint(8 * device + nic, device) for device in range(6) for nic in range(8)]
    made = pairs.pairs(everyone, 60, 1)
    assert {one for one, _ in made.chosen} == {other for _, other in made.chosen} == set(everyone)
    assert "60 of 1920 pairs of NICs, sampled with seed 1" in made.extent


MACHINE = Machine(memory=64 << 30, cores=4, processes=30_000, neighbours=100_000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"memory": 100 << 20}, "0.1 GB available"),
        ({"cores": 0}, "0 cores"),
        ({"processes": 10}, "room for 10 processes"),
        ({"neighbours": 50}, "room for 50"),
    ],
)
def test_a_fabric_that_the_machine_does_not_carry_is_refused_with_the_numbers(
    change: dict[str, int], words: str, small: Build
) -> None:
    layout = planning.plan(small, ALL).layout
    machine.check_capacity(layout, MACHINE)
    with pytest.raises(CompileError, match="FC8104") as raised:
        machine.check_capacity(layout, replace(MACHINE, **change))
    assert words in str(raised.value)
    assert "--pods" in raised.value.diagnostics[0].hint


def test_without_root_or_frr_the_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    with pytest.raises(CompileError, match=r"FC8003.*root"):
        machine.check_environment()
    monkeypatch.setattr(machine.os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine, "DAEMONS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompileError, match="FC8003") as raised:
        machine.check_environment()
    assert "apt-get install frr iproute2" in raised.value.diagnostics[0].hint


def test_the_build_says_which_lab_it_has(small: Build) -> None:
    assert protocols.labs(small) == [ethernet]
    assert protocols.lab_of(small, LEAFS[0]) is ethernet
    with pytest.raises(CompileError, match="FC2005"):
        protocols.lab_of(small, "nobody")
    with pytest.raises(CompileError, match=r"FC2008.*token-ring"):
        protocols.labs(replace(small, protocols={"net": "token-ring"}))
