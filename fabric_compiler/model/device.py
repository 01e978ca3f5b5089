"""The device model: the vendor-neutral configuration of one device, complete. A target adds syntax and nothing else.

Everything here is decided; nothing here knows a vendor's words. Speeds are Mb/s, lengths mm, times ms, sizes bytes,
addresses integers. What is the same for a role (policies, QoS, management) is one object that all its devices share.
The provenance of a field stands with it as `Declared`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fabric_compiler.ir.plan import Prefix as Prefix


@dataclass(frozen=True, slots=True)
class Declared:
    """Provenance of a field: the intent path that states it, and the rule that derives it where the intent does not."""

    path: str
    rule: str


PortRole = Literal["server", "fabric", "unused"]
"""server: towards a server's NIC; fabric: between switches; unused: laid out, without a cable, shut."""


@dataclass(frozen=True, slots=True)
class Interface:
    name: str
    alias: str
    cage: str  # label on the front panel
    cage_index: int  # the platform's own number of the cage; some count from 0
    subport: int  # 0: the cage is not split
    breakout: str  # the platform's word for the cage's mode
    lanes: tuple[int, ...]
    role: PortRole
    enabled: Annotated[bool, Declared("networks.*", "a port with a cable is up, any other is shut")]
    drained: Annotated[bool, Declared("maintenance", "a drained port keeps its session and announces at the lowest preference")]
    speed: Annotated[int, Declared("networks.*.topology", "the speed of the link")]
    fec: Annotated[
        str, Declared("networks.*", "rs from 25G on, 40G excepted (IEEE 802.3 clauses 91, 108, 134, 161), else none")
    ]
    mtu: Annotated[int, Declared("networks.*.mtu", "jumbo frames: 9100 bytes of IP packet by default")]
    description: Annotated[str, Declared("pods", "the device and port at the other end")]
    peer_device: str
    peer_port: str
    addresses: Annotated[tuple[Prefix, ...], Declared("networks.*.addressing", "from the block of the lower end")]
    unnumbered: Annotated[bool, Declared("networks.*.addressing.links", "IPv6 link-local only, IPv4 by RFC 8950")]
    vlan: Annotated[int, Declared("networks.*.addressing.servers", "access VLAN of the rail's subnet, 0: routed port")]
    cable_length: Annotated[int, Declared("sites.*.lengths", "from placement or as stated; 0: no cable")]
    lossless: Annotated[bool, Declared("networks.*.qos", "PFC on the lossless priority")]
    headroom_length_m: Annotated[
        int, Declared("sites.*.lengths", "cable length rounded up to the platform's next row; 0: none")
    ]
    rail: int = 0
    plane: int = 0
    port_maps: Annotated[
        str, Declared("networks.*.qos", "of Qos.port_maps where packets change their class on the way; empty: the device's own")
    ] = ""


@dataclass(frozen=True, slots=True)
class Vlan:
    """A rail's subnet on one leaf: its access ports are the interfaces with this `vlan`."""

    id: int
    name: str
    addresses: tuple[Prefix, ...]
    mtu: int


@dataclass(frozen=True, slots=True)
class PrefixRule:
    """A line of a prefix list; `ge` and `le` are 0 where the length must be the prefix's own."""

    sequence: int
    prefix: Prefix
    ge: int = 0
    le: int = 0


@dataclass(frozen=True, slots=True)
class PrefixList:
    name: str
    version: int
    rules: tuple[PrefixRule, ...]


@dataclass(frozen=True, slots=True)
class PolicyTerm:
    """A term of a routing policy. Conditions left empty match all; an empty policy denies."""

    sequence: int
    permit: bool
    match_prefix_list4: str = ""
    match_prefix_list6: str = ""
    match_community: str = ""
    set_community: str = ""
    additive: bool = False
    prepend: int = 0  # times the device's own ASN
    set_local_preference: int = -1


@dataclass(frozen=True, slots=True)
class Policy:
    """A route-map. Terms with IPv4 and IPv6 lists stand apart, as both operating systems want it."""

    name: str
    terms: tuple[PolicyTerm, ...]


@dataclass(frozen=True, slots=True)
class CommunityList:
    name: str
    communities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bfd:
    """Single-hop BFD (RFC 5881); times in ms."""

    transmit: int
    receive: int
    multiplier: int


@dataclass(frozen=True, slots=True)
class PeerGroup:
    name: str
    policy_in: str
    policy_out: str
    maximum_prefix: Annotated[
        int, Declared("networks.*.bgp.maximum-prefix", "what the reserved blocks can announce, and half as much; 8 at least")
    ]
    bfd: Annotated[bool, Declared("networks.*.bgp.bfd", "on between switches")]
    ipv4: Annotated[bool, Declared("networks.*.addressing", "address family carried")]
    ipv6: Annotated[bool, Declared("networks.*.addressing", "address family carried")]
    # RFC 8950: IPv4 routes over IPv6 next hops; also with numbered IPv6-only links
    extended_nexthop: Annotated[bool, Declared("networks.*.addressing.links", "links without IPv4 addresses")]


@dataclass(frozen=True, slots=True)
class Neighbor:
    """One BGP session; `interface` for an unnumbered one, else `address`."""

    peer_group: str
    interface: str
    address: Prefix | None
    asn: int
    description: str
    drained: bool


@dataclass(frozen=True, slots=True)
class Bgp:
    asn: Annotated[
        int,
        Declared(
            "networks.*.asns", "RFC 7938: one a leaf or router, one for the spines of a group, one for the cores of a site"
        ),
    ]
    router_id: Annotated[
        int, Declared("networks.*.addressing.loopbacks", "the IPv4 loopback; without one, its like in the default pool")
    ]
    maximum_paths: Annotated[
        int, Declared("networks.*.bgp.maximum-paths", "the equal-cost paths that the topology has, up to a power of two")
    ]
    # RFC 7938 5.2.3: paths through different ASNs of the same length share the load
    multipath_relax: Annotated[bool, Declared("networks.*.bgp", "RFC 7938 5.2.3")]
    graceful_restart: Annotated[bool, Declared("networks.*.bgp.graceful-restart", "RFC 4724, on")]
    restart_time: Annotated[int, Declared("networks.*.bgp.graceful-restart", "seconds; RFC 4724")]
    keepalive: Annotated[int, Declared("networks.*.bgp.timers", "seconds")]
    hold: Annotated[int, Declared("networks.*.bgp.timers", "seconds")]
    bfd: Annotated[Bfd | None, Declared("networks.*.bgp.bfd", "timers of the sessions' BFD")]
    networks: Annotated[
        tuple[Prefix, ...], Declared("networks.*.addressing", "the loopback, and the aggregate of the servers that there are")
    ]
    peer_groups: tuple[PeerGroup, ...]
    neighbors: tuple[Neighbor, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    bgp: Bgp
    prefix_lists: tuple[PrefixList, ...]
    community_lists: tuple[CommunityList, ...]
    policies: tuple[Policy, ...]
    # aggregates that BGP announces need a route of their own; the more specific ones win
    discard_routes: tuple[Prefix, ...]


@dataclass(frozen=True, slots=True)
class Ecn:
    """WRED marking for one port speed: from `minimum` to `maximum` bytes of queue, up to `probability` percent."""

    speed: int
    minimum: int
    maximum: int
    probability: int


@dataclass(frozen=True, slots=True)
class Queue:
    """An egress queue: strict priority, or a share of what is left by weight."""

    queue: int
    strict: bool
    weight: int  # 0 where strict
    lossless: bool
    ecn: bool


@dataclass(frozen=True, slots=True)
class PfcWatchdog:
    """Times in ms; the action on a storm is drop or forward."""

    detection: int
    restoration: int
    action: str


@dataclass(frozen=True, slots=True)
class HeadroomProfile:
    """Lossless priority-group buffer for one speed and cable length; sizes in bytes."""

    speed: int
    length_m: int
    size: int
    xon: int
    xoff: int
    threshold: int
    xon_offset: int | None


@dataclass(frozen=True, slots=True)
class PortMaps:
    """Maps of ports of one kind, where packets change their class on the way: what comes in by `dscp_to_tc` and
    `tc_to_priority_group`, what leaves by `tc_to_queue` and `tc_to_dscp`."""

    name: str
    dscp_to_tc: tuple[int, ...]  # 64 entries
    tc_to_queue: tuple[int, ...]  # 8 entries
    tc_to_priority_group: tuple[int, ...]  # 8 entries
    tc_to_dscp: tuple[int, ...]  # 8 entries; empty: packets keep their DSCP
    lossless: tuple[int, ...]  # priorities with PFC, which are the numbers of their queues too


@dataclass(frozen=True, slots=True)
class Qos:
    """RoCEv2 quality of service of a device; the same object for all devices of a role and platform."""

    name: str
    lossless_priority: int  # -1: nothing is lossless
    dscp_to_tc: tuple[int, ...]  # 64 entries
    tc_to_queue: tuple[int, ...]  # 8 entries
    tc_to_priority_group: tuple[int, ...]  # 8 entries
    roce_dscp: int
    cnp_dscp: int
    queues: tuple[Queue, ...]
    ecn: tuple[Ecn, ...]  # by speed, ascending
    watchdog: PfcWatchdog | None
    headroom: tuple[HeadroomProfile, ...]  # those in use, by speed and length
    buffer_topology: str  # t0 or t1: which of the platform's buffer tables applies
    buffer_tables: Any  # Mapping[table, Mapping[key, Mapping[field, value]]], the platform's own; None: it has none
    port_maps: Annotated[
        tuple[PortMaps, ...],
        Declared("networks.*.qos", "the class changes at the global hop of a dragonfly, so that no circle of buffers closes"),
    ] = ()


@dataclass(frozen=True, slots=True)
class User:
    """`secret` names the password's hash in the operator's inventory; the hash itself never enters."""

    name: str
    role: Literal["admin", "operator"]
    secret: str
    ssh_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AaaServer:
    protocol: Literal["tacacs", "radius"]
    address: Prefix
    secret: str


@dataclass(frozen=True, slots=True)
class Management:
    """The way in. `address` carries the pool's prefix length; None: no management was stated, and the NOS keeps its own."""

    interface: str
    address: Prefix | None
    gateway: Prefix | None
    vrf: Annotated[str, Declared("management.vrf", "mgmt")]
    access: Annotated[tuple[str, ...], Declared("management.access", "ssh; of ssh, eapi, gnmi")]
    allow: Annotated[tuple[Prefix, ...], Declared("management.allow", "empty: from anywhere")]
    ntp: tuple[Prefix, ...] = ()
    dns: tuple[Prefix, ...] = ()
    syslog: tuple[Prefix, ...] = ()
    users: tuple[User, ...] = ()
    aaa: tuple[AaaServer, ...] = ()
    banner: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    model: str
    nos: str
    release: str
    platform: str
    hwsku: str
    asic: str


@dataclass(frozen=True, slots=True)
class RawSnippet:
    """Text of the intent that goes into a configuration as it stands, marked as such. The last resort."""

    nos: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SwitchModel:
    name: str
    role: str
    network: str
    site: str
    pod: str
    platform: Platform
    management: Management
    loopbacks: Annotated[tuple[Prefix, ...], Declared("networks.*.addressing.loopbacks", "from the block of the pod or group")]
    interfaces: tuple[Interface, ...]  # every port of the layout, in its order
    vlans: tuple[Vlan, ...]
    routing: Routing
    qos: Qos | None
    drained: Annotated[bool, Declared("maintenance", "kept up, routed around")]
    hash_seed: Annotated[int, Declared("networks.*", "one a tier: equal seeds in successive tiers polarise ECMP")]
    load_balancing: Annotated[
        Literal["static", "dynamic"],
        Declared("networks.*.load-balancing", "dynamic where the NOS has it and the network carries RoCE"),
    ]
    lldp: Annotated[bool, Declared("management.lldp", "on: cabling is checked against it")]
    raw: tuple[RawSnippet, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A route through one NIC; `table` 0 is the main table."""

    destination: Prefix
    via: Prefix
    table: int
    metric: int


@dataclass(frozen=True, slots=True)
class Nic:
    """One port of a server with its address and what it needs to be reached on it."""

    netdev: str
    network: str
    rail: int
    plane: int
    speed: int
    mtu: int
    addresses: tuple[Prefix, ...]
    routes: tuple[Route, ...]
    table: int  # routing table of what is sent from this NIC's own address
    peer_device: str
    peer_port: str


@dataclass(frozen=True, slots=True)
class NicQos:
    """RoCE settings that the NIC must share with the leaf."""

    network: str
    trust: Literal["dscp"]
    lossless_priority: int  # -1: no PFC
    roce_dscp: int
    cnp_dscp: int
    dscp_to_priority: tuple[int, ...]  # 64 entries: what differs from the NIC's default is set
    ecn_priorities: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ServerModel:
    name: str
    pod: str
    site: str
    model: str
    nics: tuple[Nic, ...]
    qos: tuple[NicQos, ...]  # one a network that asks for it


DeviceModel = SwitchModel | ServerModel
