"""The switches' routing tables, as the kernel forwards by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fabric_compiler.ir.plan import Prefix
from fabric_compiler.lab.netlink import BGP, Route
from fabric_compiler.lab.running import Lab

_LINK_LOCAL = 0xFE80 >> 6


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A route of the main table; `ways` are ports by the device's own names and gateways, without those that are down."""

    destination: Prefix
    protocol: int
    kind: int
    metric: int
    ways: tuple[tuple[str, str], ...]

    @property
    def ports(self) -> tuple[str, ...]:
        return tuple(port for port, _ in self.ways)


Tables = Mapping[str, tuple[Entry, ...]]
"""By switch, sorted; two are equal when each switch forwards as before."""


def read(lab: Lab) -> Tables:
    """Every switch's. Link-local subnets, which every port has, are left out."""
    found = {}
    for node in lab.planned.layout.switches:
        kernel, names = lab.kernels[node.name], lab.links[node.name]
        routes = [route for version in (4, 6) for route in kernel.routes(version) if not _is_link_local(route.destination)]
        found[node.name] = tuple(sorted(_entry(route, names) for route in routes))
    return found


def kernel_routes(lab: Lab) -> dict[str, dict[Prefix, tuple[str, ...]]]:
    """What BGP gave the kernel of each switch: the egress ports of each prefix, sorted, by the device's own names.

    A prefix of IPv4 and of IPv6 alike is a Prefix without host bits. A port stands once for each next hop over it. Connected
    routes and discards are no part of it, nor ports that are down.
    """
    return {
        device: {entry.destination: entry.ports for entry in entries if entry.protocol == BGP}
        for device, entries in read(lab).items()
    }


def _entry(route: Route, names: Mapping[int, str]) -> Entry:
    ways = tuple(sorted((names.get(hop.link, f"link {hop.link}"), hop.via) for hop in route.hops if hop.alive))
    return Entry(route.destination, route.protocol, route.kind, route.metric, ways)


def _is_link_local(destination: Prefix) -> bool:
    """Also the multicast route that a port has."""
    return destination.version == 6 and (destination.value >> 118 == _LINK_LOCAL or destination.value >> 120 == 0xFF)
