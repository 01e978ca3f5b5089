"""A subnet's files, as read back, against graph, plan and the intent's tenants: nothing here looks at the subnet's model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice

import numpy as np

from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.graph import Column, Graph
from fabric_compiler.ir.plan import Guids, Uint64s
from fabric_compiler.verify.readback.opensm import NVIDIA_OPTIONS, ObservedPartition, ObservedSubnet, options, read

Wanted = Callable[[str, str, str], bool]
"""Asked with a device's name, pod and role."""

_SHOWN = 5
_DEFAULT = 0x7FFF
_FILES = ("partition_config_file", "qos_policy_file", "node_name_map_name", "root_guid_file", "cn_guid_file", "io_guid_file",
          "guid_routing_order_file")  # fmt: skip


def check_subnet(
    files: Mapping[str, bytes],
    hosts: Mapping[str, bytes],
    network: str,
    plane: int,
    graph: Graph,
    guids: Guids,
    intent: Intent,
    catalog: Catalog,
    report: Report,
) -> None:
    """Report FC7003 for a file that has what OpenSM does not understand, FC7004 for one that is not as the graph, the plan or
    the tenants have it; `hosts` are the options of the subnet manager's hosts. Both are bugs of ours."""
    try:
        observed = read(files)
        own = {name: options(hosts, name) for name in hosts}
    except ValueError as error:
        report.error("FC7003", f"{network}: {error}", hint="this is a bug of the compiler, or of a template")
        return
    subnet = _Planned(network, plane, graph, guids, intent, catalog)
    for rule in (
        subnet.nodes(observed),
        subnet.links(observed),
        subnet.ranks(observed),
        subnet.lists(observed),
        subnet.partitions(observed),
        subnet.options(observed, files, own),
    ):
        for sentence in islice(rule, _SHOWN):
            report.error("FC7004", f"{network}: {sentence}", hint="this is a bug of the compiler, or of a template")


class _Planned:
    """What graph, plan and intent have of one subnet."""

    def __init__(self, network: str, plane: int, graph: Graph, guids: Guids, intent: Intent, catalog: Catalog) -> None:
        self.network, self.graph, self.guids, self.intent, self.catalog = network, graph, guids, intent, catalog
        links = graph.links
        self.mine = np.flatnonzero((links.network == graph.networks.index(network)) & (links.plane == plane))
        self.below = self.mine[links.tiers[self.mine] == 0]
        self.switches = {
            int(guid): graph.devices[n]
            for n, guid in enumerate(guids.switch.tolist())
            if guid and graph.devices[n].network == network and graph.devices[n].plane == plane
        }
        self.hcas = {int(guids.node[link]): int(link) for link in self.below.tolist()}

    def nodes(self, observed: ObservedSubnet) -> Iterator[str]:
        """Each switch and HCA stands there once, with its name and GUIDs."""
        for guid in (self.switches.keys() | self.hcas.keys()) ^ observed.nodes.keys():
            yield f"topology.net and the plan differ in the node 0x{guid:016x}"
        for guid, node in observed.nodes.items():
            if guid in self.switches and node.switch:
                device = self.switches[guid]
                if (node.name, node.ports) != (device.name, len(device.layout.ports)):
                    yield f"topology.net has {node.name} with {node.ports} ports in the place of {device.name}"
            elif guid in self.hcas:
                link = self.hcas[guid]
                expected = (self._hca(link)[:64], int(self.guids.port[link]), int(self.guids.image[link]))
                if (node.name, node.port, node.image) != expected:
                    yield f"topology.net has another HCA in the place of {expected[0]}"
        if observed.names != {g: d.name for g, d in self.switches.items()} | {g: self._hca(n) for g, n in self.hcas.items()}:
            yield "node-name-map has not the names of the plan"

    def links(self, observed: ObservedSubnet) -> Iterator[str]:
        """Both ends of each link are those of the graph."""
        links = self.graph.links
        a = np.where(links.tiers[self.mine] == 0, self.guids.node[self.mine], self.guids.switch[links.a_device[self.mine]])
        b = self.guids.switch[links.b_device[self.mine]]
        a_port = self._numbers(links.a_device[self.mine], links.a_port[self.mine])
        b_port = self._numbers(links.b_device[self.mine], links.b_port[self.mine])
        speed = links.speed[self.mine].astype(np.uint64)
        planned = np.stack(
            [np.concatenate(c) for c in ((a, b), (a_port, b_port), (b, a), (b_port, a_port), (speed, speed))], axis=1
        )
        found = np.stack((observed.node, observed.port, observed.peer, observed.peer_port, observed.speed), axis=1)
        if planned.shape == found.shape and np.array_equal(_sorted(planned), _sorted(found)):
            return
        for rows, other, what in ((planned, found, "lacks"), (found, planned, "has besides")):
            for row in sorted(set(map(tuple, rows.tolist())) - set(map(tuple, other.tolist())))[:_SHOWN]:
                one, two = (observed.nodes[g].name if g in observed.nodes else f"0x{g:016x}" for g in (row[0], row[2]))
                yield f"topology.net {what} the link of {one} port {row[1]} to {two} port {row[3]}"

    def ranks(self, observed: ObservedSubnet) -> Iterator[str]:
        """From the roots down, links join neighbouring ranks, and all HCAs are below the lowest (opensm(8), Fat-tree)."""
        if not any(device.role == "spine" for device in self.switches.values()):
            return  # no tree
        roots = set(observed.lists["root_guid.conf"])
        top = {guid for guid, device in self.switches.items() if not device.uplinks}
        if roots != top or len(observed.lists["root_guid.conf"]) != len(top):
            yield f"root_guid.conf has {len(roots & top)} of {len(top)} switches of the top tier, and {len(roots - top)} others"
            return
        number = {guid: n for n, guid in enumerate(observed.nodes)}
        ends = np.array([number[g] for g in observed.node.tolist()], dtype=np.int64)
        peers = np.array([number[g] for g in observed.peer.tolist()], dtype=np.int64)
        rank = np.full(len(number), -1, dtype=np.int64)
        rank[[number[g] for g in roots]] = 0
        for depth in range(len(number)):
            front = rank[ends] == depth
            reached = peers[front][rank[peers[front]] < 0]
            if not len(reached):
                break
            rank[reached] = depth + 1
        if (rank < 0).any() and len(ends):
            yield "not all nodes are reached from the roots"
        elif (np.abs(rank[ends] - rank[peers]) != 1).any():
            yield "a link joins two nodes of one rank"
        elif len({int(rank[number[g]]) for g in self.hcas}) > 1:
            yield "HCAs are on leafs of several ranks"

    def lists(self, observed: ObservedSubnet) -> Iterator[str]:
        """Compute nodes, I/O nodes and the order of routing name each port once."""
        compute: set[int] = set()
        storage: set[int] = set()
        for link in self.below.tolist():
            owner = self.graph.devices[self.graph.links.a_device[link]]
            if owner.role == "server":
                kind = compute if self.catalog.servers[owner.model].gpus else storage
                kind.add(int(self.guids.port[link]))
        every = {int(guid) for guid in self.guids.port[self.below].tolist()}
        for name, expected in (("cn_guid.conf", compute), ("io_guid.conf", storage), ("guid_routing_order.conf", every)):
            found = observed.lists.get(name)
            if found is not None and (set(found) != expected or len(found) != len(expected)):
                yield f"{name} has {len(found)} ports, and {len(expected)} belong there"

    def partitions(self, observed: ObservedSubnet) -> Iterator[str]:
        """Tenants reach their own and nobody else; without tenants all reach all."""
        by_key: dict[int, ObservedPartition] = {p.p_key: p for p in observed.partitions}
        if len(by_key) != len(observed.partitions) or _DEFAULT not in by_key:
            yield "partitions.conf has a P_Key twice, or no default partition"
            return
        default = by_key.pop(_DEFAULT)
        expected = dict(self._tenants())
        if default.everyone != ("limited" if expected else "full"):
            yield f"all ports are {default.everyone or 'no'} members of the default partition"
        managers = self._ports(lambda name, pod, role: role == "manager")
        if (default.full, default.limited) != (managers if expected else frozenset(), frozenset()):
            yield "others than the hosts of the subnet manager are named in the default partition"
        found = {p.name: (p.full, p.limited, p.service_level) for p in by_key.values()}
        for name in sorted(expected.keys() | found.keys()):
            if found.get(name) != expected.get(name) or any(p.everyone for p in by_key.values() if p.name == name):
                yield f"the partition of the tenant {name} has not its members, or another service level"

    def options(
        self, observed: ObservedSubnet, files: Mapping[str, bytes], hosts: Mapping[str, Mapping[str, str]]
    ) -> Iterator[str]:
        """Files that are named exist, hosts differ in their port and priority alone, and flavours do not mix."""
        manager = self.intent.networks[self.network].subnet_manager
        for option in _FILES:
            name = observed.options.get(option, "").rpartition("/")[2]
            if name and name not in files:
                yield f"opensm.conf names {name}, which is not there"
        if manager.flavor == "upstream" and observed.options.keys() & NVIDIA_OPTIONS:
            yield "opensm.conf has options that upstream OpenSM does not know"
        if not observed.options.get("routing_engine", "").endswith(",no_fallback"):
            yield "opensm.conf lets OpenSM fall back to another routing engine"
        if observed.options.get("lmc") != str(manager.lmc):
            yield f"opensm.conf has LMC {observed.options.get('lmc')}"
        priorities = []
        for host, (name, own) in zip(manager.hosts, hosts.items(), strict=True):
            ports = self._ports(partial(_is, host))
            if int(own.get("guid", "0"), 16) not in ports:
                yield f"{name} manages the subnet from a port that {host} does not have"
            priorities.append(int(own.get("sm_priority", "0")))
            if {k: v for k, v in own.items() if k not in ("guid", "sm_priority")} != observed.options:
                yield f"{name} and opensm.conf differ in more than the port and the priority"
        if sorted(set(priorities), reverse=True) != priorities:
            yield "the hosts of the subnet manager have not falling priorities"

    def _tenants(self) -> Iterator[tuple[str, tuple[frozenset[int], frozenset[int], int]]]:
        for name, tenant in self.intent.tenants.items():
            if tenant.networks is not None and self.network not in tenant.networks:
                continue
            full = self._ports(_chosen(tenant.pods, tenant.servers))
            limited = self._ports(_chosen(tenant.limited.pods, tenant.limited.servers)) - full
            if full or limited:
                yield name, (full, limited, tenant.service_level)

    def _ports(self, wanted: Wanted) -> frozenset[int]:
        """GUIDs of ports of devices that `wanted` says yes to."""
        devices, owner = self.graph.devices, self.graph.links.a_device
        yes = {n for n in set(owner[self.below].tolist()) if wanted(devices[n].name, devices[n].pod, devices[n].role)}
        return frozenset(int(self.guids.port[link]) for link in self.below.tolist() if int(owner[link]) in yes)

    def _hca(self, link: int) -> str:
        device = self.graph.devices[self.graph.links.a_device[link]]
        return f"{device.name} {device.layout.ports[self.graph.links.a_port[link]].name}"

    def _numbers(self, device: Column, port: Column) -> Uint64s:
        """InfiniBand's numbers of ports."""
        layouts = {id(d.layout): d.layout for d in self.graph.devices}
        first: dict[int, int] = {}
        numbers: list[int] = []
        for key, layout in layouts.items():
            first[key] = len(numbers)
            numbers += [p.number for p in layout.ports]
        start = np.array([first[id(d.layout)] for d in self.graph.devices], dtype=np.int64)
        found: Uint64s = np.array(numbers, dtype=np.uint64)[start[device] + port]
        return found


def _sorted(rows: Uint64s) -> Uint64s:
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def _is(host: str, name: str, pod: str, role: str) -> bool:
    return name == host


def _chosen(pods: tuple[str, ...], servers: tuple[str, ...]) -> Wanted:
    def wanted(name: str, pod: str, role: str) -> bool:
        return role == "server" and (pod in pods or any(fnmatchcase(name, pattern) for pattern in servers))

    return wanted
