"""A program in the machine, from the side of the command that runs it."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.lab.vm.channel import FULL, Kind, Line, Program, ProtocolError, as_numbers, numbers

_CHUNK = 1 << 15

Said = Callable[[bytes], None]


def vm_error(message: str, hint: str = "") -> CompileError:
    return CompileError([Diagnostic("FC8201", Severity.ERROR, message, hint=hint)])


class Session:
    """`output` and `errors` are called with what the program writes, `started` once the machine is up and it runs."""

    def __init__(
        self,
        connection: socket.socket,
        output: Said = lambda said: None,
        errors: Said = lambda said: None,
        started: Callable[[], None] = lambda: None,
    ) -> None:
        self._line = Line(connection.fileno())
        self._output, self._errors, self._started = output, errors, started
        self._runs = self._interrupted = False

    def resize(self, rows: int, columns: int) -> None:
        self._send(Kind.SIZE, numbers(rows, columns))

    def run(self, program: Program, given: Iterator[bytes] | int | None = None) -> int:
        """The exit code. `given`, chunks or a descriptor, is its standard input. Ctrl-C interrupts the program; a second one
        ends the waiting for it (KeyboardInterrupt). Raises CompileError (FC8201) where the machine ends before.
        """
        self._send(Kind.RUN, program.encode())
        source: Iterator[bytes] | int | None = iter(()) if given is None else given
        while True:
            room = source is not None and self._runs and self._line.waiting < FULL
            watched = [source] if room and isinstance(source, int) else []
            chunks = source if room and isinstance(source, Iterator) else None
            ready, takes = self._select([self._line, *watched], [self._line] if self._line.waiting or chunks else [])
            if self._line in ready:
                code = self._hear()
                if code is not None:
                    return code
            if takes:
                self._flush()
            if watched and watched[0] in ready:
                more = os.read(watched[0], _CHUNK)
            elif chunks and takes:
                more = next(filter(None, chunks), b"")
            else:
                continue
            self._send(Kind.INPUT, more)
            source = source if more else None

    def _select(self, reading: list[Any], writing: list[Any]) -> tuple[list[Any], list[Any]]:
        try:
            ready, takes, _ = select.select(reading, writing, [])
        except KeyboardInterrupt:
            if self._interrupted:
                raise
            self._interrupted = True
            self._send(Kind.SIGNAL, numbers(signal.SIGINT))
            return [], []
        return ready, takes

    def _hear(self) -> int | None:
        """Pass on what the machine says; the exit code, once it comes."""
        with _while_it_runs():
            frames = self._line.receive()
        for kind, payload in frames:
            if kind == Kind.EXIT:
                return as_numbers(payload)[0]
            if kind == Kind.FAILED:
                raise failed(payload)
            if kind == Kind.READY:
                self._runs = True
                self._started()
            elif kind in (Kind.OUTPUT, Kind.ERRORS):
                (self._output if kind == Kind.OUTPUT else self._errors)(payload)
        return None

    def _send(self, kind: int, payload: bytes) -> None:
        with _while_it_runs():
            self._line.send(kind, payload)

    def _flush(self) -> None:
        with _while_it_runs():
            self._line.flush()


def failed(payload: bytes) -> CompileError:
    """What a supervisor said at its end: why, and the last lines of the console."""
    why, *console = payload.decode(errors="replace").split("\n")
    return vm_error(why, f"its console ends with: {' | '.join(console)}" if console else "")


@contextmanager
def _while_it_runs() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ProtocolError) as error:
        raise vm_error("the virtual machine ended") from error
