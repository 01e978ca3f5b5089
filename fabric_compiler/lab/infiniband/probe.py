"""Asks a subnet's nodes and its administration, through libibumad as infiniband-diags do: a program that the lab starts.

It reads batches from its standard input until its end: their number (32 bits) and so many questions (see mads.QUESTION). To
each batch it writes as many answers, in the same order.
It must not import the rest of the package: libumad2sim, which puts ibsim in the place of the kernel's devices, takes over
open, read, write, close and poll of the whole process.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from typing import Any

_QUESTION, _ANSWER = struct.Struct(">BHHI"), struct.Struct(">H64s")
_MAD = 256
_SMP, _SA = 0x01, 0x03
_VERSIONS = {_SMP: 1, _SA: 2}  # class versions: IBA 13.4.2, 15.2
_DATA = {_SMP: 64, _SA: 56}  # where the attribute begins: IBA 14.2.1, 15.2.1.1
_GET, _GET_RESPONSE = 0x01, 0x81
_PATH_RECORD = 0x35
_BY_LIDS = 1 << 4 | 1 << 5  # PathRecord's component mask: DLID, SLID
_SA_QPN, _SA_QKEY = 1, 0x80010000  # IBA 3.5.8, 10.2.5
_WINDOW = 8  # under way at a time; a datagram socket of Linux queues 10 (net.unix.max_dgram_qlen)
_PATIENCE_MS, _TRIES = 1000, 3
_SILENCE = 0xFFFF
BATCH = 1 << 16  # questions that are put at a time


class Port:
    """The simulated adapter's port that the process is attached to."""

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL("libibumad.so.3", use_errno=True)
        if self._library.umad_init() < 0:
            raise OSError("libibumad cannot be initialised")
        self._port = self._library.umad_open_port(None, 0)
        if self._port < 0:
            raise OSError("there is no port of an adapter")
        self._agents = {
            kind: self._library.umad_register(self._port, kind, version, 0, None) for kind, version in _VERSIONS.items()
        }
        self._header = self._library.umad_size()
        self._out = ctypes.create_string_buffer(self._header + _MAD)
        self._in = ctypes.create_string_buffer(self._header + _MAD)

    def ask(self, questions: list[tuple[int, int, int, int]]) -> list[bytes]:
        """An answer each, in their order. One that does not come, however often it is asked for, is silence; then so are all
        that have not come by then."""
        answers: dict[int, bytes] = {}
        waiting: dict[int, int] = {}  # number: tries
        following = iter(range(len(questions)))
        while True:
            while len(waiting) < _WINDOW and (number := next(following, None)) is not None:
                waiting[number] = 1
                self._send(number, questions[number])
            if not waiting:
                return [answers[number] for number in range(len(questions))]
            got = self._receive()
            if got:
                number, answer = got
                if waiting.pop(number, None) is not None:
                    answers[number] = answer
                continue
            if max(waiting.values()) == _TRIES:
                return [answers.get(number, _ANSWER.pack(_SILENCE, b"")) for number in range(len(questions))]
            for number in waiting:
                waiting[number] += 1
                self._send(number, questions[number])

    def _send(self, number: int, question: tuple[int, int, int, int]) -> None:
        kind, lid, attribute, modifier = question
        mad = bytearray(_MAD)
        path = attribute == _PATH_RECORD
        struct.pack_into(
            ">BBBBHHQHHI", mad, 0, 1, kind, _VERSIONS[kind], _GET, 0, 0, number + 1, attribute, 0, 0 if path else modifier
        )
        if path:
            struct.pack_into(">Q", mad, 48, _BY_LIDS)
            struct.pack_into(">HH", mad, _DATA[_SA] + 40, modifier & 0xFFFF, modifier >> 16)
        ctypes.memmove(ctypes.addressof(self._out) + self._header, bytes(mad), _MAD)
        pair = (_SA_QPN, _SA_QKEY) if kind == _SA else (0, 0)
        self._library.umad_set_addr(self._out, lid, pair[0], 0, pair[1])
        if self._library.umad_send(self._port, self._agents[kind], self._out, _MAD, _PATIENCE_MS, 0) < 0:
            raise OSError(ctypes.get_errno(), "a MAD cannot be sent")

    def _receive(self) -> tuple[int, bytes] | None:
        length = ctypes.c_int(_MAD)
        if self._library.umad_recv(self._port, self._in, ctypes.byref(length), _PATIENCE_MS) < 0:
            return None
        mad = self._in.raw[self._header :]
        _, kind, _, method, status, transaction = struct.unpack_from(">BBBBH2xQ", mad)
        if kind not in _DATA or method != _GET_RESPONSE:
            return None
        data = mad[_DATA[kind] : _DATA[kind] + 64]
        # the upper half of a transaction's number is the library's own
        return (transaction & 0xFFFFFFFF) - 1, _ANSWER.pack(status, data)


def main() -> None:
    port = Port()
    while count := sys.stdin.buffer.read(4):
        batch = sys.stdin.buffer.read(int.from_bytes(count, "big") * _QUESTION.size)
        sys.stdout.buffer.write(b"".join(port.ask(list(_QUESTION.iter_unpack(batch)))))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
