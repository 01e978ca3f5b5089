"""Circles in a directed graph: of channels that wait for one another, whatever it is that makes them wait."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def circle(tail: Numbers, head: Numbers) -> list[int]:
    """The nodes of a short circle, in their order; empty where there is none. Edge n goes from tail[n] to head[n].

    Nodes that nothing leads to, and those that lead nowhere, are in no circle. They are taken away until none is left to
    take: what remains then holds a circle, or is empty.
    """
    nodes, ends = np.unique(np.concatenate((tail, head)), return_inverse=True)
    count = len(nodes)
    edges = np.unique(ends[: len(tail)].astype(np.int64) * count + ends[len(tail) :])
    tail, head = edges // max(count, 1), edges % max(count, 1)
    while len(tail):
        leading, led_to = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        leading[tail], led_to[head] = True, True
        kept = led_to[tail] & leading[head]
        if kept.all():
            return [int(nodes[n]) for n in _shortest(tail, head, count)]
        tail, head = tail[kept], head[kept]
    return []


def _shortest(tail: Numbers, head: Numbers, count: int) -> list[int]:
    """The shortest circle through some node of one; every node has an edge from it and one to it, and `tail` is sorted."""
    first = np.searchsorted(tail, np.arange(count + 1)).tolist()
    node, seen = int(tail[0]), set[int]()
    while node not in seen:  # any walk comes back to where it was
        seen.add(node)
        node = int(head[first[node]])
    before = dict[int, int]()
    front = [node]
    while node not in before:
        following = []
        for source in front:
            for reached in head[first[source] : first[source + 1]].tolist():
                if reached not in before:
                    before[reached] = source
                    following.append(reached)
        front = following
    path = [before[node]]
    while path[-1] != node:
        path.append(before[path[-1]])
    return path[::-1]
