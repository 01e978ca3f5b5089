"""GUIDs: placeholders from coordinates, until an inventory says what was delivered.

A placeholder is an EUI-64 with the local bit set (IEEE 802-2014 8.2.2: 0x02 of the first octet), so that it is nobody's real
GUID. Octet by octet: 02; the role; the network's place; three of the slot of the switch, or of an HCA's leaf; and two of which
twelve bits are the leaf's port (0 for a switch) and four the port of the HCA (0 for the node itself). As addresses do, an HCA's
GUID follows the leaf's port that it is cabled to: growth renumbers none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.blocks import Blocks, network_block
from fabric_compiler.ir.graph import Graph
from fabric_compiler.ir.plan import Guids, Uint64s

Ints = npt.NDArray[np.int64]

_LOCAL = 0x02 << 56
_ROLES: Mapping[str, int] = {"hca": 0, "leaf": 1, "spine": 2, "core": 3, "router": 4}


def placeholders(graph: Graph, infiniband: frozenset[str], blocks: Blocks) -> Guids:
    """GUIDs of all devices and links of the networks named in `infiniband`."""
    places = np.zeros(len(graph.networks), dtype=np.uint64)
    wanted = np.zeros(len(graph.networks), dtype=np.bool_)
    for number, name in enumerate(graph.networks):
        if name in infiniband:
            places[number], wanted[number] = blocks[network_block(name)].slot(0), True
    numbers = {name: number for number, name in enumerate(graph.networks)}
    base = {name: _LOCAL | int(places[numbers[name]]) << 40 for name in infiniband}
    switches = [d.kind == "switch" and d.network in base for d in graph.devices]
    switch = np.array(
        [
            base[d.network] | _ROLES[d.role] << 48 | d.slot << 16 if mine else 0
            for d, mine in zip(graph.devices, switches, strict=True)
        ],
        dtype=np.uint64,
    )
    links = graph.links
    slot = np.array([d.slot for d in graph.devices], dtype=np.uint64)
    port = np.zeros(len(links), dtype=np.uint64)
    node = np.zeros(len(links), dtype=np.uint64)
    chosen = np.flatnonzero(wanted[links.network] & (links.tiers == 0))
    leaf, at = links.b_device[chosen], links.b_port[chosen].astype(np.uint64) + np.uint64(1)
    node[chosen] = (
        np.uint64(_LOCAL) | places[links.network[chosen]] << np.uint64(40) | slot[leaf] << np.uint64(16) | at << np.uint64(4)
    )
    port[chosen] = node[chosen] + np.uint64(1)
    return Guids(switch, switch, node, port, _images(graph, node, chosen))


def _images(graph: Graph, node: Uint64s, chosen: Ints) -> Uint64s:
    """The system image GUID of a NIC is the node GUID of its first HCA: a NIC that is split over planes is one system."""
    image, links = node.copy(), graph.links
    own = links.a_device[chosen].astype(np.int64) << 16 | links.a_port[chosen]
    first = own - (links.plane[chosen] - 1)
    order = np.argsort(own)
    found = np.minimum(np.searchsorted(own[order], first), max(len(order) - 1, 0))
    there = order[found] if len(order) else order
    image[chosen] = np.where(own[there] == first, node[chosen[there]], node[chosen])
    return image
