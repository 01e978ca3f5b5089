"""What goes wrong around the compiler: terminals, disks, signals; the former build stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from fabrics import intent, text

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
    assert done.returncode == 0, done.stderr
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
