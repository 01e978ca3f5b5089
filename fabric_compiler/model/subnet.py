"""The model of one InfiniBand subnet: what its subnet manager is told, complete, and the network that it is told about.

A subnet is one plane of a network. GUIDs and keys are integers; a secret is named, never held. Speeds are Mb/s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from fabric_compiler.model.device import Declared

Flavor = Literal["upstream", "nvidia"]


class NodeEnd(NamedTuple):
    """A link as one of its nodes sees it: port numbers are InfiniBand's, `peer` is an index into Subnet.nodes."""

    port: int
    peer: int
    peer_port: int
    speed: int


@dataclass(frozen=True, slots=True)
class Node:
    """A switch or an HCA. `port_guid` is that of an HCA's port, or of a switch's port 0, which is its node GUID."""

    switch: bool
    name: str  # NodeDescription: of a switch its name, of an HCA the server's name and the RDMA device
    guid: int
    port_guid: int
    image_guid: int
    ports: int
    device_id: int  # 0: not known
    ends: tuple[NodeEnd, ...]  # by port


@dataclass(frozen=True, slots=True)
class Engine:
    """The routing engine, and why it is this one: a sentence a line."""

    name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    port_guid: int
    full: bool  # a limited member reaches full ones alone


@dataclass(frozen=True, slots=True)
class Partition:
    """`everyone`: all ports are members besides, full or limited; the subnet manager's own port is always a full one."""

    name: str
    p_key: int  # 15 bits
    members: tuple[Member, ...]
    everyone: Literal["", "full", "limited"]
    ipoib: bool
    rate: int  # of the broadcast group, as PathRecord codes it (IBA 15.2.5.16)
    mtu: int
    service_level: int


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """A level of the QoS policy, and the partitions that ride it; it has a lane of its own where there are lanes enough."""

    number: int
    lane: int
    p_keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """Virtual lanes for data. Without `levels` all packets ride lane 0."""

    count: int  # 1, 2, 4 or 8
    qos: bool  # SL-to-VL maps and arbitration are set
    levels: tuple[ServiceLevel, ...]


@dataclass(frozen=True, slots=True)
class ManagerHost:
    name: str
    port_guid: int
    priority: int  # 0 to 15; the highest is the master


@dataclass(frozen=True, slots=True)
class Subnet:
    network: str
    plane: int
    directory: str  # below the build
    place: str  # of its files on the hosts of the subnet manager
    flavor: Annotated[Flavor, Declared("networks.*.subnet-manager.flavor", "upstream, unless it is stated")]
    engine: Annotated[Engine, Declared("networks.*.subnet-manager.routing", "by the topology, and what LMC and lanes allow")]
    lmc: Annotated[int, Declared("networks.*.subnet-manager.lmc", "one LID an HCA")]
    lids: int  # that the subnet takes at its reserve
    prefix: Annotated[
        int, Declared("networks.*.subnet-manager.subnet-prefix", "the default's, counted on by subnet (GIDs must differ)")
    ]
    sweep_interval: int  # s
    lanes: Annotated[Lanes, Declared("tenants.*.service-level", "as many as service levels or the routing engine need")]
    sharp: bool  # NVIDIA's aggregation in the switches
    m_key: str  # name of the secret; empty: none
    sa_key: str
    hosts: tuple[ManagerHost, ...]
    partitions: tuple[Partition, ...]
    roots: tuple[int, ...]  # indices of nodes: the top tier
    compute: tuple[int, ...]  # HCAs of servers with GPUs
    storage: tuple[int, ...]  # HCAs of other servers
    order: tuple[int, ...]  # HCAs in the order in which they are routed to: leaf by leaf
    nodes: tuple[Node, ...]
