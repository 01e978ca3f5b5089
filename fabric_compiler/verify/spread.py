"""Links spread evenly: over the spines of a leaf, over the cores of a group of spines; the same NIC meets the same column.

What is counted are all pairs that should have links, so that a switch that is left out altogether counts as one with none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.topology.shape import Shape

Numbers = npt.NDArray[np.int64]
_SHOWN = 5
_SERVER_LEAF, _LEAF_SPINE, _SPINE_CORE = 0, 1, 2


def uneven(graph: Graph, shape: Shape) -> Iterator[str]:
    """What is not spread as a folded Clos has it, in sentences."""
    links = graph.links
    mine = links.network == graph.networks.index(shape.network)
    for tiers, rule in ((_SERVER_LEAF, _nics), (_LEAF_SPINE, _leafs), (_SPINE_CORE, _spines)):
        chosen = np.flatnonzero(mine & (links.tiers == tiers))
        if len(chosen):
            yield from rule(graph, shape, chosen)


def _nics(graph: Graph, shape: Shape, chosen: Numbers) -> Iterator[str]:
    """A port of equal servers meets the same rail, or side; all ports of a server meet one row of leafs."""
    links, devices = graph.links, graph.devices
    layouts = {key: n for n, key in enumerate(dict.fromkeys(id(d.layout) for d in devices))}
    layout = np.array([layouts[id(d.layout)] for d in devices], dtype=np.int64)
    rail = np.array([d.rail for d in devices], dtype=np.int64)
    row = np.array([d.index for d in devices], dtype=np.int64)
    chosen = chosen[np.array([devices[n].role == "server" for n in links.a_device[chosen].tolist()], dtype=np.bool_)]
    if not len(chosen):
        return
    server, leaf, port = links.a_device[chosen], links.b_device[chosen], links.a_port[chosen]
    for link in _strangers(layout[server] << 32 | port, rail[leaf]):
        d, found = devices[server[link]], rail[leaf[link]]
        yield f"{d.name} {d.layout.ports[port[link]].name} is on rail {found} of {shape.network}, and its like on another"
    for link in _strangers(server.astype(np.int64), row[leaf]):
        yield f"{devices[server[link]].name} has a link to {devices[leaf[link]].name}, and others to another row of leafs"


def _strangers(owner: Numbers, value: Numbers) -> list[int]:
    """Rows whose value is not the most frequent of their owner's, the first few."""
    owner = np.unique(owner, return_inverse=True)[1]
    pairs, which, count = np.unique(owner << 32 | value, return_inverse=True, return_counts=True)
    most = np.zeros(int(owner.max()) + 1, dtype=np.int64)
    np.maximum.at(most, pairs >> 32, count)
    usual = np.full(len(most), -1, dtype=np.int64)
    frequent = count == most[pairs >> 32]
    # ties: the lowest value is taken for the usual one
    usual[(pairs >> 32)[frequent][::-1]] = pairs[frequent][::-1]
    return [int(row) for row in np.flatnonzero(pairs[which] != usual[owner])[:_SHOWN]]


def _leafs(graph: Graph, shape: Shape, chosen: Numbers) -> Iterator[str]:
    """A leaf has as many links to each spine of one group; where groups serve a rail, of its own."""
    links, devices = graph.links, graph.devices
    groups = _numbers(devices, ("network", "site", "plane", "rail", "group"))
    leaf, spine = links.a_device[chosen].astype(np.int64), links.b_device[chosen].astype(np.int64)
    home = np.full(len(devices), -1, dtype=np.int64)
    home[leaf] = groups[spine]
    foreign = np.flatnonzero(groups[spine] != home[leaf])
    for link in foreign[:_SHOWN].tolist():
        yield f"{devices[leaf[link]].name} has links to two groups of spines, one of them that of {devices[spine[link]].name}"
    if shape.spines_by_column:
        rail = np.array([d.rail for d in devices], dtype=np.int64)
        for link in np.flatnonzero(rail[leaf] != rail[spine])[:_SHOWN].tolist():
            yield f"{devices[leaf[link]].name} has a link to {devices[spine[link]].name}, of another rail"
    if not len(foreign):
        of = _members(devices, groups, shape.network, "spine")
        for n, low, high in _counts(leaf, spine, home, of, 0):
            yield f"{devices[n].name} has between {low} and {high} links to each of its spines"


def _spines(graph: Graph, shape: Shape, chosen: Numbers) -> Iterator[str]:
    """A group of spines has as many links to each core of its plane; a spine as many, or one more to some.

    A group's uplinks go round the cores, so that a spine's share need not be whole where the group's is.
    """
    links, devices = graph.links, graph.devices
    planes = _numbers(devices, ("network", "site", "plane"))
    groups = _numbers(devices, ("network", "site", "plane", "rail", "group"))
    spine, core = links.a_device[chosen].astype(np.int64), links.b_device[chosen].astype(np.int64)
    of = _members(devices, planes, shape.network, "core")
    plane_of = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
    plane_of[groups[spine]] = planes[spine]
    for n, low, high in _counts(groups[spine], core, plane_of, of, 0):
        first = devices[int(spine[np.argmax(groups[spine] == n)])]
        yield f"the spines of the group of {first.name} have between {low} and {high} links to each core of their plane"
    for n, low, high in _counts(spine, core, planes, of, 1):
        yield f"{devices[n].name} has between {low} and {high} links to each core of its plane"
    yield from _unlike(graph, spine, core)


def _unlike(graph: Graph, spine: Numbers, core: Numbers) -> Iterator[str]:
    """The n-th spine of every group of a plane meets the same cores, so that a core meets the groups at like places."""
    devices = graph.devices
    met: dict[int, list[int]] = {}
    for n, above in zip(spine.tolist(), core.tolist(), strict=True):
        met.setdefault(n, []).append(above)
    like: dict[tuple[str, str, int, int], dict[tuple[int, ...], list[int]]] = {}
    for n, cores in met.items():
        d = devices[n]
        like.setdefault((d.network, d.site, d.plane, d.index), {}).setdefault(tuple(sorted(cores)), []).append(n)
    for kinds in like.values():
        if len(kinds) > 1:
            usual = max(kinds.values(), key=len)
            for n in (n for members in kinds.values() if members is not usual for n in members[:_SHOWN]):
                yield f"{devices[n].name} meets other cores than {devices[usual[0]].name}, the like spine of another group"


def _counts(owner: Numbers, above: Numbers, home: Numbers, members: Numbers, most: int) -> Iterator[tuple[int, int, int]]:
    """Owners with their least and most links to one switch above, where these differ by more than `most`. `members` has the
    number of switches above in each of the groups that `home` gives an owner."""
    width = int(above.max()) + 1
    pairs, count = np.unique(owner * width + above, return_counts=True)
    who = pairs // width
    low = np.full(len(home), np.iinfo(np.int64).max)
    high = np.zeros(len(home), dtype=np.int64)
    np.minimum.at(low, who, count)
    np.maximum.at(high, who, count)
    met = np.bincount(who, minlength=len(home))
    there = np.flatnonzero(met)
    low[there[met[there] < members[home[there]]]] = 0
    for n in there[high[there] - low[there] > most][:_SHOWN].tolist():
        yield n, int(low[n]), int(high[n])


def _members(devices: Sequence[Device], groups: Numbers, network: str, role: str) -> Numbers:
    """Switches of a role by group."""
    those = [n for n, d in enumerate(devices) if d.role == role and d.network == network]
    return np.bincount(groups[those], minlength=int(groups.max()) + 1)


def _numbers(devices: Sequence[Device], names: Sequence[str]) -> Numbers:
    """Of each device the number of its values of those fields, from 0."""
    seen: dict[tuple[object, ...], int] = {}
    return np.array([seen.setdefault(tuple(getattr(d, n) for n in names), len(seen)) for d in devices], dtype=np.int64)
