"""Mistakes that somebody could make are real: the lab fails, in the row where one looks for them. All labs run side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from lab.frr_daemons import available
from lab.mistakes import LEAFS, MISTAKES, SPINES, Mistake, compiled

from fabric_compiler.compiler import Options, analyse
from fabric_compiler.diagnostics import Diagnostic, Report, Severity
from fabric_compiler.ir.graph import Graph, Links
from fabric_compiler.lab import ethernet
from fabric_compiler.lab.build import Build, End, Link, read
from fabric_compiler.lab.report import Check
from fabric_compiler.lab.slices import Slice
from fabric_compiler.lab.trials import Trial
from fabric_compiler.verify.proof import prove

pytestmark = [
    pytest.mark.skipif(bool(available()), reason=available() or "FRR is here"),
    pytest.mark.xdist_group("lab-small"),
]
NONE = "none"
Rows = Mapping[str, Check]


def nothing(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Rows]]:
    """What the lab of each mistake says, and of a fabric without one."""
    directory = tmp_path_factory.mktemp("mistakes")
    mistakes = {NONE: Mistake("", ()), **MISTAKES}
    builds: dict[str, Build] = {}
    for name, mistake in mistakes.items():
        tree = compiled(f"fx{os.getpid()}-{name}", directory)
        mistake.plant(tree)
        builds[name] = read(tree, edited=True)

    def rows(name: str) -> Rows:
        cabling = mistakes[name].cabling(builds[name].links)
        return {row.name: row for row in ethernet.test(builds[name], Trial(faults=False), None, nothing, cabling)}

    try:
        for name, build in builds.items():
            ethernet.up(build, Slice(), None, nothing, mistakes[name].cabling(build.links))
        with ThreadPoolExecutor(len(builds)) as pool:
            yield dict(zip(builds, pool.map(rows, builds), strict=True))
    finally:
        for build in builds.values():
            ethernet.down(build.fabric)


def found_by_check(tree: Path, mistake: Mistake) -> list[Diagnostic]:
    """What `check` proves of the very files and cables that the lab ran."""
    build = read(tree, edited=True)
    analysis = analyse(next((tree / "inputs").glob("*.yaml")), Options())
    report = Report()
    files = {name: build.files(name) for name in build.devices}
    prove(analysis.decisions, files, report, relaid(analysis.graph, mistake.cabling(build.links)))
    return report.found


def relaid(graph: Graph, cabling: Sequence[Link]) -> Links:
    """The graph's links with their upper ends where the cables lead."""
    number = {device.name: n for n, device in enumerate(graph.devices)}
    port = {(device.name, one.name): n for device in graph.devices for n, one in enumerate(device.layout.ports)}
    upper = {link.a: link.b for link in cabling}
    b_device, b_port = graph.links.b_device.copy(), graph.links.b_port.copy()
    for n, (a, a_port) in enumerate(zip(graph.links.a_device.tolist(), graph.links.a_port.tolist(), strict=True)):
        device = graph.devices[a]
        end = upper[End(device.name, device.layout.ports[a_port].name)]
        b_device[n], b_port[n] = number[end.device], port[end.device, end.port]
    return replace(graph.links, b_device=b_device, b_port=b_port)


@pytest.mark.parametrize("name", MISTAKES)
def test_check_finds_the_mistake_and_names_its_ends(name: str, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    tree = compiled("planted", tmp_path)
    assert not found_by_check(tree, Mistake("", ()))
    mistake.plant(tree)
    errors = [one for one in found_by_check(tree, mistake) if one.severity is Severity.ERROR]
    assert any(all(end in one.message for end in mistake.ends) for one in errors), [one.message for one in errors]


@pytest.mark.parametrize("name", MISTAKES)
def test_the_lab_fails_in_the_row_of_the_mistake(name: str, found: Mapping[str, Rows]) -> None:
    mistake = MISTAKES[name]
    row = found[name][mistake.row]
    assert not row.passed
    assert any(all(word in sentence for word in mistake.words) for sentence in row.wrong), row.wrong


def test_without_a_mistake_all_is_well(found: Mapping[str, Rows]) -> None:
    assert {name: row.wrong for name, row in found[NONE].items() if not row.passed} == {}


def test_a_wrong_asn_costs_one_session_and_its_path(found: Mapping[str, Rows]) -> None:
    rows = found["wrong-asn"]
    assert rows["links"].passed
    assert rows["routes"].passed  # the other links still carry all of them
    assert rows["reachability"].passed
    assert any("not over" in sentence for sentence in rows["ECMP"].wrong)


def test_a_swapped_cable_is_told_from_both_of_its_ends(found: Mapping[str, Rows]) -> None:
    wrong = found["swapped-cable"]["links"].wrong
    assert len(wrong) == 2
    assert all(SPINES[0] in sentence for sentence in wrong)


def test_two_equal_loopbacks_attract_each_other_s_packets(found: Mapping[str, Rows]) -> None:
    wrong = found["equal-loopbacks"]["ECMP"].wrong
    assert any(sentence.startswith(SPINES[0]) and "10.254.0.0/32" in sentence for sentence in wrong)


def test_a_small_mtu_stands_in_the_links_too(found: Mapping[str, Rows]) -> None:
    assert any(LEAFS[0] in said and "has MTU 1500" in said for said in found["small-mtu"]["links"].wrong)
