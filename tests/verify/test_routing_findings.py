"""Planted mistakes are found, each by one finding that names both ends; what is meant so is not blamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fabrics import intent, text
from verify.routing_bench import Bench

from fabric_compiler import compiler
from fabric_compiler.compiler import Analysis, Options
from fabric_compiler.control.ends import Ends
from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity, render_text
from fabric_compiler.verify.agreement import Facts, report_disagreements
from fabric_compiler.verify.proof import prove_together
from fabric_compiler.verify.routing.findings import Known
from fabric_compiler.verify.routing.speakers import Speaker
from fabric_compiler.workshop import make_all

ROOT = Path(__file__).resolve().parents[2]
TWO_TIERS = intent(1, 2)
NUMBERED = intent(1, 2, addressing={"links": "10.240.0.0/16", "hosts": "10.0.0.0/12"})
EOS = intent(1, 2, leaf={"switch": "7060x6-64pe", "nos": "eos"}, spine={"switch": "7060x6-64pe", "nos": "eos"})
THREE_TIERS = intent(
    3,
    4,
    topology={"kind": "rail-optimized", "tiers": 3, "rails": 2},
    leaf={"switch": "sn5400", "downlinks": 4},
    spine={"switch": "sn5400", "downlinks": 4},
)
LEAF, LEAF2, SPINE, SPINE2 = (f"compute-{name}" for name in ("su1-leaf-r1", "su1-leaf-r2", "gru1-spine-1", "gru1-spine-2"))


def words(found: list[Diagnostic]) -> str:
    return "\n".join(render_text(found))


def errors(bench: Bench) -> list[Diagnostic]:
    """Findings, but for the note that tells what follows from them."""
    found = bench.found()
    for note in found:
        assert note.severity is not Severity.NOTE or note.code == "FC7012"
    return [d for d in found if d.severity is not Severity.NOTE]


def test_what_was_compiled_is_proven() -> None:
    for tree in (TWO_TIERS, NUMBERED, EOS, THREE_TIERS):
        bench = Bench(tree)
        proven = bench.prove()
        assert list(bench.report) == []
        assert proven
        (sentence,) = proven.sentences
        assert sentence.startswith("routing: ")
        assert sentence.endswith("proven")


@pytest.mark.parametrize("tree", [TWO_TIERS, NUMBERED])
def test_a_wrong_asn_is_found_once_with_both_ends(tree: dict[str, Any]) -> None:
    bench = Bench(tree)
    own = bench.analysis.plan.devices[bench.number(LEAF)]
    assert own
    bench.edit(SPINE, "frr.conf", f"remote-as {own.asn}\n", f"remote-as {own.asn + 999}\n")
    (found,) = errors(bench)
    assert found.code == "FC7004"
    assert LEAF in found.message
    assert SPINE in found.message
    assert str(own.asn + 999) in found.message


@pytest.mark.parametrize("tree", [TWO_TIERS, NUMBERED])
def test_a_swapped_pair_of_cables_is_found_at_both(tree: dict[str, Any]) -> None:
    bench = Bench(tree)
    bench.swap(bench.link(LEAF, SPINE), bench.link(LEAF2, SPINE2))
    found = errors(bench)
    assert [d.code for d in found] == ["FC7004", "FC7004"]
    assert all(f"{one} " in found[n].message for n, ends in enumerate(((LEAF, SPINE2), (LEAF2, SPINE))) for one in ends)


def test_a_swapped_pair_that_bgp_does_not_mind_is_found_too() -> None:
    """Spines share an AS, so that the sessions of a leaf's own two uplinks come up crosswise."""
    bench = Bench(TWO_TIERS)
    bench.swap(bench.link(LEAF, SPINE), bench.link(LEAF, SPINE2))
    (found,) = errors(bench)
    assert found.code == "FC7010"
    assert LEAF in found.message
    assert SPINE2 in found.message
    assert SPINE in found.examples[0]


def test_a_prefix_that_a_leafs_policy_leaves_out_is_found_on_each_uplink() -> None:
    bench = Bench(TWO_TIERS)
    bench.change(LEAF, "frr.conf", lambda conf: "\n".join(line for line in conf.split("\n") if "OWN4 seq 20" not in line))
    (found,) = errors(bench)
    assert found.code == "FC7011"
    assert f"{LEAF} Ethernet16 does not announce 10.0.0.0/30 to {SPINE} Ethernet0: ANNOUNCE denies it" == found.message
    assert [SPINE2 in row for row in found.examples] == [True]
    assert "pairs of switches without a way from one to the other: 9" in words(list(bench.report))


@pytest.mark.parametrize("tree", [TWO_TIERS, THREE_TIERS])
def test_a_term_that_a_spines_policy_leaves_out_is_its_fault_alone(tree: dict[str, Any]) -> None:
    bench = Bench(tree)
    spine = bench.names("spine")[0]
    term = "route-map ANNOUNCE permit 10\n match ip address prefix-list HOSTS4\nexit\n!\n"
    bench.edit(spine, "frr.conf", term, "")
    (found,) = errors(bench)
    assert found.code == "FC7011"
    for row in (found.message, *found.examples[:-1]):
        assert row.startswith(f"{spine} Ethernet")
        assert "does not announce" in row
        assert "ANNOUNCE denies it" in row


def test_a_term_that_an_eos_spine_leaves_out_is_found() -> None:
    bench = Bench(EOS)
    spine = bench.names("spine")[0]
    bench.edit(spine, f"{spine}.cfg", "route-map ANNOUNCE permit 10\n   match ip address prefix-list HOSTS4\n!\n", "")
    (found,) = errors(bench)
    assert found.code == "FC7011"
    assert "does not announce 10." in found.message


def test_a_prefix_that_a_leaf_refuses_is_found_with_the_policy() -> None:
    bench = Bench(TWO_TIERS)
    rule = "ip prefix-list HOSTS4 seq 10"
    bench.edit(LEAF, "frr.conf", rule, f"ip prefix-list HOSTS4 seq 5 deny 10.8.0.0/30\n{rule}")
    (found,) = errors(bench)
    assert f"{LEAF} Ethernet16 does not accept 10.8.0.0/30 from {SPINE} Ethernet0: ACCEPT denies it" == found.message


def test_a_path_that_a_prepend_makes_longer_is_found_where_it_is_passed_over() -> None:
    bench = Bench(TWO_TIERS)
    term = "route-map ANNOUNCE permit 10\n"
    bench.edit(SPINE, "frr.conf", term, f"{term} set as-path prepend 4240000000\n")
    (found,) = errors(bench)
    assert found.code == "FC7012"
    assert f"from {SPINE} Ethernet0, and prefers another route" in found.message


def test_a_preference_that_one_leaf_has_for_a_spine_is_found() -> None:
    bench = Bench(TWO_TIERS)
    port = bench.port(LEAF, bench.link(LEAF, SPINE))
    bench.edit(LEAF, "frr.conf", "  maximum-paths", f"  neighbor {port} route-map BETTER in\n  maximum-paths")
    bench.edit(
        LEAF, "frr.conf", "bfd\n profile", "route-map BETTER permit 10\n set local-preference 200\nexit\n!\nbfd\n profile"
    )
    (found,) = errors(bench)
    assert found.code == "FC7012"
    assert f"from {SPINE2} Ethernet0, and prefers another route" in found.message


def test_an_as_that_two_leafs_share_is_found_as_a_loop() -> None:
    bench = Bench(TWO_TIERS)
    one, two = (bench.analysis.plan.devices[bench.number(name)] for name in (LEAF, LEAF2))
    assert one
    assert two
    for name in (LEAF2, SPINE, SPINE2):
        bench.edit(name, "frr.conf", str(two.asn), str(one.asn))
    bench.edit(LEAF2, "config_db.json", str(two.asn), str(one.asn))
    found = [d for d in errors(bench) if d.code != "FC7003"]  # the ASN is not that of the plan
    assert [d.code for d in found] == ["FC7011"]
    assert f"its own AS {one.asn} is in the path" in found[0].message


def test_two_equal_loopbacks_are_found_with_both_devices() -> None:
    bench = Bench(TWO_TIERS)
    bench.edit(LEAF2, "config_db.json", "10.254.0.1/32", "10.254.0.0/32")
    bench.edit(LEAF2, "frr.conf", "10.254.0.1/32", "10.254.0.0/32")
    (found,) = [d for d in errors(bench) if d.code != "FC7003"]
    assert found.code == "FC7014"
    assert found.message == f"{LEAF} and {LEAF2} announce 10.254.0.0/32"


def test_a_loopback_that_another_announces_is_found() -> None:
    bench = Bench(TWO_TIERS)
    bench.edit(LEAF2, "config_db.json", "10.254.0.1/32", "10.254.0.0/32")
    (found,) = [d for d in errors(bench) if d.code == "FC7014"]
    assert found.message == f"{LEAF2} has 10.254.0.0/32, and {LEAF} announces 10.254.0.0/32"


def test_another_mtu_is_found_by_what_compares_the_ends_and_not_told_again() -> None:
    bench = Bench(TWO_TIERS)
    bench.edit(SPINE, "config_db.json", '"mtu": "9100"', '"mtu": "1500"', 1)
    assert [d.code for d in bench.found()] == ["FC7004"]


def test_a_route_that_nothing_backs_is_not_announced() -> None:
    bench = Bench(TWO_TIERS)
    bench.edit(LEAF, "frr.conf", "ip route 10.0.0.0/30 Null0\n", "")
    (found,) = errors(bench)
    assert found.code == "FC7011"
    assert f"{LEAF} is to announce 10.0.0.0/30" in found.message


def test_a_limit_that_ends_a_session_is_found() -> None:
    bench = Bench(TWO_TIERS)
    bench.edit(LEAF, "frr.conf", "maximum-prefix 27", "maximum-prefix 5")
    (found,) = errors(bench)
    assert found.code == "FC7010"
    assert found.message == (f"{LEAF} Ethernet16 takes 5 IPv4 routes at most, and {SPINE} sends it 15: the session is ended")


def test_a_family_that_one_end_does_not_activate_is_found() -> None:
    bench = Bench(TWO_TIERS)
    bench.edit(LEAF, "frr.conf", "  neighbor SPINES activate\n", "")
    (found,) = errors(bench)
    assert found.code == "FC7010"
    assert f"{LEAF} does not activate IPv4" in found.message
    assert SPINE in found.message


def test_an_eos_switch_that_does_not_route_over_ipv6_is_found() -> None:
    bench = Bench(EOS)
    spine = bench.names("spine")[0]
    bench.edit(spine, f"{spine}.cfg", "ip routing ipv6 interfaces\n", "ip routing\n")
    (found,) = errors(bench)
    assert found.code == "FC7010"
    assert f"{spine}: it does not route IPv4 on ports without IPv4 addresses" in found.message


def test_a_neighbour_where_no_cable_is_is_found() -> None:
    bench = Bench(TWO_TIERS)
    group = " neighbor LEAFS peer-group\n"
    bench.edit(SPINE, "frr.conf", group, f"{group} neighbor Ethernet504 interface remote-as 65001\n")
    (found,) = errors(bench)
    assert found.code == "FC7010"
    assert found.message == f"{SPINE} Ethernet504 expects a neighbour, and has no cable"


def test_a_line_that_is_not_understood_ends_the_proof() -> None:
    bench = Bench(TWO_TIERS)
    term = "route-map ACCEPT permit 40\n"
    bench.edit(LEAF, "frr.conf", term, f"{term} match as-path X\n")
    (found,) = errors(bench)
    assert (found.code, found.severity) == ("FC7016", Severity.ERROR)
    assert found.examples == (f"{LEAF}: route-map ACCEPT 40: match as-path X",)


def compiled(tmp_path: Path, tree: dict[str, Any]) -> Analysis:
    source = tmp_path / "x.yaml"
    source.write_text(text(tree))
    return compiler.check(source, Options())


def test_paths_that_an_override_takes_away_are_meant_and_told_with_their_place(tmp_path: Path) -> None:
    overrides = [{"match": {"role": "leaf", "device": "*-r1"}, "set": {"bgp.maximum-paths": 1}}]
    found = compiled(tmp_path, TWO_TIERS | {"overrides": overrides})
    (warning,) = [d for d in found.warnings if d.code == "FC7012"]
    assert warning.severity is Severity.WARNING
    assert warning.span
    assert warning.examples == (f"{LEAF} uses 1 of 2 equal paths",)
    assert found.proofs


def test_paths_that_the_network_states_fewer_of_are_told_once(tmp_path: Path) -> None:
    found = compiled(tmp_path, intent(1, 2, bgp={"maximum-paths": 1}))
    assert [d.code for d in found.warnings] == ["FC2007"]
    assert found.proofs


def test_an_override_that_names_another_as_is_found(tmp_path: Path) -> None:
    overrides = [{"match": {"role": "spine", "device": "*-spine-1"}, "set": {"bgp.asn": 65001}}]
    with pytest.raises(CompileError, match="FC7003"):
        compiled(tmp_path, TWO_TIERS | {"overrides": overrides})


def test_raw_lines_that_bear_on_routing_leave_nothing_proven(tmp_path: Path) -> None:
    raw = [{"match": {"role": "leaf"}, "nos": "sonic", "lines": ["ip route 192.0.2.0/24 10.0.0.1"]}]
    found = compiled(tmp_path, TWO_TIERS | {"raw": raw})
    (warning,) = [d for d in found.warnings if d.code == "FC7016"]
    assert warning.severity is Severity.WARNING
    assert f"{LEAF}: ip route 192.0.2.0/24 10.0.0.1" in warning.examples
    assert found.proofs == ()


def test_raw_lines_that_are_understood_take_part(tmp_path: Path) -> None:
    lines = ["ip prefix-list HOSTS4 seq 5 deny 10.8.0.0/30"]
    raw = [{"match": {"role": "leaf", "device": "*-leaf-r1"}, "nos": "sonic", "lines": lines}]
    with pytest.raises(CompileError, match=f"{LEAF} Ethernet16 does not accept 10.8.0.0/30"):
        compiled(tmp_path, TWO_TIERS | {"raw": raw})


def test_files_that_cannot_be_read_are_named() -> None:
    bench = Bench(TWO_TIERS)
    del bench.files[SPINE]["frr.conf"]
    bench.edit(LEAF, "frr.conf", "router bgp 4200000000", "router bgp x")
    assert bench.prove() is None
    assert [d.code for d in bench.report] == ["FC7003", "FC7003"]
    assert f"{LEAF} cannot be read: frr.conf, line 10: not an ASN" in words(list(bench.report))


class Large:
    """The fabric of 16,384 GPUs as its files were read back, once."""

    def __init__(self) -> None:
        self.analysis = compiler.analyse(ROOT / "intents/three-tier-16384.yaml", Options())
        made = list(make_all(self.analysis.decisions, None, None, None, lambda done: None, speaking=True))
        self.facts: list[Facts] = [fact for run in made for fact in run.facts]
        self.speakers: list[Speaker | None] = [speaker for run in made for speaker in run.speakers]
        self.shop = compiler.workshop(self.analysis, Options())

    def prove(self, *swapped: tuple[int, int]) -> tuple[list[Diagnostic], tuple[str, ...]]:
        decisions, report = self.analysis.decisions, Report()
        graph = decisions.graph
        columns = {name: getattr(graph.links, name).copy() for name in ("b_device", "b_port")}
        for pair in swapped:
            for column in columns.values():
                column[list(pair)] = column[list(reversed(pair))]
        if swapped:
            graph = replace(graph, links=replace(graph.links, **columns))
        links = report_disagreements(graph, Ends.of(graph), self.facts, self.shop.observed, report)
        proven = prove_together(decisions, graph, self.speakers, Known(links=links), report)
        return list(report), proven.sentences

    def link(self, lower: str, upper: str) -> int:
        names = {device.name: n for n, device in enumerate(self.analysis.graph.devices)}
        links = self.analysis.graph.links
        return int(np.flatnonzero((links.a_device == names[lower]) & (links.b_device == names[upper]))[0])


@pytest.fixture(scope="module")
def large() -> Iterator[Large]:
    yield Large()


@pytest.mark.xdist_group("large")
def test_a_fabric_of_16384_gpus_is_proven(large: Large) -> None:
    found, sentences = large.prove()
    assert found == []
    assert sentences == (
        "routing: 1,792 prefixes on 1,280 switches over 32,768 sessions: all reach, no loops, widths as promised: proven",
    )


@pytest.mark.xdist_group("large")
def test_a_swapped_pair_of_cables_is_found_among_16384_gpus(large: Large) -> None:
    spine, spine2 = "compute-gru1-spine-r1-g1-1", "compute-gru1-spine-r1-g1-2"
    found, sentences = large.prove((large.link("compute-su1-leaf-r1", spine), large.link("compute-su2-leaf-r1", spine2)))
    assert sentences == ()
    wrong = [d for d in found if d.severity is Severity.ERROR]
    assert [d.code for d in wrong] == ["FC7004", "FC7004"]
    assert all(name in words(wrong) for name in (spine, spine2, "compute-su1-leaf-r1 ", "compute-su2-leaf-r1 "))


@pytest.mark.xdist_group("large")
def test_a_swapped_pair_above_the_spines_is_found_among_16384_gpus(large: Large) -> None:
    """The cores share an AS and so do the spines of a group: nobody refuses a session."""
    links, devices = large.analysis.graph.links, large.analysis.graph.devices
    spine, spine2 = "compute-gru1-spine-r1-g1-1", "compute-gru1-spine-r1-g1-2"
    numbers = {device.name: n for n, device in enumerate(devices)}
    one, two = (int(np.flatnonzero(links.a_device == numbers[name])[0]) for name in (spine, spine2))
    assert links.b_device[one] != links.b_device[two]
    found, sentences = large.prove((one, two))
    assert sentences == ()
    wrong = [d for d in found if d.severity is Severity.ERROR]
    assert [d.code for d in wrong] == ["FC7010"]
    assert all(f"{name} " in words(wrong) for name in (spine, spine2, *(devices[links.b_device[n]].name for n in (one, two))))
