"""The graph as one self-contained HTML page: folded pods and groups that open, zoom, search, and both ends of a cable under the
pointer. The page fetches nothing and holds its data as JSON."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np

from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import TIER_PAIRS, Graph
from fabric_compiler.review.picture.layout import Picture
from fabric_compiler.review.picture.svg import text


def render(picture: Picture, graph: Graph, cabling: Cabling, media: list[str]) -> str:
    """`media` are the catalogue's names by their number."""
    page = files("fabric_compiler.review.picture").joinpath("page.html").read_text()
    # `<` would let a name end the block; JSON reads the escape as the character
    data = json.dumps(_data(picture, graph, cabling, media), separators=(",", ":")).replace("<", "\\u003c")
    return page.replace("@TITLE@", text(picture.title)).replace("@DATA@", data)


def _data(picture: Picture, graph: Graph, cabling: Cabling, media: list[str]) -> dict[str, object]:
    """Columns, not rows: a large fabric has 100,000 links. Ports are numbers into the names of their device's layout."""
    layouts = {id(d.layout): d.layout for d in graph.devices}
    number = {key: n for n, key in enumerate(layouts)}
    box = np.empty(len(graph.devices), dtype=np.int64)
    for n, one in enumerate(picture.boxes):
        box[list(one.members)] = n
    links = graph.links
    return {
        "boxes": [[b.label, b.detail, b.role, b.network, round(b.x, 1), round(b.y, 1)] for b in picture.boxes],
        "devices": [[d.name, d.role, d.model, number[id(d.layout)], int(box[n])] for n, d in enumerate(graph.devices)],
        "layouts": [[port.name for port in layout.ports] for layout in layouts.values()],
        "networks": graph.networks,
        "tiers": TIER_PAIRS,
        "media": media,
        "links": {
            "a": links.a_device.tolist(),
            "ap": links.a_port.tolist(),
            "b": links.b_device.tolist(),
            "bp": links.b_port.tolist(),
            "network": links.network.tolist(),
            "tiers": links.tiers.tolist(),
            "gbps": (links.speed / 1000).tolist(),
            "medium": cabling.medium.tolist(),
            "metres": (cabling.length / 1000).tolist(),
        },
    }
