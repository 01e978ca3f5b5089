"""What can fail in a network, and what is lost with it: the links, and the devices that stand no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from fabric_compiler.cabling.cables import cable_names
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import TIER_PAIRS, Graph
from fabric_compiler.verify.failures.view import ROLES, Ints, View

Lost: TypeAlias = Literal["cable", "module", "switch", "rack"]


@dataclass(frozen=True, slots=True)
class Cases:
    """Failures of one kind. Row by row beside one another: `of_link` and `link` (a link that is lost in a case), `of_device`
    and `device` (a row of Graph.devices). `tier` is a role, a tier pair, or empty. `name` tells a case in words."""

    lose: Lost
    tier: str
    count: int
    of_link: Ints
    link: Ints
    of_device: Ints
    device: Ints
    name: Callable[[int], str]
    parts: int = 1  # that fail at once

    def __len__(self) -> int:
        return self.count


def cables(graph: Graph, cabling: Cabling, view: View, tier: int) -> Cases:
    """Each cable of a tier pair with all links that it carries."""
    rows = np.flatnonzero(graph.links.tiers[view.links] == tier)
    which, of = np.unique(cabling.cable[view.links[rows]], return_inverse=True)
    names: list[str] = []

    def name(case: int) -> str:
        names.extend(cable_names(graph, cabling) if not names else ())
        first = view.links[rows[np.flatnonzero(of == case)[0]]]
        return f"cable {names[which[case]]} ({_ends(graph, int(first))})"

    return _cases("cable", TIER_PAIRS[tier], len(which), of, rows, name)


def modules(graph: Graph, cabling: Cabling, view: View, tier: int) -> Cases:
    """Each cage in use with the links of its ports: what is plugged into it fails as one, as does the end of its cable."""
    rows = np.flatnonzero(graph.links.tiers[view.links] == tier)
    chosen = view.links[rows]
    layouts = {id(d.layout): np.array([port.cage for port in d.layout.ports], dtype=np.int64) for d in graph.devices}
    ends = []
    for device, port in ((graph.links.a_device, graph.links.a_port), (graph.links.b_device, graph.links.b_port)):
        owner = device[chosen].astype(np.int64)
        cage = np.empty(len(owner), dtype=np.int64)
        kinds = np.array([id(graph.devices[n].layout) for n in owner.tolist()], dtype=np.int64)
        for kind in np.unique(kinds):
            mine = kinds == kind
            cage[mine] = layouts[int(kind)][port[chosen[mine]]]
        ends.append(owner << 16 | cage)
    which, of = np.unique(np.concatenate(ends), return_inverse=True)

    def name(case: int) -> str:
        device = graph.devices[int(which[case]) >> 16]
        return f"module in {device.name} cage {device.layout.cages[int(which[case]) & 0xFFFF].label}"

    return _cases("module", TIER_PAIRS[tier], len(which), of, np.tile(rows, 2), name)


def switches(graph: Graph, view: View, role: str) -> Cases:
    """Each switch of a role with all its links."""
    members = view.devices[1 + ROLES.index(role)]
    of_link, link = _links_of(graph, view, {int(n): case for case, n in enumerate(members.tolist())})
    cases = np.arange(len(members))
    return Cases("switch", role, len(members), of_link, link, cases, members, lambda case: graph.devices[members[case]].name)


def racks(graph: Graph, cabling: Cabling, view: View) -> Cases:
    """Each rack that holds something of the network, with all that stands in it."""
    places = cabling.places
    members = np.unique(np.concatenate(view.devices))
    which, of = np.unique(places.rack[members], return_inverse=True)
    of_link, link = _links_of(graph, view, dict(zip(members.tolist(), of.tolist(), strict=True)))
    return Cases("rack", "", len(which), of_link, link, of, members, lambda case: f"rack {places.racks[which[case]]}")


def pairs(cases: Cases, limit: int, seed: int) -> tuple[Cases, bool]:
    """Any two of them at once: all pairs, or `limit` that are drawn with the seed where there are more. True: all."""
    total = len(cases) * (len(cases) - 1) // 2
    if total <= limit:
        one, two = np.triu_indices(len(cases), 1)
    else:
        random = np.random.default_rng(seed)
        one = random.integers(0, len(cases), limit)
        two = (one + random.integers(1, len(cases), limit)) % len(cases)
    of_link, link = _joined(cases.of_link, cases.link, len(cases), one, two)
    of_device, device = _joined(cases.of_device, cases.device, len(cases), one, two)

    def name(case: int) -> str:
        return f"{cases.name(int(one[case]))} and {cases.name(int(two[case]))}"

    return Cases(cases.lose, cases.tier, len(one), of_link, link, of_device, device, name, 2), total <= limit


def _joined(of: Ints, values: Ints, count: int, one: Ints, two: Ints) -> tuple[Ints, Ints]:
    """Rows of both cases of each pair, each value once."""
    order = np.argsort(of, kind="stable")
    start = np.searchsorted(of[order], np.arange(count + 1))
    sizes = np.diff(start)
    found_of, found = [], []
    for side in (one, two):
        lengths = sizes[side]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        found_of.append(np.repeat(np.arange(len(side)), lengths))
        found.append(values[order[np.repeat(start[side], lengths) + within]])
    both = np.unique(np.stack((np.concatenate(found_of), np.concatenate(found))), axis=1)
    return both[0], both[1]


def _links_of(graph: Graph, view: View, case: dict[int, int]) -> tuple[Ints, Ints]:
    """Links of the network that end at a device of a case; once where both ends fail with it."""
    of_device = np.full(len(graph.devices), -1, dtype=np.int64)
    of_device[list(case)] = list(case.values())
    a, b = of_device[graph.links.a_device[view.links]], of_device[graph.links.b_device[view.links]]
    rows = np.arange(len(view.links))
    second = (b >= 0) & (b != a)
    return np.concatenate((a[a >= 0], b[second])), np.concatenate((rows[a >= 0], rows[second]))


def _cases(lose: Lost, tier: str, count: int, of: Ints, rows: Ints, name: Callable[[int], str]) -> Cases:
    nothing = np.empty(0, dtype=np.int64)
    return Cases(lose, tier, count, of.astype(np.int64), rows, nothing, nothing, name)


def _ends(graph: Graph, link: int) -> str:
    links = graph.links
    a, b = graph.devices[links.a_device[link]], graph.devices[links.b_device[link]]
    a_port, b_port = a.layout.ports[links.a_port[link]].name, b.layout.ports[links.b_port[link]].name
    return f"{a.name} {a_port} - {b.name} {b_port}"
