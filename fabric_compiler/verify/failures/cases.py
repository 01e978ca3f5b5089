"""What can fail in a network, and what is lost with it: the links, and the devices that stand no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from fabric_compiler.cabling.cables import cable_names
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import TIER_PAIRS, Graph
from fabric_compiler.verify.failures.view import ROLES, Ints, View

Lost: TypeAlias = Literal["cable", "module", "switch", "rack", "part"]


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


def together(kinds: Sequence[Cases]) -> Cases:
    """The cases of several kinds as those of one."""
    first = np.cumsum([0, *map(len, kinds)])
    tiers, loses = ({getattr(one, name) for one in kinds} for name in ("tier", "lose"))

    def name(case: int) -> str:
        kind = int(np.searchsorted(first, case, side="right")) - 1
        return kinds[kind].name(case - int(first[kind]))

    return Cases(
        loses.pop() if len(loses) == 1 else "part",
        tiers.pop() if len(tiers) == 1 else "",
        int(first[-1]),
        np.concatenate([one.of_link + start for one, start in zip(kinds, first, strict=False)]),
        np.concatenate([one.link for one in kinds]),
        np.concatenate([one.of_device + start for one, start in zip(kinds, first, strict=False)]),
        np.concatenate([one.device for one in kinds]),
        name,
    )


def pairs(cases: Cases, graph: Graph, view: View, limit: int, seed: int) -> tuple[Cases, bool]:
    """Any two of them at once. True: all pairs; else `limit` of them are drawn with the seed, half of them among those that
    touch a device both: two failures far apart seldom make one another worse."""
    count = len(cases)
    if count * (count - 1) // 2 <= limit:
        one, two = np.triu_indices(count, 1)
    else:
        random = np.random.RandomState(seed)  # its stream is the same in every version of numpy (NEP 19)
        far = random.randint(0, count, limit)
        apart = np.stack((far, (far + random.randint(1, count, limit)) % count))
        found = np.sort(np.concatenate((_neighbours(cases, graph, view, limit // 2, random), apart), axis=1), axis=0)
        _, first = np.unique(found, axis=1, return_index=True)
        one, two = found[:, np.sort(first)[:limit]]
    of_link, link = _joined(cases.of_link, cases.link, count, one, two)
    of_device, device = _joined(cases.of_device, cases.device, count, one, two)

    def name(case: int) -> str:
        return f"{cases.name(int(one[case]))} and {cases.name(int(two[case]))}"

    made = Cases(cases.lose, cases.tier, len(one), of_link, link, of_device, device, name, 2)
    return made, len(one) == count * (count - 1) // 2


def _neighbours(cases: Cases, graph: Graph, view: View, limit: int, random: np.random.RandomState) -> Ints:
    """Pairs of cases that touch the same device: with a link that they lose, or as what they lose."""
    links = view.links[cases.link]
    case = np.concatenate((cases.of_link, cases.of_link, cases.of_device))
    device = np.concatenate((graph.links.a_device[links], graph.links.b_device[links], cases.device)).astype(np.int64)
    touched = np.unique(np.stack((device, case)), axis=1)
    start = np.searchsorted(touched[0], np.arange(len(graph.devices) + 1))
    row = random.randint(0, touched.shape[1], limit)
    low, high = start[touched[0, row]], start[touched[0, row] + 1]
    other = low + random.randint(0, 1 << 30, limit) % (high - low)
    found = np.stack((touched[1, row], touched[1, other]))
    return found[:, found[0] != found[1]]


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
