"""What is decided once for the whole fabric, before any device is made: underlays, maintenance, lossless headroom."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from math import ceil

import numpy as np

from fabric_compiler.catalog.types import Catalog, Hwsku
from fabric_compiler.control.ends import Ends
from fabric_compiler.control.headroom import NoHeadroomError, headroom_row, headroom_sum, missing_row
from fabric_compiler.control.management import check_management
from fabric_compiler.control.qos import ROCE_LOSSLESS, buffer_topology
from fabric_compiler.control.routing import Underlay, underlay
from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.intent.overrides import Attributes, Rule, matches
from fabric_compiler.intent.schema import Intent, Raw
from fabric_compiler.ir.blocks import Blocks, network_block, site_rows
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.ir.plan import Plan
from fabric_compiler.topology.shape import Places, Shape
from fabric_compiler.units import format_length, format_ratio


@dataclass(frozen=True, slots=True)
class Decisions:
    """Everything that a device's model is made from. It is handed to each worker once."""

    intent: Intent
    catalog: Catalog
    graph: Graph
    plan: Plan
    cabling: Cabling
    ends: Ends
    underlays: Mapping[str, Underlay]
    slots: Mapping[str, int]  # network -> its place among the networks
    drained: frozenset[int]  # devices in maintenance
    drained_links: frozenset[int]
    raw: Mapping[int, tuple[Raw, ...]]  # device -> snippets
    rules: tuple[Rule, ...]  # overrides


def decide(
    intent: Intent,
    rules: tuple[Rule, ...],
    shapes: Sequence[Shape],
    graph: Graph,
    plan: Plan,
    blocks: Blocks,
    cabling: Cabling,
    catalog: Catalog,
    places: Places,
    report: Report,
) -> Decisions:
    """Decide for the Ethernet networks, whose links alone `graph` has; what does not go together is reported with its place."""
    shapes = [shape for shape in shapes if not shape.infiniband]
    ends = Ends.of(graph)
    drained, drained_links = _maintenance(intent, graph, ends, places, report)
    for shape in shapes:
        _check_families(shape, places, report)
        _check_headroom(shape, graph, cabling, catalog, places, report)
    underlays = {shape.network: _underlay(shape, graph, plan, blocks) for shape in shapes}
    for shape in shapes:
        _check_platforms(shape, underlays[shape.network], graph, catalog, places, report)
        _check_bgp(shape, underlays[shape.network], places, report)
    check_management(intent.management, {d.nos for d in graph.devices}, places, report)
    return Decisions(
        intent=intent,
        catalog=catalog,
        graph=graph,
        plan=plan,
        cabling=cabling,
        ends=ends,
        underlays=underlays,
        slots={name: blocks[network_block(name)].slot(0) for name in intent.networks},
        drained=drained,
        drained_links=drained_links,
        raw=_raw(intent, graph, places, report),
        rules=rules,
    )


def _underlay(shape: Shape, graph: Graph, plan: Plan, blocks: Blocks) -> Underlay:
    number = graph.networks.index(shape.network)
    hosts = next(
        (p.hosts for d, p in zip(graph.devices, plan.devices, strict=True) if p and p.hosts and d.network == shape.network), ()
    )
    routes = {}
    for site in shape.reserved_rows:
        # a loopback and an aggregate of each leaf, a loopback of each switch above
        leafs = len(blocks[site_rows(shape.network, site)]) * shape.columns * shape.planes
        owners = tuple(f"{shape.network}/{kind}/{site}/" for kind in ("spines", "cores"))
        routes[site] = 2 * leafs + sum(len(extents) for owner, extents in blocks.items() if owner.startswith(owners))
    paths = {role: _paths(role, number, graph) for role in ("leaf", "spine", "core")}
    return underlay(shape.intent, plan.networks[number], hosts, routes, paths)


def _paths(role: str, network: int, graph: Graph) -> int:
    """The most equal-cost paths that a switch of the role has: its links upwards, or those to one neighbour below.

    All cores above a leaf or spine are equal; downwards the way to a leaf is over its own links, or those of its group.
    """
    links = graph.links
    mine = links.network == network
    most = 1
    tiers = {"leaf": (1,), "spine": (2, 1), "core": (2,)}[role]
    for tier in tiers:
        chosen = mine & (links.tiers == tier)
        if not chosen.any():
            continue
        upwards = (role, tier) in (("leaf", 1), ("spine", 2))
        ends = links.a_device[chosen] if upwards else links.b_device[chosen]
        if upwards:
            most = max(most, int(np.bincount(ends).max()))
        elif role == "spine":
            pairs = ends.astype(np.int64) * len(graph.devices) + links.a_device[chosen]
            most = max(most, int(np.unique(pairs, return_counts=True)[1].max()))
        else:
            groups = np.array([_group_number(d) for d in graph.devices])
            pairs = ends.astype(np.int64) * (groups.max() + 1) + groups[links.a_device[chosen]]
            most = max(most, int(np.unique(pairs, return_counts=True)[1].max()))
    return most


def _group_number(device: Device) -> int:
    """A number for a spine's group."""
    return (device.group << 8) + device.rail


def _check_families(shape: Shape, places: Places, report: Report) -> None:
    """IPv6 does not travel over IPv4-only links; the other way round is RFC 8950."""
    addressing = shape.intent.addressing
    if isinstance(addressing.links, str):
        return
    links = {p.version for p in addressing.links}
    wanted = {p.version for p in (*(addressing.loopbacks or ()), *(addressing.hosts or ()))}
    if 6 in wanted and 6 not in links:
        report.error(
            "FC2007",
            f"{shape.network} has IPv6 loopbacks or hosts, and its links have IPv4 alone",
            places.at("networks", shape.network, "addressing", "links"),
            "add an IPv6 prefix for the links, or state links: unnumbered",
        )


def _check_platforms(shape: Shape, shared: Underlay, graph: Graph, catalog: Catalog, places: Places, report: Report) -> None:
    """Each product of the network balances load as stated, and has tables as large as its vendor publishes."""
    kinds = dict.fromkeys((d.role, d.model, d.nos) for d in graph.devices if d.network == shape.network)
    routes = max(shared.routes.values())
    for role, model, nos in kinds:
        support = catalog.switches[model].nos[nos]
        if shape.intent.load_balancing == "dynamic" and not support.dynamic_load_balancing:
            report.error(
                "FC2008",
                f"{model} under {nos} has no dynamic load balancing",
                places.at("networks", shape.network, "load-balancing"),
                "leave it out: it is dynamic where the operating system has it",
            )
        for what, needed, limit in (
            ("paths of equal cost", shape.intent.bgp.maximum_paths or shared.paths[role], support.limits.ecmp_width),
            ("IPv4 routes", routes if 4 in shared.families else 0, support.limits.ipv4_routes),
            ("IPv6 routes", routes if 6 in shared.families else 0, support.limits.ipv6_routes),
        ):
            if limit is not None and needed > limit:
                report.error(
                    "FC6005",
                    f"{shape.network}: a {role} needs {needed} {what}; {model} under {nos} has {limit}",
                    places.at("networks", shape.network, role),
                    "take another switch, or lay the network out for fewer pods",
                )


def _check_bgp(shape: Shape, shared: Underlay, places: Places, report: Report) -> None:
    """What is stated does not cut off what the plan announces."""
    limit, routes = shape.intent.bgp.maximum_prefix, max(shared.routes.values())
    if limit is not None and limit < routes:
        report.error(
            "FC2007",
            f"maximum-prefix {limit} ends sessions of {shape.network}: {routes} routes are announced within the reserve",
            places.at("networks", shape.network, "bgp", "maximum-prefix"),
            f"state {routes + routes // 2}, or leave it out",
        )
    paths, widest = shape.intent.bgp.maximum_paths, max(shared.paths.values())
    if paths is not None and paths < widest:
        report.warning(
            "FC2007",
            f"maximum-paths {paths} leaves links of {shape.network} idle: there are up to {widest} paths of equal cost",
            places.at("networks", shape.network, "bgp", "maximum-paths"),
            f"state {widest}, or leave it out",
        )


def _maintenance(
    intent: Intent, graph: Graph, ends: Ends, places: Places, report: Report
) -> tuple[frozenset[int], frozenset[int]]:
    """Devices and links that are drained. A link is drained at both ends, whichever of them is named."""
    devices: set[int] = set()
    links: set[int] = set()
    for position, entry in enumerate(intent.maintenance):
        name, _, interface = entry.partition(":")
        found = [i for i, d in enumerate(graph.devices) if d.kind == "switch" and fnmatchcase(d.name, name)]
        hits = 0
        foreign = next((graph.devices[n].name for n in found if not graph.devices[n].nos), "")
        if foreign:
            report.error(
                "FC2008",
                f"maintenance of {foreign}: the subnet manager routes around what is taken down, and nothing drains it before",
                places.at("maintenance", position),
                "name switches of Ethernet networks alone",
            )
        for index in found:
            if not interface:
                devices.add(index)
                hits += 1
                continue
            ports = graph.devices[index].layout.ports
            for end in ends[index]:
                if graph.devices[end.peer].kind == "switch" and fnmatchcase(ports[end.port].name, interface):
                    links.add(end.link)
                    hits += 1
        if not hits:
            what = "no link between switches there" if found else "no such switch"
            report.error("FC2005", f"maintenance of {entry}: there is {what}", places.at("maintenance", position))
        cut = [d.name for d in (graph.devices[n] for n in found) if d.role == "leaf" and not interface]
        if cut:
            report.warning(
                "FC6007",
                f"{', '.join(cut[:3])}{' and others' if len(cut) > 3 else ''}: no other way leads to the servers there",
                places.at("maintenance", position),
                "drain the servers too, from the scheduler; the network has nothing to route around it",
            )
    return frozenset(devices), frozenset(links)


def _raw(intent: Intent, graph: Graph, places: Places, report: Report) -> dict[int, tuple[Raw, ...]]:
    """Snippets by device; each is marked by a warning, for nothing checks what it says."""
    found: dict[int, list[Raw]] = defaultdict(list)
    for position, raw in enumerate(intent.raw):
        hits = [
            i
            for i, d in enumerate(graph.devices)
            if d.kind == "switch" and d.nos == raw.nos and matches(raw.match, attributes(d))
        ]
        for index in hits:
            found[index].append(raw)
        place = places.at("raw", position)
        if hits:
            report.warning("FC6006", f"raw {raw.nos} lines go into {len(hits)} devices unchecked", place)
        else:
            report.error("FC6001", f"the raw snippet matches no device of {raw.nos}", place)
    return {index: tuple(snippets) for index, snippets in found.items()}


def attributes(device: Device) -> Attributes:
    """What an override's match looks at."""
    return Attributes(device.role, device.network, device.site, device.pod, device.nos, device.name)


def hwsku_of(catalog: Catalog, device: Device) -> Hwsku | None:
    """The HwSKU of a SONiC switch; None for any other."""
    skus = catalog.switches[device.model].nos[device.nos].hwskus if device.nos == "sonic" else ()
    return next((sku for sku in skus if sku.name == device.hwsku), None)


def _check_headroom(shape: Shape, graph: Graph, cabling: Cabling, catalog: Catalog, places: Places, report: Report) -> None:
    """Every lossless port has a row of its platform's table, and the rows of a switch fit its pool."""
    if shape.intent.qos_kind != ROCE_LOSSLESS:
        return
    place = places.at("networks", shape.network, "qos")
    links = graph.links
    chosen = np.flatnonzero(links.network == graph.networks.index(shape.network))
    device = np.concatenate((links.a_device[chosen], links.b_device[chosen]))
    speed = np.tile(links.speed[chosen], 2)
    length = np.tile(cabling.length[chosen], 2)
    rows, ports = np.unique(np.stack((device, speed, length), axis=1), axis=0, return_counts=True)
    counts: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for (index, at, far), count in zip(rows.tolist(), ports.tolist(), strict=True):
        counts[index][at, far] += count
    seen: set[tuple[str, str, frozenset[tuple[tuple[int, int], int]]]] = set()
    for index, found in counts.items():
        d = graph.devices[index]
        sku = hwsku_of(catalog, d) if d.kind == "switch" else None
        key = (d.hwsku, d.role, frozenset(found.items()))
        if sku is None or key in seen:
            continue
        seen.add(key)
        if not _check_pool(sku, buffer_topology(d.role), found.items(), shape, d.name, place, report):
            return  # the others of the network would say the same


def _check_pool(
    sku: Hwsku,
    topology: str,
    found: Iterable[tuple[tuple[int, int], int]],
    shape: Shape,
    name: str,
    place: Span,
    report: Report,
) -> bool:
    counts: Counter[tuple[int, int]] = Counter()
    try:
        for (speed, length), ports in found:
            row = headroom_row(sku, speed, length)
            if row is None:
                raise missing_row(sku, speed, length)
            counts[speed, row] += ports
        total = headroom_sum(sku, counts, 1, topology)
    except NoHeadroomError as error:
        report.error("FC6003", f"{shape.network}: {error}", place, error.hint)
        return False
    if total.subscription > shape.intent.headroom:
        longest = max(row for _, row in counts)
        report.error(
            "FC6004",
            f"{shape.network}: the lossless ports of {name} may need {total.needed} bytes of headroom (rows up to "
            f"{format_length(longest * 1000)}), and {sku.name} has {total.pool} for it",
            place,
            f"use fewer or shorter lossless cables, qos: roce-lossy, or accept the sharing with "
            f"headroom: {_up(total.subscription)}",
        )
    return total.subscription <= shape.intent.headroom


def _up(ratio: Fraction) -> str:
    """A ratio rounded up to a tenth, as an intent would state it."""
    return format_ratio(Fraction(ceil(ratio * 10), 10))
