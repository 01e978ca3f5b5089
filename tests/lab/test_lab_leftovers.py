"""Whatever becomes of a lab, `down` removes all of it, and of another lab nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab.frr_daemons import available
from lab.mistakes import LEAFS, SPINES, compiled
from lab.remains import host_state, remains, running

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.lab import ethernet, namespaces, store
from fabric_compiler.lab.build import Build, read
from fabric_compiler.lab.slices import Slice

pytestmark = [
    pytest.mark.skipif(bool(available()), reason=available() or "FRR is here"),
    pytest.mark.xdist_group("lab-small"),
]
ROOT = Path(__file__).resolve().parents[2]


def nothing(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """A small fabric; nothing of its lab outlives the test, also of one that fails."""
    found = read(compiled(f"fl{os.getpid()}", tmp_path))
    yield found
    ethernet.down(found.fabric)


def fabricc(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fabric_compiler.cli", "lab", *arguments]


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        fabricc(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "200"}
    )


def killed_when(command: list[str], reached: Callable[[], bool]) -> None:
    """Start it, and kill -9 it as soon as it came so far."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while not reached() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        assert process.poll() is None, "it was not killed in the midst"
        process.send_signal(signal.SIGKILL)


# how far `up` is when it is killed
MOMENTS: dict[str, Callable[[str], bool]] = {
    "the record": lambda fabric: (store.ROOT / fabric / "lab.json").exists(),
    "a namespace": lambda fabric: bool(store.traces(fabric).namespaces),
    "a directory of FRR": lambda fabric: len(store.traces(fabric).paths) > 1,
    "a daemon": lambda fabric: bool(running(fabric)),
    "several daemons": lambda fabric: len(running(fabric)) > 8,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_down_removes_what_a_kill_in_the_midst_of_up_leaves(moment: str, build: Build) -> None:
    before = host_state()
    killed_when(fabricc("up", str(build.path)), lambda: MOMENTS[moment](build.fabric))
    assert remains(build.fabric)
    ethernet.down(build.fabric)
    assert remains(build.fabric) == []
    assert host_state() == before


def test_down_removes_what_a_kill_in_the_midst_of_a_fault_leaves(build: Build) -> None:
    ethernet.up(build, Slice(), None, nothing)
    everything = len(running(build.fabric))
    killed_when(fabricc("test", str(build.path)), lambda: len(running(build.fabric)) < everything - 1)  # a switch is dead
    again = call("up", str(build.path))
    assert again.returncode == 3
    assert "fabricc lab down" in again.stderr
    assert call("down", build.fabric).returncode == 0
    assert remains(build.fabric) == []


def test_down_of_nothing_is_fine_and_of_no_name_an_error() -> None:
    done = call("down", f"fl{os.getpid()}-never")
    assert done.returncode == 0
    assert "there was no lab" in done.stdout
    assert call("down", "/nowhere/a_b").returncode == 2


def test_an_up_that_fails_leaves_nothing(build: Build) -> None:
    """A namespace of one of its names is there already: whose it is cannot be known."""
    name = store.name(build.fabric, LEAFS[0])
    namespaces.create([name])
    with pytest.raises(CompileError, match="lab down"):
        ethernet.up(build, Slice(), None, nothing)
    namespaces.remove([name])
    frr = build.path / "devices" / SPINES[0] / "frr.conf"
    # taken by the list, refused by the daemon
    frr.write_text(frr.read_text().replace(" bgp log-neighbor-changes\n", " bgp nonsense\n"))
    with pytest.raises(CompileError, match=f"FRR does not take the configuration of {SPINES[0]}"):
        ethernet.up(read(build.path, edited=True), Slice(), None, nothing)
    assert remains(build.fabric) == []


def test_labs_of_two_fabrics_do_not_see_each_other(build: Build, tmp_path: Path) -> None:
    """The name of one is the beginning of the other's."""
    other = read(compiled(f"{build.fabric}-2", tmp_path))
    try:
        for one in (build, other):
            ethernet.up(one, Slice(devices=(SPINES[0], LEAFS[0])), None, nothing)
        count = len(running(other.fabric))
        assert count == len(running(build.fabric)) > 0
        ethernet.down(build.fabric)
        assert remains(build.fabric) == []
        assert len(running(other.fabric)) == count
    finally:
        ethernet.down(other.fabric)


def test_two_commands_at_work_on_one_lab_are_kept_apart(build: Build) -> None:
    with store.at_work(build.fabric):
        done = call("up", str(build.path))
    assert done.returncode == 3
    assert "another fabricc is at work" in done.stderr
    assert remains(build.fabric) == []
