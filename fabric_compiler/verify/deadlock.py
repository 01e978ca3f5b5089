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
from dataclasses import dataclass, replace

import numpy as np

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import SERVER_TIERS, Graph
from fabric_compiler.verify.buffers import DeviceClasses, Fabric, Waits, packed, parts, permitted
from fabric_compiler.verify.cycles import circle
from fabric_compiler.verify.routing.decision import Decided, decide
from fabric_compiler.verify.routing.routes import NONE
from fabric_compiler.verify.routing.sessions import port_name
from fabric_compiler.verify.routing.tables import Routing
from fabric_compiler.verify.symmetry import Symmetry, rotations

SAMPLES = 400  # failures, where there are more of different effect
SEED = 1
_SHOWN = 12  # cables of a circle
_HINT = "take qos: roce-lossy, or routing that closes no circle: up and down in a Clos, a class change at the global hop"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found. `circle` are channels, empty where none is closed; `failed` says after which failure it is."""

    circle: tuple[int, ...]
    failed: str
    waits: int  # between channels, at rest
    cases: int  # failures that were taken one by one; 0: the permitted turns close no circle
    whole: int  # failures that these stand for
    sampled: bool


def check_deadlock(
    routing: Routing, cabling: Cabling | None, classes: Sequence[DeviceClasses], report: Report, failures: bool = True
) -> str:
    """Report FC7030 for a circle of buffers, FC7031 for packets that no pause stops. Returns what was proven, in a sentence;
    empty where something is wrong or nothing is lossless."""
    fabrics = _fabrics(routing, classes)
    if not any(kind and max(kind.pauses) >= 0 for held in classes for kind in held):
        return ""
    found = prove(routing, fabrics, cabling, failures)
    graph = routing.graph
    for link, direction, dscp in _unpaused(routing, fabrics)[:5]:
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
        return ""
    return _sentence(found) if not report.failed else ""


def _sentence(found: Proof) -> str:
    at_rest = f"deadlock: {found.waits:,} waits between lossless buffers and no circle at rest: proven"
    if not found.cases:
        return f"{at_rest}; nor of all turns that the policies permit, after whatever failures: proven"
    how = f"sampled {found.cases:,} of {found.whole:,}, seed {SEED}" if found.sampled else f"proven for all {found.whole:,}"
    alike = (
        f", {found.cases:,} of different effect by a verified symmetry"
        if found.cases < found.whole and not found.sampled
        else ""
    )
    return f"{at_rest}; nor after any single cable or switch is lost: {how}{alike}"


def prove(routing: Routing, fabrics: Sequence[Fabric], cabling: Cabling | None, failures: bool = True) -> Proof:
    """The circle that there is at rest, or after the first failure that closes one."""
    at_rest = _joined(fabric.waits(fabric.at_rest(d)) for fabric, d in zip(fabrics, routing.decided, strict=True))
    if closed := circle(at_rest.tail, at_rest.head):
        return Proof(tuple(closed), "", len(at_rest), 0, 0, False)
    if not failures:
        return Proof((), "", len(at_rest), 0, 0, False)
    union = _joined(fabric.waits(permitted(fabric)) for fabric in fabrics)
    if not circle(union.tail, union.head):
        return Proof((), "", len(at_rest), 0, 0, False)
    cases, whole, sampled = _cases(routing, fabrics, cabling)
    for name, links in cases:
        after = _after(fabrics, routing.decided, links, at_rest)
        if closed := circle(after.tail, after.head):
            exact = _exact(fabrics, routing.decided, links)
            if closed := circle(exact.tail, exact.head):
                return Proof(tuple(closed), name, len(at_rest), len(cases), whole, sampled)
    return Proof((), "", len(at_rest), len(cases), whole, sampled)


def _fabrics(routing: Routing, classes: Sequence[DeviceClasses]) -> list[Fabric]:
    graph = routing.graph
    links = graph.links
    columns = (links.a_device.tolist(), links.b_device.tolist())
    ends = dict(enumerate(zip(*columns, strict=True)))
    servers: dict[int, set[int]] = {}
    chosen = np.flatnonzero(np.isin(links.tiers, SERVER_TIERS))
    for device, port in zip(links.b_device[chosen].tolist(), links.b_port[chosen].tolist(), strict=True):
        servers.setdefault(device, set()).add(port)
    towards = {device: frozenset(ports) for device, ports in servers.items()}
    return [Fabric(decided.mesh, ends, classes, towards) for decided in routing.decided]


def _joined(found: Iterator[Waits]) -> Waits:
    none = np.empty(0, dtype=np.int64)
    whole = Waits(none, none)
    for one in found:
        whole = whole.joined(one)
    return whole


def _unpaused(routing: Routing, fabrics: Sequence[Fabric]) -> tuple[tuple[int, int, int], ...]:
    return _joined(fabric.waits(fabric.at_rest(d)) for fabric, d in zip(fabrics, routing.decided, strict=True)).unpaused


def _decided(before: Decided, links: Collection[int]) -> Decided:
    """At rest again without the links. What only a lost switch had is gone from the start: BGP looks for it on ever longer
    paths, and no packet goes there."""
    mesh, lost = before.mesh, frozenset(links)
    cut = {n for n, node in enumerate(mesh.nodes) if lost.issuperset(node.link.tolist())}
    gone = [kind for kind, origins in enumerate(mesh.origins) if cut.issuperset(origins)]
    if gone:
        sent, best = before.sent.copy(), before.best.copy()
        sent[:, gone], best[:, gone] = NONE, NONE
        members = [words.copy() for words in before.members]
        for words in members:
            words[gone] = 0
        before = replace(before, sent=sent, best=best, members=tuple(members))
    return decide(mesh, start=before, down=links)


def _after(fabrics: Sequence[Fabric], decided: Sequence[Decided], links: Collection[int], at_rest: Waits) -> Waits:
    """The waits at rest, and those of the destinations that a failure moves: no fewer than there are then."""
    found = at_rest
    for fabric, before in zip(fabrics, decided, strict=True):
        after = _decided(before, links)
        moved = np.zeros(before.mesh.kinds, dtype=np.bool_)
        for one, other in zip(before.members, after.members, strict=True):
            if one is not other:
                moved |= (one != other).any(axis=1)
        if moved.any():
            found = found.joined(fabric.waits(fabric.at_rest(after), packed(moved[None, :])[0]))
    return found


def _exact(fabrics: Sequence[Fabric], decided: Sequence[Decided], links: Collection[int]) -> Waits:
    rested = (_decided(before, links) for before in decided)
    return _joined(fabric.waits(fabric.at_rest(after)) for fabric, after in zip(fabrics, rested, strict=True))


Case = tuple[str, tuple[int, ...]]


def _cases(routing: Routing, fabrics: Sequence[Fabric], cabling: Cabling | None) -> tuple[list[Case], int, bool]:
    """Failures to take one by one, how many they stand for, and whether they are a sample."""
    symmetry = rotations(routing, fabrics)
    cables, switches = list(_cables(routing.graph, cabling)), list(_switches(routing.graph))
    chosen = [*_unlike(cables, symmetry), *_unlike(switches, symmetry)]
    whole = len(cables) + len(switches)
    if len(chosen) <= SAMPLES:
        return chosen, whole, False
    # the seed is told with the result, so that anybody can draw the same
    return random.Random(SEED).sample(chosen, SAMPLES), whole, True  # noqa: S311


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
