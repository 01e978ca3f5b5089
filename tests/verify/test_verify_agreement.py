"""Every single way in which the two ends of a link can differ is found, and ends that agree are not blamed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fabrics import intent, text

from fabric_compiler import compiler
from fabric_compiler.diagnostics import CompileError, Report
from fabric_compiler.model.device import Prefix
from fabric_compiler.verify.agreement import Facts, disagreements, explain, facts, report_disagreements
from fabric_compiler.verify.device import check_files
from fabric_compiler.verify.observed import Observed, ObservedInterface

FABRIC = {
    "numbered": intent(1, 2, leaf={"switch": "sn5400"}, addressing={"links": "10.240.0.0/16", "hosts": "10.0.0.0/12"}),
    "unnumbered": intent(1, 2, leaf={"switch": "7060x6-64pe", "nos": "eos"}, spine={"switch": "7060x6-64pe", "nos": "eos"}),
    "dual": intent(1, 2, addressing={"links": ["10.240.0.0/16", "fd00::/64"], "hosts": ["10.0.0.0/12", "fd01::/48"]}),
    "subnet": intent(1, 2, addressing={"hosts": "10.0.0.0/12", "servers": "subnet"}),
}


class Bench:
    """A compiled fabric with its files read back, and the reading of single devices to be falsified."""

    def __init__(self, path: Path, name: str) -> None:
        source = path / "x.yaml"
        source.write_text(text(FABRIC[name]))
        self.analysis = compiler.analyse(source, compiler.Options())
        self.graph, self.ends = self.analysis.graph, self.analysis.decisions.ends
        shop = compiler.workshop(self.analysis, compiler.Options())
        self.observed = [shop.observed(n) for n in range(len(self.graph.devices))]

    def facts(self) -> list[Facts]:
        every = []
        for n, device in enumerate(self.graph.devices):
            ports = [device.layout.ports[end.port].name for end in self.ends[n]]
            servers = [device.kind == "server" or self.graph.devices[end.peer].kind == "server" for end in self.ends[n]]
            every.append(facts(self.observed[n], ports, servers))
        return every

    def found(self) -> list[str]:
        report = Report()
        report_disagreements(self.graph, self.ends, self.facts(), self.observed.__getitem__, report)
        return [diagnostic.message for diagnostic in report]

    def change(self, role: str, kind: str, **values: object) -> None:
        """Falsify the first port of the first device of a role: one towards `kind`, server or switch."""
        n = next(n for n, device in enumerate(self.graph.devices) if device.role == role)
        end = next(e for e in self.ends[n] if self.graph.devices[e.peer].kind == kind)
        name = self.graph.devices[n].layout.ports[end.port].name
        own = self.observed[n]
        port = replace(own.interfaces[name], **values)  # type: ignore[arg-type]
        self.observed[n] = replace(own, interfaces={**own.interfaces, name: port})

    def change_device(self, role: str, change: Callable[[Observed], Observed]) -> None:
        n = next(n for n, device in enumerate(self.graph.devices) if device.role == role)
        self.observed[n] = change(self.observed[n])


@pytest.mark.parametrize("name", FABRIC)
def test_what_was_rendered_agrees(tmp_path: Path, name: str) -> None:
    assert Bench(tmp_path, name).found() == []


@pytest.mark.parametrize("name", FABRIC)
@pytest.mark.parametrize(
    ("role", "kind", "values", "word"),
    [
        ("leaf", "switch", {"mtu": 1500}, "MTU"),
        ("spine", "switch", {"speed": 100_000}, "speeds"),
        ("leaf", "switch", {"fec": "none"}, "FEC"),
        ("spine", "switch", {"lossless": ()}, "lossless"),
        ("leaf", "switch", {"lossless": (((26,), 4),)}, "lossless"),
        ("leaf", "switch", {"addresses": (Prefix(4, 1 << 24, 31),)}, "addresses"),
        ("leaf", "server", {"mtu": 1500}, "MTU"),
        ("server", "switch", {"lossless": ()}, "lossless"),
        ("server", "switch", {"addresses": (Prefix(4, 1 << 24, 31),)}, "addresses"),
        ("leaf", "server", {"vlan": 4000, "addresses": ()}, "addresses"),
    ],
)
def test_one_end_that_differs_is_found(
    tmp_path: Path, name: str, role: str, kind: str, values: dict[str, object], word: str
) -> None:
    bench = Bench(tmp_path, name)
    bench.change(role, kind, **values)
    (message,) = bench.found()
    assert word in message


def test_an_asn_that_the_neighbours_do_not_expect_is_found_on_every_link(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "numbered")
    bench.change_device("leaf", lambda own: replace(own, asn=own.asn + 1))
    found = bench.found()
    assert found
    assert all("BGP" in message for message in found)


@pytest.mark.parametrize("name", ["numbered", "unnumbered"])
def test_a_session_that_is_missing_at_one_end_is_found(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, name)
    bench.change_device("spine", lambda own: replace(own, sessions=own.sessions[1:]))
    (message,) = bench.found()
    assert "no neighbour" in message


def test_the_same_address_at_both_ends_is_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "numbered")
    n = next(n for n, device in enumerate(bench.graph.devices) if device.role == "leaf")
    end = next(e for e in bench.ends[n] if bench.graph.devices[e.peer].kind == "switch")
    peer = bench.graph.devices[end.peer].layout.ports[end.peer_port].name
    bench.change("leaf", "switch", addresses=bench.observed[end.peer].interfaces[peer].addresses)
    assert any("both have the address" in message for message in bench.found())


def test_a_port_that_is_not_configured_is_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "numbered")
    bench.change_device("leaf", lambda own: replace(own, interfaces=dict(list(own.interfaces.items())[1:])))
    assert any("is not configured" in message for message in bench.found())


def test_a_devices_numbers_are_those_of_its_plan(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "numbered")
    n = next(n for n, device in enumerate(bench.graph.devices) if device.role == "leaf")
    device, plan, own = bench.graph.devices[n], bench.analysis.plan.devices[n], bench.observed[n]
    ports = [device.layout.ports[end.port].name for end in bench.ends[n]]
    assert check_files(device, plan, None, {}, own, ports) == []
    for wrong in (
        replace(own, hostname="other"),
        replace(own, asn=1),
        replace(own, router_id=1),
        replace(own, loopbacks=()),
        replace(own, announced=own.announced[:-2]),
        replace(own, interfaces={name: replace(port, enabled=True) for name, port in own.interfaces.items()}),
        replace(own, interfaces={name: replace(port, enabled=False) for name, port in own.interfaces.items()}),
    ):
        assert check_files(device, plan, None, {}, wrong, ports)


def test_an_override_of_one_end_is_an_error_that_says_so(tmp_path: Path) -> None:
    tree = FABRIC["numbered"] | {"overrides": [{"match": {"role": "spine"}, "set": {"interface.mtu": 1500}}]}
    source = tmp_path / "x.yaml"
    source.write_text(text(tree))
    with pytest.raises(CompileError, match="FC7004"):
        compiler.check(source, compiler.Options())


def test_equal_interfaces_have_nothing_to_explain() -> None:
    port = ObservedInterface(True, 400_000, 9100, "rs", (), True, 0, ())
    own = Observed("a", 1, 1, (), {"p": port}, {}, (), ())
    assert explain(own, "p", own, "p", False) == []


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("role", "kind"), [("leaf", "switch"), ("server", "switch")])
def test_the_same_address_of_one_family_alone_is_found(tmp_path: Path, role: str, kind: str, version: int) -> None:
    bench = Bench(tmp_path, "dual")
    n = next(n for n, device in enumerate(bench.graph.devices) if device.role == role)
    end = next(e for e in bench.ends[n] if bench.graph.devices[e.peer].kind == kind)
    here = bench.observed[n].interfaces[bench.graph.devices[n].layout.ports[end.port].name].addresses
    there = bench.observed[end.peer].interfaces[bench.graph.devices[end.peer].layout.ports[end.peer_port].name].addresses
    mixed = tuple(b if b.version == version else a for a, b in zip(here, there, strict=True))
    bench.change(role, kind, addresses=mixed)
    (message,) = bench.found()
    assert "both have the address" in message


def test_an_address_at_one_end_alone_is_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "dual")
    bench.change("leaf", "switch", addresses=())
    (message,) = bench.found()
    assert "addresses none and" in message


def test_a_neighbour_that_is_expected_under_another_asn_is_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "unnumbered")
    bench.change_device(
        "spine", lambda own: replace(own, sessions=(own.sessions[0]._replace(asn=own.sessions[0].asn + 1), *own.sessions[1:]))
    )
    (message,) = bench.found()
    assert "expects AS" in message


def test_an_end_that_is_not_unnumbered_is_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "unnumbered")
    bench.change("leaf", "switch", unnumbered=False)
    (message,) = bench.found()
    assert "one end is unnumbered" in message


@pytest.mark.parametrize("name", FABRIC)
def test_links_without_a_session_at_either_end_are_found(tmp_path: Path, name: str) -> None:
    """Both ends agree, and nothing is routed."""
    bench = Bench(tmp_path, name)
    bench.observed = [replace(own, sessions=()) for own in bench.observed]
    found = bench.found()
    count = int((bench.graph.links.tiers > 0).sum())
    assert len(found) == min(count, 10)
    assert all("no BGP session" in message for message in found)
    assert ("more links" in found[-1]) == (count > 10)


def test_disagreements_are_the_numbers_of_their_links(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "numbered")
    n = next(n for n, device in enumerate(bench.graph.devices) if device.role == "leaf")
    end = next(e for e in bench.ends[n] if bench.graph.devices[e.peer].kind == "switch")
    bench.change("leaf", "switch", mtu=1500)
    assert disagreements(bench.graph, bench.ends, bench.facts()).tolist() == [end.link]


def test_subnets_that_the_interpreters_own_hash_confuses_differ() -> None:
    """Python hashes an integer modulo 2^61 - 1, where 2^64 is 8."""
    one, two = Prefix(6, (0xFD00 << 112) + (1 << 64), 127), Prefix(6, (0xFD00 << 112) + 8, 127)
    assert hash(one) == hash(two)
    key = [
        int(facts(Observed("a", 1, 1, (), {"p": port}, {}, (), ()), ["p"], [False]).key[0])
        for port in (ObservedInterface(True, 400_000, 9100, "rs", (address,), False, 0, ()) for address in (one, two))
    ]
    assert key[0] != key[1]


def test_digests_are_the_same_in_every_process() -> None:
    program = (
        "from fabric_compiler.model.device import Prefix\n"
        "from fabric_compiler.verify.agreement import facts\n"
        "from fabric_compiler.verify.observed import Observed, ObservedInterface\n"
        "port = ObservedInterface(True, 400_000, 9100, 'rs', (Prefix(4, 1 << 24, 31),), False, 0, (((26,), 3),))\n"
        "found = facts(Observed('a', 1, 1, (), {'p': port}, {}, (), ()), ['p'], [False])\n"
        "print(found.key.tolist(), found.own.tolist())\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


@pytest.mark.parametrize("role", ["leaf", "spine"])
def test_a_switch_announces_all_that_its_plan_has_and_nothing_else(tmp_path: Path, role: str) -> None:
    bench = Bench(tmp_path, "dual")
    n = next(n for n, device in enumerate(bench.graph.devices) if device.role == role)
    device, plan, own = bench.graph.devices[n], bench.analysis.plan.devices[n], bench.observed[n]
    assert plan
    ports = [device.layout.ports[end.port].name for end in bench.ends[n]]
    assert check_files(device, plan, None, {}, own, ports) == []
    for announced in (own.announced[1:], own.announced[:-1], (*own.announced, Prefix(4, 1 << 24, 24))):
        (sentence,) = check_files(device, plan, None, {}, replace(own, announced=announced), ports)
        assert "announced prefixes" in sentence


def test_a_leaf_announces_its_hosts_from_its_first_server_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "numbered")
    n = next(n for n, device in enumerate(bench.graph.devices) if device.role == "leaf")
    device, plan, own = bench.graph.devices[n], bench.analysis.plan.devices[n], bench.observed[n]
    assert plan
    ports = [device.layout.ports[end.port].name for end in bench.ends[n]]
    (sentence,) = check_files(device, plan, None, {}, replace(own, announced=plan.loopbacks), ports)
    assert "announced prefixes" in sentence
    # a leaf whose servers are still to come announces its loopback alone
    above = [device.layout.ports[end.port].name for end in bench.ends[n] if bench.graph.devices[end.peer].kind == "switch"]
    up = {name: replace(port, enabled=name in above) for name, port in own.interfaces.items()}
    waiting = replace(own, interfaces=up)
    assert check_files(device, plan, None, {}, replace(waiting, announced=plan.loopbacks), above) == []
    assert check_files(device, plan, None, {}, waiting, above)
