"""The part of a fabric that is configured device by device: its Ethernet networks. A subnet manager configures the others."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import Graph, Links


def ethernet_part(intent: Intent, graph: Graph, cabling: Cabling) -> tuple[Graph, Cabling]:
    """All devices with the links of the Ethernet networks alone, and the cabling's rows of these links."""
    ethernet = np.array([intent.networks[name].protocol == "ethernet" for name in graph.networks], dtype=np.bool_)
    if ethernet.all():
        return graph, cabling
    kept = ethernet[graph.links.network]
    links = Links(*(getattr(graph.links, field.name)[kept] for field in fields(Links)))
    of_links = {name: getattr(cabling, name)[kept] for name in ("length", "medium", "cable")}
    return replace(graph, links=links), replace(cabling, **of_links)
