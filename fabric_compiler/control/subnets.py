"""The subnets of the fabric's InfiniBand networks: one model a plane, for its subnet manager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fabric_compiler.catalog.types import Catalog
from fabric_compiler.control.engines import ENGINES, engine
from fabric_compiler.ir.blocks import Blocks, network_block
from fabric_compiler.ir.graph import SERVER_TIERS, Device, Graph
from fabric_compiler.ir.plan import Guids
from fabric_compiler.model.subnet import Lanes, ManagerHost, Node, NodeEnd, Partition, Subnet
from fabric_compiler.topology.shape import Shape

DEFAULT_PREFIX = 0xFE80 << 48  # IBA 4.1.3: of a subnet that nobody gave another one
_MAX_PLANES = 8
# IBA 15.2.5.16 and 14.2.5.6: codes of PathRecord; upstream knows rates up to 600G
RATES = {100_000: 16, 200_000: 17, 400_000: 21, 800_000: 21}
MTUS = {2048: 4, 4096: 5}

Ints = npt.NDArray[np.int64]


def subnets(shapes: Sequence[Shape], graph: Graph, guids: Guids, blocks: Blocks, catalog: Catalog) -> tuple[Subnet, ...]:
    """One a plane of each InfiniBand network, in their order."""
    return tuple(_subnets(shapes, graph, guids, blocks, catalog))


def _subnets(shapes: Sequence[Shape], graph: Graph, guids: Guids, blocks: Blocks, catalog: Catalog) -> Iterator[Subnet]:
    for shape in shapes:
        if not shape.infiniband:
            continue
        manager = shape.intent.subnet_manager
        chosen = engine(shape)
        for plane in range(1, shape.planes + 1):
            nodes, devices = _nodes(shape, plane, graph, guids, catalog)
            hcas = [n for n, node in enumerate(nodes) if not node.switch]
            owners = [graph.devices[devices[n]] for n in hcas]
            compute = tuple(
                n for n, d in zip(hcas, owners, strict=True) if d.role == "server" and catalog.servers[d.model].gpus
            )
            managers = {n for n, d in zip(hcas, owners, strict=True) if d.role == "manager"}
            top = "" if shape.group else {2: "spine", 3: "core"}[shape.tiers]  # a dragonfly has no top
            place = blocks[network_block(shape.network)].slot(0) * _MAX_PLANES + plane - 1
            yield Subnet(
                network=shape.network,
                plane=plane,
                directory=f"networks/{shape.network}/opensm" + (f"-p{plane}" if shape.planes > 1 else ""),
                flavor=manager.flavor,
                engine=chosen,
                lmc=manager.lmc,
                lids=(len(hcas) << manager.lmc) + len(nodes) - len(hcas),
                prefix=manager.subnet_prefix or DEFAULT_PREFIX + place,
                sweep_interval=manager.sweep_interval // 1000,
                lanes=Lanes(manager.virtual_lanes or max(1, ENGINES[chosen.name].lanes), ENGINES[chosen.name].lanes > 0, ()),
                m_key=manager.m_key or "",
                sa_key=manager.sa_key or "",
                hosts=_hosts(shape, [(nodes[n], owners[n]) for n in sorted(managers)]),
                partitions=(
                    Partition("Default", 0x7FFF, (), "full", manager.ipoib, RATES[shape.leaf.down_speed], MTUS[_mtu(shape)], 0),
                ),
                roots=tuple(n for n, node in enumerate(nodes) if node.switch and graph.devices[devices[n]].role == top),
                compute=compute,
                storage=tuple(sorted(set(hcas) - set(compute) - managers)),
                order=_order(nodes, hcas),
                nodes=nodes,
            )


_HIGHEST_PRIORITY = 15  # IBA 14.4.1


def _hosts(shape: Shape, ports: Sequence[tuple[Node, Device]]) -> tuple[ManagerHost, ...]:
    """The hosts in the order of the intent, each with its first port of the plane; the first has the highest priority."""
    first: dict[str, int] = {}
    for node, device in ports:
        first.setdefault(device.name, node.port_guid)
    names = shape.intent.subnet_manager.hosts
    return tuple(ManagerHost(name, first[name], _HIGHEST_PRIORITY - turn) for turn, name in enumerate(names))


def _mtu(shape: Shape) -> int:
    return shape.intent.mtu if "mtu" in shape.intent.model_fields_set else 4096


def _nodes(shape: Shape, plane: int, graph: Graph, guids: Guids, catalog: Catalog) -> tuple[tuple[Node, ...], list[int]]:
    """HCAs in the order of their links, those of the subnet manager's hosts first, then switches; and the device of each."""
    links, devices = graph.links, graph.devices
    mine = np.flatnonzero((links.network == graph.networks.index(shape.network)) & (links.plane == plane))
    below = mine[np.isin(links.tiers[mine], SERVER_TIERS)]
    managers = np.array([devices[n].role == "manager" for n in links.a_device[below].tolist()], dtype=np.bool_)
    below = np.concatenate((below[managers], below[~managers]))
    above = mine[~np.isin(links.tiers[mine], SERVER_TIERS)]
    mine = np.concatenate((below, above))
    switches = [n for n, d in enumerate(devices) if d.kind == "switch" and d.network == shape.network and d.plane == plane]
    number = np.zeros(len(devices), dtype=np.int64)
    number[switches] = len(below) + np.arange(len(switches))
    a_node, b_node = number[links.a_device[mine]], number[links.b_device[mine]]
    a_node[: len(below)] = np.arange(len(below))
    ends = _ends(graph, mine, a_node, b_node, len(below) + len(switches))
    made: list[Node] = []
    owners = links.a_device[below].tolist()
    ports = links.a_port[below].tolist()
    ids: dict[tuple[str, str], int] = {}
    for model in {devices[owner].model for owner in owners}:
        for group in catalog.servers[model].nic_groups.values():
            ids |= {(model, hca): group.device_id for names in group.hcas.values() for hca in names}
    columns = (guids.node[below].tolist(), guids.port[below].tolist(), guids.image[below].tolist())
    for at, (owner, port, guid, port_guid, image) in enumerate(zip(owners, ports, *columns, strict=True)):
        device, hca = devices[owner], devices[owner].layout.ports[port].name
        made.append(Node(False, f"{device.name} {hca}", guid, port_guid, image, 1, ids.get((device.model, hca), 0), ends[at]))
    for at, owner in enumerate(switches, len(below)):
        device, guid, image = devices[owner], int(guids.switch[owner]), int(guids.system[owner])
        product = catalog.switches[device.model]
        made.append(Node(True, device.name, guid, guid, image, len(device.layout.ports), product.device_id, ends[at]))
    return tuple(made), owners + switches


def _ends(graph: Graph, mine: Ints, a_node: Ints, b_node: Ints, count: int) -> list[tuple[NodeEnd, ...]]:
    """By node, its ends by port."""
    links = graph.links
    first: dict[int, int] = {}
    numbers: list[int] = []
    for layout in {id(d.layout): d.layout for d in graph.devices}.values():
        first[id(layout)] = len(numbers)
        numbers += [port.number for port in layout.ports]
    start = np.array([first[id(d.layout)] for d in graph.devices], dtype=np.int64)
    of = np.array(numbers, dtype=np.int64)
    a_port = of[start[links.a_device[mine]] + links.a_port[mine]]
    b_port = of[start[links.b_device[mine]] + links.b_port[mine]]
    node, port = np.concatenate((a_node, b_node)), np.concatenate((a_port, b_port))
    order = np.lexsort((port, node))
    columns = (
        port[order],
        np.concatenate((b_node, a_node))[order],
        np.concatenate((b_port, a_port))[order],
        np.tile(links.speed[mine], 2)[order],
    )
    rows = [NodeEnd(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    borders = np.searchsorted(node[order], np.arange(count + 1)).tolist()
    return [tuple(rows[low:high]) for low, high in pairwise(borders)]


def _order(nodes: Sequence[Node], hcas: Sequence[int]) -> tuple[int, ...]:
    """Leaf by leaf and port by port: neighbours in the order then differ in their uplinks."""
    return tuple(sorted(hcas, key=lambda n: (nodes[n].ends[0].peer, nodes[n].ends[0].peer_port)))
