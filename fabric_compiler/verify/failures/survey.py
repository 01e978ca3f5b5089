"""The worst cases of a network by kind of failure, and whether they leave what the intent asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.intent.schema import NetworkIntent, Survive
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import Graph
from fabric_compiler.topology.shape import Places
from fabric_compiler.units import format_percent
from fabric_compiler.verify.failures import cases as kinds
from fabric_compiler.verify.failures.cases import Cases
from fabric_compiler.verify.failures.remaining import QUANTITIES, Network
from fabric_compiler.verify.failures.view import ROLES, View, view

SAMPLES = 1000  # pairs of failures of a kind, where there are more
SEED = 1
# a share is a quotient of counts below 2^53; this is far below the next one
_EPSILON = 1e-9
_OF: Mapping[str, tuple[str, ...]] = {
    "reachability": ("reachability",),
    "uplinks": ("leaf uplinks", "spine uplinks"),
    "rail": ("rail",),
    "server": ("server",),
}

_WORDS = {"reachability": "the reachability", "uplinks": "a switch's uplinks", "rail": "a rail", "server": "a server's links"}


@dataclass(frozen=True, slots=True)
class Worst:
    """The least that a kind of failure leaves of a quantity, and the first case that does."""

    share: float
    case: str


@dataclass(frozen=True, slots=True)
class Row:
    """All failures of a kind, or, where `sampled`, so many cases drawn with `seed`."""

    network: str
    lose: str
    tier: str
    parts: int  # that fail at once
    cases: int
    sampled: bool
    seed: int
    worst: Mapping[str, Worst]  # by quantity

    @property
    def kind(self) -> str:
        """`spine`, `leaf-spine cable`, `two racks`."""
        words = self.tier if self.lose == "switch" and self.tier else f"{self.tier} {self.lose}".strip()
        return words if self.parts == 1 else f"two {words}{'es' if words.endswith('ch') else 's'}"


def survey(graph: Graph, cabling: Cabling, networks: Mapping[str, NetworkIntent], places: Places, report: Report) -> list[Row]:
    """Every single failure of every network, and pairs of each kind; FC7020 where the intent asks for more than remains."""
    rows: list[Row] = []
    for name, network in networks.items():
        seen = view(graph, name, network.protocol)
        whole = Network(seen)
        singles = list(single_failures(graph, cabling, seen))
        found = [_row(name, whole, cases, False) for cases in singles]
        asked_tiers = {(asked.lose, asked.tier) for asked in network.survive if asked.count == 2}
        for cases in _unions(singles, asked_tiers):
            if len(cases) > 1:
                two, everything = kinds.pairs(cases, graph, seen, SAMPLES, SEED)
                found.append(_row(name, whole, two, not everything))
        for number, asked in enumerate(network.survive):
            _judge(name, asked, found, places.at("networks", name, "survive", number), report)
        rows += found
    return rows


def single_failures(graph: Graph, cabling: Cabling, seen: View) -> Iterator[Cases]:
    """Every kind that the network has parts of."""
    tiers = np.unique(graph.links.tiers[seen.links]).tolist()
    for tier in tiers:
        yield kinds.cables(graph, cabling, seen, tier)
    for tier in tiers:
        yield kinds.modules(graph, cabling, seen, tier)
    for role, members in zip(ROLES, seen.devices[1:], strict=True):
        if len(members):
            yield kinds.switches(graph, seen, role)
    yield kinds.racks(graph, cabling, seen)


def _unions(singles: Sequence[Cases], asked: Collection[tuple[str, str | None]]) -> Iterator[Cases]:
    """What any two are taken of: each kind in all its tiers, all kinds together, and single tiers where the intent asks."""
    for lose in dict.fromkeys(cases.lose for cases in singles):
        yield kinds.together([cases for cases in singles if cases.lose == lose])
    yield kinds.together(singles)
    tiers = [cases for cases in singles if (cases.lose, cases.tier) in asked]
    yield from (cases for cases in tiers if sum(one.lose == cases.lose for one in singles) > 1)


def _row(network: str, whole: Network, cases: Cases, sampled: bool) -> Row:
    shares = whole.remaining(cases).shares
    worst = {}
    for quantity, share in shares.items():
        case = int(np.argmin(share))
        worst[quantity] = Worst(float(share[case]), cases.name(case))
    return Row(network, cases.lose, cases.tier, cases.parts, len(cases), sampled, SEED, worst)


def _judge(network: str, asked: Survive, rows: Sequence[Row], place: Span, report: Report) -> None:
    mine = [row for row in rows if (row.lose, row.parts) == (asked.lose, asked.count)]
    chosen = [row for row in mine if asked.tier in (None, row.tier)]
    found = [row.worst[quantity] for row in chosen for quantity in _OF[asked.of] if quantity in row.worst]
    if not found:
        what = f"no {asked.of}" if chosen else f"no {asked.tier or ''} {asked.lose} to lose".replace("  ", " ")
        report.error("FC2005", f"{network} has {what}", place)
        return
    least = min(found, key=lambda worst: worst.share)
    if least.share < asked.keep / 100_000 - _EPSILON:
        report.error(
            "FC7020",
            f"{network}: without {least.case}, {percent(least.share)} of {_WORDS[asked.of]} remains, and "
            f"{format_percent(asked.keep)} is asked for",
            place,
            "add spines, uplinks or homing, or ask for less",
        )


def percent(share: float) -> str:
    """Rounded down, so that 100% means all."""
    return format_percent(int(share * 10_000 + _EPSILON) * 10)


def table(rows: Sequence[Row]) -> list[list[str]]:
    """Header and rows: single failures first, pairs after them."""
    lines = [["network", "without any", "cases", "", *QUANTITIES, "worst case"]]
    for row in sorted(rows, key=lambda row: (list(dict.fromkeys(r.network for r in rows)).index(row.network), row.parts)):
        least = min(row.worst.values(), key=lambda worst: worst.share)
        how = f"sampled, seed {row.seed}" if row.sampled else "proven"
        shares = [percent(row.worst[quantity].share) if quantity in row.worst else "-" for quantity in QUANTITIES]
        lines.append([row.network, row.kind, str(row.cases), how, *shares, least.case if least.share < 1 else ""])
    return lines
