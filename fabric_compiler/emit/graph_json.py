"""graph.json: the graph in the node-link form of networkx, a line a node or an edge, written straight from the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from fabric_compiler.ir.graph import TIER_PAIRS, Column, Graph

_BATCH = 16_384


class Node(msgspec.Struct, frozen=True, gc=False):
    kind: str
    role: str
    network: str
    site: str
    pod: str
    model: str
    plane: int
    rail: int
    group: int
    index: int
    id: str


class Edge(msgspec.Struct, frozen=True, gc=False):
    a_port: str
    b_port: str
    network: str
    plane: int
    tiers: str
    speed_gbps: float
    source: str
    target: str
    key: int


def graph_bytes(graph: Graph) -> bytes:
    """graph.json as bytes; `networkx.node_link_graph(json.loads(...), edges="edges")` gives what `to_networkx` gives."""
    return b"".join(chunks(graph))


def chunks(graph: Graph) -> Iterator[bytes]:
    """graph.json in pieces of a few megabytes. Strings are UTF-8: a lone surrogate is a UnicodeEncodeError."""
    encoder = msgspec.json.Encoder()
    yield b'{"directed":false,"multigraph":true,"graph":' + encoder.encode({"fabric": graph.fabric}) + b',\n"nodes":['
    yield from _lines(encoder, _nodes(graph), len(graph.devices))
    yield b'],\n"edges":['
    yield from _lines(encoder, _edges(graph), len(graph.links))
    yield b"]}\n"


def _lines(encoder: msgspec.json.Encoder, batches: Iterable[list[Any]], count: int) -> Iterator[bytes]:
    """A line an object, with commas between. JSON escapes line ends in strings, so those found are those between objects."""
    done = 0
    for batch in batches:
        done += len(batch)
        lines = encoder.encode_lines(batch).replace(b"\n", b",\n")
        yield (b"\n" if done == len(batch) else b"") + (lines if done < count else lines[:-2] + b"\n")


def _nodes(graph: Graph) -> Iterator[list[Node]]:
    if graph.devices:
        yield [
            Node(d.kind, d.role, d.network, d.site, d.pod, d.model, d.plane, d.rail, d.group, d.index, d.name)
            for d in graph.devices
        ]


def _edges(graph: Graph) -> Iterator[list[Edge]]:
    devices = graph.devices
    names = [d.name for d in devices]
    ports = {id(layout): [p.name for p in layout.ports] for layout in (d.layout for d in devices)}
    ports_of = [ports[id(d.layout)] for d in devices]
    links = graph.links
    keys = edge_keys(links.a_device, links.b_device)
    columns = (links.a_device, links.a_port, links.b_device, links.b_port, links.network, links.plane, links.tiers, links.speed)
    for start in range(0, len(links), _BATCH):
        a, a_port, b, b_port, network, plane, tiers, speed = (c[start : start + _BATCH].tolist() for c in columns)
        yield [
            Edge(*row)
            for row in zip(
                [ports_of[d][p] for d, p in zip(a, a_port, strict=True)],
                [ports_of[d][p] for d, p in zip(b, b_port, strict=True)],
                [graph.networks[n] for n in network],
                plane,
                [TIER_PAIRS[t] for t in tiers],
                [s / 1000 for s in speed],
                [names[d] for d in a],
                [names[d] for d in b],
                keys[start : start + _BATCH].tolist(),
                strict=True,
            )
        ]


def edge_keys(a: Column, b: Column) -> np.ndarray[Any, np.dtype[np.int64]]:
    """networkx's key of each edge: how many edges of the same pair, in either direction, come before it."""
    if not len(a):
        return np.zeros(0, np.int64)
    pair = np.minimum(a, b).astype(np.int64) << 32 | np.maximum(a, b).astype(np.int64)
    order = np.argsort(pair, kind="stable")
    first = np.flatnonzero(np.diff(pair[order], prepend=-1))
    position = np.arange(len(pair), dtype=np.int64)
    rank = np.empty(len(pair), np.int64)
    rank[order] = position - np.repeat(first, np.diff(first, append=len(pair)))
    return rank
