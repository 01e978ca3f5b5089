"""The subnets of the fabric's InfiniBand networks: one model a plane, for its subnet manager."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fabric_compiler.catalog.types import Catalog
from fabric_compiler.control.engines import check_engine, engine, lanes
from fabric_compiler.control.partitions import Tenancy, levels, tenancies
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.blocks import Blocks, network_block
from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.ir.plan import Guids
from fabric_compiler.model.subnet import Engine, Lanes, ManagerHost, Member, Node, NodeEnd, Partition, Subnet
from fabric_compiler.topology.shape import Places, Shape

DEFAULT_KEY = 0x7FFF  # IBA 10.9.1.2, without the bit of membership
DEFAULT_PREFIX = 0xFE80 << 48  # IBA 4.1.3: of a subnet that nobody gave another one
_MAX_PLANES = 8
# IBA 15.2.5.16 and 14.2.5.6: codes of PathRecord; upstream knows rates up to 600G
RATES = {100_000: 16, 200_000: 17, 400_000: 21, 800_000: 21}
MTUS = {2048: 4, 4096: 5}

Ints = npt.NDArray[np.int64]


def subnets(
    intent: Intent,
    shapes: Sequence[Shape],
    graph: Graph,
    guids: Guids,
    blocks: Blocks,
    catalog: Catalog,
    places: Places,
    report: Report,
) -> tuple[Subnet, ...]:
    """One a plane of each InfiniBand network, in their order. What excludes one another is reported with its place."""
    tenants = tenancies(intent, shapes, graph, blocks, places, report)
    made: list[Subnet] = []
    for shape in shapes:
        if shape.infiniband:
            those = tenants[shape.network]
            planned = lanes(shape, [(number, keys) for number, keys in levels(those)])
            made += _subnets(shape, those, engine(shape), planned, graph, guids, blocks, catalog)
            check_engine(shape, those, made[-1].engine, planned, made[-1].lids, places, report)
    return tuple(made)


def _subnets(
    shape: Shape,
    those: Sequence[Tenancy],
    chosen: Engine,
    planned: Lanes,
    graph: Graph,
    guids: Guids,
    blocks: Blocks,
    catalog: Catalog,
) -> Iterator[Subnet]:
    manager = shape.intent.subnet_manager
    for plane in range(1, shape.planes + 1):
        nodes, devices = _nodes(shape, plane, graph, guids, catalog)
        hcas = [n for n, node in enumerate(nodes) if not node.switch]
        owners = [graph.devices[devices[n]] for n in hcas]
        compute = tuple(n for n, d in zip(hcas, owners, strict=True) if d.role == "server" and catalog.servers[d.model].gpus)
        managers = {n for n, d in zip(hcas, owners, strict=True) if d.role == "manager"}
        top = {2: "spine", 3: "core"}[shape.tiers]
        place = blocks[network_block(shape.network)].slot(0) * _MAX_PLANES + plane - 1
        yield Subnet(
            network=shape.network,
            plane=plane,
            directory=f"networks/{shape.network}/opensm" + (f"-p{plane}" if shape.planes > 1 else ""),
            place="/etc/opensm" + (f"/p{plane}" if shape.planes > 1 else ""),
            flavor=manager.flavor,
            engine=chosen,
            lmc=manager.lmc,
            lids=(len(hcas) << manager.lmc) + len(nodes) - len(hcas),
            prefix=manager.subnet_prefix or DEFAULT_PREFIX + place,
            sweep_interval=manager.sweep_interval // 1000,
            lanes=planned,
            sharp=manager.sharp,
            m_key=manager.m_key or "",
            sa_key=manager.sa_key or "",
            hosts=_hosts(shape, [(nodes[n], owners[n]) for n in sorted(managers)]),
            partitions=tuple(_partitions(shape, those, nodes, devices, managers)),
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


def _partitions(
    shape: Shape, those: Sequence[Tenancy], nodes: Sequence[Node], devices: Sequence[int], managers: Collection[int]
) -> Iterator[Partition]:
    """The default partition, and one a tenant."""
    ipoib, mtu = shape.intent.subnet_manager.ipoib, MTUS[_mtu(shape)]
    slowest = min((node.ends[0].speed for node in nodes if not node.switch), default=shape.leaf.down_speed)
    if not those:
        yield Partition("Default", DEFAULT_KEY, (), "full", ipoib, RATES[slowest], mtu, 0)
        return
    yield Partition(
        "Default", DEFAULT_KEY, tuple(Member(nodes[n].port_guid, True) for n in sorted(managers)), "limited", False, 0, 0, 0
    )
    by_device: dict[int, list[int]] = {}
    for n, node in enumerate(nodes):
        if not node.switch:
            by_device.setdefault(devices[n], []).append(n)
    for one in those:
        members = [
            (n, full) for owners, full in ((one.full, True), (one.limited, False)) for d in owners for n in by_device.get(d, ())
        ]
        members.sort()
        speed = min((nodes[n].ends[0].speed for n, _ in members), default=slowest)
        yield Partition(
            one.name,
            one.p_key,
            tuple(Member(nodes[n].port_guid, full) for n, full in members),
            "",
            ipoib,
            RATES[speed],
            mtu,
            one.tenant.service_level,
        )


def _mtu(shape: Shape) -> int:
    return shape.intent.mtu if "mtu" in shape.intent.model_fields_set else 4096


def _nodes(shape: Shape, plane: int, graph: Graph, guids: Guids, catalog: Catalog) -> tuple[tuple[Node, ...], list[int]]:
    """HCAs in the order of their links, those of the subnet manager's hosts first, then switches; and the device of each."""
    links, devices = graph.links, graph.devices
    mine = np.flatnonzero((links.network == graph.networks.index(shape.network)) & (links.plane == plane))
    below = mine[links.tiers[mine] == 0]
    managers = np.array([devices[n].role == "manager" for n in links.a_device[below].tolist()], dtype=np.bool_)
    below = np.concatenate((below[managers], below[~managers]))
    above = mine[links.tiers[mine] != 0]
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
