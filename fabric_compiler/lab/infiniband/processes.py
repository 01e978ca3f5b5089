"""The lab's processes: started apart from ours, found again by their mark, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_MARK: Final = b"IBSIM_SOCKNAME="
_TERM_SECONDS, _KILL_SECONDS = 3.0, 10.0


def start(
    command: Sequence[str], directory: Path, settings: Mapping[str, str], reads: IO[bytes] | int, out: Path
) -> subprocess.Popen[bytes]:
    """In a session of its own, so that our terminal's signals are not its; what it prints goes to the file `out`."""
    with out.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 -- our own words
            command, cwd=directory, env=dict(settings), stdin=reads, stdout=file, stderr=file, start_new_session=True
        )  # fmt: skip


def of(instance: str) -> list[int]:
    """Processes of the labs whose simulators' sockets have names that begin with `instance`, whoever started them."""
    mark = _MARK + instance.encode()
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        with suppress(OSError):  # another user's, or ended meanwhile
            if any(word.startswith(mark) for word in (process / "environ").read_bytes().split(b"\0")):
                found.append(int(process.name))
    return [process for process in found if process != os.getpid()]


def name(process: int) -> str:
    """Of its program; empty where it has ended."""
    try:
        return Path("/proc", str(process), "comm").read_text().strip()
    except OSError:
        return ""


def end(instance: str) -> int:
    """End the lab's processes, gently at first; returns how many there were. Raises TimeoutError."""
    first = running = of(instance)
    for sent, seconds in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        for process in running:
            with suppress(ProcessLookupError):
                os.kill(process, sent)
        until = time.monotonic() + seconds
        while (running := of(instance)) and time.monotonic() < until:
            time.sleep(0.02)
        if not running:
            return len(first)
    raise TimeoutError(f"processes {', '.join(map(str, running))} do not end")
