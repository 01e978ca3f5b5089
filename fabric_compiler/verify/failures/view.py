"""One network of the graph as arrays, numbered from 0: its hosts, switches by role, and links by tier pair.

A network that is stated by its switches alone has its leafs for hosts, each of them connected to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.graph import Graph

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SERVER_LEAF, LEAF_SPINE, SPINE_CORE = 0, 1, 2
ROLES = ("leaf", "spine", "core")


@dataclass(frozen=True, slots=True)
class Joints:
    """Links of one tier pair. `link` is the row in the network's links; `below` and `above` number the devices of each role."""

    link: Ints
    below: Ints
    above: Ints
    speed: Ints


@dataclass(frozen=True, slots=True)
class View:
    """`links` are rows of Graph.links; `devices` by role (hosts, leafs, spines, cores) are rows of Graph.devices."""

    network: str
    links: Ints
    devices: tuple[Ints, Ints, Ints, Ints]
    number: Ints  # of each device of the graph within its role, -1 elsewhere
    joints: tuple[Joints, Joints, Joints]  # server-leaf, leaf-spine, spine-core
    rail: Ints  # of each leaf: site, plane and rail in one number, from 0
    rails: tuple[tuple[str, int, int], ...]  # (site, plane, rail)
    island: Ints  # of each leaf: site and plane in one number, from 0; leafs of two do not reach each other
    islands: int
    site: Ints  # of each host, from 0
    sites: int
    group: Ints  # of each spine: those that share an ASN, from 0
    stated_by_switches: bool

    @property
    def hosts(self) -> int:
        return len(self.devices[0])

    @property
    def leafs(self) -> int:
        return len(self.devices[1])

    @property
    def spines(self) -> int:
        return len(self.devices[2])

    @property
    def cores(self) -> int:
        return len(self.devices[3])


def view(graph: Graph, network: str, protocol: str = "ethernet") -> View:
    """The network's part of the graph. On InfiniBand no ASN keeps the spines of a group apart: each is a group of its own."""
    links = np.flatnonzero(graph.links.network == graph.networks.index(network))
    tiers = graph.links.tiers[links]
    devices = graph.devices
    by_role = [[n for n, d in enumerate(devices) if d.network == network and d.role == role] for role in ROLES]
    servers = np.unique(graph.links.a_device[links[tiers == SERVER_LEAF]])
    alone = not len(servers)
    members = (np.array(by_role[0]) if alone else servers, *(np.array(found) for found in by_role))
    held = tuple(found.astype(np.int64) for found in members)
    number = np.full(len(devices), -1, dtype=np.int64)
    for found in held:
        number[found] = np.arange(len(found))
    joints = []
    for tier in (SERVER_LEAF, LEAF_SPINE, SPINE_CORE):
        row = np.flatnonzero(tiers == tier)
        chosen = links[row]
        lower, upper = graph.links.a_device[chosen], graph.links.b_device[chosen]
        joints.append(Joints(row, number[lower], number[upper], graph.links.speed[chosen].astype(np.int64)))
    if alone:
        each = np.arange(len(by_role[0]))
        joints[0] = Joints(np.full(len(each), -1), each, each, np.ones(len(each), dtype=np.int64))
    rails, rail = _numbered([(devices[n].site, devices[n].plane, devices[n].rail) for n in by_role[0]])
    islands, island = _numbered([(devices[n].site, devices[n].plane) for n in by_role[0]])
    sites, site = _numbered([(devices[n].site,) for n in held[0].tolist()])
    # RFC 7938 5.2: the spines of a group share an ASN, so that none takes a route that came through another
    alike = [(devices[n].site, devices[n].plane, devices[n].rail, devices[n].group) for n in by_role[1]]
    _, group = _numbered(alike if protocol == "ethernet" else list(enumerate(alike)))
    roles = (held[0], held[1], held[2], held[3])
    pairs = (joints[0], joints[1], joints[2])
    kinds = tuple((a, b, c) for a, b, c in rails)
    return View(
        network, links, roles, number, pairs, rail, kinds, island, len(islands), site, len(sites),
        group, alone,
    )  # fmt: skip


def _numbered(keys: Sequence[tuple]) -> tuple[list[tuple], Ints]:  # type: ignore[type-arg]
    seen: dict[tuple, int] = {}  # type: ignore[type-arg]
    numbers = np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)
    return list(seen), numbers
