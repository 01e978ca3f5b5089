"""Whole processes, measured from outside: time by the operating system's account, memory of all processes together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
INTENTS = HERE / "intents"
_SAMPLE = 0.02  # seconds


@dataclass(frozen=True, slots=True)
class Usage:
    """One run. `peak` MiB is that of the largest process; `together` sums all processes' proportional shares (PSS), so
    that pages which a worker shares with its parent count once; 0 where it was not sampled."""

    wall: float
    cpu: float
    peak: float
    together: float = 0.0


def quiet_directory() -> Path:
    """Where builds are written: memory, if there is a file system in it.

    A disk's state would decide the comparison: ext4 gives an inode that was freed a moment ago to no new file, and the search
    costs more than the compile when a build was just removed.
    """
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def compile_command(intent: Path, output: Path, jobs: int | None = None) -> list[str]:
    """The compiler's command line."""
    command = [sys.executable, "-m", "fabric_compiler.cli", "compile", str(intent), "-o", str(output)]
    return [*command, "--jobs", str(jobs)] if jobs else command


def run(command: Sequence[str], sample_memory: bool = False) -> Usage:
    """Run to the end. Sampling memory takes a little of the machine: not in the run that is timed. Raises RuntimeError."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment())
        together = 0
        if sample_memory:
            while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                together = max(together, sum(map(_proportional, _family(process.pid))))
                time.sleep(_SAMPLE)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said.read().decode(errors='replace')}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, together / 2**20)


def environment() -> dict[str, str]:
    """Of the runs: this checkout, and byte code kept between them, as an installed package has it."""
    compiled = Path(tempfile.gettempdir(), f"fabricc-benchmarks-{os.getuid()}")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(HERE.parent), "PYTHONPYCACHEPREFIX": str(compiled)}


def best(commands: dict[str, list[str]], outputs: Path, runs: int) -> dict[str, Usage]:
    """The fastest of `runs` of each command, taken in turn; memory by one more run. `outputs` is emptied before each run.
    One run goes before, uncounted: it fills the caches of byte code and of the disk.

    In turn, because a shared machine changes its speed; the fastest, because whatever disturbs a run only slows it down.
    """
    fastest: dict[str, Usage] = {}
    for command in commands.values():
        _empty(outputs)
        run(command)
    for _ in range(runs):
        for name, command in commands.items():
            _empty(outputs)
            found = run(command)
            if name not in fastest or found.wall < fastest[name].wall:
                fastest[name] = found
    for name, command in commands.items():
        _empty(outputs)
        together = run(command, sample_memory=True).together
        fastest[name] = Usage(fastest[name].wall, fastest[name].cpu, fastest[name].peak, together)
    return fastest


def written(root: Path) -> int:
    """Bytes of the files below `root`."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def machine() -> str:
    """What the figures hold for."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    return f"{len(os.sched_getaffinity(0))} x {name}, Python {sys.version.split()[0]}"


def _empty(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)


def _family(pid: int) -> Iterable[int]:
    """The process and its descendants."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
    except OSError:  # ended meanwhile
        return


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
