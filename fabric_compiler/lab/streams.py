"""Small packets over some pairs of NICs all the time: what a fault costs."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fabric_compiler.lab.pairs import Pair
from fabric_compiler.lab.probes import Post

_SIZE: Final = 64
_LATE: Final = 0.5  # seconds after which a packet is lost
_WHILE: Final = 0.5  # seconds without loss, after which the network carries everything again


@dataclass(frozen=True, slots=True)
class Loss:
    """`last`: when the last lost packet was sent, by the monotonic clock; 0: none is lost."""

    lost: int
    sent: int
    last: float


class Stream:
    """A round of packets, one over each pair, every `interval` seconds, as far as the machine keeps up."""

    def __init__(self, post: Post, chosen: Sequence[Pair], interval: float) -> None:
        self._post, self._chosen, self._interval = post, chosen, interval
        self._sent: list[float] = []  # when, by round
        self._arrived: list[set[int]] = []  # numbers of pairs, by round
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        first = self._post.rounds  # packets of before may still arrive
        while not self._stop.is_set():
            number, due = self._post.rounds, time.monotonic() + self._interval
            self._post.rounds += 1
            self._arrived.append(set())
            self._sent.append(time.monotonic())
            for at, pair in enumerate(self._chosen):
                self._post.send(pair, at, number, _SIZE)
            while True:
                wait = max(due - time.monotonic(), 0)
                for at, packet, device, _ in self._post.arrivals(wait):
                    if packet >= first and device == self._chosen[at][1].device:
                        self._arrived[packet - first].add(at)
                if not wait:
                    break
            self._post.complaints()  # else they fill the sockets

    def loss(self, since: float, until: float = math.inf) -> Loss:
        """Of the packets that were sent between the two moments, and so long ago that they must have arrived."""
        if not self._thread.is_alive():
            raise RuntimeError("the stream broke off")
        until = min(until, time.monotonic() - _LATE)
        sent = list(self._sent)  # another round may begin meanwhile; its place in the other list is there already
        rounds = [(at, len(self._chosen) - len(self._arrived[n])) for n, at in enumerate(sent) if since <= at <= until]
        return Loss(
            sum(missed for _, missed in rounds),
            len(rounds) * len(self._chosen),
            max((at for at, missed in rounds if missed), default=0.0),
        )

    def is_whole(self, since: float, within: float) -> bool:
        """Wait, from `since` on, until all packets of a while arrive, and no longer than `within`."""
        while True:
            begin = max(self.loss(since).last, since)
            now = time.monotonic()
            if now - begin > _LATE + _WHILE and (self.loss(begin).sent or not self._chosen):
                return True
            if now - since > within:
                return False
            time.sleep(0.05)
