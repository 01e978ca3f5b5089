"""Three example intents on real routing daemons do what the plan promises, also after faults, and go without a trace."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from examples import INTENTS
from lab.frr_daemons import available
from lab.remains import host_state, remains, running

from fabric_compiler.compiler import Options, analyse
from fabric_compiler.compiler import build as compile_
from fabric_compiler.diagnostics import Report
from fabric_compiler.lab import ethernet, planning, promise, tables
from fabric_compiler.lab.build import Build, read
from fabric_compiler.lab.running import attached
from fabric_compiler.lab.slices import Slice
from fabric_compiler.lab.trials import Trial
from fabric_compiler.targets.text import prefix
from fabric_compiler.verify.proof import prove

pytestmark = [
    pytest.mark.skipif(bool(available()), reason=available() or "FRR is here"),
    pytest.mark.xdist_group("lab-fabrics"),
]
# switches of each, and what a fault takes there
FABRICS = {"unnumbered": 10, "numbered-dual-stack": 20, "three-tier-mixed": 40}
CHECKS = ["convergence", "links", "sessions", "routes", "ECMP", "reachability"]


def nothing(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module", params=FABRICS)
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """A lab of the fabric, up; afterwards nothing of it is left, and the host is as it was."""
    name = request.param
    directory = tmp_path_factory.mktemp(name)
    intent = (INTENTS / f"{name}.yaml").read_text()
    # a name of its own, so that nobody's lab of the example is in the way
    (directory / f"{name}.yaml").write_text(intent.replace(f"\nfabric: {name}\n", f"\nfabric: {name}-{os.getpid()}\n"))
    (directory / f"{name}.lock").write_bytes((INTENTS / f"{name}.lock").read_bytes())
    found = read(compile_(directory / f"{name}.yaml", directory / "build", Options()).path)
    before = host_state()
    said = ethernet.up(found, Slice(), None, nothing)
    assert f"{FABRICS[name]} switches" in said[0]
    assert any("EOS switches run the FRR rendering" in note for note in said[1:]) == (name != "unnumbered")
    try:
        yield found
    finally:
        processes = running(found.fabric)
        ethernet.down(found.fabric)
    assert len(processes) >= 2 * FABRICS[name]
    assert remains(found.fabric, processes) == []
    assert host_state() == before


def test_the_fabric_does_what_its_plan_promises_and_heals(build: Build) -> None:
    rows = list(ethernet.test(build, Trial(), None, nothing))
    assert {row.name: row.wrong for row in rows if not row.passed} == {}
    assert [row.name for row in rows[: len(CHECKS)]] == CHECKS
    faults = rows[len(CHECKS) :]
    assert [row.name.split()[-1] for row in faults] == ["cut", "killed", "killed"]
    assert all(row.lost is not None for row in faults)


def test_the_kernel_s_routes_are_given_by_prefix_and_the_device_s_own_ports(build: Build) -> None:
    planned = planning.plan(build, Slice())
    promised = promise.promised(planned).bgp
    expected = {device: {to: tuple(sorted(ports)) for to, ports in routes.items()} for device, routes in promised.items()}
    until = time.monotonic() + 90
    with attached(planned) as lab:
        while (found := tables.kernel_routes(lab)) != expected and time.monotonic() < until:
            time.sleep(0.5)
    assert found == expected
    for device, routes in found.items():
        own = {end.port for link in build.links for end in (link.a, link.b) if end.device == device}
        assert routes, device
        assert all(own.issuperset(ports) for ports in routes.values())


def test_the_kernel_s_routes_are_those_that_the_files_were_proven_to_give(build: Build) -> None:
    """Route by route: each prefix of each switch with its egress ports."""
    directory = build.path / "inputs"
    found = analyse(next(directory.glob("*.yaml")), Options())
    report = Report()
    proven = prove(found.decisions, {name: build.files(name) for name in build.devices}, report)
    assert proven
    assert proven.sentences
    assert not report.failed
    with closing(ethernet.test(build, Trial(faults=False), None, nothing)) as rows:
        assert next(rows).passed  # converged
    with attached(planning.plan(build, Slice())) as lab:
        kernel = tables.kernel_routes(lab)
    for device, routes in kernel.items():
        cut = proven.routing.cut(device)
        expected = proven.routing.table(device)
        seen = {prefix(to): ports for to, ports in routes.items()}
        assert seen.keys() == expected.keys(), device
        for to, ports in seen.items():
            assert (len(ports) if to in cut else ports) == (len(expected[to]) if to in cut else expected[to]), (device, to)


def test_ports_have_the_addresses_of_the_plan(build: Build) -> None:
    planned = planning.plan(build, Slice())
    with attached(planned) as lab:
        for device, kernel in lab.kernels.items():
            held = {(lab.links[device][link], own) for link, own in kernel.addresses()}
            expected = {
                (row.interface, row.own)
                for row in build.addresses
                if row.device == device
                and row.purpose in ("host", "link")
                and not _switched(planned, row.device, row.interface)
            }
            assert expected <= held, device


def _switched(planned: planning.Planned, device: str, port: str) -> bool:
    return any(found.bridge for found in planned.layout.nodes[device].ports if found.name == port)
