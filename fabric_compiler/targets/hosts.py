"""The servers' target: netplan (addresses, routes, MTU), sysctl.d, and a script with the NICs' RoCE settings.

The templates hold the syntax. Servers come in few shapes (how many NICs, addresses, routes), so a template is rendered once
a shape, with numbered marks where the values go; a server costs its values and one join.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

from fabric_compiler.model.device import Nic, NicQos, Prefix, ServerModel
from fabric_compiler.targets import text
from fabric_compiler.targets.base import Target
from fabric_compiler.targets.templates import template

NETPLAN: Final = "60-fabric.yaml"
SYSCTL: Final = "60-fabric.conf"
ROCE: Final = "roce.sh"

# The kernel takes more (dev_valid_name); this is what udev makes, and it means itself in YAML, paths and shells. 15: IFNAMSIZ
_NETDEV: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", re.ASCII)
_LINK_LOCAL_10: Final = 0xFE80 >> 6
# RFC 3168: ECT(0) in the two bits below the DSCP, so that switches may mark instead of drop
_ECT0: Final = 0b10
_BITS: Final = {4: 32, 6: 128}


def render(model: ServerModel) -> dict[str, bytes]:
    """The files of one server by name; a file that would say nothing is left out.

    Raises ValueError: a NIC's name is none that Linux tools take as it stands, or stands twice.
    """
    if not model.nics:
        return {}
    names = [_checked(nic.netdev) for nic in model.nics]
    if len(set(names)) != len(names):
        raise ValueError(f"server {model.name} has two NICs of one name: {', '.join(sorted(names))}")
    server = _plain(model.name)
    files = {NETPLAN: _netplan(server, model.nics)}
    with_ipv4 = [nic.netdev for nic in model.nics if any(a.version == 4 for a in nic.addresses)]
    if with_ipv4:
        files[SYSCTL] = _sysctl_layout(len(with_ipv4)).fill([server, *with_ipv4])
    devices = [(qos, " ".join(nic.netdev for nic in model.nics if nic.network == qos.network)) for qos in model.qos]
    devices = [(qos, netdevs) for qos, netdevs in devices if netdevs]
    if devices:
        files[ROCE] = _roce_layout(tuple(qos for qos, _ in devices)).fill([server, *(netdevs for _, netdevs in devices)])
    return files


@dataclass(frozen=True, slots=True)
class _Layout:
    """A rendered template: text and, between the pieces of text, numbers of values."""

    pieces: tuple[str, ...]
    order: tuple[int, ...]

    def fill(self, values: Sequence[str]) -> bytes:
        pieces = list(self.pieces)
        pieces[1::2] = [values[i] for i in self.order]
        return "".join(pieces).encode()


def _lay_out(name: str, **context: Any) -> _Layout:
    pieces = template(name).render(**context).split("\0")
    return _Layout(tuple(pieces), tuple(int(number) for number in pieces[1::2]))


def _marks() -> Callable[[], str]:
    """Marks in the order in which the values will come."""
    numbers: Iterator[int] = count()
    return lambda: f"\0{next(numbers)}\0"


class _RouteShape(NamedTuple):
    metric: bool
    table: bool
    on_link: bool


class _NicShape(NamedTuple):
    ipv6: bool
    addresses: int
    connected: int
    routes: tuple[_RouteShape, ...]
    policies: int


def _netplan(server: str, nics: Iterable[Nic]) -> bytes:
    values = [server]
    shapes = tuple(_nic_values(nic, values) for nic in nics)
    return _netplan_layout(shapes).fill(values)


def _nic_values(nic: Nic, values: list[str]) -> _NicShape:
    """Append the values of `nic` in the order of _netplan_layout; its shape."""
    addresses = nic.addresses
    values += (_plain(f"{nic.network}, to {nic.peer_device} {nic.peer_port}"), nic.netdev, str(nic.mtu))
    values += map(text.prefix, addresses)
    connected = _connected(nic) if nic.table else ()
    for subnet in connected:
        values += (text.prefix(subnet), str(nic.table))
    shapes = []
    via = None
    for route in nic.routes:
        if route.via is not via:
            via, gateway, on_link = route.via, text.address(route.via), not _reaches(addresses, route.via)
        values += (_repeated(route.destination), gateway)
        if route.metric:
            values.append(str(route.metric))
        if route.table:
            values.append(str(route.table))
        shapes.append(_ROUTE_SHAPES[route.metric > 0, route.table > 0, on_link])
    if nic.table:
        for address in addresses:
            values += (f"{text.address(address)}/{_BITS[address.version]}", str(nic.table))
    ipv6 = any(a.version == 6 for a in addresses)
    return _NicShape(ipv6, len(addresses), len(connected), tuple(shapes), len(addresses) if nic.table else 0)


_ROUTE_SHAPES: Final = {
    (metric, table, on_link): _RouteShape(metric, table, on_link)
    for metric in (False, True)
    for table in (False, True)
    for on_link in (False, True)
}


@lru_cache(maxsize=256)
def _netplan_layout(shapes: tuple[_NicShape, ...]) -> _Layout:
    mark = _marks()
    server = mark()
    nics = []
    for shape in shapes:
        nic: dict[str, Any] = {"ipv6": shape.ipv6, "peer": mark(), "netdev": mark(), "mtu": mark()}
        nic["addresses"] = [mark() for _ in range(shape.addresses)]
        nic["connected"] = [{"to": mark(), "table": mark()} for _ in range(shape.connected)]
        nic["routes"] = [
            {
                "to": mark(),
                "via": mark(),
                "metric": mark() if route.metric else "",
                "table": mark() if route.table else "",
                "on_link": route.on_link,
            }
            for route in shape.routes
        ]
        nic["policies"] = [{"source": mark(), "table": mark()} for _ in range(shape.policies)]
        nics.append(nic)
    return _lay_out("hosts/netplan.yaml.j2", server=server, nics=nics)


@lru_cache(maxsize=64)
def _sysctl_layout(netdevs: int) -> _Layout:
    mark = _marks()
    return _lay_out("hosts/sysctl.conf.j2", server=mark(), netdevs=[mark() for _ in range(netdevs)])


@lru_cache(maxsize=64)
def _roce_layout(settings: tuple[NicQos, ...]) -> _Layout:
    mark = _marks()
    return _lay_out("hosts/roce.sh.j2", server=mark(), settings=[_roce_context(qos, mark()) for qos in settings])


def _roce_context(qos: NicQos, netdevs: str) -> dict[str, Any]:
    moved: dict[int, list[str]] = {}
    for dscp, priority in enumerate(qos.dscp_to_priority):
        # the classes that matter are said even where they are the default: an earlier mapping may still be in the NIC
        if priority != dscp >> 3 or dscp in (qos.roce_dscp, qos.cnp_dscp):
            moved.setdefault(priority, []).append(str(dscp))
    return {
        "network": _plain(qos.network),
        "netdevs": netdevs,
        "trust": qos.trust,
        "pfc": ",".join("1" if priority == qos.lossless_priority else "0" for priority in range(8)),
        "dscps": [(priority, " ".join(dscps)) for priority, dscps in sorted(moved.items())],
        "tos": qos.roce_dscp << 2 | _ECT0,
        "cnp_dscp": qos.cnp_dscp,
        "ecn": qos.ecn_priorities,
    }


def _connected(nic: Nic) -> tuple[Prefix, ...]:
    """Subnets of this NIC that its own table must know: else the policy rule sends neighbours' packets to the gateway.

    A point-to-point link has no neighbour but the gateway.
    """
    stated = {route.destination for route in nic.routes if route.table == nic.table}
    subnets = dict.fromkeys(_network(a) for a in nic.addresses if a.length < _BITS[a.version] - 1)
    return tuple(subnet for subnet in subnets if subnet not in stated)


def _network(address: Prefix) -> Prefix:
    host_bits = _BITS[address.version] - address.length
    return Prefix(address.version, address.value >> host_bits << host_bits, address.length)


def _reaches(addresses: Iterable[Prefix], via: Prefix) -> bool:
    """Whether `via` is on a subnet of the NIC, or IPv6 link-local (on every link); else the route must say on-link."""
    if via.version == 6 and via.value >> 118 == _LINK_LOCAL_10:
        return True
    bits = _BITS[via.version]
    return any(a.version == via.version and (a.value ^ via.value) >> (bits - a.length) == 0 for a in addresses)


@lru_cache(maxsize=16384)
def _repeated(destination: Prefix) -> str:
    """Text of a destination; all servers have nearly the same ones."""
    return text.prefix(destination)


@lru_cache(maxsize=4096)
def _checked(netdev: str) -> str:
    if not _NETDEV.fullmatch(netdev):
        raise ValueError(f"{netdev!r} is no name of a network device: a letter or digit, then up to 14 of A-Z a-z 0-9 _ . -")
    return netdev


def _plain(words: str) -> str:
    """For a comment: text.line, without its cost where there is nothing to replace."""
    return words if words.isascii() and words.isprintable() else text.line(words)


TARGET = Target("hosts", "hosts", render)
