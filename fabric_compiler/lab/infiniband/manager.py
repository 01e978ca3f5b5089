"""OpenSM: starts it on the simulated subnet, and waits until the subnet is up."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.lab.infiniband import log as logs
from fabric_compiler.lab.infiniband import processes
from fabric_compiler.lab.infiniband.log import Log
from fabric_compiler.lab.infiniband.tools import Tools, environment

LOG, OUTPUT = "opensm.log", "opensm.out"
_COMMAND = "opensm"
_TICK = 0.02


def start(tools: Tools, directory: Path, instance: str, options: Path, host: str) -> subprocess.Popen[bytes]:
    """Run OpenSM with the file of `options` below the directory, attached to the node `host`."""
    settings = environment(directory, instance, host, tools.preload)
    command = [tools.opensm, "-F", str(options)]
    return processes.start(command, directory, settings, subprocess.DEVNULL, directory / OUTPUT)


def runs(instance: str) -> bool:
    """Whether the lab's OpenSM does."""
    return _COMMAND in map(processes.name, processes.of(instance))


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


def wait_until_up(directory: Path, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until the subnet came up for the first time.

    Raises CompileError (FC8201), with what OpenSM said first, when it ends, cannot route the subnet or takes too long.
    """
    until = time.monotonic() + seconds
    while True:
        found = log(directory)
        if found.sweeps:
            return
        if found.unrouted:
            raise failed("no routing engine configures the switches", directory)
        if process.poll() is not None:
            raise failed("the subnet manager ended before the subnet was up", directory)
        if time.monotonic() > until:
            raise failed(f"the subnet is not up after {seconds:.0f} s", directory)
        time.sleep(_TICK)


def failed(message: str, directory: Path) -> CompileError:
    said = [*logs.refusals(printed(directory)), *log(directory).errors]
    return CompileError([Diagnostic("FC8201", Severity.ERROR, f"{message}: {said[0]}" if said else message)])
