"""Mistakes planted in a build are found when it runs: by the subnet manager that refuses them, or by what does not hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab.infiniband_lab import by_hand, exchanged, failed, meant_by_hand, needs_infiniband, running
from subnet_factory import dragonfly
from subnet_intents import compiled, files, intent, meant

from fabric_compiler.compiler import Analysis
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.lab.infiniband import checks, manager
from fabric_compiler.lab.infiniband.tools import environment, run
from fabric_compiler.verify.against_subnet import compare_subnet

pytestmark = needs_infiniband

Change = Callable[[str], str]
SMALL = intent(2, 4, leaf={"switch": "qm9700", "downlinks": 8}) | {
    "tenants": {"red": {"pods": ["su1"]}, "blue": {"pods": ["su2"]}}
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analysis]:
    yield compiled(SMALL, tmp_path_factory.mktemp("intent"))


def wrong(found: Analysis, changes: dict[str, Change], tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """What the checks say of a build with changed files."""
    changed = {name: changes.get(name, str)(content.decode()).encode() for name, content in files(found).items()}
    with running(changed, tmp_path) as network:
        return failed(checks.checks(network, meant(found), 1))


def test_an_unchanged_build_has_nothing_wrong(found: Analysis, tmp_path: Path) -> None:
    assert wrong(found, {}, tmp_path) == {}


def test_exchanged_cables_are_found_by_the_lab_and_by_ibnetdiscover(found: Analysis, tmp_path: Path) -> None:
    """Two uplinks of different leafs, exchanged at the first spine."""
    changed = files(found)
    topology = changed["topology.net"].decode()
    changed["topology.net"] = exchanged(topology, "0202000000000000[1]", "0202000000000000[9]").encode()
    expected = "exchange the plugs in compute-gru1-spine-1 IB1/1/1 and IB1/5/1: "
    with running(changed, tmp_path) as network:
        at = network.at
        printed = run(
            [at.tools.ibnetdiscover], at.directory, environment(at.directory, at.instance, at.host, at.tools.preload), 60
        )
        rows = failed(checks.checks(network, meant(found), 1))
    assert rows["cables"][0].startswith(expected)
    # ibsim's own rate is another, and without an inventory nodes are known by their names
    real = compare_subnet(printed, "fabric.txt", found.graph, found.subnets, False)
    told = [one.message for one in real.differences if str(one.kind) != "speed"]
    assert len(told) == 1
    assert told[0].startswith(expected)


def test_a_guid_twice_is_an_error_with_its_line(found: Analysis, tmp_path: Path) -> None:
    changed = files(found)
    changed["topology.net"] = changed["topology.net"].replace(b"H-0200000000000020", b"H-0200000000000010")
    with (
        pytest.raises(CompileError, match=r"build/topology.net:\d+:1: .*two nodes have the GUID 0x0200000000000010"),
        running(changed, tmp_path),
    ):
        pass


def test_a_root_that_is_missing_is_found_by_the_load(found: Analysis, tmp_path: Path) -> None:
    rows = wrong(found, {"root_guid.conf": lambda text: text.rpartition("\n0x")[0] + "\n"}, tmp_path)
    assert any(said.startswith("all-to-all loads the cables up from ") for said in rows["load"])


def test_a_root_that_is_not_there_is_an_error_of_the_subnet_manager(found: Analysis, tmp_path: Path) -> None:
    rows = wrong(found, {"root_guid.conf": lambda text: f"{text}0x0202000000ff0000\n"}, tmp_path)
    assert "Root switch GUID 0x202000000ff0000 not found" in rows["subnet manager"][0]


def test_a_server_in_a_second_tenant_is_found_by_the_keys_and_the_path_records(found: Analysis, tmp_path: Path) -> None:
    def add(text: str) -> str:
        head, red, rest = text.partition("red=")
        member = re.search(r"blue=.*?\n(\t0x\w+=full),", rest, re.DOTALL)
        assert member
        return f"{head}{red}{rest.replace(chr(10), f'{chr(10)}{member[1]},{chr(10)}', 1)}"

    rows = wrong(found, {"partitions.conf": add}, tmp_path)
    assert list(rows) == ["partitions"]
    assert rows["partitions"][1] == "the P_Keys do not keep apart su1-server-2 and su2-server-1 (16 ways)"
    assert any(
        said.startswith("the subnet administration has a path between su1-server-1 and su2-server-1 ")
        for said in rows["partitions"]
    )


def test_an_engine_that_does_not_fit_does_not_come_up(tmp_path: Path) -> None:
    with (
        pytest.raises(CompileError, match=r"no routing engine configures the switches: "),
        running(by_hand(dragonfly(1, 3, 1, 4), "ftree,no_fallback"), tmp_path),
    ):
        pass


def test_an_engine_that_gave_way_to_another_is_found(tmp_path: Path) -> None:
    wiring = dragonfly(1, 3, 1, 4)
    with running(by_hand(wiring, "ftree"), tmp_path) as network:
        rows = failed(checks.checks(network, meant_by_hand(wiring, "ftree"), 1))
    assert "minhop configured the switches, and not ftree" in rows["subnet manager"]


def test_an_option_that_opensm_does_not_know_is_refused_with_its_line(found: Analysis, tmp_path: Path) -> None:
    changed = files(found)
    changed["opensm.conf"] += b"ar_enable TRUE\n"
    line = changed["opensm.conf"].count(b"\n")
    with (
        pytest.raises(CompileError, match=rf"build/opensm.conf:{line}:1: .*does not know the option 'ar_enable'"),
        running(changed, tmp_path),
    ):
        pass


def test_what_opensm_itself_does_not_know_or_cannot_read_is_found(found: Analysis, tmp_path: Path) -> None:
    """Of options that came past us, of partitions and of service levels."""
    with running(files(found), tmp_path) as network:
        directory = network.at.directory
        (directory / manager.OUTPUT).write_text(
            ' Unrecognized token: "ar_enable"\n-E- Parsing error in field lmc, expected numeric input received: x\n'
        )
        rows = failed(checks.checks(network, meant(found), 1))
    assert len(rows["subnet manager"]) == 2
    rows = wrong(found, {"partitions.conf": lambda text: f"{text}bogus\n"}, tmp_path)
    assert any("PARSE ERROR" in said for said in rows["subnet manager"])
    rows = wrong(
        found,
        {"opensm.conf": lambda text: text.replace("qos FALSE", "qos TRUE"), "qos-policy.conf": lambda _: "bogus\n"},
        tmp_path,
    )
    assert any("qos" in said.lower() for said in rows["subnet manager"])
