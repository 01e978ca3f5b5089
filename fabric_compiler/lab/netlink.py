"""The kernel's links, addresses, routes and rules over rtnetlink(7), without a process for each.

A lab has thousands of them, and a process costs 3 ms, in an emulated machine 0.2 s. A socket belongs to the namespace in which
it was opened, wherever its thread goes afterwards, so one process works in all of them.

Numbers are those of the kernel's include/uapi/linux: rtnetlink.h, if_link.h, if_addr.h, fib_rules.h, net_namespace.h, veth.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fabric_compiler.ir.plan import Prefix

FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_VERSIONS: Final = {family: version for version, family in FAMILIES.items()}
_BITS: Final = {4: 32, 6: 128}

_REQUEST, _ACK, _DUMP, _EXCLUSIVE_CREATE = 0x1, 0x4, 0x300, 0x600
_ERROR, _DONE, _DUMP_INTERRUPTED = 2, 3, 0x10
_NEWLINK, _GETLINK, _NEWADDR, _GETADDR, _NEWROUTE, _GETROUTE, _NEWRULE, _GETNSID = 16, 18, 20, 22, 24, 26, 32, 90
_NETLINK_GET_STRICT_CHK, _SOL_NETLINK = 12, 270

_IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER, _IFLA_OPERSTATE = 3, 4, 5, 10, 16
_IFLA_LINKINFO, _IFLA_NET_NS_FD, _IFLA_LINK_NETNSID = 18, 28, 37
_INFO_KIND, _INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_F_NODAD = 1, 2, 4, 0x02
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA = 1, 4, 5, 6, 9, 15, 18
_RTNH_DEAD, RTNH_ONLINK, _RTNH_LINKDOWN = 0x1, 0x4, 0x10
_FRA_SRC, _FRA_TABLE = 2, 15
_FR_ACT_TO_TABLE = 1
_NETNSA_NSID, _NETNSA_FD = 1, 3
_UP = 0x1  # IFF_UP
_OPER_UP = 6
_NESTED = 0x8000

MAIN_TABLE: Final = 254
UNICAST, BLACKHOLE = 1, 6
# rtnetlink.h; FRR's own are registered in iproute2's rt_protos
KERNEL, BOOT, STATIC, BGP = 2, 3, 4, 186
FRR_STATIC: Final = 196
_LINK_SCOPE: Final = 253

_ATTRIBUTE = struct.Struct("=HH")
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, mask of those that change
_ADDRESS = struct.Struct("=BBBBi")  # family, length, flags, scope, link
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, length, source's length, tos, table, protocol, scope, type, flags
_NEXT_HOP = struct.Struct("=HBBi")  # length, flags, weight - 1, link


@dataclass(frozen=True, slots=True)
class Link:
    """A link as the kernel has it. `peer` is the index of a veth's other end, `peer_namespace` our number of where it is."""

    index: int
    name: str
    mtu: int
    up: bool  # by its administrator
    running: bool  # carries packets: both ends are up
    master: int
    peer: int
    peer_namespace: int  # -1: this one


@dataclass(frozen=True, slots=True)
class Hop:
    link: int
    via: str  # an address, or empty
    alive: bool


@dataclass(frozen=True, slots=True)
class Route:
    destination: Prefix
    kind: int
    protocol: int
    table: int
    metric: int
    hops: tuple[Hop, ...]


class Socket:
    """rtnetlink in the namespace in which it was opened. Everything raises OSError where the kernel refuses."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)  # else a dump of one table holds all
        self._socket.settimeout(30)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def add_veth(self, name: str, namespace: int, peer: str, peer_namespace: int) -> None:
        """Two ends, each made in its namespace (a descriptor); nothing is seen in ours."""
        far = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        far += _text(_IFLA_IFNAME, peer) + _attribute(_IFLA_NET_NS_FD, _u32(peer_namespace))
        kind = _text(_INFO_KIND, "veth") + _nest(_INFO_DATA, _attribute(_VETH_INFO_PEER | _NESTED, far))
        near = _text(_IFLA_IFNAME, name) + _attribute(_IFLA_NET_NS_FD, _u32(namespace)) + _nest(_IFLA_LINKINFO, kind)
        self._do(_NEWLINK, _EXCLUSIVE_CREATE, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + near)

    def add_bridge(self, name: str) -> None:
        body = _text(_IFLA_IFNAME, name) + _nest(_IFLA_LINKINFO, _text(_INFO_KIND, "bridge"))
        self._do(_NEWLINK, _EXCLUSIVE_CREATE, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + body)

    def set_link(self, index: int, *, up: bool | None = None, mtu: int = 0, master: int = 0) -> None:
        flags, mask = (_UP if up else 0, 0 if up is None else _UP)
        body = _attribute(_IFLA_MTU, _u32(mtu)) if mtu else b""
        body += _attribute(_IFLA_MASTER, _u32(master)) if master else b""
        self._do(_NEWLINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, index, flags, mask) + body)

    def add_address(self, link: int, own: Prefix) -> None:
        """An IPv6 address is there at once, without a search for duplicates."""
        body = _attribute(_IFA_LOCAL, _packed(own)) + _attribute(_IFA_ADDRESS, _packed(own))
        if own.version == 4 and own.length < 31:
            hosts = (1 << 32 - own.length) - 1
            body += _attribute(_IFA_BROADCAST, _packed(own._replace(value=own.value | hosts)))
        flags = _IFA_F_NODAD if own.version == 6 else 0
        self._do(_NEWADDR, _EXCLUSIVE_CREATE, _ADDRESS.pack(FAMILIES[own.version], own.length, flags, 0, link) + body)

    def add_route(
        self, to: Prefix, link: int, *, via: Prefix | None, table: int = MAIN_TABLE, metric: int = 0, on_link: bool = False
    ) -> None:
        body = _attribute(_RTA_OIF, _u32(link)) + _attribute(_RTA_TABLE, _u32(table))
        body += _attribute(_RTA_DST, _packed(to)) if to.length else b""
        body += _attribute(_RTA_GATEWAY, _packed(via)) if via else b""
        body += _attribute(_RTA_PRIORITY, _u32(metric)) if metric else b""
        scope = _LINK_SCOPE if to.version == 4 and via is None else 0
        flags = RTNH_ONLINK if on_link else 0
        head = _ROUTE.pack(FAMILIES[to.version], to.length, 0, 0, min(table, 255), STATIC, scope, UNICAST, flags)
        self._do(_NEWROUTE, _EXCLUSIVE_CREATE, head + body)

    def add_rule(self, source: Prefix, table: int) -> None:
        head = _ROUTE.pack(FAMILIES[source.version], 0, source.length, 0, min(table, 255), STATIC, 0, _FR_ACT_TO_TABLE, 0)
        body = _attribute(_FRA_SRC, _packed(source)) + _attribute(_FRA_TABLE, _u32(table))
        self._do(_NEWRULE, _EXCLUSIVE_CREATE, head + body)

    def links(self) -> dict[str, Link]:
        """By name."""
        found = {}
        for body in self._dump(_GETLINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
            _, _, index, flags, _ = _LINK.unpack_from(body)
            own = dict(_attributes(body, _LINK.size))
            name = own[_IFLA_IFNAME].rstrip(b"\0").decode()
            found[name] = Link(
                index=index,
                name=name,
                mtu=_number(own, _IFLA_MTU),
                up=bool(flags & _UP),
                running=own.get(_IFLA_OPERSTATE, b"\0")[0] == _OPER_UP,
                master=_number(own, _IFLA_MASTER),
                peer=_number(own, _IFLA_LINK),
                peer_namespace=struct.unpack("=i", own[_IFLA_LINK_NETNSID])[0] if _IFLA_LINK_NETNSID in own else -1,
            )
        return found

    def addresses(self) -> list[tuple[int, Prefix]]:
        """Link and address of each."""
        found = []
        for body in self._dump(_GETADDR, _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
            family, length, _, _, link = _ADDRESS.unpack_from(body)
            if family in _VERSIONS:
                own = dict(_attributes(body, _ADDRESS.size))
                value = int.from_bytes(own.get(_IFA_LOCAL) or own[_IFA_ADDRESS], "big")
                found.append((link, Prefix(_VERSIONS[family], value, length)))
        return found

    def routes(self, version: int) -> list[Route]:
        """The main table's."""
        head = _ROUTE.pack(FAMILIES[version], 0, 0, 0, 0, 0, 0, 0, 0) + _attribute(_RTA_TABLE, _u32(MAIN_TABLE))
        return [found for body in self._dump(_GETROUTE, head) if (found := _route(body)).table == MAIN_TABLE]

    def namespace_number(self, namespace: int) -> int:
        """What this namespace calls the one with the descriptor; -1: it has no number here."""
        self._send(_GETNSID, _REQUEST, struct.pack("=Bxxx", socket.AF_UNSPEC) + _attribute(_NETNSA_FD, _u32(namespace)))
        for kind, _, body in self._messages():
            _raise(kind, body)
            number: int = struct.unpack("=i", dict(_attributes(body, 4))[_NETNSA_NSID])[0]
            return number
        raise OSError("the kernel does not answer")

    def _do(self, kind: int, flags: int, body: bytes) -> None:
        self._send(kind, _REQUEST | _ACK | flags, body)
        for answer, _, content in self._messages():
            _raise(answer, content)
            return

    def _dump(self, kind: int, body: bytes) -> list[bytes]:
        """Again where what is listed changed meanwhile (the kernel says so): half of each would be a state that never was."""
        while True:
            found, whole = [], True
            self._send(kind, _REQUEST | _DUMP, body)
            for answer, flags, content in self._messages():
                whole &= not flags & _DUMP_INTERRUPTED
                if answer == _DONE:
                    break
                _raise(answer, content)
                found.append(content)
            if whole:
                return found

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, self._sequence, 0) + body)

    def _messages(self) -> Iterator[tuple[int, int, bytes]]:
        """Kind, flags and body of each answer to the last request, as long as somebody wants more."""
        while True:
            answer = self._socket.recv(1 << 18)
            at = 0
            while at < len(answer):
                length, kind, flags, sequence, _ = _HEADER.unpack_from(answer, at)
                if sequence == self._sequence:
                    yield kind, flags, answer[at + _HEADER.size : at + length]
                at += length + 3 & ~3


def _raise(kind: int, body: bytes) -> None:
    if kind == _ERROR:
        (error,) = struct.unpack_from("=i", body)
        if error:
            raise OSError(-error, os.strerror(-error))


def _attribute(kind: int, content: bytes) -> bytes:
    return _ATTRIBUTE.pack(len(content) + 4, kind) + content + bytes(-len(content) % 4)


def _nest(kind: int, content: bytes) -> bytes:
    return _attribute(kind | _NESTED, content)


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _u32(value: int) -> bytes:
    return struct.pack("=I", value)


def _packed(address: Prefix) -> bytes:
    return address.value.to_bytes(_BITS[address.version] // 8, "big")


def _attributes(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        yield kind & 0x3FFF, body[at + 4 : at + length]
        at += max(length + 3 & ~3, 4)


def _number(own: dict[int, bytes], kind: int) -> int:
    return int.from_bytes(own[kind][:4], "little") if kind in own else 0


def _route(body: bytes) -> Route:
    family, length, _, _, table, protocol, _, kind, flags = _ROUTE.unpack_from(body)
    own = dict(_attributes(body, _ROUTE.size))
    hops = []
    if _RTA_MULTIPATH in own:
        ways, at = own[_RTA_MULTIPATH], 0
        while at < len(ways):
            size, state, _, link = _NEXT_HOP.unpack_from(ways, at)
            hops.append(_hop(link, state, dict(_attributes(ways[at : at + size], _NEXT_HOP.size)), family))
            at += size + 3 & ~3
    elif _RTA_OIF in own:
        hops.append(_hop(_number(own, _RTA_OIF), flags, own, family))
    version = _VERSIONS[family]
    destination = Prefix(version, int.from_bytes(own.get(_RTA_DST, b""), "big"), length)
    return Route(
        destination, kind, protocol, _number(own, _RTA_TABLE) or table, _number(own, _RTA_PRIORITY), tuple(hops)
    )  # fmt: skip


def _hop(link: int, state: int, own: dict[int, bytes], family: int) -> Hop:
    via = ""
    if _RTA_GATEWAY in own:
        via = socket.inet_ntop(family, own[_RTA_GATEWAY])
    elif _RTA_VIA in own:  # of the other family: RFC 8950
        via = socket.inet_ntop(int.from_bytes(own[_RTA_VIA][:2], "little"), own[_RTA_VIA][2:])
    return Hop(link, via, not state & (_RTNH_DEAD | _RTNH_LINKDOWN))
