"""The medium of each bundle of links: the first in order of preference that fits its cages and reaches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fabric_compiler.cabling.cages import MESHED, STRUCTURES, Bundles, Cages
from fabric_compiler.cabling.columns import Ints, Positions
from fabric_compiler.cabling.fitting import Ends, carries, modules, structures
from fabric_compiler.catalog.types import Medium, Module
from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.graph import TIER_PAIRS, Graph
from fabric_compiler.units import format_length, format_speed


@dataclass(frozen=True, slots=True, order=True)
class LinkShape:
    """Links that differ in their length only."""

    network: str
    pair: str
    ends: Ends

    def __str__(self) -> str:
        return f"{self.network} {self.pair} {self.ends}"


@dataclass(frozen=True, slots=True)
class Case:
    """Bundles that get the same medium: the same shapes, structure and length."""

    shapes: tuple[LinkShape, ...]
    structure: int
    length: int  # mm, of the longest link

    @property
    def ends(self) -> tuple[Ends, ...]:
        return tuple(shape.ends for shape in self.shapes)

    @property
    def stem(self) -> str:
        """Its name in the lock, up to the length."""
        return " + ".join(map(str, self.shapes)) + f" {STRUCTURES[self.structure]}"

    @property
    def key(self) -> str:
        return f"{self.stem} {format_length(self.length)}"


@dataclass(frozen=True, slots=True)
class Fitted:
    """`medium` has a row a link, -1 where none was found; modules are indices into `modules`, -1 likewise.

    `modules` holds each module with the index of its medium.
    """

    medium: Ints
    a_module: Ints
    b_module: Ints
    modules: tuple[tuple[int, Module], ...]
    pins: Mapping[str, str]


def choose(
    graph: Graph,
    cages: Cages,
    bundles: Bundles,
    catalog: tuple[Medium, ...],
    intent: Intent,
    source: Positions,
    report: Report,
    pinned: Mapping[str, str],
) -> Fitted:
    """The media of all links, and the pins for the lock.

    A network's own media come before the lock's, and these before the catalogue's order. Reports FC5001 and FC5002 once a
    shape, for its longest links.
    """
    shapes, shape = _shapes(graph, cages)
    _check_preferences(shapes, catalog, intent, source, report)
    cases, case = _cases(shapes, shape, bundles)
    lock = _Pins(pinned)
    number = {medium.name: at for at, medium in enumerate(catalog)}
    chosen = np.full(len(cases) + 1, -1, dtype=np.int64)  # the last row stands for no case
    pins: dict[str, str] = {}
    failed: list[int] = []
    for at, one in enumerate(cases):
        medium = _choose(one, catalog, intent, lock)
        if medium:
            chosen[at] = number[medium.name]
            pins[one.key] = medium.name
        else:
            failed.append(at)
    for at in _longest(cases, failed, intent):
        links = np.flatnonzero(case[bundles.bundle] == at)
        site = graph.devices[graph.links.a_device[links[0]]].site
        _report(cases[at], site, catalog, intent, source, report)
    medium_of_link = chosen[case[bundles.bundle]]
    a_module, b_module, used = _modules(shapes, shape, medium_of_link, catalog)
    return Fitted(medium_of_link, a_module, b_module, used, pins)


def _shapes(graph: Graph, cages: Cages) -> tuple[list[LinkShape], Ints]:
    """The shapes of links, sorted, and for each link the index of its own."""
    links = graph.links
    speeds, speed = np.unique(links.speed, return_inverse=True)
    forms = max(len(cages.forms), 1)
    code = (links.network.astype(np.int64) * len(TIER_PAIRS) + links.tiers) * max(len(speeds), 1) + speed
    codes, number = np.unique((code * forms + cages.a_form) * forms + cages.b_form, return_inverse=True)
    made = []
    for value in codes.tolist():
        rest, b = divmod(value, forms)
        rest, a = divmod(rest, forms)
        rest, rate = divmod(rest, len(speeds))
        network, pair = divmod(rest, len(TIER_PAIRS))
        ends = Ends(int(speeds[rate]), cages.forms[a], cages.forms[b])
        made.append(LinkShape(graph.networks[network], TIER_PAIRS[pair], ends))
    return made, number


def _cases(shapes: list[LinkShape], shape: Ints, bundles: Bundles) -> tuple[list[Case], Ints]:
    """The cases, and for each bundle the index of its own."""
    count = len(bundles)
    low, high = np.full(count, len(shapes)), np.full(count, -1)
    np.minimum.at(low, bundles.bundle, shape)
    np.maximum.at(high, bundles.bundle, shape)
    held: list[tuple[int, ...]] = [(n,) for n in range(len(shapes))]
    kind = low.copy()
    if (low != high).any():
        mixed = (low != high)[bundles.bundle]
        pairs = np.unique(bundles.bundle[mixed] * len(shapes) + shape[mixed])
        members: dict[int, list[int]] = {}
        for bundle, member in zip((pairs // len(shapes)).tolist(), (pairs % len(shapes)).tolist(), strict=True):
            members.setdefault(bundle, []).append(member)
        known: dict[tuple[int, ...], int] = {}
        for bundle, found in members.items():
            kind[bundle] = len(shapes) + known.setdefault(tuple(found), len(known))
        held += known
    lengths, length = np.unique(bundles.length, return_inverse=True)
    code = (kind * len(STRUCTURES) + bundles.structure) * max(len(lengths), 1) + length
    codes, number = np.unique(code, return_inverse=True)
    made = []
    for value in codes.tolist():
        rest, at = divmod(value, len(lengths))
        which, structure = divmod(rest, len(STRUCTURES))
        made.append(Case(tuple(shapes[n] for n in held[which]), structure, int(lengths[at])))
    return made, number


def _stated(intent: Intent, shape: LinkShape) -> tuple[str, ...]:
    network = intent.networks.get(shape.network)
    return next((stated for pair, stated in network.media.items() if pair == shape.pair), ()) if network else ()


def _protocol(intent: Intent, shape: LinkShape) -> str:
    network = intent.networks.get(shape.network)
    return network.protocol if network else "ethernet"


def _candidates(case: Case, catalog: tuple[Medium, ...], intent: Intent) -> list[Medium]:
    """In order of preference: one stated medium is the only one, several come before the others."""
    order = [medium for medium in catalog if all(medium.protocol == _protocol(intent, shape) for shape in case.shapes)]
    for shape in reversed(case.shapes):
        stated = _stated(intent, shape)
        if len(stated) > 1:
            order.sort(key=lambda medium: stated.index(medium.name) if medium.name in stated else len(stated))
    only = [set(stated) for shape in case.shapes if len(stated := _stated(intent, shape)) == 1]
    return [medium for medium in order if all(medium.name in names for names in only)]


class _Pins:
    """The media of the lock by stem, shortest first."""

    def __init__(self, pinned: Mapping[str, str]) -> None:
        self._by_stem: dict[str, list[tuple[float, str]]] = {}
        for key, name in pinned.items():
            match = re.fullmatch(r"(.+) (\d+(?:\.\d+)?(?:e[+-]\d+)?) (m|km)", key)
            if match:
                length = float(match[2]) * (1000 if match[3] == "m" else 1_000_000)
                self._by_stem.setdefault(match[1], []).append((length, name))
        for found in self._by_stem.values():
            found.sort()

    def of(self, case: Case) -> str:
        """The pin of the same length, else of the next shorter one: a length that grows keeps its medium while it reaches."""
        shorter = [name for length, name in self._by_stem.get(case.stem, ()) if length < case.length + 1]
        return shorter[-1] if shorter else ""


def _choose(case: Case, catalog: tuple[Medium, ...], intent: Intent, lock: _Pins) -> Medium | None:
    fitting = [
        medium
        for medium in _candidates(case, catalog, intent)
        if medium.reach >= case.length and carries(medium, case.ends, case.structure)
    ]
    if not any(_stated(intent, shape) for shape in case.shapes):
        pin = lock.of(case)
        fitting.sort(key=lambda medium: medium.name != pin)
    return fitting[0] if fitting else None


def _modules(
    shapes: list[LinkShape], shape: Ints, medium: Ints, catalog: tuple[Medium, ...]
) -> tuple[Ints, Ints, tuple[tuple[int, Module], ...]]:
    """For each link the modules at its ends."""
    pairs, number = np.unique(shape * (len(catalog) + 1) + medium + 1, return_inverse=True)
    table = np.full((len(pairs), 2), -1, dtype=np.int64)
    known: dict[tuple[int, Module], int] = {}
    for row, value in enumerate(pairs.tolist()):
        which, at = divmod(value, len(catalog) + 1)
        found = modules(catalog[at - 1], shapes[which].ends) if at else None
        if found:
            table[row] = [known.setdefault((at - 1, module), len(known)) for module in found]
    return table[number, 0], table[number, 1], tuple(known)


def _check_preferences(
    shapes: Iterable[LinkShape], catalog: tuple[Medium, ...], intent: Intent, source: Positions, report: Report
) -> None:
    """Each medium of an order of preference must fit some links of its tier pair; one that is stated alone must fit all."""
    by_pair: dict[tuple[str, str], list[Ends]] = {}
    for shape in shapes:
        by_pair.setdefault((shape.network, shape.pair), []).append(shape.ends)
    named = {medium.name: medium for medium in catalog}
    for (network, pair), ends in by_pair.items():
        stated = _stated(intent, LinkShape(network, pair, ends[0]))
        for at, name in enumerate(stated if len(stated) > 1 else ()):
            if name in named and not any(structures(named[name], one) for one in ends):
                where = source.at("networks", network, "media", pair, at)
                report.error("FC5002", _misfit(named[name], network, pair, ends[0]), where, "leave it out")


def _longest(cases: list[Case], failed: list[int], intent: Intent) -> list[int]:
    """Of the cases that failed, the longest of each shape that is to blame."""
    worst: dict[LinkShape, int] = {}
    for at in failed:
        shape = _to_blame(cases[at], intent)
        if cases[at].length > cases[worst.setdefault(shape, at)].length:
            worst[shape] = at
    return list(worst.values())


def _to_blame(case: Case, intent: Intent) -> LinkShape:
    """Of the shapes that meet in cages, the one whose medium is stated, else the first."""
    return next((shape for shape in case.shapes if len(_stated(intent, shape)) == 1), case.shapes[0])


def _report(case: Case, site: str, catalog: tuple[Medium, ...], intent: Intent, source: Positions, report: Report) -> None:
    shape = _to_blame(case, intent)
    network, pair, ends = shape.network, shape.pair, shape.ends
    stated = _stated(intent, shape)
    fitting = [m for m in _candidates(case, catalog, intent) if carries(m, case.ends, case.structure)]
    spoken = [m for m in catalog if m.protocol == _protocol(intent, shape)]
    others = [m for m in spoken if carries(m, case.ends, case.structure) and m.reach >= case.length]
    media = source.at("networks", network, "media", pair) if stated else None
    if not fitting:
        alone = [m for m in catalog if len(stated) == 1 and m.name == stated[0]]
        if alone:
            foreign = alone[0] not in spoken
            reason = (
                f"{alone[0].name} is not for the protocol of {network}"
                if foreign
                else (_misfit(alone[0], network, pair, ends, case.structure))
            )
        else:
            reason = f"no medium of {format_speed(ends.speed)} fits the {pair} links of {network}, {_cages(ends)}"
        hint = f"{others[0].name} fits" if others else "take switches whose cages a medium has modules for"
        report.error("FC5002", reason, media or source.at("networks", network, "topology"), hint)
        return
    best = max(fitting, key=lambda medium: medium.reach)
    message = (
        f"{'the stated medium' if len(stated) == 1 else 'no medium'} {'does not reach' if len(stated) == 1 else 'reaches'}"
        f" {format_length(case.length)}, the longest of the {pair} links of {network} at {format_speed(ends.speed)},"
        f" {_cages(ends)}; {best.name} reaches furthest, {format_length(best.reach)}"
    )
    hint = f"{others[0].name} reaches" if others else "shorten the way, or add a medium to the catalogue"
    report.error("FC5001", message, media or _length_place(site, pair, network, intent, source), hint)


def _length_place(site: str, pair: str, network: str, intent: Intent, source: Positions) -> Span:
    """The line that the length comes from."""
    own = intent.sites.get(site)
    if own and pair in own.lengths:
        return source.at("sites", site, "lengths", pair)
    if own and own.placement:
        return source.at("sites", site, "placement")
    return source.at("networks", network, "topology")


def _misfit(medium: Medium, network: str, pair: str, ends: Ends, structure: int = MESHED) -> str:
    links = f"the {pair} links of {network}"
    if medium.speed != ends.speed:
        return f"{medium.name} carries {format_speed(medium.speed)}, and {links} run at {format_speed(ends.speed)}"
    needed = structures(medium, ends)
    if needed and structure not in needed:
        return (
            f"{medium.name} is a cable with fixed ends, and {links}, {_cages(ends)}, do not all run from one cage to"
            f" {'cages of one port at the same length' if STRUCTURES[min(needed)] == 'split' else 'one other'}"
        )
    return f"{medium.name} has no modules for {links}, {_cages(ends)}"


def _cages(ends: Ends) -> str:
    return " and ".join(f"{form} with {ports} port{'s' if ports > 1 else ''}" for form, ports in (ends.a, ends.b))
