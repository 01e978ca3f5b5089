"""Packets from server to server, sent and received by one process with sockets in all their namespaces.

UDP, from a NIC's own address, as large as the NIC's MTU admits and not to be fragmented on the way, so what arrives was carried
whole by every router between. A ping's answer would say no more: the way back is a pair of its own.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from fabric_compiler.ir.plan import Prefix
from fabric_compiler.lab import namespaces
from fabric_compiler.lab.netlink import FAMILIES
from fabric_compiler.lab.pairs import Endpoint, Pair
from fabric_compiler.lab.report import Progress
from fabric_compiler.targets.text import address

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PORT: Final = 47100
_HEAD = struct.Struct("!8sII")  # of this run, number of the pair, number of the packet
_HEADERS: Final = {4: 28, 6: 48}  # of IP and UDP
_AT_ONCE: Final = 8  # packets before the arrivals are read: a socket's buffer holds few of such size
_BUFFER: Final = 4 << 20
_QUIET: Final = 0.3  # seconds without an arrival before a round is over
# linux/in.h, linux/in6.h, linux/errqueue.h, asm-generic/socket.h
# 3 is IP_PMTUDISC_PROBE: never fragmented, and sent whatever was heard of the way
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PROBE = 10, 23, 3
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_IP_PKTINFO, _SO_RCVBUFFORCE = 8, 33
_ERROR = struct.Struct("=IBBBxII")  # errno, origin, type, code, info, data
_LOST: Final = "it is lost on the way, and nobody says why"


class Post:
    """Sockets in the namespaces of endpoints, for one thread at a time; `names` are devices by address."""

    def __init__(self, found: Sequence[Endpoint], names: Mapping[str, str]) -> None:
        self.rounds = 1  # numbers of packets that were given away; a volley's packets have 0
        self._run = os.urandom(8)
        self._names = names
        self._poll = select.epoll()
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        self._of: dict[int, tuple[str, int, socket.socket]] = {}  # device and version by descriptor
        self._buffer, self._zeros = bytearray(1 << 16), memoryview(bytes(1 << 16))
        for one in found:
            key = one.namespace, one.own.version
            if key not in self._sockets:
                made = self._sockets[key] = _socket(*key)
                self._of[made.fileno()] = one.device, one.own.version, made
                self._poll.register(made, select.EPOLLIN)

    def __enter__(self) -> Post:
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        for one in self._sockets.values():
            one.close()

    def send(self, pair: Pair, number: int, packet: int, size: int) -> str:
        """`size` with headers. Empty, or why the sender's own kernel does not send."""
        one, other = pair
        head = _HEAD.pack(self._run, number, packet)
        body: list[Buffer] = [head, self._zeros[: max(size - _HEADERS[one.own.version] - len(head), 0)]]
        where = self._sockets[one.namespace, one.own.version]
        why = ""
        for _ in range(2):  # the first refusal may be the answer to an earlier packet (ip(7), IP_RECVERR)
            try:
                where.sendmsg(body, [_from(one.own)], 0, (address(other.own), _PORT))
            except OSError as error:
                why = f"its own kernel says: {error.strerror}"
            else:
                return ""
        return why

    def arrivals(self, wait: float) -> Iterator[tuple[int, int, str, int]]:
        """Number of the pair and of the packet, the device that has it, its size with headers. Waits for the first one only."""
        for descriptor, _ in self._poll.poll(wait):
            device, version, where = self._of[descriptor]
            while True:
                try:
                    length = where.recv_into(self._buffer)
                except BlockingIOError:
                    break
                except OSError:  # what a router said; it stands in the queue of errors too
                    continue
                if length >= _HEAD.size:
                    run, number, packet = _HEAD.unpack_from(self._buffer)
                    if run == self._run:
                        yield number, packet, device, length + _HEADERS[version]

    def complaints(self) -> dict[int, str]:
        """What routers said of our packets, by the number of the pair."""
        found = {}
        for _, version, where in self._of.values():
            while True:
                try:
                    body, extra, _, _ = where.recvmsg(_HEAD.size, 512, socket.MSG_ERRQUEUE)
                except OSError:
                    break
                if len(body) == _HEAD.size:
                    run, number, _ = _HEAD.unpack(body)
                    for _, kind, content in extra:
                        if run == self._run and kind in (_IP_RECVERR, _IPV6_RECVERR):
                            found[number] = self._complaint(content, version)
        return found

    def _complaint(self, content: bytes, version: int) -> str:
        """A sock_extended_err, and after it the address of who sent it as a sockaddr."""
        code, _, _, _, info, _ = _ERROR.unpack_from(content)
        at = _ERROR.size + (4 if version == 4 else 8)
        raw = content[at : at + (4 if version == 4 else 16)]
        said = f"{os.strerror(code)} (MTU {info})" if code == errno.EMSGSIZE else os.strerror(code)
        if not any(raw):
            return f"its own kernel says: {said}"
        who = socket.inet_ntop(FAMILIES[version], raw)
        return f"{self._names.get(who, who)} says: {said}"


def _socket(namespace: str, version: int) -> socket.socket:
    with namespaces.inside(namespace):
        made = socket.socket(FAMILIES[version], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    if version == 4:
        made.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)
        made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    else:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PROBE)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    made.bind(("", _PORT))
    return made


def _from(own: Prefix) -> tuple[int, int, bytes]:
    """The source address, by which the server's rules choose the table (in_pktinfo, in6_pktinfo)."""
    if own.version == 4:
        return socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=i4s4x", 0, own.value.to_bytes(4, "big"))
    return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16si", own.value.to_bytes(16, "big"), 0)


def volley(post: Post, chosen: Sequence[Pair], patience: float, progress: Progress) -> dict[int, str]:
    """Send over each pair, and again where nothing arrived, until `patience` seconds pass without an arrival.

    The numbers of the pairs over which nothing arrives as it was sent, and why.
    """
    left = dict.fromkeys(range(len(chosen)), _LOST)
    last = time.monotonic()
    while left and time.monotonic() - last <= patience:
        before = len(left)
        for at, number in enumerate(list(left)):
            if why := post.send(chosen[number], number, 0, chosen[number][0].mtu):
                left[number] = why
            if at % _AT_ONCE == _AT_ONCE - 1:
                _strike(post, left, chosen, 0)
                progress("packets", len(chosen) - len(left), len(chosen))
        while left and _strike(post, left, chosen, _QUIET):
            pass
        left |= {number: said for number, said in post.complaints().items() if number in left}
        if len(left) < before:
            last = time.monotonic()
    progress("packets", len(chosen) - len(left), len(chosen))
    return left


def _strike(post: Post, left: dict[int, str], chosen: Sequence[Pair], wait: float) -> bool:
    """Strike out what arrived where it should, and whole; whether anything arrived."""
    found = [arrival for arrival in post.arrivals(wait) if arrival[0] in left]
    for number, _, device, size in found:
        one, other = chosen[number]
        if device != other.device:
            left[number] = f"it arrives at {device}"
        elif size != one.mtu:
            left[number] = f"it arrives with {size} of {one.mtu} bytes"
        else:
            left.pop(number, None)
    return bool(found)
