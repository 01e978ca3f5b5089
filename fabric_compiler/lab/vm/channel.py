"""How a command, the supervisor of a machine, and the agent inside it talk: frames over a socket or a virtio-serial port.

A session is one program in the machine. Its first frame is RUN, its last EXIT; a port carries one session after another, so a
program that writes much holds up nobody else's.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

PORT_NAME: Final = "fabricc"
"""Begins the names of the machine's ports."""

PYTHON: Final = "python"

_HEAD: Final = struct.Struct(">BI")  # kind, bytes that follow
_CHUNK: Final = 1 << 16
_LARGEST: Final = 1 << 20
FULL: Final = 1 << 18
"""Bytes that wait to be sent, from which on nothing more is read for them."""


class Kind(IntEnum):
    # to the machine
    RUN = 1
    INPUT = 2  # empty: no more comes
    SIZE = 3  # of the terminal: rows, columns
    SIGNAL = 4  # a signal's number, for the program and those that it started
    # from the machine
    READY = 16
    OUTPUT = 17
    ERRORS = 18
    EXIT = 19  # the exit code
    # to and from its supervisor
    STOP = 32
    FAILED = 33  # why, as text


class Frame(NamedTuple):
    kind: int
    payload: bytes


class ProtocolError(Exception):
    """What comes is no frame."""


class Program(NamedTuple):
    """What a session runs; PYTHON as its first word is the interpreter that runs the agent, with our packages. `terminal` says
    which of its three descriptors are one; the others are pipes.
    """

    argv: Sequence[str]
    terminal: tuple[bool, bool, bool] = (False, False, False)
    size: tuple[int, int] = (24, 80)
    environment: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        return json.dumps(self).encode()


def program(payload: bytes) -> Program:
    """The inverse of `encode`."""
    argv, terminal, size, environment = json.loads(payload)
    return Program(
        argv, (terminal[0], terminal[1], terminal[2]), (size[0], size[1]), tuple((key, value) for key, value in environment)
    )


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def as_numbers(payload: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(payload) // 4}I", payload[: len(payload) // 4 * 4])


class Line:
    """One end of a connection, which never blocks: `waiting` bytes are sent as the other side takes them."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._incoming = bytearray()
        self._outgoing = bytearray()

    def fileno(self) -> int:
        return self.descriptor

    @property
    def waiting(self) -> int:
        return len(self._outgoing)

    def receive(self) -> list[Frame]:
        """What has come and is whole. Raises EOFError at the end, ProtocolError, OSError."""
        try:
            came = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return []
        if not came:
            raise EOFError
        self._incoming += came
        return self._frames()

    def _frames(self) -> list[Frame]:
        found, at = [], 0
        while at + _HEAD.size <= len(self._incoming):
            kind, length = _HEAD.unpack_from(self._incoming, at)
            if length > _LARGEST:
                raise ProtocolError(f"a frame of {length} bytes")
            end = at + _HEAD.size + length
            if end > len(self._incoming):
                break
            found.append(Frame(kind, bytes(self._incoming[at + _HEAD.size : end])))
            at = end
        del self._incoming[:at]
        return found

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Raises OSError where the other side is gone."""
        self._outgoing += _HEAD.pack(kind, len(payload)) + payload
        self.flush()

    def flush(self) -> None:
        while self._outgoing:
            try:
                sent = os.write(self.descriptor, self._outgoing[:_CHUNK])
            except BlockingIOError:
                return
            del self._outgoing[:sent]
