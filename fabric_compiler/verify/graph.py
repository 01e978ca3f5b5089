"""The graph keeps what its topology promises: each port used once, speeds that fit, capacity and spread at every tier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import TIER_PAIRS, Graph
from fabric_compiler.topology.shape import Shape
from fabric_compiler.units import format_ratio, format_speed
from fabric_compiler.verify.spread import uneven

Numbers = npt.NDArray[np.int64]
_SHOWN = 5
_SERVER_LEAF = 0
_TIERS = {"leaf": 1, "spine": 2}  # links upwards, by the lower role


@dataclass(frozen=True, slots=True)
class Bisection:
    """Capacity below and above one tier of a network, all its switches together, in Mb/s."""

    network: str
    tier: str  # leaf, spine
    switches: int
    down: int  # laid out, used or not
    used: int  # of it, by links
    up: int  # by links

    @property
    def oversubscription(self) -> Fraction:
        return Fraction(self.down, self.up) if self.up else Fraction(0)


def check_graph(graph: Graph, shapes: Sequence[Shape], report: Report) -> tuple[Bisection, ...]:
    """Report FC7001 for each rule that the graph breaks: that is a bug of a topology. The first findings of a rule are shown.

    Returns the capacities by network and tier; none when links do not even have their ports.
    """
    for check in (_ports, _roles, _separation, _speeds):
        found = list(check(graph))
        for sentence in found:
            report.error("FC7001", sentence)
        if found:
            return ()  # what follows counts on it
    capacities: list[Bisection] = []
    for shape in shapes:
        capacity = _Capacity(graph, shape)
        for sentence in (*capacity.broken(), *uneven(graph, shape)):
            report.error("FC7001", sentence)
        capacities += capacity.bisections()
    return tuple(capacities)


def _ports(graph: Graph) -> Iterator[str]:
    """A port exists, and has one cable."""
    links = graph.links
    device = np.concatenate((links.a_device, links.b_device)).astype(np.int64)
    port = np.concatenate((links.a_port, links.b_port)).astype(np.int64)
    nobody = np.flatnonzero((device < 0) | (device >= len(graph.devices)))
    for end in nobody[:_SHOWN].tolist():
        yield f"link {end % len(links)} ends at a device number {device[end]}, and there are {len(graph.devices)}"
    if len(nobody) or not len(links):
        return
    sizes = np.array([len(d.layout.ports) for d in graph.devices], dtype=np.int64)
    outside = np.flatnonzero((port < 0) | (port >= sizes[device]))
    for end in outside[:_SHOWN].tolist():
        yield f"{graph.devices[device[end]].name} has no port number {port[end]}"
    if len(outside):
        return
    used, count = np.unique(device << 16 | port, return_counts=True)
    for end in used[count > 1][:_SHOWN].tolist():
        d = graph.devices[end >> 16]
        yield f"{d.name} {d.layout.ports[end & 0xFFFF].name} has two cables"


def _roles(graph: Graph) -> Iterator[str]:
    """The ends of a link are of its two tiers, the lower one first."""
    links = graph.links
    roles = {role: n for n, role in enumerate(dict.fromkeys(role for pair in TIER_PAIRS for role in pair.split("-")))}
    roles["manager"] = roles["server"]  # a host of the subnet manager takes a server's place
    role = np.array([roles.get(d.role, -1) for d in graph.devices], dtype=np.int64)
    pairs = np.array([[roles[role] for role in pair.split("-")] for pair in TIER_PAIRS], dtype=np.int64)
    wrong = (pairs[links.tiers, 0] != role[links.a_device]) | (pairs[links.tiers, 1] != role[links.b_device])
    for link in np.flatnonzero(wrong)[:_SHOWN].tolist():
        a, b = graph.devices[links.a_device[link]], graph.devices[links.b_device[link]]
        yield f"the link of {a.name} and {b.name} is {TIER_PAIRS[links.tiers[link]]}, and they are {a.role} and {b.role}"


def _speeds(graph: Graph) -> Iterator[str]:
    """Both ports of a link have its speed."""
    links = graph.links
    table, start = _port_speeds(graph)
    for device, port in ((links.a_device, links.a_port), (links.b_device, links.b_port)):
        wrong = np.flatnonzero(table[start[device] + port] != links.speed) if len(links) else np.empty(0, dtype=np.int64)
        for link in wrong[:_SHOWN].tolist():
            d = graph.devices[device[link]]
            shown = format_speed(int(links.speed[link]))
            yield f"{d.name} {d.layout.ports[port[link]].name} is not of the link's speed of {shown}"


def _port_speeds(graph: Graph) -> tuple[Numbers, Numbers]:
    """Speeds of the ports of all layouts one after the other, and where each device's begin."""
    layouts = {id(d.layout): d.layout for d in graph.devices}
    first: dict[int, int] = {}
    speeds: list[int] = []
    for key, layout in layouts.items():
        first[key] = len(speeds)
        speeds += [port.speed for port in layout.ports]
    return np.array(speeds, dtype=np.int64), np.array([first[id(d.layout)] for d in graph.devices], dtype=np.int64)


def _separation(graph: Graph) -> Iterator[str]:
    """A link stays in its network, plane and site; a server's link in its pod."""
    links = graph.links
    networks = {name: n for n, name in enumerate(graph.networks)}
    sites = {name: n for n, name in enumerate(dict.fromkeys(d.site for d in graph.devices))}
    pods = {name: n for n, name in enumerate(dict.fromkeys(d.pod for d in graph.devices))}
    site = np.array([sites[d.site] for d in graph.devices], dtype=np.int64)
    pod = np.array([pods[d.pod] for d in graph.devices], dtype=np.int64)
    network = np.array([networks.get(d.network, -1) for d in graph.devices], dtype=np.int64)
    plane = np.array([d.plane for d in graph.devices], dtype=np.int64)
    server = np.array([d.role == "server" for d in graph.devices], dtype=np.bool_)
    for ends, what in (
        (site[links.a_device] != site[links.b_device], "two sites"),
        (network[links.b_device] != links.network, "two networks"),
        ((network[links.a_device] != links.network) & (network[links.a_device] >= 0), "two networks"),
        (plane[links.b_device] != links.plane, "two planes"),
        ((plane[links.a_device] != links.plane) & (plane[links.a_device] > 0), "two planes"),
        ((pod[links.a_device] != pod[links.b_device]) & (links.tiers == _SERVER_LEAF) & server[links.a_device], "two pods"),
    ):
        for link in np.flatnonzero(ends)[:_SHOWN].tolist():
            a, b = graph.devices[links.a_device[link]], graph.devices[links.b_device[link]]
            yield f"the link of {a.name} and {b.name} joins {what}"


class _Capacity:
    """What each switch of a network is laid out for, and what its links carry. A pod that is not full is no fault."""

    def __init__(self, graph: Graph, shape: Shape) -> None:
        self.graph, self.shape = graph, shape
        links, devices = graph.links, graph.devices
        mine = links.network == graph.networks.index(shape.network)
        self.roles = [role for role in _TIERS if role == "leaf" or shape.tiers == 3]
        self.members = {
            role: np.array([n for n, d in enumerate(devices) if d.network == shape.network and d.role == role], dtype=np.int64)
            for role in self.roles
        }
        # ports are laid out downwards from the first on, upwards from `first_uplink` on
        self.down_ports = np.array([d.downlinks for d in devices], dtype=np.int64)
        self.up_first = np.array([d.first_uplink for d in devices], dtype=np.int64)
        self.up_ports = np.array([d.uplinks for d in devices], dtype=np.int64)
        speeds, start = _port_speeds(graph)
        ahead = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(speeds)))
        self.down = ahead[start + self.down_ports] - ahead[start]
        self.chosen = np.flatnonzero(mine)
        self.upper, self.lower = links.b_device[self.chosen], links.a_device[self.chosen]
        size, speed = len(devices), links.speed[self.chosen].astype(np.int64)
        # exact: float64 holds integers up to 2^53
        self.used = np.bincount(self.upper, weights=speed, minlength=size).astype(np.int64)
        self.up = np.bincount(self.lower, weights=speed, minlength=size).astype(np.int64)
        self.uplinks = np.bincount(self.lower, minlength=size)

    def broken(self) -> Iterator[str]:
        yield from self._sides()
        for role, members in self.members.items():
            ratio = self.shape.intent.topology.oversubscription if role == "leaf" else Fraction(1)
            for n in members[self.uplinks[members] != self.up_ports[members]][:_SHOWN].tolist():
                yield f"{self.graph.devices[n].name} has {self.uplinks[n]} of its {self.up_ports[n]} uplinks"
            beyond = self.down[members] * ratio.denominator > self.up[members] * ratio.numerator
            whole = self.uplinks[members] == self.up_ports[members]
            for n in members[beyond & whole][:_SHOWN].tolist():
                name, up = self.graph.devices[n].name, int(self.up[n])
                actual = format_ratio(Fraction(int(self.down[n]), up)) if up else "without uplinks"
                yield f"{name} is oversubscribed {actual}, more than {format_ratio(ratio)}"

    def _sides(self) -> Iterator[str]:
        """A link upwards takes a port that is laid out upwards, and ends in one that is laid out downwards."""
        links, chosen = self.graph.links, self.chosen
        place = links.a_port[chosen] - self.up_first[self.lower]
        fabric = links.tiers[chosen] != _SERVER_LEAF
        wrong_up = fabric & ((place < 0) | (place >= self.up_ports[self.lower]))
        wrong_down = links.b_port[chosen] >= self.down_ports[self.upper]
        for wrong, device, port, side in (
            (wrong_up, links.a_device, links.a_port, "uplink"),
            (wrong_down, links.b_device, links.b_port, "downlink"),
        ):
            for link in chosen[wrong][:_SHOWN].tolist():
                d = self.graph.devices[device[link]]
                yield f"{d.name} {d.layout.ports[port[link]].name} is no {side}"

    def bisections(self) -> Iterator[Bisection]:
        for role, members in self.members.items():
            sums = (int(column[members].sum()) for column in (self.down, self.used, self.up))
            yield Bisection(self.shape.network, role, len(members), *sums)
