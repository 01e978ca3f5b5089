"""Small graphs for the tests of cabling, on the real layouts of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fabric_compiler.cabling.stage import cable
from fabric_compiler.catalog.layout import port_layout, server_layout
from fabric_compiler.catalog.loader import load
from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import TIER_PAIRS, Device, Graph, Links

CATALOG = load()
G = 1000


class Path:
    """Positions that show what was asked for."""

    def at(self, *path: str | int) -> Span:
        return Span(".".join(map(str, path)), 1, 1)


class Builder:
    """Devices and links, one after the other."""

    def __init__(self, *networks: str) -> None:
        self.networks = networks or ("backend",)
        self.devices: list[Device] = []
        self.rows: list[tuple[int, ...]] = []

    def server(
        self, pod: str, index: int, model: str = "hgx-b300", groups: Mapping[str, int] | None = None, site: str = "s"
    ) -> int:
        layout = server_layout(CATALOG.servers[model], groups or {"gpu-nics": 1})
        slot = index - 1
        name = f"{pod}-n{index}"
        return self._add(Device(name, "server", "server", "", site, pod, model, "", "", "", layout, 0, 0, 0, index, slot))

    def switch(
        self, role: str, slot: int, uses: list[tuple[int, int, int]], pod: str = "", model: str = "sn5600", nos: str = "sonic",
        network: str = "backend", site: str = "s",
    ) -> int:  # fmt: skip
        layout = port_layout(CATALOG.switches[model], nos, uses)
        name = f"{network}-{pod or site}-{role}-{slot + 1}"
        return self._add(Device(name, "switch", role, network, site, pod, model, nos, "", "", layout, 1, 0, 0, slot + 1, slot))

    def link(
        self, a: int, a_port: int, b: int, b_port: int, speed: int, pair: str = "server-leaf", network: str = "backend"
    ) -> None:
        self.rows.append((a, a_port, b, b_port, self.networks.index(network), 1, TIER_PAIRS.index(pair), speed))

    def _add(self, device: Device) -> int:
        self.devices.append(device)
        return len(self.devices) - 1

    def graph(self) -> Graph:
        rows = np.array(self.rows, dtype=np.int32).reshape(-1, 8)
        return Graph("test", self.networks, tuple(self.devices), Links(*(rows[:, n].copy() for n in range(8))))


def intent_of(
    sites: Mapping[str, Any] | None = None, pods: list[dict[str, Any]] | None = None, media: Mapping[str, Any] | None = None,
    networks: tuple[str, ...] = ("backend",),
) -> Intent:  # fmt: skip
    tier = {"switch": "sn5600"}
    network = {"topology": {"kind": "rail-optimized"}, "leaf": tier, "spine": tier, "media": dict(media or {})}
    return Intent.model_validate(
        {
            "version": "1",
            "fabric": "test",
            "sites": dict(sites or {"s": {}}),
            "networks": dict.fromkeys(networks, network),
            "pods": pods or [],
        }
    )


def pods_of(name: str, count: int, servers: int, reserve: int = 0, site: str = "s") -> dict[str, Any]:
    reserved = {"reserve": {"servers": str(reserve)}} if reserve else {}
    return {
        "name": name, "count": str(count), "servers": str(servers), "server": "hgx-b300", "site": site,
        "connect": {"backend": "gpu-nics"}, **reserved,
    }  # fmt: skip


def lay(graph: Graph, intent: Intent | None = None, **more: Any) -> tuple[Cabling, Report]:
    report = Report()
    return cable(graph, intent or intent_of(), Path(), CATALOG, report, **more), report


def clos(pods: int, servers: int, leafs: int = 2, spines: int = 2, order: tuple[str, ...] = (), uplinks: int = 4) -> Graph:
    """Pods su1, su2 ...: each server has an 800G NIC on each leaf of its pod; `uplinks` of 800G from a leaf to each spine."""
    builder = Builder()
    below: list[int] = []
    names = order or tuple(f"su{n + 1}" for n in range(pods))
    for number, pod in enumerate(names):
        nodes = [builder.server(pod, n + 1) for n in range(servers)]
        for rail in range(leafs):
            leaf = builder.switch("leaf", number * leafs + rail, [(64, 1, 800 * G)], pod)
            below.append(leaf)
            for n, node in enumerate(nodes):
                builder.link(node, rail, leaf, n, 800 * G)
    for slot in range(spines):
        spine = builder.switch("spine", slot, [(64, 1, 800 * G)])
        for n, leaf in enumerate(below):
            for strand in range(uplinks):
                builder.link(leaf, 40 + slot * uplinks + strand, spine, n * uplinks + strand, 800 * G, "leaf-spine")
    return builder.graph()
