"""Who stands where in a picture: tiers above one another, networks beside one another, pods and groups folded where there are
many devices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.review.folded_diff import natural

FEW = 80  # devices that are drawn one by one

_TIERS = {"server": 0, "leaf": 1, "router": 1, "border": 2, "spine": 2, "core": 3}
WIDTH, HEIGHT = 112, 34  # of a box
_GAP, _RISE = 18, 170
_COLUMNS = 18  # boxes beside one another


@dataclass(frozen=True, slots=True)
class Box:
    """One device, or several that stand for one another: `members` are rows of Graph.devices. `x` and `y` are its middle."""

    label: str
    detail: str
    role: str
    network: str
    members: tuple[int, ...]
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """The links between two boxes, all together."""

    a: int
    b: int
    links: int
    gbps: float
    network: str


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float


def picture(graph: Graph, few: int = FEW) -> Picture:
    """Lay the graph out; with more than `few` devices, pods and groups are one box each."""
    fold = len(graph.devices) > few
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, device in enumerate(graph.devices):
        groups[_key(device) if fold else (number,)].append(number)
    rows: dict[int, list[list[int]]] = defaultdict(list)
    for members in groups.values():
        rows[_tier(graph.devices[members[0]])].append(members)
    placed = list(_placed(graph, rows))
    widest = max((box.x for box in placed), default=0) + WIDTH / 2 + _GAP
    lowest = max((box.y for box in placed), default=0) + HEIGHT / 2 + _GAP
    return Picture(graph.fabric, tuple(placed), tuple(_lines(graph, placed)), widest, lowest)


def _key(device: Device) -> tuple[object, ...]:
    if device.kind == "server" or device.pod:
        return device.role, device.network, device.site, device.pod
    return device.role, device.network, device.site, device.plane, device.rail, device.group


def _tier(device: Device) -> int:
    return _TIERS.get(device.role, 1)


def _placed(graph: Graph, rows: dict[int, list[list[int]]]) -> Iterable[Box]:
    """From the top tier down; a tier of many boxes stands in several lines. Networks in the order of the intent."""
    order = {name: number for number, name in enumerate(("", *graph.networks))}
    columns = min(_COLUMNS, max((len(row) for row in rows.values()), default=1))
    y = _GAP + HEIGHT / 2
    for tier in sorted(rows, reverse=True):
        row = sorted(rows[tier], key=lambda members: _order(graph.devices[members[0]], order))
        lines = -(-len(row) // columns)
        width = -(-len(row) // lines)  # of each line, evenly
        step = columns * (WIDTH + _GAP) / width
        for place, members in enumerate(row):
            device = graph.devices[members[0]]
            x = _GAP / 2 + step * (place % width + 0.5)
            own = y + place // width * (HEIGHT + _GAP)
            yield Box(*_words(device, len(members)), device.role, device.network, tuple(members), x, own)
        y += (lines - 1) * (HEIGHT + _GAP) + _RISE


def _order(device: Device, networks: dict[str, int]) -> tuple[int, tuple[tuple[bool, int, str], ...]]:
    return networks[device.network], natural(device.name)


def _words(device: Device, count: int) -> tuple[str, str]:
    if count == 1:
        return device.name, device.model
    where = device.pod or " ".join(
        word for word in (f"rail {device.rail}" if device.rail else "", f"group {device.group}" if device.group else "") if word
    )
    return f"{count} {device.role}s", " ".join(filter(None, (device.network, where or device.site)))


def _lines(graph: Graph, boxes: list[Box]) -> Iterable[Line]:
    of = np.empty(len(graph.devices), dtype=np.int64)
    for number, box in enumerate(boxes):
        of[list(box.members)] = number
    links = graph.links
    keys = (of[links.a_device] * len(boxes) + of[links.b_device]) * max(len(graph.networks), 1) + links.network
    found, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    speeds = np.bincount(which, weights=links.speed, minlength=len(found)) / 1000
    for key, count, speed in zip(found.tolist(), counts.tolist(), speeds.tolist(), strict=True):
        pair, network = divmod(key, max(len(graph.networks), 1))
        a, b = divmod(pair, len(boxes))
        yield Line(a, b, count, speed, graph.networks[network])
