"""OpenSM itself takes every file that is generated for it; of a foreign opensm.conf the lab passes on what is known alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab.infiniband_lab import failed, needs_infiniband, running
from subnet_intents import compiled, files, intent, meant

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.lab.infiniband import checks, options, tools
from fabric_compiler.targets import opensm

LEAF = {"switch": "qm9700", "downlinks": 8}
FABRICS: dict[str, dict[str, Any]] = {
    "partitions and service levels": intent(2, 2, leaf=LEAF)
    | {
        "tenants": {
            "red": {"pods": ["su1"], "service-level": 1},
            "blue": {"pods": ["su2"], "service-level": 2, "limited": {"servers": ["su1-server-1"]}, "shared": "yes"},
        }
    },
    "keys by reference": intent(1, 2, leaf=LEAF, subnet_manager={"m-key": "secret:ib-m", "sa-key": "secret:ib-sa"}),
    "several LIDs under updn": intent(1, 2, leaf=LEAF, subnet_manager={"routing": "updn", "lmc": 2}),
    "two hosts": intent(1, 2, leaf=LEAF, subnet_manager={"hosts": ["ufm-1", "ufm-2"]}),
}


@needs_infiniband
@pytest.mark.parametrize("name", FABRICS)
def test_opensm_takes_every_file_without_an_error(name: str, tmp_path: Path) -> None:
    found = compiled(FABRICS[name], tmp_path)
    hosts = opensm.render_hosts(found.subnets[0])
    for own in hosts.values() or [files(found)["opensm.conf"]]:
        with running(files(found) | {"opensm.conf": own}, tmp_path) as network:
            rows = list(checks.checks(network, meant(found), 1))
        assert failed(rows) == {}


@needs_infiniband
def test_the_options_that_are_told_apart_are_those_of_opensm(tmp_path: Path) -> None:
    """What its own template holds is passed on, read, set by the lab, or refused."""
    settings = tools.environment(tmp_path, "none")
    tools.run([tools.tools().opensm, "-c", "template"], tmp_path, settings, 60)
    lines = (tmp_path / "template").read_text().splitlines()
    known = {line.split()[0] for line in lines if line and not line.startswith("#")}
    assert known == options.KNOWN


def contained(text: str, names: tuple[str, ...] = ()) -> list[str]:
    return list(options.contain(text, "opensm.conf", names, Path("/lab/build"), Path("/lab"), Path("/lab/opensm.log")).lines)


def refused(text: str) -> str:
    with pytest.raises(CompileError) as caught:
        contained(text)
    (found,) = caught.value.diagnostics
    assert found.code == "FC8202"
    return f"{found.span}: {found.message}"


@pytest.mark.parametrize(
    "option", ["event_plugin_name evil", "event_plugin_options x", "event_db_dump_file /etc/passwd", "console_port 1"]
)
def test_options_that_run_or_write_or_open_something_are_refused(option: str) -> None:
    assert refused(f"lmc 0\n{option}\n").startswith("opensm.conf:2:1: ")


@pytest.mark.parametrize(
    "option", ["log_file /etc/passwd", "dump_files_dir /etc", "console socket", "daemon TRUE", "log_prefix x", "guid 0x1"]
)
def test_where_opensm_writes_and_how_it_runs_is_the_labs(option: str) -> None:
    name, value = option.split()
    lines = contained(option)
    assert not any(value in line.split()[1:] for line in lines if line.split()[0] == name)


def test_files_are_read_from_the_labs_copies_alone() -> None:
    lines = contained("root_guid_file /etc/opensm/root_guid.conf\nio_guid_file (null)\n", ("root_guid.conf",))
    assert "root_guid_file /lab/build/root_guid.conf" in lines
    assert "io_guid_file (null)" in lines
    assert "partition_config_file /lab/build/partitions.conf" in lines
    assert all("/lab" in line for line in lines if "/" in line)
    assert "there is no such file" in refused("root_guid_file /etc/shadow\n")
    assert "there is no such file" in refused("root_guid_file ../../etc/shadow\n")


def test_what_opensm_does_not_know_is_refused() -> None:
    assert refused("ar_enable TRUE\n") == "opensm.conf:1:1: OpenSM does not know the option 'ar_enable'"


@pytest.mark.parametrize("line", ["lmc 0" + " " * 1000, "lmc \x1b[2J", "lmc 0\x0bdump_files_dir /etc"])
def test_lines_that_two_readers_would_read_differently_are_refused_or_split(line: str) -> None:
    try:
        lines = contained(f"{line}\n")
    except CompileError:
        return
    assert "dump_files_dir /lab" in lines
    assert all(text.isprintable() for text in lines)


def test_a_secret_has_a_stand_in() -> None:
    lines = contained("m_key <secret:ib-m>\nsa_key <secret:ib-sa>\n")
    assert not any("secret" in line for line in lines)
