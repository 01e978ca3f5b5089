"""The graph keeps what its topology promises: each port used once, speeds that fit, capacity and spread at every tier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Graph
from fabric_compiler.topology.shape import Shape
from fabric_compiler.units import format_ratio, format_speed

Numbers = npt.NDArray[np.int64]
_SHOWN = 5
_LEAF_SPINE, _SPINE_CORE = 1, 2


def check_graph(graph: Graph, shapes: Sequence[Shape], report: Report) -> None:
    """Report FC7001 for each rule that the graph breaks: that is a bug of a topology."""
    for check in (_ports, _separation, _speeds):
        found = list(check(graph))
        for sentence in found:
            report.error("FC7001", sentence)
        if found:
            return  # what follows counts on it
    for shape in shapes:
        for sentence in _spread(graph, shape):
            report.error("FC7001", sentence)


def _ports(graph: Graph) -> Iterator[str]:
    """A port exists, and has one cable."""
    links = graph.links
    device = np.concatenate((links.a_device, links.b_device)).astype(np.int64)
    port = np.concatenate((links.a_port, links.b_port)).astype(np.int64)
    sizes = np.array([len(d.layout.ports) for d in graph.devices], dtype=np.int64)
    outside = np.flatnonzero((port < 0) | (port >= sizes[device])) if len(port) else port
    for end in outside[:_SHOWN].tolist():
        yield f"{graph.devices[device[end]].name} has no port number {port[end]}"
    used, count = np.unique(device << 16 | port, return_counts=True)
    for end in used[count > 1][:_SHOWN].tolist():
        d = graph.devices[end >> 16]
        yield f"{d.name} {d.layout.ports[end & 0xFFFF].name} has two cables"


def _speeds(graph: Graph) -> Iterator[str]:
    """Both ports of a link have its speed."""
    links = graph.links
    layouts = {id(d.layout): d.layout for d in graph.devices}
    first: dict[int, int] = {}
    speeds: list[int] = []
    for key, layout in layouts.items():
        first[key] = len(speeds)
        speeds += [port.speed for port in layout.ports]
    start = np.array([first[id(d.layout)] for d in graph.devices], dtype=np.int64)
    table = np.array(speeds, dtype=np.int64)
    for device, port in ((links.a_device, links.a_port), (links.b_device, links.b_port)):
        wrong = np.flatnonzero(table[start[device] + port] != links.speed) if len(links) else np.empty(0, dtype=np.int64)
        for link in wrong[:_SHOWN].tolist():
            d = graph.devices[device[link]]
            shown = format_speed(int(links.speed[link]))
            yield f"{d.name} {d.layout.ports[port[link]].name} is not of the link's speed of {shown}"


def _separation(graph: Graph) -> Iterator[str]:
    """A link stays in its network, plane and site."""
    links = graph.links
    networks = {name: n for n, name in enumerate(graph.networks)}
    sites = {name: n for n, name in enumerate(dict.fromkeys(d.site for d in graph.devices))}
    site = np.array([sites[d.site] for d in graph.devices], dtype=np.int64)
    network = np.array([networks.get(d.network, -1) for d in graph.devices], dtype=np.int64)
    plane = np.array([d.plane for d in graph.devices], dtype=np.int64)
    for ends, what in (
        (site[links.a_device] != site[links.b_device], "two sites"),
        (network[links.b_device] != links.network, "two networks"),
        ((network[links.a_device] != links.network) & (network[links.a_device] >= 0), "two networks"),
        (plane[links.b_device] != links.plane, "two planes"),
        ((plane[links.a_device] != links.plane) & (plane[links.a_device] > 0), "two planes"),
    ):
        for link in np.flatnonzero(ends)[:_SHOWN].tolist():
            a, b = graph.devices[links.a_device[link]], graph.devices[links.b_device[link]]
            yield f"the link of {a.name} and {b.name} joins {what}"


def _spread(graph: Graph, shape: Shape) -> Iterator[str]:
    """Uplinks are all there, spread evenly over the switches above, and carry what the ratio promises."""
    links = graph.links
    mine = links.network == graph.networks.index(shape.network)
    for tiers, lower, split in ((_LEAF_SPINE, "leaf", shape.leaf), (_SPINE_CORE, "spine", shape.spine)):
        chosen = np.flatnonzero(mine & (links.tiers == tiers))
        ratio = shape.intent.topology.oversubscription if lower == "leaf" else Fraction(1)
        members = [n for n, d in enumerate(graph.devices) if d.network == shape.network and d.role == lower]
        if lower == "spine" and shape.tiers == 2:
            continue
        uplinks = np.bincount(links.a_device[chosen], minlength=len(graph.devices))
        for n in members:
            d = graph.devices[n]
            if uplinks[n] != d.uplinks:
                yield f"{d.name} has {uplinks[n]} of its {d.uplinks} uplinks"
                break
            if d.downlinks * split.down_speed > ratio * d.uplinks * split.up_speed:
                actual = Fraction(d.downlinks * split.down_speed, d.uplinks * split.up_speed)
                yield f"{d.name} is oversubscribed {format_ratio(actual)}, more than {format_ratio(ratio)}"
                break
        yield from _even(graph, chosen, lower, shape)


def _even(graph: Graph, chosen: Numbers, lower: str, shape: Shape) -> Iterator[str]:
    """A leaf has as many links to each of its spines; a group of spines as many to each core of its plane."""
    links = graph.links
    if lower == "leaf":
        group = links.a_device[chosen].astype(np.int64)
    else:
        code = np.array([d.plane << 32 | d.group << 16 | d.rail for d in graph.devices], dtype=np.int64)
        sites = {name: n for n, name in enumerate(dict.fromkeys(d.site for d in graph.devices))}
        site = np.array([sites[d.site] for d in graph.devices], dtype=np.int64)
        group = np.unique(code[links.a_device[chosen]] << 8 | site[links.a_device[chosen]], return_inverse=True)[1]
    pairs, count = np.unique(group * len(graph.devices) + links.b_device[chosen], return_counts=True)
    owner = pairs // len(graph.devices)
    low = np.full(int(owner.max()) + 1 if len(owner) else 0, np.iinfo(np.int64).max)
    high = np.zeros_like(low)
    np.minimum.at(low, owner, count)
    np.maximum.at(high, owner, count)
    uneven = np.flatnonzero(high > low)
    for one in uneven[:1].tolist():
        who = graph.devices[one].name if lower == "leaf" else f"a group of spines of {shape.network}"
        yield f"{who} has between {low[one]} and {high[one]} links to the switches above"
