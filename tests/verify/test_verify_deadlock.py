"""Circles of lossless buffers are found where they are, named in their order, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from fabrics import intent, text

from fabric_compiler import compiler
from fabric_compiler.compiler import Analysis, Options
from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Links
from fabric_compiler.verify.cycles import circle
from fabric_compiler.verify.deadlock import _fabrics, check_deadlock
from fabric_compiler.verify.forwardings import ByLength, ByPath, Forwarding
from fabric_compiler.verify.proof import Reader
from fabric_compiler.verify.routing.lengths import Lengths, UnlikeError
from fabric_compiler.verify.routing.tables import routing
from fabric_compiler.verify.symmetry import rotations

Files = dict[str, dict[str, bytes]]
SIZES = {"hosts-per-router": 2, "routers-per-group": 4, "global-links": 2}


@dataclass(frozen=True)
class Fabric:
    """A compiled fabric and the files of its switches."""

    analysis: Analysis
    files: Files

    def edited(self, edit: Callable[[str, dict[str, bytes]], dict[str, bytes]]) -> Fabric:
        return Fabric(self.analysis, {name: edit(name, files) for name, files in self.files.items()})

    def check(self, links: Links | None = None) -> tuple[str, Report]:
        """The check's sentence and findings, over the cables of the graph or others."""
        graph = self.analysis.graph if links is None else replace(self.analysis.graph, links=links)
        tables, classes = self.tables(links)
        report = Report()
        return check_deadlock(graph, tables, None, classes, report), report

    def tables(self, links: Links | None = None) -> tuple[list[Forwarding], list[Any]]:
        graph = self.analysis.graph
        read = Reader(self.analysis.decisions, speaking=True)
        readings = [
            read(n, self.analysis.decisions.ends[n], self.files[device.name]) if device.kind == "switch" else None
            for n, device in enumerate(graph.devices)
        ]
        speakers = [reading.speaker if reading else None for reading in readings]
        decided = routing(graph, speakers, links).decided
        return [_forwarding(one) for one in decided], [reading.classes if reading else () for reading in readings]


def _forwarding(decided: Any) -> Forwarding:
    try:
        return ByLength(Lengths(decided.mesh))
    except UnlikeError:
        return ByPath(decided)


def fabric(tree: Mapping[str, Any], tmp: Any) -> Fabric:
    path = tmp / "x.yaml"
    path.write_text(text(dict(tree)))
    analysis = compiler.analyse(path, Options(jobs=1))
    shop = compiler.workshop(analysis, Options())
    files = {d.name: shop.files(n)[1] for n, d in enumerate(analysis.graph.devices) if d.kind == "switch"}
    return Fabric(analysis, files)


def dragonfly(groups: int = 9, **topology: Any) -> dict[str, Any]:
    tree = intent(groups, 1, topology={"kind": "dragonfly", **SIZES, **topology})
    network = tree["networks"]["compute"]
    del network["leaf"], network["spine"]
    network["router"] = {"switch": "sn5400"}
    return tree


@pytest.fixture(scope="module")
def canonical(tmp_path_factory: pytest.TempPathFactory) -> Fabric:
    return fabric(dragonfly(), tmp_path_factory.mktemp("canonical"))


def one_class(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """All ports have the device's own maps: a packet keeps its class."""
    db = json.loads(files["config_db.json"])
    for port, row in db["PORT_QOS_MAP"].items():
        if port != "global":
            row.pop("tc_to_dscp_map", None)
            row |= dict.fromkeys(("dscp_to_tc_map", "tc_to_queue_map", "tc_to_pg_map"), "AZURE") | {"pfc_enable": "3"}
    return files | {"config_db.json": json.dumps(db).encode()}


def shortest(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Routes go on over any number of global cables."""
    return files | {"frr.conf": files["frr.conf"].replace(b"route-map ACCEPT-GLOBAL in", b"route-map ACCEPT in").replace(
        b"route-map ANNOUNCE-GLOBAL out", b"route-map ANNOUNCE out"
    )}  # fmt: skip


def keeps_class_4(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """What came over a global cable stays lossless over the next."""
    db = json.loads(files["config_db.json"])
    db["TC_TO_QUEUE_MAP"]["AZURE_GLOBAL"]["4"], db["TC_TO_DSCP_MAP"]["AZURE_GLOBAL"]["4"] = "4", "27"
    return files | {"config_db.json": json.dumps(db).encode()}


def test_a_dragonfly_that_changes_class_has_no_circle_after_any_single_failure(canonical: Fabric) -> None:
    sentence, report = canonical.check()
    assert not list(report)
    assert "no circle at rest: proven" in sentence
    assert "proven for all 126, 14 of different effect" in sentence


def test_a_dragonfly_of_one_class_has_a_circle_and_it_is_named_in_its_order(canonical: Fabric) -> None:
    sentence, report = canonical.edited(one_class).check()
    (told,) = report
    assert told.code == "FC7030"
    assert not sentence
    ways = told.message.split("circle: ")[1].removesuffix(", and again the first").split(", ")
    assert len(ways) >= 3
    for way, following in zip(ways, [*ways[1:], ways[0]], strict=True):
        assert way.split(" to ")[1].split()[0] == following.split()[0]  # where one cable ends, the next begins


def test_a_dragonfly_of_plain_shortest_paths_has_a_circle(canonical: Fabric) -> None:
    """Even with the class changed at the first global hop, when there are more."""
    _, report = canonical.edited(shortest).edited(keeps_class_4).check()
    assert [d.code for d in report] == ["FC7030"]


def test_a_pause_that_stops_no_queue_is_told(canonical: Fabric) -> None:
    def wrong(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
        db = json.loads(files["config_db.json"])
        db["TC_TO_QUEUE_MAP"]["AZURE_GLOBAL"]["3"] = "3"  # it leaves with DSCP 27, which is paused on priority 4
        return files | {"config_db.json": json.dumps(db).encode()}

    _, report = canonical.edited(wrong).check()
    assert {d.code for d in report} == {"FC7031"}


def test_groups_go_round_where_cables_do(canonical: Fabric, tmp_path: Any) -> None:
    """Rotating the groups is a symmetry of a palmtree and of no absolute arrangement, nor with a policy that differs."""
    found = _symmetry(canonical)
    assert found
    assert found.order == 9
    assert _symmetry(fabric(dragonfly(arrangement="absolute"), tmp_path)) is None
    odd = canonical.edited(lambda name, files: shortest(name, files) if name.endswith("g3-router-2") else files)
    assert _symmetry(odd) is None


def _symmetry(made: Fabric) -> Any:
    tables, classes = made.tables()
    graph = made.analysis.graph
    return rotations(graph, _fabrics(graph, tables, classes), tables)


def test_lengths_decide_as_the_whole_process_does_at_rest_and_after_failures(canonical: Fabric) -> None:
    """Every router has an AS of its own there."""
    graph, decisions = canonical.analysis.graph, canonical.analysis.decisions
    read = Reader(decisions, speaking=True)
    speakers = [
        read(n, decisions.ends[n], canonical.files[d.name]).speaker if d.kind == "switch" else None
        for n, d in enumerate(graph.devices)
    ]
    (decided,) = routing(graph, speakers).decided
    lengths = ByLength(Lengths(decided.mesh))
    for mine, theirs in zip(lengths.members, ByPath(decided).members, strict=True):
        assert np.array_equal(mine, theirs)
    random = np.random.default_rng(1)
    for link in random.choice(np.flatnonzero(graph.links.tiers >= 4), 12, replace=False).tolist():
        kinds, members = lengths.after([link])
        whole = [found.copy() for found in lengths.members]
        for found, moved in zip(whole, members, strict=True):
            found[:, kinds] = moved
        cut = Links(*(np.delete(getattr(graph.links, column.name), link) for column in fields(Links)))
        (after,) = routing(graph, speakers, cut).decided
        for mine, theirs, node, other in zip(whole, ByPath(after).members, decided.mesh.nodes, after.mesh.nodes, strict=True):
            kept = np.isin(node.port, other.port)
            assert not mine[~kept].any()
            assert np.array_equal(mine[kept], theirs)


@pytest.mark.parametrize(
    "network",
    [
        {"topology": {"kind": "rail-optimized"}},
        {"topology": {"kind": "rail-optimized", "tiers": 3, "rails": 2}, "leaf": {"switch": "sn5400", "downlinks": 4},
         "spine": {"switch": "sn5400", "downlinks": 4}},
        {"topology": {"kind": "dragonfly-plus"}},
        {"topology": {"kind": "rail-optimized"}, "leaf": {"switch": "7060x6-64pe", "nos": "eos"}},
    ],
    ids=["two tiers", "three tiers", "dragonfly-plus", "EOS leafs"],
)  # fmt: skip
def test_up_and_down_closes_no_circle_whatever_fails(network: dict[str, Any], tmp_path: Any) -> None:
    sentence, report = fabric(intent(3, 4, qos="roce-lossless", **network), tmp_path).check()
    assert not list(report)
    assert "in all turns that the policies permit, after whatever failures, and no circle: proven" in sentence


def test_nothing_lossless_is_nothing_to_prove(tmp_path: Any) -> None:
    sentence, report = fabric(intent(2, 4, qos="roce-lossy"), tmp_path).check()
    assert not sentence
    assert not list(report)


class Valley:
    """Two spines over five leafs that pass on what they learnt. Leaf 4 lost its cable to spine 2, and leaf 5 to spine 1: what
    they send one another goes up again at the others, whose own traffic closes the circle."""

    def __init__(self, tmp: Any) -> None:
        tree = intent(1, 5, topology={"kind": "leaf-spine", "oversubscription": "4:1"}, qos="roce-lossless")
        tree["networks"]["compute"]["leaf"] = {"switch": "sn5400", "downlinks": 8, "uplinks": 2}
        self.whole = fabric(tree, tmp)
        self.planted = self.whole.edited(self._plant)

    def _plant(self, name: str, files: dict[str, bytes]) -> dict[str, bytes]:
        """A leaf announces what it learnt; the second spine has an AS of its own, so that it takes it, and room for it."""
        conf = files["frr.conf"].replace(b"prefix-list OWN4\n", b"prefix-list ANY4\n")
        conf = conf.replace(b"maximum-prefix 8", b"maximum-prefix 800")
        if b"ANY4" in conf:
            conf = conf.replace(
                b"route-map ANNOUNCE permit 10",
                b"ip prefix-list ANY4 seq 5 permit 0.0.0.0/0 le 32\n!\nroute-map ANNOUNCE permit 10",
                1,
            )
        first, second = self.spines
        asn = str(self.asn).encode()
        other = str(self.asn + 1).encode()
        db = files["config_db.json"]
        if name == second:
            conf = conf.replace(b"router bgp " + asn, b"router bgp " + other)
            db = db.replace(b'"bgp_asn": "' + asn, b'"bgp_asn": "' + other)
        elif name != first:
            graph = self.whole.analysis.graph
            for link in range(len(graph.links)):
                a, b = graph.devices[graph.links.a_device[link]], graph.devices[graph.links.b_device[link]]
                if (a.name, b.name) == (name, second):
                    port = a.layout.ports[graph.links.a_port[link]].name.encode()
                    conf = conf.replace(port + b" remote-as " + asn, port + b" remote-as " + other)
        return {"config_db.json": db, "frr.conf": conf}

    @property
    def spines(self) -> list[str]:
        return [d.name for d in self.whole.analysis.graph.devices if d.role == "spine"]

    @property
    def asn(self) -> int:
        devices, plans = self.whole.analysis.graph.devices, self.whole.analysis.plan.devices
        plan = next(p for d, p in zip(devices, plans, strict=True) if d.role == "spine" and p)
        return plan.asn

    def without(self, *missing: tuple[int, int]) -> Links:
        """The cables but for all between these leafs and spines, numbered from 1."""
        graph = self.whole.analysis.graph
        leafs = [n for n, d in enumerate(graph.devices) if d.role == "leaf"]
        spines = [n for n, d in enumerate(graph.devices) if d.role == "spine"]
        cut = np.zeros(len(graph.links), dtype=np.bool_)
        for leaf, spine in missing:
            cut |= (graph.links.a_device == leafs[leaf - 1]) & (graph.links.b_device == spines[spine - 1])
        return Links(*(getattr(graph.links, column.name)[~cut] for column in fields(Links)))


@pytest.fixture(scope="module")
def valley(tmp_path_factory: pytest.TempPathFactory) -> Valley:
    return Valley(tmp_path_factory.mktemp("valley"))


MISSING = ((4, 2), (5, 1))


def test_a_clos_with_a_planted_valley_has_a_circle(valley: Valley) -> None:
    assert len(valley.spines) == 2
    _, report = valley.planted.check(valley.without(*MISSING))
    (told,) = report
    assert told.code == "FC7030"
    assert "after the loss" not in told.message


def test_a_valley_that_a_failure_makes_is_found_with_the_failure(valley: Valley) -> None:
    _, report = valley.planted.check(valley.without(MISSING[0]))
    (told,) = report
    assert told.code == "FC7030"
    assert "after the loss of the cable of compute-su1-leaf-" in told.message


def test_a_leaf_that_is_no_transit_closes_none_over_the_same_cables(valley: Valley) -> None:
    sentence, report = valley.whole.check(valley.without(*MISSING))
    assert not list(report)
    assert sentence


def test_the_circle_of_buffers_is_a_circle_of_their_graph() -> None:
    assert circle(np.array([1, 2, 3, 4]), np.array([2, 3, 1, 1])) != []
    assert circle(np.array([1, 2, 3]), np.array([2, 3, 4])) == []
