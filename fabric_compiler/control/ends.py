"""The links of each device, found in one step: the ends of all links sorted by device and port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.graph import Column, Graph


class End(NamedTuple):
    """A link as one of its devices sees it."""

    port: int
    peer: int
    peer_port: int
    link: int
    lower: bool  # this end is the lower tier


@dataclass(frozen=True, slots=True)
class Ends:
    """`order` holds numbers of ends, link by link first for the lower end, then for the upper; `start` a device's first."""

    _graph: Graph
    _order: Column
    _start: list[int]

    @classmethod
    def of(cls, graph: Graph) -> Ends:
        links = graph.links
        device = np.concatenate((links.a_device, links.b_device))
        port = np.concatenate((links.a_port, links.b_port))
        order = np.lexsort((port, device)).astype(np.int32)
        start = np.searchsorted(device[order], np.arange(len(graph.devices) + 1)).tolist()
        return cls(graph, order, start)

    def by_link(self, values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Values of all ends, by device and port, as columns beside the links: of the lower ends, and of the upper ones."""
        found = np.empty_like(values)
        found[self._order] = values
        count = len(self._graph.links)
        return found[:count], found[count:]

    def __getitem__(self, device: int) -> list[End]:
        """Its ends by port."""
        links, count = self._graph.links, len(self._graph.links)
        numbers = self._order[self._start[device] : self._start[device + 1]]
        lower = numbers < count
        link = numbers - np.where(lower, 0, count)
        columns = (
            np.where(lower, links.a_port[link], links.b_port[link]),
            np.where(lower, links.b_device[link], links.a_device[link]),
            np.where(lower, links.b_port[link], links.a_port[link]),
            link,
            lower,
        )
        return [End(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
