"""Which BGP sessions come up: at both ends of a cable two neighbours must accept one another, as the daemons would.

The wiring is given apart from the configurations, so that a cable that is plugged elsewhere does what it would really do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fabric_compiler.ir.graph import Graph, Links
from fabric_compiler.targets.text import address
from fabric_compiler.verify.observed import EXTERNAL
from fabric_compiler.verify.routing.speakers import SessionEnd, Speaker, Speakers, carried


class Session(NamedTuple):
    """Two devices by number, the port of each by its index in the layout, and what each end stated."""

    link: int
    one: int
    one_port: int
    one_end: SessionEnd
    two: int
    two_port: int
    two_end: SessionEnd
    families: frozenset[int]


class Fault(NamedTuple):
    """A session that does not come up, or that carries less than it should; `link` is -1 where there is none."""

    link: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Sessions:
    up: tuple[Session, ...]
    faults: tuple[Fault, ...]


def establish(graph: Graph, links: Links, speakers: Speakers) -> Sessions:
    """Join what the switches state, over the cables in `links` (Graph.links, or others on the same devices)."""
    stated: dict[tuple[int, int], list[SessionEnd]] = defaultdict(list)
    for device, speaker in enumerate(speakers):
        for end in speaker.sessions if speaker else ():
            stated[device, end.port].append(end)
    up: list[Session] = []
    faults: list[Fault] = []
    columns = (links.a_device, links.a_port, links.b_device, links.b_port)
    for link, (a, a_port, b, b_port) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        here, there = stated.pop((a, a_port), ()), stated.pop((b, b_port), ())
        if not (here or there):
            continue
        found = _Cable(graph, speakers, link, a, a_port, b, b_port)
        for one, two in _pairs(list(here), list(there)):
            why = found.refusal(one, two)
            if why or one is None or two is None:
                faults.append(Fault(link, f"{found.name} have no BGP session: {why}"))
                continue
            families, lacking = found.families(one, two)
            if lacking:
                faults.append(Fault(link, f"{found.name} have a BGP session that carries less than it should: {lacking}"))
            up.append(Session(link, a, a_port, one, b, b_port, two, families))
    for (device, port), ends in stated.items():
        faults += [Fault(-1, _alone(graph, device, port, end)) for end in ends]
    return Sessions(tuple(up), tuple(faults))


def _pairs(here: list[SessionEnd], there: list[SessionEnd]) -> Iterator[tuple[SessionEnd | None, SessionEnd | None]]:
    """Ends that mean one another; what is left over is paired in order, to say why not."""
    left = []
    for one in here:
        two = next((end for end in there if _mean(one, end)), None)
        if two is None:
            left.append(one)
        else:
            there.remove(two)
            yield one, two
    for n in range(max(len(left), len(there))):
        yield left[n] if n < len(left) else None, there[n] if n < len(there) else None


def _mean(one: SessionEnd, two: SessionEnd) -> bool:
    if one.neighbour is None or two.neighbour is None:
        return one.neighbour is two.neighbour
    if one.own is None or two.own is None:
        return False
    return one.neighbour[:2] == two.own[:2] and two.neighbour[:2] == one.own[:2]


@dataclass(frozen=True, slots=True)
class _Cable:
    """A cable and what it joins."""

    graph: Graph
    speakers: Speakers
    link: int
    a: int
    a_port: int
    b: int
    b_port: int

    @property
    def name(self) -> str:
        return f"{port_name(self.graph, self.a, self.a_port)} and {port_name(self.graph, self.b, self.b_port)}"

    def refusal(self, one: SessionEnd | None, two: SessionEnd | None) -> str:
        """Why two ends do not come together; empty where they do."""
        devices = self.graph.devices
        for end, device, other in ((one, self.a, self.b), (two, self.b, self.a)):
            if end is None:
                return f"{devices[device].name} has no neighbour there, and {devices[other].name} expects one"
        assert one
        assert two
        for end, device in ((one, self.a), (two, self.b)):
            if end.fault:
                return f"{devices[device].name}: {end.fault}"
        if not _mean(one, two):
            return f"{self._expects(self.a, one)}, and {self._expects(self.b, two)}"
        first, second = self.speakers[self.a], self.speakers[self.b]
        assert first
        assert second
        if not (_accepts(first, one, second) and _accepts(second, two, first)):
            return (
                f"{devices[self.a].name} is AS {first.asn} and expects {_asn(one)}, "
                f"{devices[self.b].name} is AS {second.asn} and expects {_asn(two)}"
            )
        return ""

    def families(self, one: SessionEnd, two: SessionEnd) -> tuple[frozenset[int], str]:
        """The families that both ends exchange, and why not more."""
        first, second = self.speakers[self.a], self.speakers[self.b]
        assert first
        assert second
        (here, why_here), (there, why_there) = carried(first, one), carried(second, two)
        names = self.graph.devices[self.a].name, self.graph.devices[self.b].name
        lacking = [f"{name}: {why}" for name, why in zip(names, (why_here, why_there), strict=True) if why]
        for version in sorted(here ^ there):
            name = names[version in here]
            if not (why_here if name == names[0] else why_there):
                lacking.append(f"{name} does not activate IPv{version}")
        if not (here & there or lacking):
            lacking.append("no address family is activated")
        return here & there, "; ".join(lacking)

    def _expects(self, device: int, end: SessionEnd) -> str:
        name = self.graph.devices[device].name
        if end.neighbour is None:
            return f"{name} expects a neighbour by link-local address"
        own = f" from {address(end.own)}" if end.own else ""
        return f"{name} expects {address(end.neighbour)}{own}"


def _accepts(own: Speaker, end: SessionEnd, other: Speaker) -> bool:
    """RFC 4271 6.2: the ASN in the OPEN message is the one that was expected."""
    return other.asn == end.asn if end.asn != EXTERNAL else other.asn != own.asn


def _asn(end: SessionEnd) -> str:
    return f"AS {end.asn}" if end.asn != EXTERNAL else "any other AS"


def _alone(graph: Graph, device: int, port: int, end: SessionEnd) -> str:
    who = address(end.neighbour) if end.neighbour else "a neighbour"
    if port < 0:
        return f"{graph.devices[device].name} expects {who}, and {end.fault or 'has no port for it'}"
    return f"{port_name(graph, device, port)} expects {who}, and has no cable"


def port_name(graph: Graph, device: int, port: int) -> str:
    """`leaf-1 Ethernet0`"""
    return f"{graph.devices[device].name} {graph.devices[device].layout.ports[port].name}"
