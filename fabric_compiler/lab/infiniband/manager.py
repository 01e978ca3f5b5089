"""OpenSM: starts it on the simulated subnet, and waits until the subnet is up."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.lab.infiniband import log as logs
from fabric_compiler.lab.infiniband import processes
from fabric_compiler.lab.infiniband.log import Log
from fabric_compiler.lab.infiniband.options import NAME
from fabric_compiler.lab.infiniband.tools import Tools, environment

LOG, OUTPUT = "opensm.log", "opensm.out"
_COMMAND = "opensm"
_TICK = 0.02


def start(tools: Tools, directory: Path, instance: str, host: str) -> int:
    """Run OpenSM on the directory's opensm.conf, attached to the node `host`; returns its process."""
    settings = environment(directory, instance, host, tools.preload)
    return processes.start([tools.opensm, "-F", NAME], directory, settings, subprocess.DEVNULL, directory / OUTPUT).pid


def find(instance: str) -> int | None:
    """The process of the lab's OpenSM."""
    return next((process for process in processes.of(instance) if _is_ours(process)), None)


def _is_ours(process: int) -> bool:
    try:
        return Path("/proc", str(process), "comm").read_text().strip() == _COMMAND
    except OSError:
        return False


def log(directory: Path) -> Log:
    """What there is in it by now."""
    try:
        return logs.read((directory / LOG).read_text(errors="replace"))
    except FileNotFoundError:
        return Log((), 0, 0, ())


def printed(directory: Path) -> str:
    try:
        return (directory / OUTPUT).read_text(errors="replace")
    except FileNotFoundError:
        return ""


def wait_for_sweep(directory: Path, process: int, after: int, seconds: float) -> Log:
    """Until the subnet came up once more than `after` times.

    Raises CompileError (FC8201), with what OpenSM said first, when it ends, cannot route the subnet or takes too long.
    """
    until = time.monotonic() + seconds
    while True:
        found = log(directory)
        if found.sweeps > after:
            return found
        if found.unrouted:
            raise failed("no routing engine configures the switches", directory)
        if not _runs(process):
            raise failed("the subnet manager ended before the subnet was up", directory)
        if time.monotonic() > until:
            raise failed(f"the subnet is not up after {seconds:.0f} s", directory)
        time.sleep(_TICK)


def failed(message: str, directory: Path) -> CompileError:
    said = [*logs.refusals(printed(directory)), *log(directory).errors]
    return CompileError([Diagnostic("FC8201", Severity.ERROR, f"{message}: {said[0]}" if said else message)])


def _runs(process: int) -> bool:
    """False for one that only waits to be taken note of."""
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
