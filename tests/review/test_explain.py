"""Every line of a build has a reason, and the reasons are true: changing the intent where they say so changes the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fabric_compiler.compiler import Build, Options, build
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit import manifest
from fabric_compiler.intent.files import LIMITS
from fabric_compiler.review.explain.answer import Explained, explain, render
from fabric_compiler.yamltree import parse

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "intents/quickstart.yaml"
LEAF, SPINE, SERVER = "devices/backend-su1-leaf-r1", "devices/backend-lab1-spine-1", "hosts/su1-server-1"


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return compiled(as_written(), tmp_path_factory.mktemp("quickstart"))


def as_written() -> dict[str, Any]:
    """The quickstart's tree with its scalars as text, as the compiler reads them."""
    tree = parse(QUICKSTART.read_text(), "quickstart.yaml", LIMITS).plain()
    assert isinstance(tree, dict)
    return tree


def compiled(tree: dict[str, Any], place: Path) -> Build:
    intent = place / "quickstart.yaml"
    intent.write_text(json.dumps(tree, indent=1))
    (place / "quickstart.lock").write_bytes(QUICKSTART.with_suffix(".lock").read_bytes())
    return build(intent, place / "build", Options(jobs=1))


def reasons(found: Build, file: str, line: int | None = None) -> list[Explained]:
    return list(explain(found.path / file, line, Options()))


def test_every_line_of_every_file_has_a_reason(quickstart: Build) -> None:
    known = manifest.read(quickstart.path.resolve())
    seen = set()
    for file in known.files:
        kind, owner = manifest.owner(file)
        shape = (kind, owner.rstrip("0123456789"), file.rpartition("/")[2])
        if kind and shape in seen:
            continue  # devices of a role differ in numbers alone
        seen.add(shape)
        explained = reasons(quickstart, file)
        lines = (quickstart.path / file).read_bytes().decode().split("\n")
        assert [one.text for one in explained] == lines
        assert all(one.reasons and all(reason.rule for reason in one.reasons) for one in explained), file


# a line of a file, by how it begins; the intent's path that it must name, and another value there
SAMPLE = [
    (f"{LEAF}/frr.conf", "router bgp ", "networks.backend.asns.leaf", "4200100000-4200199999"),
    (f"{LEAF}/frr.conf", " bgp router-id ", "networks.backend.addressing.loopbacks", "10.253.0.0/16"),
    (f"{LEAF}/frr.conf", " timers bgp ", "networks.backend.bgp.timers.keepalive", "2"),
    (f"{LEAF}/frr.conf", " timers bgp ", "networks.backend.bgp.timers.hold", "30"),
    (f"{LEAF}/frr.conf", " bgp graceful-restart restart-time", "networks.backend.bgp.restart-time", "60"),
    (f"{LEAF}/frr.conf", " neighbor SPINES bfd", "networks.backend.bgp.bfd", "false"),
    (f"{LEAF}/frr.conf", "  transmit-interval ", "networks.backend.bgp.bfd.transmit", "500 ms"),
    (f"{LEAF}/frr.conf", "  maximum-paths ", "networks.backend.bgp.maximum-paths", "16"),
    (f"{LEAF}/frr.conf", "  neighbor SPINES maximum-prefix ", "networks.backend.bgp.maximum-prefix", "500"),
    (f"{LEAF}/frr.conf", "ip prefix-list HOSTS4 ", "networks.backend.addressing", {"hosts": "10.16.0.0/12"}),
    (f"{LEAF}/frr.conf", "ip route ", "networks.backend.addressing.hosts", "10.16.0.0/12"),
    (f"{LEAF}/config_db.json", '            "mtu": ', "networks.backend.mtu", "9000"),
    (f"{LEAF}/config_db.json", '        "192.0.2.11": {', "management.syslog", "192.0.2.12"),
    (f"{LEAF}/config_db.json", '            "gwaddr": ', "management.gateway", "172.16.0.254"),
    (f"{LEAF}/config_db.json", '            "pfc_enable": ', "networks.backend.qos", "roce-lossy"),
    (f"{LEAF}/config_db.json", '            "hostname": ', "naming", {"leaf": "{network}-{pod}-l{rail}"}),
    (f"{SPINE}/config_db.json", '            "bgp_asn": ', "networks.backend.asns.spine", "65000-65010"),
    (f"{SERVER}/60-fabric.yaml", "      mtu: ", "networks.backend.mtu", "9000"),
    (f"{SERVER}/60-fabric.yaml", '        - "10.', "networks.backend.addressing.hosts", "10.16.0.0/12"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "start", "path", "value"), SAMPLE, ids=[f"{s[1].strip()} {s[2]}" for s in SAMPLE])
def test_a_line_changes_with_the_intent_where_its_reason_says(
    quickstart: Build, tmp_path: Path, file: str, start: str, path: str, value: Any
) -> None:
    lines = (quickstart.path / file).read_bytes().decode().split("\n")
    number = next(n for n, text in enumerate(lines, 1) if text.startswith(start))
    named = [reason.place.path for one in reasons(quickstart, file, number) for reason in one.reasons if reason.place]
    assert path in named
    changed = compiled(_with(as_written(), path.split("."), value), tmp_path)
    there = changed.path / file
    assert not there.exists() or lines[number - 1] not in there.read_text().split("\n")


def _with(tree: Any, path: list[str], value: Any) -> Any:
    step, *rest = path
    return tree | {step: _with(tree.get(step) or {}, rest, value) if rest else value}


def test_a_stated_value_is_shown_with_its_line(quickstart: Build) -> None:
    lines = (quickstart.path / f"{LEAF}/frr.conf").read_text().split("\n")
    (found,) = reasons(
        quickstart, f"{LEAF}/frr.conf", next(n for n, t in enumerate(lines, 1) if t.startswith(" bgp router-id"))
    )
    first = found.reasons[0].place
    assert first
    assert first.stated
    assert "loopbacks" in Path(first.span.file).read_text().split("\n")[first.span.line - 1]
    assert any("quickstart.yaml:" in line for line in render(found))


def test_a_file_that_is_in_no_build_is_refused(tmp_path: Path) -> None:
    (tmp_path / "frr.conf").write_text("hostname x\n")
    with pytest.raises(CompileError, match="no file of a build"):
        list(explain(tmp_path / "frr.conf", 1, Options()))


def test_a_line_beyond_the_end_is_refused(quickstart: Build) -> None:
    with pytest.raises(CompileError, match="none numbered 9999"):
        reasons(quickstart, f"{LEAF}/frr.conf", 9999)


def test_a_file_that_was_edited_is_not_explained_as_if_it_were_ours(tmp_path: Path) -> None:
    made = compiled(as_written(), tmp_path)
    path = made.path / f"{LEAF}/frr.conf"
    path.write_text(path.read_text().replace("timers bgp 3 9", "timers bgp 1 3"))
    with pytest.raises(CompileError, match="was changed after it was compiled"):
        list(explain(path, 1, Options()))
