"""What remains when parts fail: against the definitions on random fabrics, by hand on the quickstart, and as intents ask it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler.builds import Desk, Tree, desk, fabrics, refused
from hypothesis import HealthCheck, assume, given, settings
from verify.failure_reference import remaining as by_definition

from fabric_compiler.compiler import Analysis, Options, analyse
from fabric_compiler.diagnostics import CompileError, Report
from fabric_compiler.ir.graph import Graph, Links
from fabric_compiler.topology.shape import Shape, shapes
from fabric_compiler.verify.failures import cases as kinds
from fabric_compiler.verify.failures.cases import Cases
from fabric_compiler.verify.failures.remaining import QUANTITIES, Network
from fabric_compiler.verify.failures.survey import Row, single_failures, survey
from fabric_compiler.verify.failures.view import view
from fabric_compiler.verify.graph import check_graph

ROOT = Path(__file__).resolve().parents[2]
FEW = 25  # cases of a kind that are computed by definition too


def understood(tree: Tree) -> Analysis:
    with desk() as place:
        return _analysed(place, tree)


def _analysed(place: Desk, tree: Tree) -> Analysis:
    place.intent.write_text(json.dumps(tree))
    return analyse(place.intent, Options(jobs=1))


def all_cases(found: Analysis, network: str) -> list[Cases]:
    singles = list(single_failures(found.graph, found.cabling, view(found.graph, network)))
    seen = view(found.graph, network)
    unions = [*singles, kinds.together(singles)]
    return singles + [kinds.pairs(one, found.graph, seen, FEW, 7)[0] for one in unions if len(one) > 1]


def agree(found: Analysis, network: str) -> None:
    seen = view(found.graph, network)
    whole = Network(seen)
    for cases in all_cases(found, network):
        shares = whole.remaining(cases).shares
        for case in np.unique(np.linspace(0, len(cases) - 1, FEW).astype(int)).tolist():
            links = {int(n) for n in seen.links[cases.link[cases.of_link == case]]}
            devices = {int(n) for n in cases.device[cases.of_device == case]}
            expected = by_definition(found.graph, network, links, devices)
            got = {quantity: float(share[case]) for quantity, share in shares.items()}
            assert got == pytest.approx({name: expected[name] for name in got}), (cases.lose, cases.tier, cases.name(case))
            assert all(expected[name] == 1 for name in set(QUANTITIES) - set(got))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fabrics())
def test_every_quantity_of_every_kind_of_failure_is_as_defined(tree: Tree) -> None:
    try:
        found = understood(tree)
    except CompileError as error:
        assume("FC" not in refused(error))
        raise
    for network in tree["networks"]:
        agree(found, network)


def test_a_network_of_switches_alone_is_measured_between_its_leafs() -> None:
    tree = {
        "version": 1,
        "fabric": "bare",
        "sites": {"lab1": {}},
        "networks": {
            "backend": {
                "topology": {"kind": "leaf-spine", "leafs": 4, "spines": 2},
                "leaf": {"switch": "sn5400", "downlinks": 4},
                "spine": {"switch": "sn5400"},
                "qos": "best-effort",
            }
        },
    }
    agree(understood(tree), "backend")


@pytest.fixture(scope="module")
def quickstart() -> dict[str, Row]:
    found = analyse(ROOT / "intents/quickstart.yaml", Options())
    networks, source = found.loaded.intent.networks, found.loaded.source
    return {row.kind: row for row in survey(found.graph, found.cabling, networks, source, Report())}


@pytest.mark.parametrize(
    ("kind", "quantity", "share"),
    [
        ("server-leaf cable", "server", 7 / 8),  # one NIC of eight
        ("server-leaf cable", "rail", 15 / 16),  # one NIC of the rail's sixteen
        ("leaf-spine cable", "leaf uplinks", 6 / 8),  # a cable with two links, of eight
        ("spine", "leaf uplinks", 1 / 2),
        ("spine", "reachability", 1.0),
        ("leaf", "server", 7 / 8),
        ("leaf", "rail", 1 / 2),
        ("spine", "rail", 1 / 2),  # NICs are up, and half of what leads out of the leafs is not
        ("leaf-spine cable", "rail", 7 / 8),  # a quarter of one of two leafs
        ("leaf", "reachability", 1.0),
        ("two switches", "leaf uplinks", 0.0),  # both spines
        ("two switches", "rail", 0.0),  # both leafs of a rail
    ],
)
def test_the_quickstart_keeps_what_its_arithmetic_says(
    quickstart: dict[str, Row], kind: str, quantity: str, share: float
) -> None:
    assert quickstart[kind].worst[quantity].share == pytest.approx(share)
    assert not quickstart[kind].sampled


def test_what_is_drawn_says_so_with_its_size_and_seed(quickstart: dict[str, Row]) -> None:
    row = quickstart["two cables"]
    assert row.sampled
    assert (row.cases, row.seed) == (1000, 1)


def test_half_of_what_is_drawn_lies_close_together() -> None:
    found = understood(fabric())
    seen = view(found.graph, "backend")
    cases = kinds.together([kinds.cables(found.graph, found.cabling, seen, tier) for tier in (0, 1)])
    two, everything = kinds.pairs(cases, found.graph, seen, 400, 1)
    links = found.graph.links
    close = 0
    for case in range(len(two)):
        lost = seen.links[two.link[two.of_link == case]]
        ends = [{int(links.a_device[n]), int(links.b_device[n])} for n in lost]
        close += bool(set.intersection(*ends))
    assert not everything
    assert close > len(two) / 3


def test_two_sites_without_a_link_are_measured_each_by_itself() -> None:
    tree = fabric()
    pods = [dict(tree["pods"][0], name=name, site=site) for name, site in (("su", "lab1"), ("ext", "lab2"))]
    found = understood(tree | {"sites": {"lab1": {}, "lab2": {}}, "pods": pods})
    agree(found, "backend")
    seen = view(found.graph, "backend")
    assert not Network(seen).remaining(kinds.cables(found.graph, found.cabling, seen, 1)).searched


def test_the_case_that_breaks_a_promise_is_named() -> None:
    tree = fabric(survive=[{"lose": "switch", "tier": "spine", "keep": "75%", "of": "uplinks"}])
    report = judged(tree)
    (finding,) = report.found
    assert finding.code == "FC7020"
    assert "without backend-lab1-spine-1, 50% of a switch's uplinks remains, and 75% is asked for" in finding.message


def test_a_promise_that_holds_is_silent() -> None:
    kept = [
        {"lose": "switch", "tier": "spine", "keep": "50%", "of": "uplinks"},
        {"lose": "cable", "keep": "100%", "of": "reachability"},
        {"lose": "switch", "tier": "leaf", "keep": "87.5%", "of": "server"},
    ]
    assert not judged(fabric(survive=kept)).found


def fabric(**network: Any) -> Tree:
    return {
        "version": 1,
        "fabric": "small",
        "sites": {"lab1": {}},
        "networks": {
            "backend": {
                "topology": {"kind": "rail-optimized"},
                "leaf": {"switch": "sn5600"},
                "spine": {"switch": "sn5600"},
                **network,
            }
        },
        "pods": [{"name": "su", "count": 2, "servers": 8, "server": "dgx-b200", "connect": {"backend": "gpu-nics"}}],
    }


def judged(tree: Tree) -> Report:
    found, report = understood(tree), Report()
    survey(found.graph, found.cabling, found.loaded.intent.networks, found.loaded.source, report)
    return report


@pytest.fixture(scope="module")
def large() -> tuple[Analysis, tuple[Shape, ...]]:
    found = analyse(ROOT / "intents/three-tier-16384.yaml", Options())
    made = shapes(found.loaded.intent, found.loaded.source, found.catalog, Report(), found.old_lock.kept)
    return found, made


def swapped(graph: Graph, one: int, two: int) -> Graph:
    """Two cables with their upper ends exchanged."""
    columns = {name: getattr(graph.links, name).copy() for name in Links.__slots__}
    for name in ("b_device", "b_port"):
        columns[name][[one, two]] = columns[name][[two, one]]
    return replace(graph, links=Links(**columns))


def link(graph: Graph, a: str, b: str) -> int:
    """The first link from a device to another, by the beginnings of their names."""
    links = graph.links
    for n in range(len(links)):
        if graph.devices[links.a_device[n]].name.startswith(a) and graph.devices[links.b_device[n]].name.startswith(b):
            return n
    raise LookupError((a, b))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("su1-server-1", "compute-su1-leaf-r1"), ("su2-server-1", "compute-su2-leaf-r1")),
        (("su1-server-1", "compute-su1-leaf-r1"), ("su1-server-1", "compute-su1-leaf-r2")),
        (("compute-su1-leaf-r1", "compute-gru1-spine-r1-g1-1"), ("compute-su2-leaf-r1", "compute-gru1-spine-r1-g1-2")),
        (("compute-su1-leaf-r1", "compute-gru1-spine-r1-g1-1"), ("compute-su64-leaf-r1", "compute-gru1-spine-r1-g2-1")),
        (("compute-su1-leaf-r1", "compute-gru1-spine-r1-g1-1"), ("compute-su1-leaf-r2", "compute-gru1-spine-r2-g1-1")),
        (("compute-gru1-spine-r1-g1-1", "compute-gru1-core-1"), ("compute-gru1-spine-r2-g1-2", "compute-gru1-core-33")),
        (("compute-gru1-spine-r1-g1-1", "compute-gru1-core-1"), ("compute-gru1-spine-r1-g1-2", "compute-gru1-core-33")),
    ],
    ids=[
        "rail across pods",
        "across rails",
        "in a group",
        "across groups",
        "across rails' groups",
        "spine-core",
        "in one group",
    ],
)
def test_two_exchanged_cables_of_16384_gpus_are_found(
    large: tuple[Analysis, tuple[Shape, ...]], one: tuple[str, str], two: tuple[str, str]
) -> None:
    found, made = large
    report = Report()
    check_graph(swapped(found.graph, link(found.graph, *one), link(found.graph, *two)), made, report)
    assert report.found
    assert {d.code for d in report.found} == {"FC7001"}
