"""A build is untrusted: what an export reads of it is what the manifest names, and each value is of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from exports import build, changed, exported, tree

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.export.base import Parameters, kinds
from fabric_compiler.export.run import run
from fabric_compiler.export.source import open_build

NAME = "quickstart"


def refused(path: Path, kind: str, place: Path) -> str:
    with pytest.raises(CompileError) as caught:
        run(path, kind, place, Parameters())
    return "; ".join(f"{d.code} {d.message}" for d in caught.value.diagnostics)


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    copy = changed(build(NAME), tmp_path / "copy", {})
    table = copy / "plan/devices.csv"
    table.write_bytes(table.read_bytes().replace(b"su1-server-1,", b"su1-server-x,"))
    assert "FC1001 plan/devices.csv of the build is not what its manifest says" in refused(copy, "ansible", tmp_path / "out")
    assert not (tmp_path / "out" / "ansible").exists()


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    copy = changed(build(NAME), tmp_path / "copy", {})
    (copy / "plan/devices.csv").rename(tmp_path / "devices.csv")
    (copy / "plan/devices.csv").symlink_to(tmp_path / "devices.csv")
    assert "FC1001 plan/devices.csv of the build cannot be read" in refused(copy, "ansible", tmp_path / "out")


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("devices", b"su1-server-1,", b"../../etc/x,"),
        ("devices", b"su1-server-1,", b"Server One,"),
        ("devices", b",4200000000,", b",4.2e9,"),
        ("devices", b",10.254.", b",10.254;reboot."),
        ("links", b",400,", b",fast,"),
        ("links", b"Ethernet0,", b'"Ethernet0\nreboot",'),
        ("links", b"Ethernet0,", b"-oProxyCommand=x,"),
        ("links", b"backend-su1-leaf-r1,", b"nobody,"),
        ("links", b"a_device,", b"device,"),
        ("addresses", b",host", b",h st"),
        ("addresses", b",10.", b",ten."),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_refused(table: str, old: bytes, new: bytes, tmp_path: Path) -> None:
    file = f"plan/{table}.csv"
    assert old in (build(NAME) / file).read_bytes()
    copy = changed(build(NAME), tmp_path / "copy", {file: lambda content: content.replace(old, new, 1)})
    assert refused(copy, "netbox", tmp_path / "out").startswith("FC1001 plan/")


@pytest.mark.parametrize("path", ["nowhere", "intents", "plan"])
def test_what_is_no_build_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "intents").mkdir()
    with pytest.raises(CompileError) as caught:
        open_build(tmp_path / path)
    assert caught.value.diagnostics[0].code == "FC1001"


def test_a_fabric_s_name_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    copy = changed(build(NAME), tmp_path / "copy", {})
    manifest = copy / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"fabric": "quickstart"', b'"fabric": "../x"'))
    assert "no name of a fabric" in refused(copy, "graphml", tmp_path / "out")


def test_every_kind_is_listed_and_has_a_summary() -> None:
    from fabric_compiler.export.base import export

    assert len(kinds()) >= 15
    assert all(export(kind).summary for kind in kinds())


def test_an_unknown_kind_and_a_useless_option_are_told(tmp_path: Path) -> None:
    assert "FC2005 there is no export 'anisble'" in refused(build(NAME), "anisble", tmp_path)
    with pytest.raises(CompileError) as caught:
        run(build(NAME), "ansible", tmp_path, Parameters(pods=("su1",)))
    assert [d.code for d in caught.value.diagnostics] == ["FC2008"]


def test_what_others_keep_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ansible").mkdir()
    (tmp_path / "ansible" / "mine").write_text("precious")
    assert "FC8001" in refused(build(NAME), "ansible", tmp_path)
    assert tree(tmp_path / "ansible") == {"mine": b"precious"}


def test_an_export_that_fails_leaves_the_former(tmp_path: Path) -> None:
    first = run(build(NAME), "ansible", tmp_path, Parameters())
    before = tree(first.path)
    copy = changed(build(NAME), tmp_path / "copy", {})
    (copy / "plan/devices.csv").write_bytes(b"")
    refused(copy, "ansible", tmp_path)
    assert tree(first.path) == before


def test_avd_refuses_a_build_that_its_inputs_do_not_give(tmp_path: Path) -> None:
    name = "rail-1024"
    spine = "devices/backend-gru1-spine-1/backend-gru1-spine-1.cfg"
    copy = changed(build(name), tmp_path / "copy", {spine: lambda text: text.replace(b"mtu 9100", b"mtu 9000", 1)})
    assert "compiled again, backend-gru1-spine-1 is not as the build has it" in refused(copy, "avd", tmp_path / "out")


def test_only_eos_has_structured_configurations(tmp_path: Path) -> None:
    assert "FC2008 the build has no switch of Arista EOS" in refused(build(NAME), "avd", tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind != "avd"])
def test_the_same_build_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    from exports import parameters

    name = "numbered-dual-stack"
    again = run(build(name), kind, tmp_path, parameters(name, kind)).path
    assert tree(again) == tree(exported(name, kind))
