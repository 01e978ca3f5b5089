"""A circle is found where there is one, and is a short one."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_compiler.verify.cycles import circle

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40)


def found(edges: list[tuple[int, int]]) -> list[int]:
    tail, head = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return circle(tail, head)


@settings(max_examples=300, deadline=None)
@given(EDGES)
def test_a_circle_is_found_exactly_where_a_graph_has_one(edges: list[tuple[int, int]]) -> None:
    nodes = found(edges)
    assert bool(nodes) == (not nx.is_directed_acyclic_graph(nx.DiGraph(edges)))
    assert all(pair in edges for pair in zip(nodes, [*nodes[1:], *nodes[:1]], strict=True))
    assert len(set(nodes)) == len(nodes)


def test_the_shorter_of_two_circles_through_a_node_is_shown() -> None:
    assert sorted(found([(1, 2), (2, 3), (3, 4), (4, 1), (2, 5), (5, 1), (9, 1), (4, 8)])) == [1, 2, 5]


def test_a_long_chain_has_no_circle() -> None:
    assert found([(n, n + 1) for n in range(20_000)]) == []
