"""Faults, made on purpose: what they cost, how long the network takes to carry everything again, and whether it returns."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fabric_compiler.lab import checks, routers, tables
from fabric_compiler.lab.build import End, Link
from fabric_compiler.lab.layout import Layout, Node
from fabric_compiler.lab.pairs import Endpoint, Pair
from fabric_compiler.lab.probes import Post
from fabric_compiler.lab.report import Check, Progress, check
from fabric_compiler.lab.running import Lab
from fabric_compiler.lab.streams import Stream
from fabric_compiler.lab.tables import Tables

_RESTARTS: Final = 1.0  # seconds after which a supervisor starts a daemon again
_FLOWS: Final = 48
_INTERVAL: Final = 0.02  # seconds between two packets of a flow


@dataclass(frozen=True, slots=True)
class Fault:
    """`mend` brings back what `make` took away; where it `stays` until then, the network must heal without.

    `leafs`: those whose servers feel it, empty for all.
    """

    name: str
    what: str
    make: Callable[[], None]
    mend: Callable[[], None]
    stays: bool = True
    leafs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """What must be as before: each switch's routes, and what is wrong with the sessions."""

    tables: Tables
    sessions: tuple[str, ...]


def state(lab: Lab) -> State:
    return State(tables.read(lab), tuple(checks.session_faults(lab)))


def faults(lab: Lab, seed: int) -> Iterator[Fault]:
    """A link cut, a switch above the leafs killed, a daemon killed: chosen by the seed, of what is not drained.

    A link or a switch that the network has no other of is left alone.
    """
    drawn = random.Random(seed)  # noqa: S311 -- a choice, no secret
    models = lab.planned.intended.models
    fabric = [link for link in lab.planned.build.links if link.a.device in models]
    loaded = [link for link in fabric if not any(map(lab.planned.intended.is_drained, (link.a, link.b)))]
    if cuttable := [link for link in loaded if any(link != o and o.a.device == link.a.device for o in fabric)]:
        yield _cut(lab, drawn.choice(cuttable))
    above = dict.fromkeys(link.b.device for link in loaded)
    if spare := [name for name in above if _has_another(fabric, name)]:
        yield _death(lab, lab.node(drawn.choice(spare)))
    if above:
        yield _daemon(lab, lab.node(drawn.choice(list(above))))


def _has_another(fabric: Sequence[Link], name: str) -> bool:
    """Whether all that are below the switch have another one above."""
    above: dict[str, set[str]] = {}
    for link in fabric:
        above.setdefault(link.a.device, set()).add(link.b.device)
    return {name} not in above.values()


def _cut(lab: Lab, link: Link) -> Fault:
    """A wire has no middle: one end is set down, the other loses its carrier."""
    leafs = frozenset({link.a.device} if lab.node(link.a.device).role == "leaf" else ())

    upper, ports = lab.node(link.b.device), {link.b.port}
    return Fault(
        "link cut",
        f"{link.a} - {link.b}",
        lambda: _set(lab, upper, ports, up=False),
        lambda: _set(lab, upper, ports, up=True),
        leafs=leafs,
    )


def _death(lab: Lab, node: Node) -> Fault:
    ports = {port.name for port in node.ports if port.up}

    def make() -> None:
        _set(lab, node, ports, up=False)
        routers.kill(node)

    def mend() -> None:
        _set(lab, node, ports, up=True)
        routers.restart(node)

    return Fault(f"{node.role} killed", f"{node.name}, its links and daemons", make, mend)


def _daemon(lab: Lab, node: Node) -> Fault:
    def mend() -> None:
        time.sleep(_RESTARTS)
        routers.restart(node, "bgpd")

    what = f"bgpd of {node.name}, started again after {_RESTARTS:g} s"
    return Fault("daemon killed", what, lambda: routers.kill(node, "bgpd"), mend, stays=False)


def _set(lab: Lab, node: Node, ports: Container[str], *, up: bool) -> None:
    for index, name in lab.links[node.name].items():
        if name in ports:
            lab.kernels[node.name].set_link(index, up=up)


def flows(layout: Layout, fault: Fault, chosen: Sequence[Pair], seed: int) -> list[Pair]:
    """Pairs, some of all, that send from one leaf to another, to or from one that feels the fault."""
    leafs = {wire.a: wire.b.device for wire in layout.wires if wire.tiers == "server-leaf"}

    def leaf(one: Endpoint) -> str:
        return leafs[End(one.device, one.port)]

    across = [
        (one, other)
        for one, other in chosen
        if leaf(one) != leaf(other) and (not fault.leafs or fault.leafs & {leaf(one), leaf(other)})
    ]
    return random.Random(seed).sample(across, min(_FLOWS, len(across)))  # noqa: S311 -- a sample, no secret


def run(lab: Lab, fault: Fault, post: Post, chosen: Sequence[Pair], wait: float, progress: Progress) -> Check:
    """Make the fault, wait until traffic is whole without what it took, mend it, wait until all is as before."""
    before = state(lab)
    progress(fault.name, 1, 4)
    with Stream(post, chosen, _INTERVAL) as stream:
        if not stream.is_whole(time.monotonic(), wait):
            return check(fault.name, fault.what, ["not tried: packets are lost without it"])
        wrong = []
        made = time.monotonic()
        fault.make()
        progress(fault.name, 2, 4)
        if fault.stays and not stream.is_whole(time.monotonic(), wait):
            wrong.append(f"packets are still lost {wait:g} s after it")
        mended = time.monotonic()
        fault.mend()
        progress(fault.name, 3, 4)
        back = _returns(lab, before, wait)
        if back is None:
            wrong += _differences(before, state(lab))
        if not stream.is_whole(time.monotonic(), wait):
            wrong.append(f"packets are lost {wait:g} s after it was mended")
        during, all_in_all = stream.loss(made, mended), stream.loss(made)
    progress(fault.name, 4, 4)
    seconds = max((during if fault.stays else all_in_all).last - made, 0.0)
    said = f"{fault.what}: {all_in_all.lost} of {all_in_all.sent} packets lost"
    said += f", the last of them {seconds:.2f} s after it" if seconds else ""
    if back is not None:
        said += f"; state as before {back - mended:.1f} s after it was mended"
    return check(fault.name, said, wrong, seconds, all_in_all.lost)


def _returns(lab: Lab, before: State, within: float) -> float | None:
    """When all was as before; None: not within the time."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if tables.read(lab) == before.tables and state(lab) == before:
            return time.monotonic()
        time.sleep(0.1)
    return None


def _differences(before: State, now: State) -> Iterator[str]:
    yield from (f"afterwards {said}" for said in now.sessions if said not in before.sessions)
    for device, entries in now.tables.items():
        if entries != before.tables[device]:
            changed = len(set(entries) ^ set(before.tables[device]))
            yield f"{device} does not have the routes that it had before ({changed} differ)"
