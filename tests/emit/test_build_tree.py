"""The directory of a build: switched in one step, or left as it was."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit import tree

FILES = 40
ROOT = Path(__file__).resolve().parents[2]


def build(output: Path, content: str, fabric: str = "atlas") -> None:
    with tree.transaction(output, fabric) as staging:
        tree.write(staging.path, "devices/leaf-1/frr.conf", content.encode())


def built(output: Path, fabric: str = "atlas") -> str:
    return (output / fabric / "devices/leaf-1/frr.conf").read_text()


def trees(output: Path, fabric: str = "atlas") -> list[str]:
    return sorted(p.name for p in (output / f".{fabric}").iterdir() if p.name != "fabricc.lock")


def compiler(output: Path, generation: int, wait: float = 0.0) -> subprocess.Popen[bytes]:
    """A process that builds FILES files, each with the number of its generation."""
    code = f"""
import sys, time
from pathlib import Path
from fabric_compiler.emit import tree
print("up", flush=True)
with tree.transaction(Path({str(output)!r}), "atlas") as staging:
    print("in", flush=True)
    for i in range({FILES}):
        tree.write(staging.path, f"devices/d{{i}}/a.cfg", b"{generation}")
        time.sleep({wait / FILES})
print("out", flush=True)
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)


def generation(output: Path) -> set[str]:
    """The contents of the build; one element when it is whole."""
    files = list((output / "atlas/devices").glob("*/a.cfg"))
    assert len(files) == FILES
    return {file.read_text() for file in files}


def test_a_build_is_a_relative_link_to_a_tree_beside_it(tmp_path: Path) -> None:
    build(tmp_path / "build", "one")
    assert built(tmp_path / "build") == "one"
    assert str((tmp_path / "build/atlas").readlink()) == ".atlas/1"


def test_the_former_tree_is_there_until_the_end_and_gone_after_it(tmp_path: Path) -> None:
    with tree.transaction(tmp_path, "atlas") as first:
        assert first.previous is None
        tree.write(first.path, "a", b"1")
    with tree.transaction(tmp_path, "atlas") as second:
        assert second.previous == first.path
        assert (first.path / "a").read_bytes() == b"1"
    assert not first.path.exists()
    assert trees(tmp_path) == [second.path.name]


def test_a_failed_compile_leaves_the_former_build_and_nothing_else(tmp_path: Path) -> None:
    build(tmp_path, "one")
    with pytest.raises(RuntimeError), tree.transaction(tmp_path, "atlas") as staging:
        tree.write(staging.path, "devices/leaf-1/frr.conf", b"two")
        raise RuntimeError
    assert built(tmp_path) == "one"
    assert trees(tmp_path) == ["1"]


def test_a_first_compile_that_fails_leaves_no_build(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), tree.transaction(tmp_path, "atlas"):
        raise KeyboardInterrupt
    assert not (tmp_path / "atlas").is_symlink()
    assert trees(tmp_path) == []


def test_what_follows_the_switch_sees_the_new_build(tmp_path: Path) -> None:
    build(tmp_path, "one")
    seen = []
    with tree.transaction(tmp_path, "atlas") as staging:
        tree.write(staging.path, "devices/leaf-1/frr.conf", b"two")
        staging.on_commit.append(lambda: seen.append(built(tmp_path)))
    assert seen == ["two"]


@pytest.mark.parametrize("builds_before", [0, 1])
def test_the_build_is_switched_back_when_the_lock_cannot_be_replaced(tmp_path: Path, builds_before: int) -> None:
    for _ in range(builds_before):
        build(tmp_path, "one")

    def fail() -> None:
        raise PermissionError

    with pytest.raises(PermissionError), tree.transaction(tmp_path, "atlas") as staging:
        tree.write(staging.path, "devices/leaf-1/frr.conf", b"two")
        staging.on_commit.append(fail)
    assert trees(tmp_path) == ["1"] * builds_before
    assert (tmp_path / "atlas").is_symlink() is bool(builds_before)
    if builds_before:
        assert built(tmp_path) == "one"


def test_a_killed_compile_leaves_a_whole_build(tmp_path: Path) -> None:
    with compiler(tmp_path, 0) as first:
        first.wait()
    assert generation(tmp_path) == {"0"}
    for moment in range(8):
        with compiler(tmp_path, moment + 1, wait=0.04) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.008 * moment)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert len(generation(tmp_path)) == 1
        assert not [p for p in tmp_path.iterdir() if p.name not in ("atlas", ".atlas")]
    build(tmp_path, "last")
    assert built(tmp_path) == "last"
    assert len(trees(tmp_path)) == 1


@pytest.mark.parametrize("call", ["mkdir", "symlink", "replace", "unlink", "rmtree"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_step_leaves_one_of_the_two_builds(tmp_path: Path, call: str, when: str) -> None:
    build(tmp_path, "one")
    (tmp_path / ".atlas/99").mkdir()  # of a killed compile, so that there is something to clear away
    (tmp_path / ".atlas/next").symlink_to(".atlas/99")
    module = "shutil" if call == "rmtree" else "os"
    code = f"""
import os, signal, {module}
from pathlib import Path
from fabric_compiler.emit import tree
real = {module}.{call}
def dying(*args, **keywords):
    if {when!r} == "after":
        real(*args, **keywords)
    os.kill(os.getpid(), signal.SIGKILL)
with tree.transaction(Path({str(tmp_path)!r}), "atlas") as staging:
    tree.write(staging.path, "devices/leaf-1/frr.conf", b"two")
    {module}.{call} = dying
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True)
    assert done.returncode in (-signal.SIGKILL, 0), done.stderr
    assert built(tmp_path) in ("one", "two")
    build(tmp_path, "three")
    assert built(tmp_path) == "three"
    assert len([t for t in trees(tmp_path) if t.isdigit()]) == 1


def test_two_at_once_serialise(tmp_path: Path) -> None:
    with compiler(tmp_path, 1, wait=0.2) as first:
        assert first.stdout
        assert [first.stdout.readline(), first.stdout.readline()] == [b"up\n", b"in\n"]
        waited = []
        with tree.transaction(tmp_path, "atlas", on_wait=lambda: waited.append(True)) as staging:
            assert generation(tmp_path) == {"1"}  # the first is through before the second begins
            for i in range(FILES):
                tree.write(staging.path, f"devices/d{i}/a.cfg", b"2")
        assert waited == [True]
    assert generation(tmp_path) == {"2"}


def test_two_fabrics_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with tree.transaction(tmp_path, "atlas"):
        build(tmp_path, "other", fabric="boreas")
    assert built(tmp_path, "boreas") == "other"


def test_workers_write_into_the_tree(tmp_path: Path) -> None:
    with tree.transaction(tmp_path, "atlas") as staging, ProcessPoolExecutor(2) as pool:
        list(pool.map(tree.write, [staging.path] * 8, [f"devices/d{i % 4}/{i}.cfg" for i in range(8)], [b"x"] * 8))
    assert len(list((tmp_path / "atlas").glob("devices/*/*"))) == 8


def test_a_worker_that_outlives_a_killed_compile_does_not_hold_the_lock(tmp_path: Path) -> None:
    code = f"""
import os, signal, time
from multiprocessing import get_context
from pathlib import Path
from fabric_compiler.emit import tree
with tree.transaction(Path({str(tmp_path)!r}), "atlas"):
    worker = get_context("fork").Process(target=time.sleep, args=(20,))
    worker.start()
    print(worker.pid, flush=True)
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout
        worker = int(process.stdout.readline())
        process.wait()
        try:
            waited = []
            with tree.transaction(tmp_path, "atlas", on_wait=lambda: waited.append(True)):
                pass
            os.kill(worker, 0)  # it is still there
        finally:
            os.kill(worker, signal.SIGKILL)
    assert waited == []


def test_a_worker_that_outlives_a_killed_compile_cannot_make_its_tree_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tree.write(tmp_path / ".atlas/7", "devices/leaf-1/frr.conf", b"late")


def test_a_number_is_not_used_again_after_a_killed_compile(tmp_path: Path) -> None:
    build(tmp_path, "one")
    (tmp_path / ".atlas/2").mkdir()
    build(tmp_path, "two")
    assert trees(tmp_path) == ["3"]


def plant(place: Path, what: str, outside: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    match what:
        case "directory":
            place.mkdir()
            (place / "mine").write_text("mine")
        case "file":
            place.write_text("mine")
        case "link elsewhere":
            place.symlink_to(outside)
        case "link to a parent":
            place.symlink_to(".atlas/../..")
        case "dangling link":
            place.symlink_to("nowhere")


@pytest.mark.parametrize("what", ["directory", "file", "link elsewhere", "link to a parent", "dangling link"])
@pytest.mark.parametrize("name", ["atlas", ".atlas"])
def test_what_is_not_ours_is_never_overwritten(tmp_path: Path, name: str, what: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    place = tmp_path / "build" / name
    plant(place, what, outside)
    before = place.readlink() if place.is_symlink() else place.is_dir()
    with pytest.raises(CompileError) as caught:
        build(tmp_path / "build", "ours")
    assert [d.code for d in caught.value.diagnostics] == ["FC8001"]
    assert caught.value.diagnostics[0].hint
    assert (place.readlink() if place.is_symlink() else place.is_dir()) == before
    assert [p.name for p in outside.iterdir()] == ["mine"]


def test_what_appears_at_the_place_during_the_compile_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(CompileError), tree.transaction(tmp_path, "atlas"):
        (tmp_path / "atlas").write_text("mine")
    assert (tmp_path / "atlas").read_text() == "mine"
    assert trees(tmp_path) == []


def test_links_planted_among_the_trees_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "5").mkdir(parents=True)
    (outside / "5/mine").write_text("mine")
    output = tmp_path / "build"
    build(output, "one")
    (output / ".atlas/8").symlink_to(outside)
    (output / ".atlas/9").mkdir()
    (output / ".atlas/9/devices").symlink_to(outside)
    build(output, "two")
    assert built(output) == "two"
    assert (outside / "5/mine").read_text() == "mine"


@pytest.mark.parametrize("make", [lambda p: p.symlink_to("/etc/passwd"), lambda p: os.mkfifo(p), lambda p: p.mkdir()])
def test_a_planted_lock_is_refused(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / ".atlas").mkdir()
    make(tmp_path / ".atlas/fabricc.lock")
    with pytest.raises(CompileError):
        build(tmp_path, "one")


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/../../x", "", ".", "a//b", ".hidden", "a/.b", "a\nb", "-rf", "a\\b", "a/" * 20 + "b"]
)
def test_a_name_stays_below_the_tree(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        tree.write(tmp_path, name, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_once(tmp_path: Path) -> None:
    tree.write(tmp_path, "a/b", b"1")
    with pytest.raises(FileExistsError):
        tree.write(tmp_path, "a/b", b"2")


def test_files_are_written_below_a_descriptor_too(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        tree.write(descriptor, "a/b/c", b"1")
    finally:
        os.close(descriptor)
    assert (tmp_path / "a/b/c").read_bytes() == b"1"


def test_a_full_disk_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="FC8001"), tree.transaction(tmp_path, "atlas"):
        raise OSError(errno.ENOSPC, "No space left on device")
    (tmp_path / "plain").write_text("")
    with pytest.raises(CompileError, match="FC8001"), tree.transaction(tmp_path / "plain" / "x", "atlas"):
        pass
    with pytest.raises(CompileError, match="FC8001"), tree.transaction(tmp_path / "plain", "atlas"):
        pass


def test_an_unreadable_template_is_no_matter_of_the_build_directory(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), tree.transaction(tmp_path, "atlas"):
        (tmp_path / "templates/frr.conf.j2").read_text()


@pytest.mark.parametrize("fabric", ["..", ".", "a/b", "", ".git", "-o", "a\nb"])
def test_a_fabric_is_the_name_of_a_directory(tmp_path: Path, fabric: str) -> None:
    with pytest.raises(CompileError), tree.transaction(tmp_path / "build", fabric):
        pass


def test_a_spawned_worker_writes_as_a_forked_one_does(tmp_path: Path) -> None:
    with tree.transaction(tmp_path, "atlas") as staging:
        worker = get_context("spawn").Process(target=tree.write, args=(staging.path, "a/b", b"x"))
        worker.start()
        worker.join()
    assert (tmp_path / "atlas/a/b").read_bytes() == b"x"
