"""What remains of a network, computed by the definitions of docs/failures.md word by word: slow, and without any array."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from itertools import permutations

from fabric_compiler.ir.graph import TIER_PAIRS, Device, Graph


def remaining(graph: Graph, network: str, links_lost: Set[int], devices_lost: Set[int]) -> dict[str, float]:
    """`links_lost` and `devices_lost` are rows of the graph."""
    mine = [n for n in range(len(graph.links)) if graph.networks[int(graph.links.network[n])] == network]
    up = [n for n in mine if n not in links_lost and not {_a(graph, n), _b(graph, n)} & devices_lost]
    there = [n for n in mine if _a(graph, n) not in devices_lost]  # what standing lower ends had
    hosts = _hosts(graph, network, mine)
    standing = {host: leafs for host, leafs in hosts.items() if host not in devices_lost}
    now, before = _reach(graph, network, up, devices_lost), _reach(graph, network, mine, set())
    alone = not any(_pair(graph, n) == "server-leaf" for n in mine)
    attached = {h: ({h} if alone else _leafs(graph, up, h)) for h in standing}
    spines = _uplinks(graph, there, up, "spine-core", {})
    leafs = _uplinks(graph, there, up, "leaf-spine", spines)
    servers = _uplinks(graph, there, up, "server-leaf", {})
    return {
        "reachability": _quotient(_pairs(attached, now), _pairs(standing, before)),
        "leaf uplinks": min(leafs.values(), default=1.0),
        "spine uplinks": min(spines.values(), default=1.0),
        "server": min(servers.values(), default=1.0),
        "rail": _rails(graph, there, up, leafs),
    }


def _hosts(graph: Graph, network: str, mine: Iterable[int]) -> dict[int, set[int]]:
    """Servers with their leafs; leafs with themselves where there are no servers."""
    found: dict[int, set[int]] = defaultdict(set)
    for n in mine:
        if _pair(graph, n) == "server-leaf":
            found[_a(graph, n)].add(_b(graph, n))
    leafs = [n for n, d in enumerate(graph.devices) if d.network == network and d.role == "leaf"]
    return found or {leaf: {leaf} for leaf in leafs}


def _reach(graph: Graph, network: str, up: Iterable[int], lost: Set[int]) -> dict[int, set[int]]:
    """Leafs that a leaf reaches: itself, over a spine of both, or over spines of two groups and a core."""
    over: dict[int, set[int]] = defaultdict(set)
    under: dict[int, set[int]] = defaultdict(set)
    for n in up:
        over[_a(graph, n)].add(_b(graph, n))
        under[_b(graph, n)].add(_a(graph, n))
    found = {}
    for leaf, device in enumerate(graph.devices):
        if device.network != network or device.role != "leaf" or leaf in lost:
            continue
        reached = {leaf}
        for spine in over[leaf]:
            reached |= under[spine]
            for core in over[spine]:
                for other in under[core]:
                    if _group(graph.devices[other]) != _group(graph.devices[spine]):
                        reached |= under[other]
        found[leaf] = {n for n in reached if graph.devices[n].role == "leaf"}
    return found


def _pairs(attached: Mapping[int, Set[int]], reach: Mapping[int, Set[int]]) -> int:
    return sum(
        any(other in reach.get(leaf, ()) for leaf in attached[one] for other in attached[two])
        for one, two in permutations(attached, 2)
    )


def _rails(graph: Graph, there: Iterable[int], up: Iterable[int], uplinks: Mapping[int, float]) -> float:
    """The worst rail: what its leafs carry of their servers' NICs, each by its links and by its uplinks."""
    had: dict[int, int] = defaultdict(int)
    has: dict[int, int] = defaultdict(int)
    for count, links in ((had, there), (has, up)):
        for n in links:
            if _pair(graph, n) == "server-leaf":
                count[_b(graph, n)] += int(graph.links.speed[n])
    left: dict[tuple[str, int, int], float] = defaultdict(float)
    whole: dict[tuple[str, int, int], int] = defaultdict(int)
    for leaf, capacity in had.items():
        d = graph.devices[leaf]
        left[d.site, d.plane, d.rail] += capacity * min(has[leaf] / capacity, uplinks.get(leaf, 1.0))
        whole[d.site, d.plane, d.rail] += capacity
    return min((left[rail] / whole[rail] for rail in whole), default=1.0)


def _uplinks(graph: Graph, there: Iterable[int], up: Iterable[int], pair: str, above: Mapping[int, float]) -> dict[int, float]:
    """Of each lower end: capacity of its links that are up, each worth what its upper end has left, over all of it."""
    had: dict[int, int] = defaultdict(int)
    has: dict[int, float] = defaultdict(float)
    for n in there:
        if _pair(graph, n) == pair:
            had[_a(graph, n)] += int(graph.links.speed[n])
    for n in up:
        if _pair(graph, n) == pair:
            has[_a(graph, n)] += int(graph.links.speed[n]) * above.get(_b(graph, n), 1.0)
    return {device: has[device] / capacity for device, capacity in had.items()}


def _leafs(graph: Graph, up: Iterable[int], host: int) -> set[int]:
    return {_b(graph, n) for n in up if _pair(graph, n) == "server-leaf" and _a(graph, n) == host}


def _group(d: Device) -> tuple[str, int, int, int]:
    return d.site, d.plane, d.rail, d.group


def _quotient(now: int, before: int) -> float:
    return now / before if before else 1.0


def _pair(graph: Graph, n: int) -> str:
    return TIER_PAIRS[int(graph.links.tiers[n])]


def _a(graph: Graph, n: int) -> int:
    return int(graph.links.a_device[n])


def _b(graph: Graph, n: int) -> int:
    return int(graph.links.b_device[n])
