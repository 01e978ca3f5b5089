"""No circle of lossless buffers, at rest and after any single failure.

What is asked is the buffer dependency graph (Dally and Seitz 1987, of channels; PFC's cyclic buffer dependency): from the
forwarding that the configurations yield, as read back, and the class that each port gives a packet. A circle is an error with
its cables in their order.

Failures: first all turns together that the policies permit after any failures; where these close no circle, none of them does.
Where they do, every single failure of a cable or switch by itself, those that a verified symmetry of the fabric carries over
once.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import SERVER_TIERS, Graph
from fabric_compiler.verify.buffers import DeviceClasses, Fabric, Waits, packed, parts, permitted
from fabric_compiler.verify.cycles import circle
from fabric_compiler.verify.forwardings import Forwarding
from fabric_compiler.verify.routing.sessions import port_name
from fabric_compiler.verify.symmetry import Symmetry, rotations

WORK = 10_000_000  # waits that are looked at again, over all failures; a sample of these where there are more
SEED = 1
_SHOWN = 12  # cables of a circle
_HINT = "take qos: roce-lossy, or routing that closes no circle: up and down in a Clos, a class change at the global hop"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found. `circle` are channels, empty where none is closed; `failed` says after which failure it is."""

    circle: tuple[int, ...]
    failed: str
    waits: int  # between channels: at rest, or, without cases, in all permitted turns
    cases: int  # failures that were taken one by one; 0: the permitted turns close no circle
    unlike: int  # failures of different effect
    whole: int  # all failures
    unpaused: tuple[tuple[int, int, int], ...]  # at rest; see buffers.Waits


def check_deadlock(
    graph: Graph, tables: Sequence[Forwarding], cabling: Cabling | None, classes: Sequence[DeviceClasses], report: Report
) -> str:
    """Report FC7030 for a circle of buffers, FC7031 for packets that no pause stops. Returns what was proven, in a sentence;
    empty where something is wrong or nothing is lossless."""
    if not any(kind and max(kind.pauses) >= 0 for held in classes for kind in held):
        return ""
    fabrics = _fabrics(graph, tables, classes)
    found = prove(graph, fabrics, tables, cabling)
    for link, direction, dscp in found.unpaused[:_SHOWN]:
        sender, receiver = _ends(graph, link, direction)
        message = (
            f"packets of DSCP {dscp} that {sender} sends to {receiver} are paused by a priority that their queue does not obey"
        )
        report.error("FC7031", message, hint="an override may have changed one end alone; else it is a bug of the compiler")
    if found.circle:
        shown = [_named(graph, number) for number in found.circle[:_SHOWN]]
        more = f" and {len(found.circle) - _SHOWN} more" if len(found.circle) > _SHOWN else ""
        after = f" after the loss of {found.failed}" if found.failed else ""
        message = f"lossless buffers wait for one another in a circle{after}: {', '.join(shown)}{more}, and again the first"
        report.error("FC7030", message, hint=_HINT)
    return "" if found.circle or found.unpaused else _sentence(found)


def _sentence(found: Proof) -> str:
    if not found.cases:
        waits = f"{found.waits:,} waits between lossless buffers"
        return f"deadlock: {waits} in all turns that the policies permit, after whatever failures, and no circle: proven"
    at_rest = f"deadlock: {found.waits:,} waits between lossless buffers and no circle at rest: proven"
    if found.cases < found.unlike:
        drawn = f"{found.cases:,} of {found.unlike:,} of different effect, which stand for {found.whole:,}"
        return f"{at_rest}; nor after a single cable or switch is lost: sampled {drawn}, seed {SEED}"
    alike = f", {found.unlike:,} of different effect by a verified symmetry" if found.unlike < found.whole else ""
    return f"{at_rest}; nor after any single cable or switch is lost: proven for all {found.whole:,}{alike}"


def prove(graph: Graph, fabrics: Sequence[Fabric], tables: Sequence[Forwarding], cabling: Cabling | None) -> Proof:
    """The circle that there is at rest, or after the first failure that closes one.

    What is permitted holds what is taken at rest: where the one closes no circle, the other need not be looked at.
    """
    union = _joined(fabric.waits(permitted(fabric)) for fabric in fabrics)
    if not _closed(union):
        return Proof((), "", len(union), 0, 0, 0, union.unpaused)
    at_rest = _joined(fabric.waits(fabric.ways(table.members)) for fabric, table in zip(fabrics, tables, strict=True))
    if closed := _closed(at_rest):
        return Proof(tuple(closed), "", len(at_rest), 0, 0, 0, at_rest.unpaused)
    most = max(1, WORK // max(len(at_rest), 1))
    cases, unlike, whole = _cases(graph, fabrics, tables, cabling, most)
    for name, links in cases:
        every = at_rest.joined(_after(fabrics, tables, links))  # no fewer than there are then
        if _closed(every) and (closed := _whole(fabrics, tables, links)):
            return Proof(tuple(closed), name, len(at_rest), len(cases), unlike, whole, at_rest.unpaused)
    return Proof((), "", len(at_rest), len(cases), unlike, whole, at_rest.unpaused)


def _fabrics(graph: Graph, tables: Sequence[Forwarding], classes: Sequence[DeviceClasses]) -> list[Fabric]:
    links = graph.links
    ends = dict(enumerate(zip(links.a_device.tolist(), links.b_device.tolist(), strict=True)))
    servers: dict[int, set[int]] = {}
    chosen = np.flatnonzero(np.isin(links.tiers, SERVER_TIERS))
    for device, port in zip(links.b_device[chosen].tolist(), links.b_port[chosen].tolist(), strict=True):
        servers.setdefault(device, set()).add(port)
    towards = {device: frozenset(ports) for device, ports in servers.items()}
    return [Fabric(table.mesh, ends, classes, towards) for table in tables]


def _joined(found: Iterator[Waits]) -> Waits:
    none = np.empty(0, dtype=np.int64)
    whole = Waits(none, none)
    for one in found:
        whole = whole.joined(one)
    return whole


def _after(fabrics: Sequence[Fabric], tables: Sequence[Forwarding], links: Collection[int]) -> Waits:
    """The waits of the destinations that a failure moves."""
    return _joined(_moved(fabric, table, links) for fabric, table in zip(fabrics, tables, strict=True))


def _moved(fabric: Fabric, table: Forwarding, links: Collection[int]) -> Waits:
    kinds, members = table.after(links)
    only = np.zeros((1, fabric.kinds), dtype=np.bool_)
    only[0, kinds] = True
    return fabric.waits(fabric.ways(members, kinds), packed(only)[0])


def _whole(fabrics: Sequence[Fabric], tables: Sequence[Forwarding], links: Collection[int]) -> list[int]:
    """The circle of exactly what is there after a failure."""
    waits = []
    for fabric, table in zip(fabrics, tables, strict=True):
        kinds, members = table.after(links)
        whole = [found.copy() for found in table.members]
        for found, moved in zip(whole, members, strict=True):
            found[:, kinds] = moved
        waits.append(fabric.waits(fabric.ways(whole)))
    return _closed(_joined(iter(waits)))


def _closed(waits: Waits) -> list[int]:
    """The channels of a short circle; empty where none is closed. What nothing waits for is in no circle, and is taken away
    until all that is left is waited for."""
    tail, head = waits.tail, waits.head
    size = int(max(tail.max(initial=0), head.max(initial=0))) + 1
    while len(tail):
        awaited = np.zeros(size, dtype=np.bool_)
        awaited[head] = True
        kept = awaited[tail]
        if kept.all():
            break
        tail, head = tail[kept], head[kept]
    return circle(tail, head) if len(tail) else []


Case = tuple[str, tuple[int, ...]]


def _cases(
    graph: Graph, fabrics: Sequence[Fabric], tables: Sequence[Forwarding], cabling: Cabling | None, most: int
) -> tuple[list[Case], int, int]:
    """Failures to take one by one, `most` at most; how many have different effects; and how many there are."""
    symmetry = rotations(graph, fabrics, tables)
    cables, switches = list(_cables(graph, cabling)), list(_switches(graph))
    chosen = [*_unlike(cables, symmetry), *_unlike(switches, symmetry)]
    unlike, whole = len(chosen), len(cables) + len(switches)
    if unlike > most:
        # the seed is told with the result, so that anybody can draw the same
        chosen = random.Random(SEED).sample(chosen, most)  # noqa: S311
    return chosen, unlike, whole


def _cables(graph: Graph, cabling: Cabling | None) -> Iterator[Case]:
    """Cables between switches with all their links."""
    fabric = np.flatnonzero(~np.isin(graph.links.tiers, SERVER_TIERS))
    of_cable: dict[int, list[int]] = {}
    for link in fabric.tolist():
        of_cable.setdefault(int(cabling.cable[link]) if cabling else link, []).append(link)
    for links in of_cable.values():
        yield f"the cable of {_named(graph, 16 * links[0], False)}", tuple(links)


def _switches(graph: Graph) -> Iterator[Case]:
    links = graph.links
    fabric = np.flatnonzero(~np.isin(links.tiers, SERVER_TIERS))
    of_switch: dict[int, list[int]] = {}
    for link, a, b in zip(fabric.tolist(), links.a_device[fabric].tolist(), links.b_device[fabric].tolist(), strict=True):
        of_switch.setdefault(a, []).append(link)
        of_switch.setdefault(b, []).append(link)
    for device, mine in sorted(of_switch.items()):
        yield graph.devices[device].name, tuple(mine)


def _unlike(cases: Sequence[Case], symmetry: Symmetry | None) -> list[Case]:
    """One of all cases that the symmetry carries into one another."""
    if symmetry is None:
        return list(cases)
    seen: set[tuple[int, ...]] = set()
    found = []
    for case in cases:
        if tuple(sorted(case[1])) not in seen:
            found.append(case)
            seen |= set(symmetry.images(case[1]))
    return found


def _ends(graph: Graph, link: int, direction: int) -> tuple[str, str]:
    links = graph.links
    ends = [
        port_name(graph, int(device[link]), int(port[link]))
        for device, port in ((links.a_device, links.a_port), (links.b_device, links.b_port))
    ]
    return (ends[1], ends[0]) if direction else (ends[0], ends[1])


def _named(graph: Graph, number: int, priority: bool = True) -> str:
    """`r1 Ethernet0 to r2 Ethernet8 (priority 3)`"""
    link, direction, own = parts(number)
    sender, receiver = _ends(graph, link, direction)
    return f"{sender} to {receiver}" + (f" (priority {own})" if priority else "")
