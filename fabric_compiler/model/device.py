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
    """Provenance of a field: the intent path that states it, and the rule that derives it where the intent does not.

    In the path `*` stands for the device's own network or site, `{role}` for its role, and `pods` for its own pod.
    """

    path: str
    rule: str


PortRole = Literal["server", "fabric", "unused"]
"""server: towards a server's NIC; fabric: between switches; unused: laid out, without a cable, shut."""


@dataclass(frozen=True, slots=True)
class Interface:
    name: Annotated[str, Declared("networks.*.{role}.switch", "the platform's name of the port")]
    alias: Annotated[str, Declared("networks.*.{role}.switch", "the platform's alias of the port, in its front panel's words")]
    # label on the front panel
    cage: Annotated[str, Declared("networks.*.{role}.switch", "the label on the front panel")]
    # the platform's own number of the cage; some count from 0
    cage_index: Annotated[int, Declared("networks.*.{role}.switch", "the platform's own number of the cage")]
    # 0: the cage is not split
    subport: Annotated[int, Declared("networks.*.{role}.switch", "its place in a split cage, from 1")]
    # the platform's word for the cage's mode
    breakout: Annotated[
        str, Declared("networks.*.{role}.switch", "the mode that gives the cage's ports their speed, in the platform's words")
    ]
    lanes: Annotated[tuple[int, ...], Declared("networks.*.{role}.switch", "the platform's lanes of the port")]
    role: Annotated[PortRole, Declared("networks.*.topology", "towards a server, between switches, or unused")]
    enabled: Annotated[bool, Declared("networks.*", "a port with a cable is up, any other is shut")]
    drained: Annotated[bool, Declared("maintenance", "a drained port keeps its session and announces at the lowest preference")]
    speed: Annotated[int, Declared("networks.*.topology", "the speed of the link")]
    fec: Annotated[
        str, Declared("networks.*", "rs from 25G on, 40G excepted (IEEE 802.3 clauses 91, 108, 134, 161), else none")
    ]
    mtu: Annotated[int, Declared("networks.*.mtu", "jumbo frames: 9100 bytes of IP packet by default")]
    description: Annotated[str, Declared("pods", "the device and port at the other end")]
    peer_device: Annotated[str, Declared("pods", "the device at the other end")]
    peer_port: Annotated[str, Declared("pods", "the port at the other end")]
    addresses: Annotated[tuple[Prefix, ...], Declared("networks.*.addressing", "from the block of the lower end")]
    unnumbered: Annotated[bool, Declared("networks.*.addressing.links", "IPv6 link-local only, IPv4 by RFC 8950")]
    vlan: Annotated[int, Declared("networks.*.addressing.servers", "access VLAN of the rail's subnet, 0: routed port")]
    cable_length: Annotated[int, Declared("sites.*.lengths", "from placement or as stated; 0: no cable")]
    lossless: Annotated[bool, Declared("networks.*.qos", "PFC on the lossless priority")]
    headroom_length_m: Annotated[
        int, Declared("sites.*.lengths", "cable length rounded up to the platform's next row; 0: none")
    ]
    rail: Annotated[int, Declared("networks.*.topology", "rail of a rail-optimized network")] = 0
    plane: Annotated[int, Declared("networks.*.topology.planes", "plane of the network")] = 0


@dataclass(frozen=True, slots=True)
class Vlan:
    """A rail's subnet on one leaf: its access ports are the interfaces with this `vlan`."""

    id: Annotated[int, Declared("networks.*.addressing.servers", "100 and the rail")]
    name: Annotated[str, Declared("networks.*.topology.kind", "after the rail")]
    addresses: Annotated[tuple[Prefix, ...], Declared("networks.*.addressing.hosts", "the first address of the leaf's subnet")]
    mtu: Annotated[int, Declared("networks.*.mtu", "jumbo frames: 9100 bytes of IP packet by default")]


@dataclass(frozen=True, slots=True)
class PrefixRule:
    """A line of a prefix list; `ge` and `le` are 0 where the length must be the prefix's own."""

    sequence: Annotated[int, Declared("networks.*.addressing", "lines count by tens, so that one can be put between")]
    prefix: Annotated[Prefix, Declared("networks.*.addressing", "the pool; of a leaf's own list what it announces")]
    ge: Annotated[int, Declared("networks.*.addressing", "prefixes of one length out of the pool")] = 0
    le: Annotated[int, Declared("networks.*.addressing", "prefixes of one length out of the pool")] = 0


@dataclass(frozen=True, slots=True)
class PrefixList:
    name: Annotated[str, Declared("networks.*.addressing", "after the pool")]
    version: Annotated[int, Declared("networks.*.addressing", "the family of the pool")]
    rules: tuple[PrefixRule, ...]


@dataclass(frozen=True, slots=True)
class PolicyTerm:
    """A term of a routing policy. Conditions left empty match all; an empty policy denies."""

    sequence: Annotated[int, Declared("networks.*.addressing", "lines count by tens, so that one can be put between")]
    permit: Annotated[bool, Declared("networks.*.addressing", "what no term permits is denied")]
    match_prefix_list4: Annotated[str, Declared("networks.*.addressing", "only prefixes of the plan pass")] = ""
    match_prefix_list6: Annotated[str, Declared("networks.*.addressing", "only prefixes of the plan pass")] = ""
    match_community: Annotated[
        str, Declared("networks.*.bgp", "RFC 8326: what comes with GRACEFUL_SHUTDOWN is used when there is nothing else")
    ] = ""
    set_community: Annotated[str, Declared("maintenance", "RFC 8326: a drained switch or link marks what it announces")] = ""
    additive: Annotated[bool, Declared("maintenance", "other communities stay")] = False
    # times the device's own ASN
    prepend: Annotated[int, Declared("networks.*.bgp", "the own ASN again, to lengthen the path")] = 0
    set_local_preference: Annotated[int, Declared("networks.*.bgp", "RFC 8326: used when there is nothing else")] = -1


@dataclass(frozen=True, slots=True)
class Policy:
    """A route-map. Terms with IPv4 and IPv6 lists stand apart, as both operating systems want it."""

    name: Annotated[str, Declared("networks.*.bgp", "after its direction")]
    terms: tuple[PolicyTerm, ...]


@dataclass(frozen=True, slots=True)
class CommunityList:
    name: Annotated[str, Declared("networks.*.bgp", "after the well-known community")]
    communities: Annotated[tuple[str, ...], Declared("networks.*.bgp", "RFC 8326, GRACEFUL_SHUTDOWN")]


@dataclass(frozen=True, slots=True)
class Bfd:
    """Single-hop BFD (RFC 5881); times in ms."""

    transmit: Annotated[int, Declared("networks.*.bgp.bfd.transmit", "ms; 300 by default")]
    receive: Annotated[int, Declared("networks.*.bgp.bfd.receive", "ms; 300 by default")]
    multiplier: Annotated[int, Declared("networks.*.bgp.bfd.multiplier", "3 by default")]


@dataclass(frozen=True, slots=True)
class PeerGroup:
    name: Annotated[str, Declared("networks.*.topology", "after the tier at the other end")]
    policy_in: Annotated[str, Declared("networks.*.addressing", "RFC 8212: nothing is accepted without a policy")]
    policy_out: Annotated[str, Declared("networks.*.addressing", "RFC 8212: nothing is announced without a policy")]
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

    peer_group: Annotated[str, Declared("networks.*.topology", "after the tier at the other end")]
    interface: Annotated[
        str, Declared("networks.*.addressing.links", "a session on every link between switches (RFC 7938 5.2.1)")
    ]
    address: Annotated[Prefix | None, Declared("networks.*.addressing.links", "the other address of the link")]
    asn: Annotated[int, Declared("networks.*.asns", "the ASN of the switch at the other end")]
    description: Annotated[str, Declared("pods", "the device and port at the other end")]
    drained: Annotated[bool, Declared("maintenance", "a drained link keeps its session")]


@dataclass(frozen=True, slots=True)
class Bgp:
    asn: Annotated[
        int,
        Declared("networks.*.asns.{role}", "RFC 7938: one a leaf, one for the spines of a group, one for the cores of a site"),
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
    restart_time: Annotated[int, Declared("networks.*.bgp.restart-time", "seconds; RFC 4724")]
    keepalive: Annotated[int, Declared("networks.*.bgp.timers.keepalive", "seconds; 3 by default")]
    hold: Annotated[int, Declared("networks.*.bgp.timers.hold", "seconds; three times the keepalive by default")]
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
    discard_routes: Annotated[
        tuple[Prefix, ...], Declared("networks.*.addressing.hosts", "aggregates that BGP announces need a route of their own")
    ]


@dataclass(frozen=True, slots=True)
class Ecn:
    """WRED marking for one port speed: from `minimum` to `maximum` bytes of queue, up to `probability` percent."""

    speed: Annotated[int, Declared("networks.*.topology", "the speed of the ports")]
    minimum: Annotated[int, Declared("networks.*.qos", "bytes of queue from which marking begins")]
    maximum: Annotated[int, Declared("networks.*.qos", "bytes of queue from which all is marked")]
    probability: Annotated[int, Declared("networks.*.qos", "percent at the maximum")]


@dataclass(frozen=True, slots=True)
class Queue:
    """An egress queue: strict priority, or a share of what is left by weight."""

    queue: Annotated[int, Declared("networks.*.qos", "the number of the queue")]
    strict: Annotated[bool, Declared("networks.*.qos", "congestion notifications go first")]
    # 0 where strict
    weight: Annotated[int, Declared("networks.*.qos", "share of what strict queues leave")]
    lossless: Annotated[bool, Declared("networks.*.qos", "RoCE data is not dropped")]
    ecn: Annotated[bool, Declared("networks.*.qos", "congestion is marked")]


@dataclass(frozen=True, slots=True)
class PfcWatchdog:
    """Times in ms; the action on a storm is drop or forward."""

    detection: Annotated[int, Declared("networks.*.qos", "ms of pause before it is a storm")]
    restoration: Annotated[int, Declared("networks.*.qos", "ms without pause after which it is over")]
    action: Annotated[str, Declared("networks.*.qos", "what happens to the queue in a storm")]


@dataclass(frozen=True, slots=True)
class HeadroomProfile:
    """Lossless priority-group buffer for one speed and cable length; sizes in bytes."""

    speed: Annotated[int, Declared("networks.*.topology", "the speed of the ports")]
    length_m: Annotated[int, Declared("sites.*.lengths", "cable length rounded up to the platform's next row")]
    size: Annotated[int, Declared("sites.*.lengths", "the row of the platform's table for speed and cable length")]
    xon: Annotated[int, Declared("sites.*.lengths", "the row of the platform's table for speed and cable length")]
    xoff: Annotated[int, Declared("sites.*.lengths", "the row of the platform's table for speed and cable length")]
    threshold: Annotated[int, Declared("sites.*.lengths", "the row of the platform's table for speed and cable length")]
    xon_offset: Annotated[int | None, Declared("sites.*.lengths", "the row of the platform's table for speed and cable length")]


@dataclass(frozen=True, slots=True)
class Qos:
    """RoCEv2 quality of service of a device; the same object for all devices of a role and platform."""

    name: Annotated[str, Declared("networks.*.qos", "after the kind of traffic")]
    # -1: nothing is lossless
    lossless_priority: Annotated[int, Declared("networks.*.qos", "PFC on the priority of RoCE data alone")]
    # 64 entries
    dscp_to_tc: Annotated[tuple[int, ...], Declared("networks.*.qos", "RoCE data and CNP have classes of their own")]
    # 8 entries
    tc_to_queue: Annotated[tuple[int, ...], Declared("networks.*.qos", "a queue for each class")]
    # 8 entries
    tc_to_priority_group: Annotated[
        tuple[int, ...], Declared("networks.*.qos", "the lossless class has a priority group of its own")
    ]
    roce_dscp: Annotated[int, Declared("networks.*.qos", "RoCE data: DSCP 26")]
    cnp_dscp: Annotated[int, Declared("networks.*.qos", "congestion notification: DSCP 48")]
    queues: tuple[Queue, ...]
    ecn: tuple[Ecn, ...]  # by speed, ascending
    watchdog: PfcWatchdog | None
    headroom: tuple[HeadroomProfile, ...]  # those in use, by speed and length
    # t0 or t1: which of the platform's buffer tables applies
    buffer_topology: Annotated[str, Declared("networks.*.topology", "which of the platform's buffer tables applies")]
    # Mapping[table, Mapping[key, Mapping[field, value]]], the platform's own; None: it has none
    buffer_tables: Annotated[Any, Declared("networks.*.qos", "the platform's own buffer tables")]


@dataclass(frozen=True, slots=True)
class User:
    """`secret` names the password's hash in the operator's inventory; the hash itself never enters."""

    name: Annotated[str, Declared("management.users", "as stated")]
    role: Annotated[Literal["admin", "operator"], Declared("management.users", "admin by default")]
    secret: Annotated[str, Declared("management.users", "names the password's hash; the hash never enters")]
    ssh_keys: Annotated[tuple[str, ...], Declared("management.users", "as stated")] = ()


@dataclass(frozen=True, slots=True)
class AaaServer:
    protocol: Annotated[Literal["tacacs", "radius"], Declared("management.aaa", "as stated")]
    address: Annotated[Prefix, Declared("management.aaa", "as stated")]
    secret: Annotated[str, Declared("management.aaa", "names the key; the key never enters")]


@dataclass(frozen=True, slots=True)
class Management:
    """The way in. `address` carries the pool's prefix length; None: no management was stated, and the NOS keeps its own."""

    interface: Annotated[str, Declared("management.pool", "the platform's management port")]
    address: Annotated[Prefix | None, Declared("management.pool", "from the pool, by the block of the pod or group")]
    gateway: Annotated[Prefix | None, Declared("management.gateway", "the pool's first address by default")]
    vrf: Annotated[str, Declared("management.vrf", "mgmt")]
    access: Annotated[tuple[str, ...], Declared("management.access", "ssh; of ssh, eapi, gnmi")]
    allow: Annotated[tuple[Prefix, ...], Declared("management.allow", "empty: from anywhere")]
    ntp: Annotated[tuple[Prefix, ...], Declared("management.ntp", "as stated")] = ()
    dns: Annotated[tuple[Prefix, ...], Declared("management.dns", "as stated")] = ()
    syslog: Annotated[tuple[Prefix, ...], Declared("management.syslog", "as stated")] = ()
    users: tuple[User, ...] = ()
    aaa: tuple[AaaServer, ...] = ()
    banner: Annotated[str, Declared("management.banner", "as stated")] = ""


@dataclass(frozen=True, slots=True)
class Platform:
    model: Annotated[str, Declared("networks.*.{role}.switch", "the product of the tier")]
    nos: Annotated[str, Declared("networks.*.{role}.nos", "the operating system of the tier")]
    release: Annotated[str, Declared("networks.*.{role}.release", "the newest release that the catalogue knows, or as stated")]
    platform: Annotated[str, Declared("networks.*.{role}.switch", "the platform's name under its operating system")]
    hwsku: Annotated[str, Declared("networks.*.{role}.hwsku", "the HwSKU that has the ports' speeds, or as stated")]
    asic: Annotated[str, Declared("networks.*.{role}.switch", "the maker of the ASIC")]


@dataclass(frozen=True, slots=True)
class RawSnippet:
    """Text of the intent that goes into a configuration as it stands, marked as such. The last resort."""

    nos: str
    lines: Annotated[tuple[str, ...], Declared("raw", "as stated")]


@dataclass(frozen=True, slots=True)
class SwitchModel:
    name: Annotated[str, Declared("naming", "from the network, pod, rail and number")]
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

    destination: Annotated[
        Prefix, Declared("networks.*.addressing.hosts", "a rail over its own NIC, the rest of the network over any")
    ]
    via: Annotated[Prefix, Declared("networks.*.addressing.hosts", "the leaf's address on the NIC's link")]
    table: Annotated[int, Declared("networks.*.addressing.hosts", "a table a NIC, for what is sent from its own address")]
    metric: Annotated[int, Declared("networks.*.addressing.hosts", "a rail is reached over its own NIC first")]


@dataclass(frozen=True, slots=True)
class Nic:
    """One port of a server with its address and what it needs to be reached on it."""

    netdev: Annotated[str, Declared("pods", "the name that the operating system gives the port")]
    network: Annotated[str, Declared("networks.*", "the network of the NIC's group")]
    rail: Annotated[int, Declared("networks.*.topology", "the rail of the NIC")]
    plane: Annotated[int, Declared("networks.*.topology.planes", "the plane of the NIC's port")]
    speed: Annotated[int, Declared("pods", "the speed of the link")]
    mtu: Annotated[int, Declared("networks.*.mtu", "jumbo frames: 9100 bytes of IP packet by default")]
    addresses: Annotated[tuple[Prefix, ...], Declared("networks.*.addressing.hosts", "from the block of the leaf, by its port")]
    routes: tuple[Route, ...]
    # routing table of what is sent from this NIC's own address
    table: Annotated[int, Declared("networks.*.addressing.hosts", "a hundred for each group of NICs")]
    peer_device: Annotated[str, Declared("pods", "the leaf at the other end")]
    peer_port: Annotated[str, Declared("pods", "the port at the other end")]


@dataclass(frozen=True, slots=True)
class NicQos:
    """RoCE settings that the NIC must share with the leaf."""

    network: Annotated[str, Declared("networks.*", "the network of the NIC's group")]
    trust: Annotated[Literal["dscp"], Declared("networks.*.qos", "classes follow the DSCP, as on the leaf")]
    # -1: no PFC
    lossless_priority: Annotated[int, Declared("networks.*.qos", "PFC on the priority of RoCE data alone, as on the leaf")]
    roce_dscp: Annotated[int, Declared("networks.*.qos", "RoCE data: DSCP 26")]
    cnp_dscp: Annotated[int, Declared("networks.*.qos", "congestion notification: DSCP 48")]
    # 64 entries: what differs from the NIC's default is set
    dscp_to_priority: Annotated[tuple[int, ...], Declared("networks.*.qos", "what differs from the NIC's default is set")]
    ecn_priorities: Annotated[tuple[int, ...], Declared("networks.*.qos", "congestion control on the lossless priority")]


@dataclass(frozen=True, slots=True)
class ServerModel:
    name: Annotated[str, Declared("pods", "from the pod and the number")]
    pod: str
    site: str
    model: str
    nics: tuple[Nic, ...]
    qos: tuple[NicQos, ...]  # one a network that asks for it


DeviceModel = SwitchModel | ServerModel
