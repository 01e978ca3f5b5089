"""Goldens: the reviewed output of an intent; changed by what changes the output, and by nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit import files, manifest
from fabric_compiler.emit.manifest import Counts, Manifest
from fabric_compiler.review import golden

ROOT = Path(__file__).resolve().parents[2]
HEADER = "name,kind,role,network,nos\r\n"


def build(at: Path, devices: int = 3, version: str = "0.1.0", comment: str = "", mtu: int = 9100, spines: int = 2) -> Path:
    """A build tree of leafs, spines and as many servers."""
    content = {"inputs/atlas.yaml": comment.encode(), "graph.json": b"{}\n"}
    rows = []
    for kind, role, where, count in (
        ("switch", "leaf", "devices", devices),
        ("switch", "spine", "devices", spines),
        ("server", "server", "hosts", devices),
    ):
        for i in range(1, count + 1):
            content[f"{where}/{role}-{i}/a.cfg"] = f"hostname {role}-{i}\nmtu {mtu}\n".encode()
            rows.append(f"{role}-{i},{kind},{role},{'' if kind == 'server' else 'backend'},eos\r\n")
    content["plan/devices.csv"] = (HEADER + "".join(sorted(rows))).encode()
    made = Manifest(
        compiler=version,
        fabric="atlas",
        inputs={"atlas.yaml": manifest.digest(comment.encode())},
        counts=Counts(servers=devices),
        files={name: manifest.digest(written) for name, written in content.items()},
    )
    at.mkdir(parents=True)
    for name, written in (content | {"manifest.json": manifest.encode(made)}).items():
        files.write(at, name, written)
    return at


def names(directory: Path) -> list[str]:
    return [name for name, _ in files.walk(directory)]


def paths(differences: list[golden.Difference]) -> list[tuple[str, str]]:
    return [(d.kind, d.path) for d in differences]


@pytest.mark.parametrize("devices", [3, 70], ids=["full", "digests"])
class TestBothForms:
    def test_a_build_equals_the_golden_made_of_it(self, tmp_path: Path, devices: int) -> None:
        golden.write(build(tmp_path / "build", devices), tmp_path / "golden/atlas")
        assert golden.compare(tmp_path / "build", tmp_path / "golden/atlas") == []

    def test_a_comment_in_the_intent_or_a_release_of_the_compiler_changes_none(self, tmp_path: Path, devices: int) -> None:
        golden.write(build(tmp_path / "one", devices), tmp_path / "golden/one")
        two = build(tmp_path / "two", devices, version="9.9", comment="# hello")
        assert golden.compare(two, tmp_path / "golden/one") == []
        golden.write(two, tmp_path / "golden/two")
        assert names(tmp_path / "golden/one") == names(tmp_path / "golden/two")
        for name in names(tmp_path / "golden/one"):
            assert (tmp_path / "golden/one" / name).read_bytes() == (tmp_path / "golden/two" / name).read_bytes()

    def test_every_changed_file_is_a_difference(self, tmp_path: Path, devices: int) -> None:
        golden.write(build(tmp_path / "one", devices), tmp_path / "golden/atlas")
        found = golden.compare(build(tmp_path / "two", devices, mtu=9000), tmp_path / "golden/atlas")
        assert {d.kind for d in found} == {"changed"}
        assert len(found) == 2 * devices + 2
        assert "-mtu 9100\n+mtu 9000\n" in golden.render(found)

    def test_an_added_device_is_a_difference_and_so_is_a_count(self, tmp_path: Path, devices: int) -> None:
        golden.write(build(tmp_path / "one", devices), tmp_path / "golden/atlas")
        found = golden.compare(build(tmp_path / "two", devices + 1), tmp_path / "golden/atlas")
        new = devices + 1
        assert paths(found) == [
            ("added", f"devices/leaf-{new}/a.cfg"),
            ("added", f"hosts/server-{new}/a.cfg"),
            ("changed", "manifest.json"),
            ("changed", "plan/devices.csv"),
        ]

    def test_a_removed_device_is_a_difference(self, tmp_path: Path, devices: int) -> None:
        golden.write(build(tmp_path / "one", devices), tmp_path / "golden/atlas")
        found = golden.compare(build(tmp_path / "two", devices, spines=1), tmp_path / "golden/atlas")
        assert ("removed", "devices/spine-2/a.cfg") in paths(found)

    def test_a_file_that_was_edited_in_the_golden_is_a_difference(self, tmp_path: Path, devices: int) -> None:
        tree = build(tmp_path / "one", devices)
        golden.write(tree, tmp_path / "golden/atlas")
        (tmp_path / "golden/atlas/devices/leaf-1/a.cfg").write_text("edited\n")
        (tmp_path / "golden/atlas/devices/stale.cfg").write_text("stale\n")
        assert paths(golden.compare(tree, tmp_path / "golden/atlas")) == [
            ("changed", "devices/leaf-1/a.cfg"),
            ("removed", "devices/stale.cfg"),
        ]

    def test_an_update_removes_stale_files(self, tmp_path: Path, devices: int) -> None:
        golden.write(build(tmp_path / "one", devices), tmp_path / "golden/atlas")
        two = build(tmp_path / "two", 2)
        golden.write(two, tmp_path / "golden/atlas")
        golden.write(two, tmp_path / "golden/fresh")
        assert names(tmp_path / "golden/atlas") == names(tmp_path / "golden/fresh")
        assert sorted(p.name for p in (tmp_path / "golden").iterdir()) == ["atlas", "fresh"]


def test_a_small_golden_is_the_whole_tree_without_the_inputs(tmp_path: Path) -> None:
    tree = build(tmp_path / "build")
    golden.write(tree, tmp_path / "atlas")
    assert names(tmp_path / "atlas") == sorted([n for n in names(tree) if not n.startswith("inputs/")] + ["golden.json"])


def test_a_large_golden_has_one_device_of_each_role_and_all_digests(tmp_path: Path) -> None:
    tree = build(tmp_path / "build", 70)
    golden.write(tree, tmp_path / "atlas")
    samples = ["devices/leaf-1/a.cfg", "devices/spine-1/a.cfg", "hosts/server-1/a.cfg"]
    assert names(tmp_path / "atlas") == sorted(["digests.txt", "golden.json", "manifest.json", *samples])
    lines = (tmp_path / "atlas/digests.txt").read_text().splitlines()
    assert len(lines) == 70 + 2 + 70 + 2
    assert [line.split("  ")[1] for line in lines] == sorted(line.split("  ")[1] for line in lines)


def test_many_bytes_make_a_golden_large_too(tmp_path: Path) -> None:
    tree = build(tmp_path / "build")
    (tree / "graph.json").write_bytes(b"x" * (golden.LARGE_BYTES + 1))
    golden.write(tree, tmp_path / "atlas")
    assert "graph.json" not in names(tmp_path / "atlas")


def test_growth_keeps_the_sampled_devices(tmp_path: Path) -> None:
    golden.write(build(tmp_path / "one", 70), tmp_path / "atlas")
    found = golden.compare(build(tmp_path / "two", 120), tmp_path / "atlas")
    assert not [d for d in found if d.kind == "removed"]


def test_the_golden_says_its_own_form(tmp_path: Path) -> None:
    golden.write(build(tmp_path / "one", 3), tmp_path / "atlas")
    found = golden.compare(build(tmp_path / "two", 70), tmp_path / "atlas")
    assert ("added", "digests.txt") not in paths(found)
    assert [d.after for d in found if d.path == "devices/leaf-70/a.cfg"] == [b"hostname leaf-70\nmtu 9100\n"]


def test_a_build_is_compared_through_its_link(tmp_path: Path) -> None:
    build(tmp_path / "build/.atlas/1")
    (tmp_path / "build/atlas").symlink_to(".atlas/1")
    golden.write(tmp_path / "build/atlas", tmp_path / "golden")
    assert golden.compare(tmp_path / "build/atlas", tmp_path / "golden") == []


def test_without_a_golden_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="golden update") as caught:
        golden.compare(build(tmp_path / "build"), tmp_path / "golden/atlas")
    assert [d.code for d in caught.value.diagnostics] == ["FC8002"]


@pytest.mark.parametrize("plant", [lambda p: p.symlink_to("/etc/passwd"), os.mkfifo], ids=["link", "pipe"])
@pytest.mark.parametrize("name", ["devices/x", "golden.json", "digests.txt"])
def test_what_is_planted_in_a_golden_is_not_read(tmp_path: Path, name: str, plant) -> None:  # type: ignore[no-untyped-def]
    tree = build(tmp_path / "build")
    golden.write(tree, tmp_path / "atlas")
    (tmp_path / "atlas" / name).unlink(missing_ok=True)
    plant(tmp_path / "atlas" / name)
    with pytest.raises(CompileError, match="FC8002"):
        golden.compare(tree, tmp_path / "atlas")
    with pytest.raises(CompileError, match="FC8001"):
        golden.write(tree, tmp_path / "atlas")


@pytest.mark.parametrize(
    "content", [b"", b"[", b"[" * 100_000, b'{"schema":2}', b'{"form":"x","limits":{},"holds":[]}', b"\xff"]
)
def test_a_foreign_marker_is_not_believed(tmp_path: Path, content: bytes) -> None:
    tree = build(tmp_path / "build")
    golden.write(tree, tmp_path / "atlas")
    (tmp_path / "atlas/golden.json").write_bytes(content)
    with pytest.raises(CompileError, match="FC8002"):
        golden.compare(tree, tmp_path / "atlas")


def test_an_update_touches_nothing_that_is_not_a_golden(tmp_path: Path) -> None:
    tree = build(tmp_path / "build")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("mine")
    golden.write(tree, tmp_path / "atlas")
    (tmp_path / "atlas/README.md").write_text("mine")
    for place in ("mine", "file", "link", "atlas"):
        with pytest.raises(CompileError, match="FC8001"):
            golden.write(tree, tmp_path / place)
    assert (tmp_path / "mine/notes.txt").read_text() == (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "atlas/README.md").read_text() == "mine"
    assert (tmp_path / "link").is_symlink()


def test_a_directory_of_goldens_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "golden").symlink_to("outside")
    with pytest.raises(CompileError, match="FC8001"):
        golden.write(build(tmp_path / "build"), tmp_path / "golden/atlas")
    assert list((tmp_path / "outside").iterdir()) == []


def test_two_updates_at_once_serialise(tmp_path: Path) -> None:
    trees = [build(tmp_path / str(mtu), mtu=mtu) for mtu in (9000, 9100)]
    code = "import sys; from pathlib import Path; from fabric_compiler.review import golden\n"
    code += "for _ in range(5): golden.write(Path(sys.argv[1]), Path(sys.argv[2]))"
    place = tmp_path / "golden/atlas"
    running = [subprocess.Popen([sys.executable, "-c", code, str(tree), str(place)], cwd=ROOT) for tree in trees]
    assert [process.wait() for process in running] == [0, 0]
    assert [] in [golden.compare(tree, place) for tree in trees]
    assert [p.name for p in place.parent.iterdir()] == ["atlas"]


def test_an_empty_directory_becomes_a_golden(tmp_path: Path) -> None:
    (tmp_path / "atlas").mkdir()
    golden.write(build(tmp_path / "build"), tmp_path / "atlas")
    assert "golden.json" in names(tmp_path / "atlas")


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_update_leaves_one_of_the_two_goldens_after_the_next(tmp_path: Path, step: int, when: str) -> None:
    one, two = build(tmp_path / "one"), build(tmp_path / "two", mtu=9000)
    place = tmp_path / "golden/atlas"
    golden.write(one, place)
    code = f"""
import os, signal
from pathlib import Path
from fabric_compiler.review import golden
steps = 0
def dying(real):
    def call(*args, **keywords):
        global steps
        steps += 1
        if steps - 1 == {step} and {when!r} == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args, **keywords)
        if steps - 1 == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
    return call
os.rename, golden.remove_tree = dying(os.rename), dying(golden.remove_tree)
golden.write(Path({str(two)!r}), Path({str(place)!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    if place.exists():
        assert [] in (golden.compare(one, place), golden.compare(two, place))
    golden.write(two, place)
    assert golden.compare(two, place) == []
    assert [p.name for p in place.parent.iterdir()] == ["atlas"]
