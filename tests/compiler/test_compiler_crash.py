"""A compile that fails, is killed or meets another leaves a whole build, and a lock that goes with it."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from compiler.builds import Built, Desk, Tree, read_tree, with_pods
from compiler.test_compiler_determinism import TREE

from fabric_compiler import compiler
from fabric_compiler.compiler import Options
from fabric_compiler.diagnostics import CompileError

MOMENTS = 15


def started(work: Callable[[], object]) -> BaseProcess:
    """The work in a process group of its own; fork, so that what is timed is the compile and no import."""

    def run() -> None:
        os.setsid()
        work()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    while process.is_alive() and os.getpgid(process.pid or 0) != process.pid:
        time.sleep(0.001)
    return process


def compiling(here: Desk) -> Callable[[], object]:
    return lambda: compiler.build(here.intent, here.output, Options(jobs=2))


def left(here: Desk) -> Built:
    return Built(read_tree(here.output / "same"), here.lock.read_text())


def killed(process: BaseProcess) -> None:
    try:
        os.killpg(process.pid or 0, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    process.join(30)


def test_a_killed_compile_leaves_the_old_build_or_the_new_one(tmp_path: Path) -> None:
    small, large = with_pods(TREE, 2), with_pods(TREE, 3)
    measured = Desk(tmp_path / "measured")
    measured.intent.parent.mkdir()
    old = measured.build(small)
    begin = time.perf_counter()
    new = measured.build(large, jobs=2)
    whole = time.perf_counter() - begin
    here = Desk(tmp_path / "killed")
    here.intent.parent.mkdir()
    assert here.build(small) == old
    here.intent.write_text(json.dumps(large, indent=1))
    seen = set()
    for moment in range(MOMENTS):
        process = started(compiling(here))
        time.sleep(whole * 1.1 * moment / (MOMENTS - 1))
        killed(process)
        found = left(here)
        assert found.files in (old.files, new.files)
        # the lock comes last: the new one goes with the new build alone
        assert found.lock == old.lock or (found.lock, found.files) == (new.lock, new.files)
        seen.add(found.files == new.files)
        if found.files == new.files:
            here.lock.write_text(old.lock)
            assert here.build(small).files == old.files
            here.intent.write_text(json.dumps(large, indent=1))
            here.lock.write_text(old.lock)
    assert False in seen
    assert here.build(large) == new
    assert len(list((here.output / ".same").iterdir())) == 2  # the lock file, and one tree


def test_a_compile_killed_between_the_build_and_the_lock_is_mended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Desk(tmp_path)
    old = here.build(with_pods(TREE, 2))
    here.intent.write_text(json.dumps(TREE, indent=1))

    def dies(path: Path, content: bytes) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(compiler, "replace_file", dies)
        process = started(compiling(here))
        process.join(30)
    assert process.exitcode == -signal.SIGKILL
    found = left(here)
    assert found.lock == old.lock
    assert here.build(TREE).files == found.files


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"pods": [TREE["pods"][0] | {"servers": 100000}]}, "FC"),
        # found when all devices were made
        ({"overrides": [{"match": {"device": "nobody"}, "set": {"bgp.maximum-paths": 8}}]}, "FC6001"),
        ({"sites": {"gru1": {"power": "1 kW"}}}, "FC5003"),
    ],
)
def test_a_failed_compile_leaves_build_and_lock(wrong: Tree, code: str, tmp_path: Path) -> None:
    here = Desk(tmp_path)
    before = here.build(with_pods(TREE, 2))
    with pytest.raises(CompileError, match=code):
        here.build(TREE | wrong)
    assert left(here) == before
    assert len(list((here.output / ".same").iterdir())) == 2


@pytest.mark.parametrize("stage", ["topology", "control", "devices"])
def test_an_interrupted_compile_leaves_build_and_lock_and_nothing_else(stage: str, tmp_path: Path) -> None:
    here = Desk(tmp_path)
    before = here.build(with_pods(TREE, 2))
    here.intent.write_text(json.dumps(TREE, indent=1))

    def interrupt(now: str, done: int, total: int) -> None:
        if now == stage and (done or stage != "devices"):
            os.killpg(0, signal.SIGINT)  # as a terminal does: the workers get it too

    process = started(lambda: compiler.build(here.intent, here.output, Options(jobs=2, progress=interrupt)))
    process.join(30)
    assert process.exitcode == 1
    assert left(here) == before
    assert len(list((here.output / ".same").iterdir())) == 2


def test_two_compiles_at_once_both_succeed_and_leave_one_build(tmp_path: Path) -> None:
    alone = Desk(tmp_path / "alone")
    alone.intent.parent.mkdir()
    expected = alone.build(TREE)
    here = Desk(tmp_path / "both")
    here.intent.parent.mkdir()
    here.intent.write_text(json.dumps(TREE, indent=1))
    both = [started(compiling(here)) for _ in range(2)]
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert left(here) == expected
    assert len(list((here.output / ".same").iterdir())) == 2
