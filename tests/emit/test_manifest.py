"""The manifest: the same bytes for the same build, nothing believed of a foreign one, and what changed against the former."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit import files, manifest
from fabric_compiler.emit.manifest import Change, Counts, Manifest

SHA = manifest.digest(b"x")
OTHER = manifest.digest(b"y")


def made(**named: str) -> Manifest:
    return Manifest(compiler="0.1.0", fabric="atlas", inputs={"atlas.yaml": SHA}, counts=Counts(servers=4), files=named)


def of(*names: str, sha: str = SHA) -> Manifest:
    return made(**dict.fromkeys(names, sha))


def test_a_manifest_reads_as_it_was_written(tmp_path: Path) -> None:
    written = Manifest(
        compiler="0.1.0",
        fabric="atlas",
        counts=Counts(servers=4, switches={"backend": {"leaf": 8, "spine": 4}}, links={"backend": {"leaf-spine": 32}}),
        files={"plan/devices.csv": SHA},
    )
    (tmp_path / "manifest.json").write_bytes(manifest.encode(written))
    assert manifest.read(tmp_path) == written


def test_the_order_of_what_was_counted_does_not_show() -> None:
    assert manifest.encode(of("a", "b")) == manifest.encode(of("b", "a"))
    assert json.loads(manifest.encode(of("a")))["schema"] == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 200_000,
        b'{"schema":1,"fabric":"a","counts":{},"x":' + b"[" * 200_000,
        b'{"schema":2,"fabric":"a","counts":{}}',
        b'{"schema":1,"fabric":"a","counts":{"servers":-1}}',
        b'{"schema":1,"fabric":"a","counts":{},"files":{"../../etc/passwd":"' + SHA.encode() + b'"}}',
        b'{"schema":1,"fabric":"a","counts":{},"files":{"a":"short"}}',
        b'{"schema":1,"fabric":"' + b"a" * 300 + b'","counts":{}}',
    ],
    ids=["empty", "list", "nothing in it", "binary", "deep", "deep beside", "newer", "negative", "outside", "digest", "long"],
)
def test_a_foreign_manifest_is_not_believed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(CompileError, match="FC1001"):
        manifest.read(tmp_path)
    assert manifest.read_if_any(tmp_path) is None


def test_a_manifest_is_a_regular_file_of_bounded_size(tmp_path: Path) -> None:
    for make in (
        lambda p: p.symlink_to("/dev/zero"),
        os.mkfifo,
        lambda p: os.truncate(os.open(p, os.O_CREAT | os.O_RDWR), 1 << 30),
    ):
        make(tmp_path / "manifest.json")
        with pytest.raises(CompileError, match="FC1001"):
            manifest.read(tmp_path)
        (tmp_path / "manifest.json").unlink()


def test_a_torn_build_is_told_by_its_digests(tmp_path: Path) -> None:
    for name in ("a", "b/c", "b/d"):
        files.write(tmp_path, name, b"x")
    written = of("a", "b/c", "b/d")
    files.write(tmp_path, "manifest.json", manifest.encode(written))
    assert manifest.verify(tmp_path, written) == []
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b/c").unlink()
    files.write(tmp_path, "e", b"")
    assert manifest.verify(tmp_path, written) == ["a", "b/c", "e"]


def test_a_summary_counts_files_by_device() -> None:
    before = made(**{"devices/l1/frr.conf": SHA, "devices/l1/config_db.json": SHA, "devices/l2/l2.cfg": SHA, "plan/a.csv": SHA})
    after = made(**{"devices/l1/frr.conf": OTHER, "devices/l3/l3.cfg": SHA, "plan/a.csv": SHA, "hosts/s1/x.yaml": SHA})
    assert manifest.summary(before, after).changes == (
        Change("device", "l1", "~", 0, 1, 1),
        Change("device", "l2", "-", 0, 1, 0),
        Change("device", "l3", "+", 1, 0, 0),
        Change("host", "s1", "+", 1, 0, 0),
    )
    assert manifest.summary(before, after).touched == 5


def test_without_a_former_build_everything_is_added() -> None:
    found = manifest.summary(None, of("graph.json", "devices/l1/frr.conf"))
    assert found.changes == (Change("", "graph.json", "+", 1, 0, 0), Change("device", "l1", "+", 1, 0, 0))


def test_a_comment_in_the_intent_is_no_change() -> None:
    before = Manifest(fabric="a", inputs={"a.yaml": SHA}, counts=Counts(), files={"inputs/a.yaml": SHA, "plan/a.csv": SHA})
    after = Manifest(fabric="a", inputs={"a.yaml": OTHER}, counts=Counts(), files={"inputs/a.yaml": OTHER, "plan/a.csv": SHA})
    assert manifest.render(manifest.summary(before, after)) == ["nothing changed"]


def test_a_summary_of_a_large_fabric_is_short() -> None:
    before, after = (of(*[f"devices/leaf-{i}/frr.conf" for i in range(1000)], "plan/links.csv", sha=s) for s in (SHA, OTHER))
    assert manifest.render(manifest.summary(before, after)) == [
        "1001 of 1001 files differ from the build before",
        "  ~ 1000 devices: leaf-0, leaf-1, leaf-10 and 997 more",
        "  ~ plan",
    ]


def test_files_that_are_gone_are_counted_apart_from_those_of_the_build() -> None:
    before = of("plan/links.csv", *[f"devices/leaf-{i}/frr.conf" for i in range(5)])
    after = of("plan/links.csv", sha=OTHER)
    assert manifest.render(manifest.summary(before, after))[0] == (
        "1 of 1 files differ from the build before, and 5 more are gone"
    )
