"""What a dragonfly is worth: how far its servers are from one another, what crosses its middle, and what the fat-tree of the
same servers and switches would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fabric_compiler.cabling.stage import cable
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import CompileError, Report
from fabric_compiler.intent.schema import Intent, NetworkIntent, Pod, PodReserve, TopologyReserve
from fabric_compiler.intent.topologies import in_groups
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import GLOBAL, LEAF_SPINE, LOCAL, SERVER_TIERS, TIER_PAIRS, Graph
from fabric_compiler.plan.allocate import allocate
from fabric_compiler.plan.lock import Lock
from fabric_compiler.topology.fabric import build
from fabric_compiler.topology.shape import Places, shapes
from fabric_compiler.units import format_length, format_power, format_speed
from fabric_compiler.verify.routing.mesh import Numbers
from fabric_compiler.verify.routing.minimal import MinimalPromise


@dataclass(frozen=True, slots=True)
class Outlay:
    """Switches of a network, cables between them, cable ends that are optical, and watts of switches and modules."""

    switches: int
    cables: int
    optics: int
    watts: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one dragonfly network; its planes and rails are alike, and path lengths, in links between switches, are of the first.
    Bisections are in Mb/s: between the first half of the groups and the rest, and of the switches of one group."""

    network: str
    endpoints: int
    groups: int
    diameter: int
    mean: float
    global_bisection: int
    local_bisection: int
    cables: Mapping[str, int]  # by tiers, medium and length
    outlay: Outlay
    fat_tree: Outlay | None  # None: the switch does not make one
    fat_tree_tiers: int


def figures(graph: Graph, cabling: Cabling, intent: Intent, catalog: Catalog, places: Places) -> tuple[Figures, ...]:
    """A row a dragonfly network."""
    return tuple(
        _figures(name, network, graph, cabling, intent, catalog, places)
        for name, network in intent.networks.items()
        if in_groups(network)
    )


def _figures(
    name: str, network: NetworkIntent, graph: Graph, cabling: Cabling, intent: Intent, catalog: Catalog, places: Places
) -> Figures:
    links = graph.links
    mine = np.flatnonzero(links.network == graph.networks.index(name))
    first = [n for n, d in enumerate(graph.devices) if d.network == name and d.kind == "switch" and d.plane == 1 and d.rail < 2]
    members = np.array(first, dtype=np.int64)
    far = MinimalPromise(graph, members, frozenset(), frozenset()).distances()
    apart = far[~np.eye(len(far), dtype=np.bool_)]
    group = np.array([d.group for d in graph.devices], dtype=np.int64)
    numbers = np.unique(group[members])
    other = fat_tree(name, network, intent, catalog, places)
    return Figures(
        network=name,
        endpoints=int(np.isin(links.tiers[mine], SERVER_TIERS).sum()),
        groups=len(numbers),
        diameter=int(apart.max(initial=0)),
        mean=round(float(apart.mean()), 3) if len(apart) else 0.0,
        global_bisection=_crossing(graph, mine, GLOBAL, members, group > numbers[(len(numbers) - 1) // 2]),
        local_bisection=_local_bisection(graph, mine, members, int(numbers[0])),
        cables=_cables(graph, cabling, mine, catalog),
        outlay=_outlay(graph, cabling, mine, name, catalog),
        fat_tree=other[0] if other else None,
        fat_tree_tiers=other[1] if other else 0,
    )


def _crossing(graph: Graph, mine: Numbers, tiers: int, members: Numbers, upper: np.ndarray) -> int:
    """Capacity between the devices that are `upper` and those that are not, of one dragonfly."""
    links = graph.links
    inside = np.zeros(len(graph.devices), dtype=np.bool_)
    inside[members] = True
    chosen = mine[(links.tiers[mine] == tiers) & inside[links.a_device[mine]]]
    crossing = upper[links.a_device[chosen]] != upper[links.b_device[chosen]]
    return int(links.speed[chosen[crossing]].sum())


def _local_bisection(graph: Graph, mine: Numbers, members: Numbers, number: int) -> int:
    """Between the first half of the routers of a group and the rest; between its leafs over its spines half of what goes up."""
    links = graph.links
    here = [n for n in members.tolist() if graph.devices[n].group == number]
    routers = [n for n in here if graph.devices[n].role == "router"]
    if routers:
        upper = np.zeros(len(graph.devices), dtype=np.bool_)
        upper[routers[len(routers) // 2 :]] = True
        return _crossing(graph, mine, LOCAL, np.array(routers), upper)
    chosen = mine[(links.tiers[mine] == LEAF_SPINE) & np.isin(links.a_device[mine], here)]
    return int(links.speed[chosen].sum()) // 2


def _cables(graph: Graph, cabling: Cabling, mine: Numbers, catalog: Catalog) -> Mapping[str, int]:
    leads = mine[np.unique(cabling.cable[mine], return_index=True)[1]]
    found: Counter[str] = Counter()
    for tiers, medium, length in zip(
        graph.links.tiers[leads].tolist(), cabling.medium[leads].tolist(), cabling.length[leads].tolist(), strict=True
    ):
        found[f"{TIER_PAIRS[tiers]} {catalog.media[medium].name} {format_length(length)}"] += 1
    return dict(sorted(found.items()))


def _outlay(graph: Graph, cabling: Cabling, mine: Numbers, name: str, catalog: Catalog) -> Outlay:
    between = mine[~np.isin(graph.links.tiers[mine], SERVER_TIERS)]
    optical = np.array([m.kind not in ("dac", "acc", "aec") for m in catalog.media])
    cables = np.unique(cabling.cable[between])
    medium = cabling.cables.medium[cables]
    switches = [d for d in graph.devices if d.network == name and d.kind == "switch"]
    watts = sum(catalog.switches[model].watts * count for model, count in Counter(d.model for d in switches).items())
    ends = np.isin(cabling.ends.cable, cables)
    modules = {m.name: m.watts for medium_ in catalog.media for m in medium_.modules}
    plugged = Counter(cabling.ends.module[ends].tolist())
    # a module of several ports stands in a row for each fibre: this counts its share as often as it has cables
    drawn = sum(modules[cabling.modules[m]] * count for m, count in plugged.items() if m >= 0)
    return Outlay(len(switches), len(cables), int(optical[medium].sum()) * 2, watts + round(drawn))


def fat_tree(name: str, network: NetworkIntent, intent: Intent, catalog: Catalog, places: Places) -> tuple[Outlay, int] | None:
    """The folded Clos at full bisection of the same servers, of the same switch in all tiers, and its tiers."""
    tier = network.tier("router" if network.topology.kind == "dragonfly" else "spine")
    plain = tier.model_copy(update={"downlinks": None, "uplinks": None, "mix": ()})
    sizes = dict.fromkeys(("rails", "homing", "hosts_per_router", "routers_per_group", "leafs_per_group", "spines_per_group"))
    clos = {"kind": "leaf-spine", "global_links": None, "groups": None, "reserve": TopologyReserve(), **sizes}
    topology = network.topology.model_copy(update=clos)
    changed = network.model_copy(update={"topology": topology, "router": None, "leaf": plain, "spine": plain, "media": {}})
    servers: dict[tuple[str, str], list[Pod]] = {}
    for pod in intent.pods:
        if name in pod.connect:
            servers.setdefault((pod.server, pod.connect[name]), []).append(pod)
    pods = tuple(  # one of each kind of server, so that no leaf is half empty
        members[0].model_copy(
            update={
                "name": f"all{number}-",
                "count": 1,
                "servers": sum(pod.count * pod.servers for pod in members),
                "reserve": PodReserve(),
                "connect": {name: nics},
                "leaf": {},
            }
        )
        for number, ((_, nics), members) in enumerate(servers.items(), 1)
    )
    other = intent.model_copy(update={"networks": {name: changed}, "pods": pods})
    report = Report()
    try:
        made = shapes(other, places, catalog, report)
        report.raise_if_failed()
        blocks = allocate(other, made, Lock(), places, report).extents()
        report.raise_if_failed()
        graph = build(other, made, blocks, catalog, places, report)
        cabling = cable(graph, other, places, catalog, report)
    except CompileError:
        return None
    if any(d.code != "FC5003" for d in report if d.severity == "error") or not pods:  # its power is what is asked
        return None
    return _outlay(graph, cabling, np.arange(len(graph.links)), name, catalog), made[0].tiers


def lines(found: Sequence[Figures]) -> Iterator[str]:
    """For people."""
    for one in found:
        far = f"diameter {one.diameter}, mean path {one.mean:.2f}"
        wide = f"{format_speed(one.global_bisection)} global, {format_speed(one.local_bisection)} in a group"
        yield f"{one.network}: {one.endpoints:,} endpoints in {one.groups} groups; {far}; bisection {wide}"
        told = ", ".join(f"{count:,} {what}" for what, count in one.cables.items())
        yield f"  cables: {told}"
        yield f"  {_told(one.outlay)}"
        yield (
            f"  as a fat-tree of {one.fat_tree_tiers} tiers: {_told(one.fat_tree)}"
            if one.fat_tree
            else "  no fat-tree of that switch"
        )


def _told(outlay: Outlay) -> str:
    return (
        f"{outlay.switches:,} switches, {outlay.cables:,} cables between them, {outlay.optics:,} optical ends, "
        f"{format_power(outlay.watts)} of switches and cable ends"
    )
