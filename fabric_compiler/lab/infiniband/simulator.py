"""ibsim: starts it on a topology, and speaks to its console."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Final

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.lab.infiniband import processes
from fabric_compiler.lab.infiniband.tools import Tools, environment
from fabric_compiler.verify.subnet import SWITCH, Subnet

TOPOLOGY, CONSOLE, OUTPUT = "topology.net", "console", "ibsim.out"
_READY: Final = b"Network simulator ready."
_PROMPT: Final = b"sim> "
_WARNING: Final = b"ibwarn: "  # of packets, at any time
_LIDS = 0xC000  # LIDs of unicast end at 0xBFFF (IBA 4.1.3)
_START_SECONDS, _ANSWER_SECONDS = 120.0, 30.0


def start(tools: Tools, directory: Path, instance: str, topology: Path, subnet: Subnet) -> None:
    """Run ibsim on the file `topology` below the directory, which holds `subnet`; returns when it is ready.

    Raises CompileError (FC8201) when it does not start.
    """
    os.mkfifo(directory / CONSOLE, 0o600)
    # open for both: without a writer ibsim would read the end of its console for ever
    console = os.open(directory / CONSOLE, os.O_RDWR | os.O_CLOEXEC)
    switches = len(subnet.of_kind(SWITCH))
    ports = sum(node.port_count + 1 for node in subnet.nodes.values())
    capacities = {"-N": len(subnet.nodes), "-S": max(switches, 1), "-P": ports, "-L": _LIDS}
    command = [tools.ibsim, "-s", *(word for option, number in capacities.items() for word in (option, str(number)))]
    try:
        process = processes.start(
            [*command, str(topology)], directory, environment(directory, instance), console, directory / OUTPUT
        )
    finally:
        os.close(console)
    until = time.monotonic() + _START_SECONDS
    while _READY not in (said := (directory / OUTPUT).read_bytes()):
        if process.poll() is not None or time.monotonic() > until:
            raise _failed("ibsim does not start", said)
        time.sleep(0.02)


def command(directory: Path, line: str) -> None:
    """Give a command to the console. Raises CompileError (FC8201) where it is not taken."""
    output = directory / OUTPUT
    before = output.stat().st_size
    console = os.open(directory / CONSOLE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not stat.S_ISFIFO(os.fstat(console).st_mode):
            raise _failed("ibsim's console is not there", b"")
        os.write(console, line.encode() + b"\n")
    finally:
        os.close(console)
    until = time.monotonic() + _ANSWER_SECONDS
    while True:
        with output.open("rb") as file:
            file.seek(before)
            said = file.read()
        if _PROMPT in said:
            answer = said.partition(_PROMPT)[0].splitlines()
            if complaints := [line for line in answer if line.strip() and not line.startswith(_WARNING)]:
                raise _failed(f"ibsim does not take {line!r}", complaints[0])
            return
        if time.monotonic() > until:
            raise _failed(f"ibsim does not answer to {line!r}", said)
        time.sleep(0.005)


def _failed(message: str, said: bytes) -> CompileError:
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    return CompileError([Diagnostic("FC8201", Severity.ERROR, f"{message}: {last[0]}" if last else message)])
