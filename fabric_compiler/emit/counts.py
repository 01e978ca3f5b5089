"""The counts of a manifest."""

from __future__ import annotations

from collections import Counter

import numpy as np

from fabric_compiler.catalog.types import Catalog
from fabric_compiler.emit.manifest import Counts
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import TIER_PAIRS, Graph


def counts(graph: Graph, cabling: Cabling, catalog: Catalog, prefixes: int, sessions: int) -> Counts:
    """Of devices, links, cables and modules; `prefixes` and `sessions` are rows of their tables."""
    servers = Counter(d.model for d in graph.devices if d.role == "server")
    switches: dict[str, Counter[str]] = {}
    for device in graph.devices:
        if device.kind == "switch":
            switches.setdefault(device.network, Counter())[device.role] += 1
    links: dict[str, dict[str, int]] = {}
    pairs = graph.links.network * len(TIER_PAIRS) + graph.links.tiers
    for pair, count in zip(*(column.tolist() for column in np.unique(pairs, return_counts=True)), strict=True):
        network, tiers = divmod(pair, len(TIER_PAIRS))
        links.setdefault(graph.networks[network], {})[TIER_PAIRS[tiers]] = count
    cables = np.bincount(cabling.cables.medium, minlength=len(catalog.media)).tolist()
    modules: Counter[str] = Counter()
    for line in cabling.bom:
        if line.kind == "module":
            modules[line.item] += line.count
    return Counts(
        servers=servers.total(),
        gpus=sum(catalog.servers[model].gpus * count for model, count in servers.items()),
        switches={network: dict(sorted(roles.items())) for network, roles in sorted(switches.items())},
        links=links,
        cables={medium.name: count for medium, count in zip(catalog.media, cables, strict=True) if count},
        modules=dict(modules),
        sessions=sessions,
        prefixes=prefixes,
    )
