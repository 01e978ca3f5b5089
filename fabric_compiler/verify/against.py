"""The links of a network as somebody observed them, against those of the graph: missing, extra, moved and swapped.

Ends are known by the graph's names of device and port. Where an observation comes from (LLDP, ibnetdiscover), and what its
labels are called here, is its reader's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Graph

_SHOWN = 200  # findings of a kind; a file may hold a million lines


class End(NamedTuple):
    """A port of a device, by name."""

    device: str
    port: str

    def __str__(self) -> str:
        return f"{self.device} {self.port}"


Link: TypeAlias = tuple[End, End]
"""Unordered: the smaller end stands first, see `link`."""


def link(one: tuple[str, str], other: tuple[str, str]) -> Link:
    """The link of two ends, whichever is named first."""
    a, b = End(*one), End(*other)
    return (a, b) if a <= b else (b, a)


@dataclass(frozen=True, slots=True)
class Moved:
    """One end of a planned link is where it belongs, the other is not."""

    planned: Link
    observed: Link


@dataclass(frozen=True, slots=True)
class Swap:
    """Two planned links whose ends were exchanged."""

    planned: tuple[Link, Link]
    observed: tuple[Link, Link]


@dataclass(frozen=True, slots=True)
class Difference:
    """What an observation lacks of the plan and has besides; each link is in one place only, all in order of their ends."""

    missing: tuple[Link, ...]
    extra: tuple[Link, ...]
    moved: tuple[Moved, ...]
    swapped: tuple[Swap, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.moved or self.swapped)


def planned(graph: Graph, networks: Iterable[str] | None = None) -> frozenset[Link]:
    """The links of the graph, or of some of its networks alone."""
    wanted = {graph.networks.index(network) for network in networks} if networks is not None else None
    ports = {id(d.layout): [port.name for port in d.layout.ports] for d in graph.devices}
    ends = [(d.name, ports[id(d.layout)]) for d in graph.devices]
    links = graph.links
    columns = (links.a_device, links.a_port, links.b_device, links.b_port, links.network)
    found = set()
    for a, a_port, b, b_port, network in zip(*(column.tolist() for column in columns), strict=True):
        if wanted is None or network in wanted:
            (one, ones), (other, others) = ends[a], ends[b]
            found.add(link((one, ones[a_port]), (other, others[b_port])))
    return frozenset(found)


def compare(planned: Iterable[Link], observed: Iterable[Link]) -> Difference:
    """Set against set. An end may be in several observed links (two sources that disagree): each is looked at by itself."""
    wanted, seen = set(planned), set(observed)
    lacking, besides = wanted - seen, seen - wanted
    plan_of = {end: pair for pair in lacking for end in pair}
    swapped = []
    for pair in sorted(besides):
        plans = [plan for end in pair if (plan := plan_of.get(end)) in lacking]
        if pair not in besides or len(plans) < len(pair) or plans[0] == plans[1]:
            continue
        # the two that these ends should have met, met each other
        twin = link(*(_other(plan, end) for plan, end in zip(plans, pair, strict=True)))
        if twin in besides:
            swapped.append(Swap((min(plans), max(plans)), (pair, twin)))
            besides -= {pair, twin}
            lacking -= set(plans)
    moved, extra = [], []
    for pair in sorted(besides):
        # in a longer circle of exchanges each link is left one of its two
        plan = next((plan for end in pair if (plan := plan_of.get(end)) in lacking), None)
        if plan:
            lacking.discard(plan)
            moved.append(Moved(plan, pair))
        else:
            extra.append(pair)
    return Difference(tuple(sorted(lacking)), tuple(extra), tuple(moved), tuple(swapped))


def _other(pair: Link, end: End) -> End:
    return pair[1] if pair[0] == end else pair[0]


def report_difference(difference: Difference, report: Report, label: Callable[[End], str] = str) -> None:
    """Report FC7031, a finding a cable that somebody must touch; `label` words an end."""

    def words(pair: Link) -> str:
        return f"{label(pair[0])} to {label(pair[1])}"

    swapped = [
        f"two cables are swapped: planned {words(swap.planned[0])} and {words(swap.planned[1])}, "
        f"found {words(swap.observed[0])} and {words(swap.observed[1])}"
        for swap in difference.swapped
    ]
    moved = [f"a cable is in the wrong port: planned {words(m.planned)}, found {words(m.observed)}" for m in difference.moved]
    missing = [f"a link is missing: {words(pair)}" for pair in difference.missing]
    extra = [f"a link is not in the plan: {words(pair)}" for pair in difference.extra]
    for kind, sentences in (("swaps", swapped), ("moved cables", moved), ("missing links", missing), ("extra links", extra)):
        for sentence in sentences[:_SHOWN]:
            report.error("FC7031", sentence)
        if len(sentences) > _SHOWN:
            report.error("FC7031", f"and {len(sentences) - _SHOWN} more {kind}")
