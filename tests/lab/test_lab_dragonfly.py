"""The dragonfly of 72 endpoints on real routing daemons: minimal paths and no others, and a global cable that is cut."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from examples import INTENTS
from lab.frr_daemons import available
from lab.remains import remains

from fabric_compiler.compiler import Options
from fabric_compiler.compiler import build as compile_
from fabric_compiler.lab import checks, ethernet, faults, planning, promise, tables
from fabric_compiler.lab.build import Build, read
from fabric_compiler.lab.pairs import endpoints, pairs
from fabric_compiler.lab.probes import Post
from fabric_compiler.lab.running import attached
from fabric_compiler.lab.slices import Slice
from fabric_compiler.lab.trials import Trial

pytestmark = [
    pytest.mark.skipif(bool(available()), reason=available() or "FRR is here"),
    pytest.mark.xdist_group("lab-fabrics"),
]
ROUTERS = 36


def nothing(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """The lab, up; afterwards nothing of it is left."""
    directory = tmp_path_factory.mktemp("dragonfly")
    intent = (INTENTS / "dragonfly-72.yaml").read_text()
    (directory / "x.yaml").write_text(intent.replace("\nfabric: dragonfly-72\n", f"\nfabric: dragonfly-{os.getpid()}\n"))
    (directory / "x.lock").write_bytes((INTENTS / "dragonfly-72.lock").read_bytes())
    found = read(compile_(directory / "x.yaml", directory / "build", Options()).path)
    said = ethernet.up(found, Slice(), None, nothing)
    assert f"{ROUTERS} switches" in said[0]
    try:
        yield found
    finally:
        ethernet.down(found.fabric)
    assert remains(found.fabric) == []


def test_all_pairs_reach_each_other_over_minimal_paths_and_no_others(build: Build) -> None:
    rows = list(ethernet.test(build, Trial(faults=False), None, nothing))
    assert {row.name: row.wrong for row in rows if not row.passed} == {}
    assert "reachability" in {row.name for row in rows}
    planned = planning.plan(build, Slice())
    with attached(planned) as lab:
        found = tables.kernel_routes(lab)
    promised = promise.promised(planned).bgp
    assert found == {device: {to: tuple(sorted(ports)) for to, ports in routes.items()} for device, routes in promised.items()}


def test_a_global_cable_that_is_cut_is_gone_round_and_comes_back(build: Build) -> None:
    """The two groups share no other: the fallback takes two global cables, and no server is cut off meanwhile."""
    planned = planning.plan(build, Slice())
    trial = Trial()
    beyond = random.Random(3).choice([link for link in build.links if link.tiers == "global"])
    found = endpoints(planned.layout)
    chosen = pairs(found, ethernet.MOST_PAIRS, trial.seed)
    with attached(planned) as lab, Post(found, {}) as post:
        fault = faults.cut(lab, beyond)
        flows = faults.flows(planned.layout, fault, chosen.chosen, trial.seed)
        row = faults.run(lab, fault, post, flows, trial.wait, nothing)
        assert row.passed, row.wrong
        fault.make()
        try:
            reached = ethernet.converged(lab, promise.promised(planned), 3.0, nothing)
            assert not reached.passed  # what is promised of the whole fabric is not there now
            rows = checks.check_reach(lab, post, chosen, trial.patience, nothing)
            assert rows.passed, rows.wrong
        finally:
            fault.mend()
        assert ethernet.converged(lab, promise.promised(planned), trial.wait, nothing).passed
