"""graph.json is what networkx would write of the public graph, and reads as that graph."""

from __future__ import annotations

import json
from typing import Any

import networkx as nx
import numpy as np
import pytest

from fabric_compiler.emit import graph_json
from fabric_compiler.ir.graph import Device, Graph, Links, to_networkx
from fabric_compiler.ir.ports import Port, PortLayout


def device(name: str, ports: int, prefix: str) -> Device:
    layout = PortLayout(tuple(Port(f"{prefix}{i}", "", i, 0, (i,), 400_000, "1x400G") for i in range(ports)), ())
    place = ("switch", "leaf", "backend", "gru1", "su1", "sn5600", "sonic", "", "")
    return Device(name, *place, layout=layout, plane=1, rail=2, group=0, index=3, slot=0)


def graph(ends: list[tuple[int, int]], name: str = "atlas") -> Graph:
    count = 1 + max((d for pair in ends for d in pair), default=0)
    devices = tuple(device(f"d{i}", len(ends), "Ethernet" if i % 2 else "et") for i in range(count))
    rows = [(a, i, b, i, i % 2, 1 + i % 3, i % 3, (100_000, 400_000, 2_500)[i % 3]) for i, (a, b) in enumerate(ends)]
    columns = np.array(rows, np.int32).reshape(-1, 8).T
    return Graph(name, ("backend", 'sto"rage'), devices, Links(*columns))


def read(content: bytes) -> Any:
    return nx.node_link_graph(json.loads(content), edges="edges")


def assert_same(one: Any, other: Any) -> None:
    assert (one.is_multigraph(), one.is_directed(), one.graph) == (other.is_multigraph(), other.is_directed(), other.graph)
    assert list(one.nodes(data=True)) == list(other.nodes(data=True))
    assert list(one.edges(keys=True, data=True)) == list(other.edges(keys=True, data=True))


PARALLEL = [(0, 1), (0, 2), (0, 1), (1, 0), (2, 0), (1, 2), (0, 1)]


@pytest.mark.parametrize("ends", [PARALLEL, [(0, 1)], []], ids=["parallel", "one", "none"])
def test_networkx_reads_the_graph_that_it_would_be_given(ends: list[tuple[int, int]]) -> None:
    assert_same(read(graph_json.graph_bytes(graph(ends))), to_networkx(graph(ends)))


def test_batches_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = graph_json.graph_bytes(graph(PARALLEL))
    monkeypatch.setattr(graph_json, "_BATCH", 2)
    assert graph_json.graph_bytes(graph(PARALLEL)) == whole


def test_the_content_is_that_of_networkx_own_form() -> None:
    own = nx.node_link_data(to_networkx(graph(PARALLEL)), edges="edges")
    ours = json.loads(graph_json.graph_bytes(graph(PARALLEL)))

    def by_ends(edges: list[dict[str, object]]) -> list[tuple[object, ...]]:
        return sorted((*sorted((str(e.pop("source")), str(e.pop("target")))), *sorted(map(str, e.items()))) for e in edges)

    assert by_ends(ours.pop("edges")) == by_ends(own.pop("edges"))
    assert ours == own


def test_a_line_is_a_node_or_an_edge() -> None:
    lines = graph_json.graph_bytes(graph(PARALLEL)).decode().splitlines()
    assert sum('"source"' in line for line in lines) == len(PARALLEL)
    assert all(json.loads(line.rstrip(",")) for line in lines if '"source"' in line or '"role"' in line)


def test_names_are_escaped() -> None:
    hostile = 'x"},\n{"id":"y\\'
    assert read(graph_json.graph_bytes(graph(PARALLEL, name=hostile))).graph == {"fabric": hostile}
