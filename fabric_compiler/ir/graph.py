"""The graph: devices as objects, links as columns. networkx is its public form (see `to_networkx`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.ports import PortLayout

if TYPE_CHECKING:
    import networkx as nx

Column = npt.NDArray[np.int32]

TIER_PAIRS = ("server-leaf", "leaf-spine", "spine-core", "server-router", "local", "global")
"""local: routers of one group; global: routers of two groups, or spines of two (dragonfly-plus)."""

SERVER_LEAF, LEAF_SPINE, SPINE_CORE, SERVER_ROUTER, LOCAL, GLOBAL = range(len(TIER_PAIRS))
SERVER_TIERS = (SERVER_LEAF, SERVER_ROUTER)


@dataclass(frozen=True, slots=True)
class Device:
    """A switch or a server and where it stands in its topology; coordinates count from 1, those it does not have are 0."""

    name: str
    kind: str  # switch, server
    role: str  # server, leaf, spine, core, router
    network: str  # empty for a server
    site: str
    pod: str  # empty above the leafs of a Clos
    model: str
    nos: str
    release: str
    hwsku: str
    layout: PortLayout
    plane: int
    rail: int  # the column: rail of a rail-optimized network, side of a dual-homed one
    group: int
    index: int  # within its pod, group or tier
    slot: int  # place in the number space of its role (see ir.blocks); a server's: within its pod, from 0
    downlinks: int = 0  # ports laid out downwards from the first on, used or not
    uplinks: int = 0  # ports laid out upwards
    first_uplink: int = 0  # index of the first of them

    @property
    def faces_servers(self) -> bool:
        """Whether servers are connected to it: a leaf, or a router."""
        return self.role in ("leaf", "router")


@dataclass(frozen=True, slots=True)
class Links:
    """One row a link; end a is the lower tier. All columns have the same length."""

    a_device: Column
    a_port: Column
    b_device: Column
    b_port: Column
    network: Column  # index into Graph.networks
    plane: Column  # from 1
    tiers: Column  # index into TIER_PAIRS
    speed: Column  # Mb/s

    def __len__(self) -> int:
        return len(self.a_device)


@dataclass(frozen=True, slots=True)
class Graph:
    fabric: str
    networks: tuple[str, ...]
    devices: tuple[Device, ...]
    links: Links


def to_networkx(graph: Graph) -> nx.MultiGraph[str]:
    """The graph in its public form: nodes by name, one edge a link, attributes as in graph.json."""
    import networkx as nx

    out: nx.MultiGraph[str] = nx.MultiGraph(fabric=graph.fabric)
    for d in graph.devices:
        out.add_node(
            d.name, kind=d.kind, role=d.role, network=d.network, site=d.site, pod=d.pod, model=d.model, plane=d.plane,
            rail=d.rail, group=d.group, index=d.index,
        )  # fmt: skip
    columns = [getattr(graph.links, c).tolist() for c in Links.__slots__]
    for a, a_port, b, b_port, network, plane, tiers, speed in zip(*columns, strict=True):
        left, right = graph.devices[a], graph.devices[b]
        out.add_edge(
            left.name, right.name, a_port=left.layout.ports[a_port].name, b_port=right.layout.ports[b_port].name,
            network=graph.networks[network], plane=plane, tiers=TIER_PAIRS[tiers], speed_gbps=speed / 1000,
        )  # fmt: skip
    return out
