"""Puts questions to a lab's subnet, by a process of its own: see probe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO

import numpy as np
import numpy.typing as npt

from fabric_compiler.lab.infiniband import mads, probe
from fabric_compiler.lab.infiniband.mads import ANSWER, Bytes, Questions
from fabric_compiler.lab.infiniband.tools import Tools, environment

_SECONDS, _LEAVE_SECONDS = 600.0, 5.0
_ERRORS = "probe.err"


@dataclass(frozen=True, slots=True)
class Attachment:
    """How to reach a lab's subnet: its directory and simulator, and the node where a client is attached."""

    tools: Tools
    directory: Path
    instance: str
    host: str


@dataclass(frozen=True, slots=True)
class Asker:
    process: subprocess.Popen[bytes]
    reads: IO[bytes]
    writes: IO[bytes]
    errors: Path

    def data(self, asked: Questions) -> Bytes:
        """The attributes; every node must answer, and well. Raises OSError."""
        answers = self.answers(asked)
        bad = np.flatnonzero(answers["status"])
        if len(bad):
            one = int(bad[0])
            status = int(answers["status"][one])
            what = "does not answer" if status == mads.SILENCE else f"answers with status {status:#x}"
            raise OSError(f"LID {asked['lid'][one]} {what} when asked for attribute {asked['attribute'][one]:#06x}")
        return np.ascontiguousarray(answers["data"])

    def answers(self, asked: Questions) -> npt.NDArray[np.void]:
        """An answer to each. Raises OSError."""
        found = []
        for first in range(0, len(asked), probe.BATCH):
            batch = asked[first : first + probe.BATCH]
            try:
                self.writes.write(len(batch).to_bytes(4, "big") + batch.tobytes())
                self.writes.flush()
                got = self.reads.read(len(batch) * ANSWER.itemsize)
            except BrokenPipeError:
                got = b""
            if len(got) < len(batch) * ANSWER.itemsize:
                said = self.errors.read_text(errors="replace").strip().splitlines()
                raise OSError(f"the subnet cannot be asked: {said[-1] if said else 'the probe ended'}")
            found.append(np.frombuffer(got, dtype=ANSWER))
        return np.concatenate(found) if found else np.empty(0, dtype=ANSWER)


@contextmanager
def asker(at: Attachment, seconds: float = _SECONDS) -> Iterator[Asker]:
    """Ends after so many `seconds` in any case; what is asked then raises OSError."""
    command = [sys.executable, "-I", str(Path(probe.__file__))]
    settings = environment(at.directory, at.instance, at.host, at.tools.preload)
    errors = at.directory / _ERRORS
    with (
        errors.open("wb") as said,
        subprocess.Popen(  # noqa: S603 -- our own words
            command, cwd=at.directory, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        ) as process,
    ):
        limit = Timer(seconds, process.kill)
        limit.daemon = True
        limit.start()
        try:
            assert process.stdin
            assert process.stdout
            yield Asker(process, process.stdout, process.stdin, errors)
        finally:
            limit.cancel()
            _dismiss(process)


def _dismiss(process: subprocess.Popen[bytes]) -> None:
    """It takes its leave of ibsim, which has room for ten."""
    assert process.stdin
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
