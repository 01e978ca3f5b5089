"""A program in the machine on this terminal: keys go there, Ctrl-C too, and it knows the window's size."""

from __future__ import annotations

import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from fabric_compiler.lab.vm.channel import Program
from fabric_compiler.lab.vm.machine import Machine
from fabric_compiler.lab.vm.session import Said


def interact(machine: Machine, argv: Sequence[str]) -> int:
    """The exit code. Where standard input is no terminal, what it holds is given as it is. Raises CompileError (FC8201)."""
    descriptor = sys.stdin.fileno()
    if not os.isatty(descriptor):
        return machine.run(Program(argv), descriptor, _to(1), _to(2))
    environment = (("TERM", os.environ.get("TERM", "linux")),)
    program = Program(argv, (True, True, True), _size(descriptor), environment)
    with _raw(descriptor), machine.session(_to(1), _to(2)) as session:

        def resized(number: int, frame: FrameType | None) -> None:
            session.resize(*_size(descriptor))

        former = signal.signal(signal.SIGWINCH, resized)
        try:
            return session.run(program, descriptor)
        finally:
            signal.signal(signal.SIGWINCH, former)


def _to(descriptor: int) -> Said:
    def write(said: bytes) -> None:
        while said:
            said = said[os.write(descriptor, said) :]

    return write


def _size(terminal: int) -> tuple[int, int]:
    columns, rows = os.get_terminal_size(terminal)
    return rows, columns


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """As typed, nothing echoed or held back; afterwards as it was."""
    former = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, former)
