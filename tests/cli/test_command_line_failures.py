"""What goes wrong around the compiler: terminals, disks, signals; the former build stays."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from fabrics import intent, text

from fabric_compiler import compiler
from fabric_compiler.compiler import Options
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.plan import lock as locks

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "fabric_compiler.cli")
SMALL = {"leaf": {"switch": "sn5400"}, "topology": {"kind": "rail-optimized", "reserve": {"pods": 4}}}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "x.yaml"
    path.write_text(text(intent(1, 2, **SMALL)))
    return path


def environment(directory: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(directory), **more}


def run(directory: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = environment(directory, **more)
    return subprocess.run(
        [*COMMAND, *arguments], cwd=directory, env=env, capture_output=True, text=True, timeout=120, errors="replace"
    )


def tree(build: Path) -> dict[str, bytes]:
    return {str(path.relative_to(build)): path.read_bytes() for path in build.rglob("*") if path.is_file()}


def test_a_directory_of_templates_that_is_not_there_is_a_usage_error(small: Path) -> None:
    done = run(small.parent, "compile", "x.yaml", "--templates", "nowhere")
    assert done.returncode == 2
    assert not (small.parent / "build").exists()


def test_an_output_that_is_full_is_the_environments_failure(small: Path) -> None:
    with Path("/dev/full").open("w") as full:
        env = environment(small.parent)
        done = subprocess.run([*COMMAND, "schema"], env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 3
    assert "No space left" in done.stderr
    assert "Exception" not in done.stderr
    assert not list(small.parent.glob("fabricc-bug-*"))


def test_a_path_beyond_the_terminals_encoding_is_printed_all_the_same(small: Path) -> None:
    small.rename(small.with_name("é.yaml"))
    done = run(small.parent, "check", "--unlocked", "é.yaml", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "\\xe9.yaml: fine" in done.stdout


def test_a_path_cannot_command_the_terminal(small: Path) -> None:
    small.rename(small.with_name("\x1b]0;mine\x07.yaml"))
    done = run(small.parent, "check", "--unlocked", "\x1b]0;mine\x07.yaml")
    assert done.returncode == 1
    assert "FC1006" in done.stderr
    assert "\x1b" not in done.stdout


def test_a_promoted_warning_fails_a_printed_stage_too(small: Path) -> None:
    assert run(small.parent, "compile", "x.yaml").returncode == 0
    lock = small.with_suffix(".lock")
    lock.write_text(lock.read_text().replace(" 2 tiers, 1 planes,", " 2 tiers, 2 planes,"))  # warned of: addresses move
    arguments = ("compile", "x.yaml", "--emit", "plan")
    assert run(small.parent, *arguments).returncode == 0
    assert run(small.parent, *arguments, "--warnings-as-errors").returncode == 1


def test_a_failed_compile_leaves_the_build_and_the_lock(small: Path) -> None:
    assert run(small.parent, "compile", "x.yaml").returncode == 0
    build, lock = small.parent / "build" / "test", small.with_suffix(".lock").read_bytes()
    before = tree(build)
    nobody = {"match": {"device": "no-*"}, "set": {"bgp.maximum-paths": 7}}
    small.write_text(text(intent(2, 2, **SMALL) | {"overrides": [nobody]}))
    assert run(small.parent, "compile", "x.yaml").returncode == 1  # found after the devices were written
    assert tree(build) == before
    assert small.with_suffix(".lock").read_bytes() == lock


@pytest.mark.parametrize(("sent", "code", "jobs"), [(signal.SIGINT, 130, "1"), (signal.SIGKILL, -signal.SIGKILL, "2")])
@pytest.mark.parametrize("moment", ["", "devices", "hosts"])
def test_a_compile_ended_from_outside_leaves_a_whole_build(
    small: Path, sent: signal.Signals, code: int, jobs: str, moment: str
) -> None:
    larger = intent(4, 16, **SMALL)
    small.write_text(text(larger))
    assert run(small.parent, "compile", "x.yaml").returncode == 0
    store, lock = small.parent / "build" / ".test", small.with_suffix(".lock").read_bytes()
    before = tree(store / "1")
    larger["networks"]["compute"]["bgp"] = {"timers": {"keepalive": 5, "hold": 15}}
    small.write_text(text(larger))
    command = [*COMMAND, "compile", "x.yaml", "--jobs", jobs]
    with subprocess.Popen(
        command, cwd=small.parent, env=environment(small.parent), stdout=-1, stderr=-1, start_new_session=True
    ) as process:
        while process.poll() is None and not (store / "2" / moment).exists():
            time.sleep(0.001)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors
    if process.returncode == 0:  # it was quicker than the signal
        assert tree(store / "2") != before
        return
    assert process.returncode == code
    assert (small.parent / "build" / "test").readlink() == Path(".test/1")
    assert tree(store / "1") == before
    assert small.with_suffix(".lock").read_bytes() == lock
    assert run(small.parent, "compile", "x.yaml").returncode == 0
    assert len([entry for entry in store.iterdir() if entry.is_dir()]) == 1


@pytest.mark.parametrize("name", ["-x.yaml", ".x.yaml", "a\\b.yaml", "x.lock"])
def test_a_name_that_no_build_can_hold_is_refused_with_a_place(small: Path, name: str) -> None:
    content = small.read_text()
    small.rename(small.with_name(name))
    done = run(small.parent, "compile", "--", f"./{name}")
    assert done.returncode == 1, done.stderr
    assert "error[FC1006]" in done.stderr and ":1:1: " in done.stderr
    assert small.with_name(name).read_text() == content  # a lock is not written over it


def test_an_include_that_no_build_can_hold_is_refused_where_it_is_named(small: Path) -> None:
    small.with_name("-more.yaml").write_text("{}")
    small.write_text(small.read_text().replace('"version": 1,', '"version": 1,\n "include": ["-*.yaml"],'))
    done = run(small.parent, "compile", "x.yaml")
    assert done.returncode == 1, done.stderr
    assert "x.yaml:3:14: error[FC1006]" in done.stderr


def test_a_lock_that_cannot_be_written_is_the_environments_failure(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(compiler, "replace_file", refuse)
    with pytest.raises(CompileError, match="FC8001"):
        compiler.build(small, tmp_path / "build", Options(jobs=1))
    assert not (tmp_path / "build/test").exists()
    with pytest.raises(CompileError, match="FC8001"):
        compiler.relock(small, locks.prune, Options(jobs=1))


def test_a_lock_that_changed_during_a_compile_is_not_overwritten(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler.build(small, tmp_path / "one", Options(jobs=1))
    lock, checked = small.with_suffix(".lock"), compiler._checked
    theirs = lock.read_text().replace("network/compute: 0+1", "network/compute: 3+1")

    def check(path: Path, options: Options) -> compiler.Analysis:
        lock.write_text(theirs)
        return checked(path, options)

    monkeypatch.setattr(compiler, "_checked", check)
    with pytest.raises(CompileError, match="FC4005"):
        compiler.relock(small, lambda lock: locks.without(lock, "su1"), Options(jobs=1))
    assert lock.read_text() == theirs


def test_the_lock_is_replaced_under_a_lock_of_its_directory(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two compiles with different outputs could both find the lock as it was, and the later one win."""
    tried: list[bool] = []

    def attempt(path: Path, content: bytes) -> None:
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tried.append(True)
        except BlockingIOError:
            tried.append(False)
        finally:
            os.close(descriptor)

    monkeypatch.setattr(compiler, "replace_file", attempt)
    (tmp_path / "link").symlink_to(small.parent)
    compiler.build(tmp_path / "link" / small.name, tmp_path / "build", Options(jobs=1))
    assert tried == [False]


@pytest.mark.parametrize("broken", ["empty", "<<<<<<< HEAD\n", None])
def test_an_update_replaces_a_golden_that_cannot_be_read(small: Path, broken: str | None) -> None:
    place = small.parent / "golden" / "x"
    place.mkdir(parents=True)
    if broken != "empty":
        assert run(small.parent, "golden", "update", "x.yaml").returncode == 0
        (place / "golden.json").write_text(broken or "{}")
    assert run(small.parent, "golden", "check", "x.yaml").returncode == 1
    done = run(small.parent, "golden", "update", "x.yaml")
    assert done.returncode == 0, done.stderr
    assert "written" in done.stdout
    assert run(small.parent, "golden", "check", "x.yaml").returncode == 0


def test_an_update_replaces_no_directory_that_is_not_a_golden(small: Path) -> None:
    place = small.parent / "golden" / "x"
    place.mkdir(parents=True)
    (place / "notes.txt").write_text("mine")
    assert run(small.parent, "golden", "update", "x.yaml").returncode == 3
    (place / "golden.json").write_text("{")
    assert run(small.parent, "golden", "update", "x.yaml").returncode == 3
    assert (place / "notes.txt").read_text() == "mine"


def test_a_reassignment_that_leaves_two_with_the_same_numbers_writes_nothing(small: Path) -> None:
    small.write_text(text(intent(4, 2, **SMALL)))
    assert run(small.parent, "compile", "x.yaml").returncode == 0
    lock = small.with_suffix(".lock")
    broken = lock.read_text().replace("su3: 2+1", "su3: 0+1").replace("su4: 3+1", "su4: 1+1")
    lock.write_text(broken)
    hint = run(small.parent, "compile", "x.yaml").stderr
    assert hint.count("error[FC4004]") == 2
    done = run(small.parent, "lock", "reassign", "x.yaml", "su3")
    assert (done.returncode, lock.read_text()) == (1, broken)
    assert "error[FC4004]" in done.stderr
    command = hint.split("`fabricc ")[1].split("`")[0]
    done = run(small.parent, *command.split(" "))
    assert done.returncode == 0, done.stderr
    assert run(small.parent, "check", "x.yaml").returncode == 0


@pytest.mark.parametrize("name", [".", "missing.yaml"])
def test_relocking_what_is_no_intent_is_an_error(small: Path, name: str) -> None:
    done = run(small.parent, "lock", "prune", name)
    assert done.returncode in (1, 2), done.stderr
