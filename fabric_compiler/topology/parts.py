"""The graph while it is being made: devices, and links collected a bundle at a time as columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fabric_compiler.ir.graph import Column, Device, Graph, Links

_INT = np.int32


@dataclass(slots=True)
class Parts:
    devices: list[Device] = field(default_factory=list)
    # per pod: index of its first server, and the first port of each NIC group
    servers: dict[str, tuple[int, dict[str, int]]] = field(default_factory=dict)
    _bundles: list[tuple[Column, ...]] = field(default_factory=list)

    def add(self, device: Device) -> int:
        """The index that links know the device by."""
        self.devices.append(device)
        return len(self.devices) - 1

    def link(self, a: Any, a_port: Any, b: Any, b_port: Any, *, network: int, plane: Any, tiers: int, speed: int) -> None:
        """A bundle of links; each argument is a scalar or an array, and arrays are broadcast against one another."""
        columns = np.broadcast_arrays(a, a_port, b, b_port, network, plane, tiers, speed)
        self._bundles.append(tuple(np.ascontiguousarray(column, dtype=_INT).ravel() for column in columns))

    def graph(self, fabric: str, networks: tuple[str, ...]) -> Graph:
        """The graph; its links are ordered by network, tiers, lower end and port."""
        empty: tuple[Column, ...] = (np.empty(0, dtype=_INT),) * 8
        columns = [np.concatenate(column) for column in zip(*(self._bundles or [empty]), strict=True)]
        order = np.lexsort((columns[1], columns[0], columns[6], columns[4]))
        return Graph(fabric, networks, tuple(self.devices), Links(*(column[order] for column in columns)))
