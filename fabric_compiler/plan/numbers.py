"""From blocks and coordinates to numbers. Every number of a device follows from its own slot, whoever else exists."""

from __future__ import annotations

from collections.abc import Sequence

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent, ManagementIntent
from fabric_compiler.intent.values import AsnRange
from fabric_compiler.ir.blocks import (
    Blocks,
    asn_block,
    core_block,
    management_block,
    network_block,
    pod_rows,
    spine_block,
)
from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.ir.plan import DevicePlan, NetworkPlan, Plan, Prefix, Prefixes
from fabric_compiler.plan.guids import placeholders
from fabric_compiler.plan.pools import Pools, pools
from fabric_compiler.topology.shape import Places, Shape

# Shares of the loopback pool: a half for leafs, a quarter for spines, an eighth for cores; the rest is kept
_LOOPBACK_SHARE = {"leaf": (0, 1), "spine": (4, 2), "core": (6, 3)}  # start in eighths, size as 1 / 2^n
_MOST_HOST_BITS = 40  # of an IPv6 pool are used for single addresses
_SUBNET6_BITS = 64  # RFC 7421: a subnet is a /64


class ExhaustedError(ValueError):
    """A pool or range is too small; `path` is where the intent states it, below the network."""

    def __init__(self, code: str, message: str, hint: str, path: tuple[str, ...]) -> None:
        super().__init__(message)
        self.code, self.hint, self.path = code, hint, path


def number(intent: Intent, shapes: Sequence[Shape], graph: Graph, blocks: Blocks, places: Places, report: Report) -> Plan:
    """The plan of a graph. An exhausted pool is reported once, where it is stated."""
    plans: dict[str, _Numbers] = {}
    for shape in shapes:
        slot = blocks[network_block(shape.network)].slot(0)
        plans[shape.network] = _Numbers(shape, pools(shape.intent, slot), slot, intent.management, blocks)
    devices: list[DevicePlan | None] = []
    failed: set[tuple[str, tuple[str, ...]]] = set()
    for device in graph.devices:
        if device.kind == "server":
            devices.append(None)
            continue
        try:
            devices.append(plans[device.network].device(device))
        except ExhaustedError as error:
            devices.append(None)
            if (device.network, error.path) not in failed:
                failed.add((device.network, error.path))
                top = error.path[0] == "management"
                place = places.at(*error.path) if top else places.at("networks", device.network, *error.path)
                report.error(error.code, str(error), place, error.hint)
    infiniband = frozenset(shape.network for shape in shapes if shape.infiniband)
    guids = placeholders(graph, infiniband, blocks) if infiniband else None
    return Plan(tuple(p.network for p in plans.values()), tuple(devices), guids)


class _Numbers:
    """One network's pools, cut for its shape."""

    def __init__(self, shape: Shape, given: Pools, slot: int, management: ManagementIntent | None, blocks: Blocks) -> None:
        self.shape, self.pools, self.blocks, self.management = shape, given, blocks, management
        self.subnets = shape.intent.addressing.servers == "subnet"
        # /31s: two addresses a port; a subnet: network, gateway and broadcast besides
        self.leaf_bits = (shape.ports + 2).bit_length() if self.subnets else (2 * shape.ports - 1).bit_length()
        self.uplink_bits = {
            role: (2 * split.uplinks - 1).bit_length() for role, split in (("leaf", shape.leaf), ("spine", shape.spine))
        }
        plane_bits, rail_bits = (shape.planes - 1).bit_length(), (shape.columns - 1).bit_length()
        self.rail_bits = rail_bits
        self.network = NetworkPlan(
            shape.network, given.loopbacks, given.links, given.hosts, self.subnets, plane_bits, plane_bits + rail_bits
        )
        self.router_pool = next(
            (p for p in given.loopbacks if p.version == 4), Prefix(4, (10 << 24) + ((224 + slot) << 16), 16)
        )

    def device(self, device: Device) -> DevicePlan:
        """Raises ExhaustedError."""
        if self.shape.infiniband:
            return DevicePlan(0, 0, (), self._management(device))
        leaf = device.role == "leaf"
        return DevicePlan(
            asn=self._asn(device),
            router_id=self._loopback(device, self.router_pool).value,
            loopbacks=tuple(self._loopback(device, pool) for pool in self.pools.loopbacks),
            management=self._management(device),
            hosts=tuple(self._hosts(device, pool) for pool in self.pools.hosts) if leaf else (),
            uplinks=tuple(self._uplinks(device, pool) for pool in self.pools.links) if device.uplinks else (),
        )

    def _owner(self, device: Device) -> str:
        if device.role == "leaf":
            return pod_rows(device.network, device.site, device.pod)
        if device.role == "core":
            return core_block(device.network, device.site, device.plane)
        return spine_block(device.network, device.site, device.plane, device.rail, device.group)

    def _asn(self, device: Device) -> int:
        if device.role == "leaf":
            # RFC 7938 5.2.1: a leaf has an ASN of its own
            return self._from_range(self.pools.leaf_asns, device.slot, "leaf")
        shared = self.blocks[asn_block(self._owner(device))].slot(0)
        span = self.pools.spine_asns if device.role == "spine" else self.pools.core_asns
        return self._from_range(span, shared, device.role)

    def _from_range(self, span: AsnRange, index: int, role: str) -> int:
        if span.first + index > span.last:
            raise ExhaustedError(
                "FC4003",
                f"the {role} ASNs of {self.shape.network} are exhausted: {span.first}-{span.last} has no place {index + 1}",
                "widen the range",
                ("asns", role),
            )
        return span.first + index

    def _loopback(self, device: Device, pool: Prefix) -> Prefix:
        bits = min(_host_bits(pool), _MOST_HOST_BITS)
        start, share = _LOOPBACK_SHARE[device.role]
        if bits < 3 or device.slot >= 1 << (bits - share):
            raise ExhaustedError(
                "FC4001",
                f"the loopbacks of {self.shape.network} are exhausted: 1/{1 << share} of the pool is for a {device.role}, "
                f"and {device.slot + 1} are needed",
                "state a larger pool",
                ("addressing", "loopbacks"),
            )
        return Prefix(pool.version, pool.value + (start << bits >> 3) + device.slot, _WIDTH[pool.version])

    def _hosts(self, leaf: Device, pool: Prefix) -> Prefix:
        """The pool is cut by plane, then by rail, so that a rail is one prefix; a leaf takes its row's part of it."""
        network = self.network
        bits = _SUBNET6_BITS if pool.version == 6 else self.leaf_bits
        column_bits = _host_bits(pool) - network.column_bits
        row = leaf.slot // (self.shape.planes * self.shape.columns)
        if column_bits < bits or row >= 1 << (column_bits - bits):
            raise ExhaustedError(
                "FC4001",
                f"the hosts' addresses of {self.shape.network} are exhausted: a leaf takes a /{_WIDTH[pool.version] - bits} "
                f"of its column's /{_WIDTH[pool.version] - column_bits}, and row {row + 1} is needed",
                "state a larger pool",
                ("addressing", "hosts"),
            )
        column = ((leaf.plane - 1) << self.rail_bits) + leaf.rail - 1
        return Prefix(pool.version, pool.value + (column << column_bits) + (row << bits), _WIDTH[pool.version] - bits)

    def _uplinks(self, device: Device, pool: Prefix) -> Prefix:
        """The lower half of the pool for the leafs' uplinks, the upper half for the spines'."""
        bits = min(_host_bits(pool), _MOST_HOST_BITS)
        block = self.uplink_bits[device.role]
        if bits < block + 1 or device.slot >= 1 << (bits - 1 - block):
            raise ExhaustedError(
                "FC4001",
                f"the links' addresses of {self.shape.network} are exhausted: a {device.role} takes a "
                f"/{_WIDTH[pool.version] - block} of one half of the pool, and {device.slot + 1} are needed",
                "state a larger pool, or links: unnumbered",
                ("addressing", "links"),
            )
        half = (1 << (bits - 1)) if device.role == "spine" else 0
        return Prefix(pool.version, pool.value + half + (device.slot << block), _WIDTH[pool.version] - block)

    def _management(self, device: Device) -> Prefix | None:
        if self.management is None:
            return None
        pool = self.management.pool
        extents = self.blocks[management_block(self._owner(device))]
        offset = extents.slot(self._place(device)) + 1
        gateway = gateway_of(self.management).value
        offset += pool.value < gateway <= pool.value + offset
        if offset >= (1 << _host_bits(pool)) - (pool.version == 4):
            raise ExhaustedError(
                "FC4001",
                f"the management pool is exhausted: {offset} addresses are needed",
                "state a larger pool",
                ("management", "pool"),
            )
        return Prefix(pool.version, pool.value + offset, pool.length)

    def _place(self, device: Device) -> int:
        """Of the switch among those of its block."""
        if device.role != "leaf":
            return device.index - 1
        columns = self.shape.planes * self.shape.columns
        return (device.index - 1) * columns + device.slot % columns


_WIDTH = {4: 32, 6: 128}


def _host_bits(pool: Prefix) -> int:
    return _WIDTH[pool.version] - pool.length


def gateway_of(management: ManagementIntent) -> Prefix:
    """The gateway, or the pool's first address."""
    pool = management.pool
    return management.gateway or Prefix(pool.version, pool.value + 1, _WIDTH[pool.version])


def column_prefix(network: NetworkPlan, leaf_hosts: Prefix, plane_only: bool = False) -> Prefix:
    """The part of the hosts' pool that a leaf's rail has, or its plane."""
    pool = next(p for p in network.hosts if p.version == leaf_hosts.version)
    length = pool.length + (network.plane_bits if plane_only else network.column_bits)
    mask = _WIDTH[pool.version] - length
    return Prefix(pool.version, leaf_hosts.value >> mask << mask, length)


def server_port(network: NetworkPlan, hosts: Prefixes, port: int) -> tuple[Prefixes, Prefixes]:
    """Addresses of a leaf towards the server at its `port`-th downlink, and of the NIC there."""
    if network.subnets:
        leaf = tuple(Prefix(p.version, p.value + 1, p.length) for p in hosts)
        return leaf, tuple(Prefix(p.version, p.value + 2 + port, p.length) for p in hosts)
    # RFC 3021 and RFC 6164: two addresses a link
    pairs = [Prefix(p.version, p.value + 2 * port, _WIDTH[p.version] - 1) for p in hosts]
    return tuple(pairs), tuple(Prefix(p.version, p.value + 1, p.length) for p in pairs)


def fabric_port(uplinks: Prefixes, port: int) -> tuple[Prefixes, Prefixes]:
    """Addresses of both ends of a switch's `port`-th uplink: its own, and that of the switch above."""
    own = tuple(Prefix(p.version, p.value + 2 * port, _WIDTH[p.version] - 1) for p in uplinks)
    return own, tuple(Prefix(p.version, p.value + 1, p.length) for p in own)
