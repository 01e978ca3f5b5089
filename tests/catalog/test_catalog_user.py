"""A user's catalogue directory: what it adds and replaces, and that whatever is wrong in it ends in a diagnostic."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabric_compiler.catalog.loader import load, schemas
from fabric_compiler.catalog.reader import MAX_BYTES, MAX_DEPTH
from fabric_compiler.diagnostics import CODES, CompileError, Diagnostic

SERVER = """\
source: our own bench
vendor: acme
description: a box
gpus: 2
rack-units: 2
watts: 1.5 kW
nic-groups:
  gpu-nics:
    nic: ConnectX-7
    count: 2
    form-factor: qsfp112
    breakouts: {1: 400G}
    netdevs: {1: eth0 eth1}
"""
SWITCH = """\
source: our own bench
vendor: acme
description: a switch
rack-units: 1
watts: 300 W
cages:
  - form-factor: qsfp-dd
    breakouts: ["1x400G", "2x200G"]
    rows:
      - {label: 1, index: 1, port: Ethernet0, lanes: 1-8, aliases: {1: e1, 2: e1a e1b}}
nos:
  sonic: {releases: [4.30], platform: x86_64-acme-r0, asic: broadcom, dynamic-load-balancing: no,
          hwskus: [{name: ACME, speeds: {400G: 1}, headroom: ["400000 5m 1 2 3 -1"]}]}
"""
MEDIUM = """\
source: our own bench
kind: singlemode
standard: 400GBASE-DR4
speed: 400G
reach: 500 m
latency: 200 ns
rank: 1
modules: [{name: a module, form-factor: qsfp-dd, ports: 1, watts: 9.5 W, connector: LC}]
"""


def put(root: Path, name: str, text: str | bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def findings(root: Path, name: str = "box") -> list[Diagnostic]:
    """The diagnostics of the server `name` of the catalogue at `root`."""
    with pytest.raises(CompileError) as caught:
        load(root).servers[name]
    assert all(d.code in CODES and d.span for d in caught.value.diagnostics)
    return caught.value.diagnostics


def test_a_directory_adds_products(tmp_path: Path) -> None:
    put(tmp_path, "servers/box.yaml", SERVER)
    put(tmp_path, "switches/acme-1.yaml", SWITCH)
    put(tmp_path, "media/acme-dr4.yaml", MEDIUM)
    catalog = load(tmp_path)
    assert catalog.servers["box"].watts == 1500
    assert catalog.media[0].name == "acme-dr4"
    sonic = catalog.switches["acme-1"].nos["sonic"]
    assert sonic.releases == ("4.30",)
    assert sonic.dynamic_load_balancing is False
    assert sonic.hwskus[0].headroom[0].threshold == -1
    assert "sn5600" in catalog.switches
    assert list(catalog.switches) == sorted(catalog.switches)


def test_a_product_of_our_name_replaces_ours(tmp_path: Path) -> None:
    put(tmp_path, "servers/dgx-h100.yaml", SERVER)
    assert load(tmp_path).servers["dgx-h100"].vendor == "acme"
    assert load().servers["dgx-h100"].vendor == "NVIDIA"


def test_an_unread_product_does_not_matter(tmp_path: Path) -> None:
    put(tmp_path, "switches/broken.yaml", "{")
    assert "broken" in load(tmp_path).switches


def test_a_wrong_medium_is_found_at_once_and_all_are_reported(tmp_path: Path) -> None:
    put(tmp_path, "media/one.yaml", MEDIUM.replace("500 m", "far"))
    put(tmp_path, "media/two.yaml", MEDIUM.replace("singlemode", "string"))
    with pytest.raises(CompileError) as caught:
        load(tmp_path)
    assert [Path(d.span.file).name for d in caught.value.diagnostics if d.span] == ["one.yaml", "two.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "words"),
    [
        ("gpus: 2\n", "gpu: 2\n", "FC2001", 4, "'gpu'"),
        ("gpus: 2\n", "", "FC2002", 1, "'gpus'"),
        ("1.5 kW", "much", "FC2003", 6, "expected a power"),
        ("rack-units: 2", "rack-units: 0", "FC2004", 5, "rack-units"),
        ("1: eth0 eth1", "1: eth0", "FC2003", 9, "2 netdevs, not 1"),
        ("1: eth0 eth1", "1: eth0 a-name-of-17-chars", "FC2003", 13, "netdevs.1"),
        ("eth0 eth1", "eth0 eth;reboot", "FC2003", 13, "netdevs"),
        ("breakouts: {1: 400G}", "breakouts: {1: fast}", "FC2003", 12, "expected a speed"),
        ("vendor: acme", 'vendor: "a\\nb"', "FC2003", 2, "vendor"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(tmp_path: Path, old: str, new: str, code: str, line: int, words: str) -> None:
    path = put(tmp_path, "servers/box.yaml", SERVER.replace(old, new))
    found = findings(tmp_path)
    assert code in {d.code for d in found}
    first = next(d for d in found if d.code == code)
    assert first.span
    assert (first.span.file, first.span.line) == (str(path), line)
    assert words in first.message


def test_all_errors_of_a_file_are_reported(tmp_path: Path) -> None:
    put(tmp_path, "servers/box.yaml", SERVER.replace("gpus: 2", "gpus: two").replace("1.5 kW", "much"))
    assert len(findings(tmp_path)) == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [1", "FC1002"),
        ("a: \x00", "FC1002"),
        (b"\xff\xfe", "FC1002"),
        ("a: 1\na: 2", "FC1005"),
        ("a: &x 1\nb: *x", "FC1003"),
        ("a: *x", "FC1003"),
        ("a: {<<: {b: 1}}", "FC1003"),
        ("a: !!python/object/apply:os.system [id]", "FC1003"),
        ("!!set {a}", "FC1003"),
        ("? [a]\n: 1", "FC1003"),
        ("--- 1\n--- 2", "FC1003"),
        ("[" * 50_000, "FC1004"),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "FC1004"),
        ("[" + "1," * 300_000 + "]", "FC1004"),
        ("x" * (MAX_BYTES + 1), "FC1004"),
        ("", "FC2003"),
        ("just text", "FC2003"),
        ("[1, 2]", "FC2003"),
    ],
)
def test_hostile_and_odd_yaml_ends_in_a_diagnostic(tmp_path: Path, text: str | bytes, code: str) -> None:
    put(tmp_path, "servers/box.yaml", text)
    # libyaml has a cap of its own on flow nesting in some builds, and stops before ours
    nested = isinstance(text, str) and text.startswith("[[")
    assert [d.code for d in findings(tmp_path)] in ([code], ["FC1002"] if nested else [code])


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    outside = put(tmp_path, "outside.txt", SERVER)
    (tmp_path / "own/servers").mkdir(parents=True)
    (tmp_path / "own/servers/box.yaml").symlink_to(outside)
    assert [d.code for d in findings(tmp_path / "own")] == ["FC1006"]


def test_a_linked_directory_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "outside/box.yaml", SERVER)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/servers").symlink_to(tmp_path / "outside")
    with pytest.raises(CompileError, match="FC1006"):
        load(tmp_path / "own")


def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "servers").mkdir()
    os.mkfifo(tmp_path / "servers/box.yaml")
    assert [d.code for d in findings(tmp_path)] == ["FC1006"]


def test_a_directory_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "servers/box.yaml").mkdir(parents=True)
    assert [d.code for d in findings(tmp_path)] == ["FC1006"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("server/box.yaml", "FC2001"), ("box.yaml", "FC2001"), ("servers/Box.yaml", "FC2003"), ("servers/box.yml", "FC2003")],
)
def test_a_file_out_of_place_is_told(tmp_path: Path, name: str, code: str) -> None:
    put(tmp_path, name, SERVER)
    with pytest.raises(CompileError, match=code):
        load(tmp_path)


def test_other_files_may_lie_about(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "ours")
    put(tmp_path, "servers/.box.yaml.swp", "x")
    put(tmp_path, "servers/notes.txt", "x")
    assert list(load(tmp_path).servers) == list(load().servers)


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="FC1001"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1-8", "8-1", "lanes"),
        ("1-8", "1-99999", "lanes"),
        ("1-8", "1-7", "does not divide"),
        ("1x400G", "1x400G+2x200G", "breakout mode"),
        ("2: e1a e1b", "2: e1a", "aliases for 2 ports"),
        ('"1x400G", ', "", "a mode for one port"),
        ("400000 5m 1 2 3 -1", "400000 5 1 2 3 -1", "speed cable size"),
        ("Ethernet0", "Ethernet0; rm", "port"),
    ],
)
def test_a_wrong_switch_is_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in SWITCH
    put(tmp_path, "switches/acme-1.yaml", SWITCH.replace(old, new))
    with pytest.raises(CompileError, match=words):
        load(tmp_path).switches["acme-1"]


@pytest.mark.parametrize(
    "extra", ["assemblies: [[a module, a module]]", "assemblies: [[a module, nothing]]", "assemblies: [[a module]]"]
)
def test_a_wrong_assembly_is_told(tmp_path: Path, extra: str) -> None:
    put(tmp_path, "media/acme.yaml", MEDIUM + extra)
    with pytest.raises(CompileError, match="FC200"):
        load(tmp_path)


def test_buffers_may_be_the_same_for_both_topologies(tmp_path: Path) -> None:
    tables = "buffers: {t0: {BUFFER_POOL: {p: {size: 5}}}, t1: t0}"
    put(tmp_path, "switches/acme-1.yaml", SWITCH.replace("name: ACME,", f"name: ACME, {tables},"))
    sku = load(tmp_path).switches["acme-1"].nos["sonic"].hwskus[0]
    assert sku.buffers["t1"].tables == {"BUFFER_POOL": {"p": {"size": "5"}}}
    put(tmp_path, "switches/acme-1.yaml", SWITCH.replace("name: ACME,", "name: ACME, buffers: {t1: t0},"))
    with pytest.raises(CompileError, match="which are not given"):
        load(tmp_path).switches["acme-1"]


def test_editors_get_schemas() -> None:
    assert set(schemas()) == {"switches", "servers", "media"}
    assert "rack-units" in schemas()["servers"]["properties"]
