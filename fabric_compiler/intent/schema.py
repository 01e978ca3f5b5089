"""The intent language: what a person may write. Everything but the names may be left out and is derived.

A stated value is checked against the derived one by the stage that derives it. Quantities are integers (see units).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Tag, model_validator

from fabric_compiler.intent.values import (
    Address,
    Asns,
    Duration,
    Flag,
    Glob,
    Length,
    Name,
    Network,
    OneOrMore,
    Percent,
    PKey,
    Pool,
    Power,
    Product,
    Ratio,
    SecretRef,
    Speed,
    SubnetPrefix,
    Text,
    contradiction,
    mapping_or_scalar,
    whole,
    word_or_prefixes,
)
from fabric_compiler.model.device import Prefix

TierPair = Literal["server-leaf", "leaf-spine", "spine-core"]
Role = Literal["leaf", "spine", "core"]
QosKind = Literal["roce-lossless", "roce-lossy", "best-effort"]
Routing = Literal[
    "auto", "ftree", "updn", "dnup", "minhop", "dfsssp", "sssp", "lash", "nue", "dor", "torus-2QoS", "ar_updn", "ar_ftree"
]
Prefixes = Annotated[tuple[Network, ...], Field(min_length=1), OneOrMore()]


class Part(BaseModel):
    """A mapping of the language: keys in kebab-case, unknown ones refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-"), arbitrary_types_allowed=True
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_left_out(cls, value: Any) -> Any:
        """An empty value stands for a key that is not there, and an empty mapping for one that states nothing."""
        if value is None:
            return {}
        if isinstance(value, dict) and any(v is None for v in value.values()):
            optional = {field.alias for field in cls.model_fields.values() if not field.is_required()}
            return {k: v for k, v in value.items() if v is not None or k not in optional}
        return value


class Placement(Part):
    """Where racks stand. Pods fill rows of racks in their order; switches stand in racks of their own at the row's middle."""

    rack_pitch: Length = 600
    row_pitch: Length = 3000
    racks_per_row: Annotated[int, whole(1, 1000)] = 24
    servers_per_rack: Annotated[int, whole(1, 64)] = 4
    rack_units: Annotated[int, whole(10, 64)] = 48
    slack: Length = Field(2000, description="added to each cable for the way up to the tray and down again")


class Site(Part):
    """A data centre."""

    power: Power | None = Field(None, description="budget for servers, switches and optics")
    placement: Placement | None = None
    lengths: dict[TierPair, Length] = Field(
        default_factory=dict, description="cable lengths, where placement does not derive them"
    )


class TopologyReserve(Part):
    pods: Annotated[int, whole(1, 4096)] | None = Field(None, description="pods that blocks and links are laid out for")


class Topology(Part):
    """How leafs, spines and cores are joined."""

    kind: Literal["rail-optimized", "leaf-spine"]
    tiers: Annotated[Literal[2, 3], BeforeValidator(lambda v: int(v) if v in ("2", "3") else v)] | None = None
    oversubscription: Ratio = Field(Fraction(1), description="capacity of a leaf towards servers over its capacity upwards")
    planes: Annotated[int, whole(1, 8)] = 1
    rails: Annotated[int, whole(1, 64)] | None = Field(None, description="as many as the group has NICs")
    homing: Annotated[int, whole(1, 4)] = Field(1, description="leafs that the NICs of a server are spread over (leaf-spine)")
    leafs: Annotated[int, whole(1, 8192)] | None = None
    spines: Annotated[int, whole(1, 8192)] | None = None
    cores: Annotated[int, whole(1, 8192)] | None = None
    uplink_speed: Speed | None = Field(None, description="of leaf-spine links; the servers' speed where left out")
    reserve: TopologyReserve = TopologyReserve()


class Variant(Part):
    """Devices of a tier that are another product."""

    devices: Glob
    switch: Product | None = None
    nos: Product | None = None
    release: Product | None = None
    hwsku: Product | None = None


class Tier(Part):
    """The product of a tier."""

    switch: Product
    nos: Product | None = Field(None, description="the switch's only one, or sonic")
    release: Product | None = Field(None, description="the newest that the catalogue knows")
    hwsku: Product | None = Field(None, description="SONiC: the one that has the ports' speeds")
    downlinks: Annotated[int, whole(1, 1024)] | None = Field(None, description="ports towards servers or the lower tier")
    uplinks: Annotated[int, whole(1, 1024)] | None = None
    mix: tuple[Variant, ...] = ()


class PodTier(Part):
    """The product of one pod's leafs, where it differs from the network's; its uplinks are as many as the network's."""

    switch: Product
    nos: Product | None = None
    release: Product | None = None
    hwsku: Product | None = None
    downlinks: Annotated[int, whole(1, 1024)] | None = None


class Addressing(Part):
    """Pools; one prefix, or an IPv4 and an IPv6 one."""

    loopbacks: Prefixes | None = None
    links: Annotated[
        Annotated[Literal["unnumbered"], Tag("(word)")] | Annotated[Prefixes, Tag("(prefixes)")], word_or_prefixes()
    ] = "unnumbered"
    hosts: Prefixes | None = None
    servers: Literal["p2p", "subnet"] = Field("p2p", description="a /31 a NIC, or a subnet a leaf")


class AsnPlan(Part):
    """RFC 7938: an ASN a leaf, one for the spines of a group, one for the cores of a site."""

    leaf: Asns | None = None
    spine: Asns | None = None
    core: Asns | None = None


class TenantGuests(Part):
    pods: Annotated[tuple[Name, ...], OneOrMore()] = ()
    servers: Annotated[tuple[Glob, ...], Field(max_length=4096), OneOrMore()] = ()


class BfdTimers(Part):
    transmit: Duration = 300
    receive: Duration = 300
    multiplier: Annotated[int, whole(2, 50)] = 3


class BgpTimers(Part):
    """Seconds; RFC 4271 asks for a hold time of 0 or at least 3 s, and advises a third of it for keepalive."""

    keepalive: Annotated[int, whole(1, 3600)] = 3
    hold: Annotated[int, whole(3, 10800)] = 9

    @model_validator(mode="after")
    def _hold_outlasts_keepalive(self) -> BgpTimers:
        if self.hold < 3 * self.keepalive:
            raise contradiction(f"hold {self.hold} s must be at least three keepalives of {self.keepalive} s")
        return self


class BgpOptions(Part):
    bfd: Annotated[Annotated[BfdTimers, Tag("(mapping)")] | Annotated[Flag, Tag("(scalar)")], mapping_or_scalar()] = True
    maximum_paths: Annotated[int, whole(1, 256)] | None = None
    maximum_prefix: Annotated[int, whole(1, 4_000_000)] | None = None
    graceful_restart: Flag = True
    restart_time: Annotated[int, whole(1, 3600)] = 120
    timers: BgpTimers = BgpTimers()


class Survive(Part):
    """What must be left when any part of a kind fails: see docs/failures.md for what is counted."""

    lose: Literal["cable", "module", "switch", "rack"]
    tier: Role | TierPair | None = Field(None, description="leaf, spine, core; of a cable or module leaf-spine ...")
    count: Annotated[int, whole(1, 2)] = Field(1, description="how many fail at once")
    keep: Percent
    of: Literal["reachability", "uplinks", "rail", "server"]

    @model_validator(mode="after")
    def _tier_fits(self) -> Survive:
        if self.tier and (self.lose == "rack" or ("-" in self.tier) != (self.lose in ("cable", "module"))):
            raise contradiction(f"a {self.lose} has no tier {self.tier}")
        return self


class SubnetManager(Part):
    """InfiniBand's control plane: OpenSM, as upstream has it or as NVIDIA ships it (with UFM or DOCA)."""

    flavor: Literal["upstream", "nvidia"] = "upstream"
    routing: Routing = Field("auto", description="the routing engine; auto takes the one that fits the topology")
    hosts: Annotated[tuple[Name, ...], Field(max_length=8), OneOrMore()] = Field(
        (), description="hosts of the subnet manager, the master first; they take ports of leafs"
    )
    server: Product = Field("ufm-appliance", description="the product that the hosts are")
    lmc: Annotated[int, whole(0, 7)] = Field(0, description="2^lmc LIDs, and so paths, to each HCA")
    virtual_lanes: (
        Annotated[Literal[1, 2, 4, 8], BeforeValidator(lambda v: int(v) if v in ("1", "2", "4", "8") else v)] | None
    ) = Field(None, description="for data; as many as the routing engine and the service levels need")
    sweep_interval: Duration = Field(10_000, description="between two sweeps of the subnet")
    subnet_prefix: SubnetPrefix | None = Field(None, description="of the subnet's GIDs; by its place among the subnets")
    m_key: SecretRef | None = Field(None, description="names the M_Key, which guards the configuration of switches and HCAs")
    sa_key: SecretRef | None = Field(None, description="names the SA_Key, which marks trusted queries")
    ipoib: Flag = Field(True, description="partitions have a broadcast group for IPoIB")
    sharp: Flag = Field(False, description="NVIDIA: switches aggregate collectives")


class Tenant(Part):
    """A named set of pods or servers that reach each other on some networks and nobody else: a P_Key on InfiniBand."""

    pods: Annotated[tuple[Name, ...], OneOrMore()] = ()
    servers: Annotated[tuple[Glob, ...], Field(max_length=4096), OneOrMore()] = ()
    networks: Annotated[tuple[Name, ...], Field(min_length=1), OneOrMore()] | None = Field(
        None, description="all InfiniBand ones that its servers are on"
    )
    limited: TenantGuests = Field(TenantGuests(), description="pods and servers that reach the others and not one another")
    shared: Flag = Field(False, description="its servers may be in other tenants too")
    p_key: PKey | None = Field(None, description="of its partition; derived, and kept in the lock")
    service_level: Annotated[int, whole(0, 7)] = Field(0, description="tenants of one level share their lanes")


class NetworkIntent(Part):
    """One physical network of the fabric."""

    protocol: Literal["ethernet", "infiniband"] = "ethernet"
    topology: Topology
    leaf: Tier
    spine: Tier
    core: Tier | None = None
    addressing: Addressing = Addressing()
    asns: AsnPlan = AsnPlan()
    qos: QosKind | None = Field(None, description="roce-lossless on rail-optimized networks, best-effort on others")
    headroom: Ratio = Field(
        Fraction(1),
        description="lossless headroom of all ports over the platform's pool for it; more than 1:1 counts on sharing",
    )
    bgp: BgpOptions = BgpOptions()
    mtu: Annotated[int, whole(1500, 9216)] = Field(9100, description="bytes of IP packet; InfiniBand: 2048 or 4096")
    media: dict[TierPair, Annotated[tuple[Product, ...], Field(min_length=1), OneOrMore()]] = Field(
        default_factory=dict, description="one medium pins it; several are an order of preference"
    )
    load_balancing: Literal["static", "dynamic"] | None = Field(None, description="dynamic where the operating system has it")
    survive: Annotated[tuple[Survive, ...], Field(max_length=64), OneOrMore()] = Field(
        (), description="what check holds against the worst failures"
    )
    subnet_manager: SubnetManager = SubnetManager()

    @property
    def qos_kind(self) -> QosKind:
        return self.qos or ("roce-lossless" if self.topology.kind == "rail-optimized" else "best-effort")


class PodReserve(Part):
    servers: Annotated[int, whole(1, 100_000)] | None = Field(
        None, description="servers that each pod's leafs are laid out for"
    )


class Pod(Part):
    """`count` pods of identical servers: name1, name2 ..."""

    name: Name
    count: Annotated[int, whole(1, 4096)] = 1
    site: Name | None = Field(None, description="the fabric's only one")
    servers: Annotated[int, whole(1, 100_000)]
    server: Product
    connect: dict[Name, Name] = Field(description="network: NIC group of the server")
    leaf: dict[Name, PodTier] = Field(
        default_factory=dict, description="network: the product of this pod's leafs, where it differs"
    )
    reserve: PodReserve = PodReserve()


class Naming(Part):
    """Templates of device names; placeholders {network} {pod} {site} {rail} {plane} {group} {n}."""

    server: Text | None = None
    leaf: Text | None = None
    spine: Text | None = None
    core: Text | None = None


class UserIntent(Part):
    password: SecretRef = Field(description="names the password's hash in the operator's inventory")
    role: Literal["admin", "operator"] = "admin"
    ssh_keys: tuple[Text, ...] = ()


class AaaIntent(Part):
    address: Address
    key: SecretRef


class Aaa(Part):
    tacacs: tuple[AaaIntent, ...] = ()
    radius: tuple[AaaIntent, ...] = ()

    @model_validator(mode="after")
    def _one_protocol(self) -> Aaa:
        if self.tacacs and self.radius:
            raise contradiction("state tacacs or radius, not both")
        return self


class ManagementIntent(Part):
    """The way into the switches."""

    pool: Pool
    gateway: Address | None = Field(None, description="the pool's first address")
    vrf: Name = "mgmt"
    access: Annotated[tuple[Literal["ssh", "eapi", "gnmi"], ...], OneOrMore()] = ("ssh",)
    allow: Annotated[tuple[Network, ...], OneOrMore()] = ()
    ntp: Annotated[tuple[Address, ...], OneOrMore()] = ()
    dns: Annotated[tuple[Address, ...], OneOrMore()] = ()
    syslog: Annotated[tuple[Address, ...], OneOrMore()] = ()
    users: dict[Name, UserIntent] = Field(default_factory=dict)
    aaa: Aaa = Aaa()
    banner: Text = ""
    lldp: Flag = True


class Match(Part):
    """Which devices, or which of their interfaces; patterns with * ? [ ]."""

    role: Glob | None = None
    network: Glob | None = None
    site: Glob | None = None
    pod: Glob | None = None
    nos: Glob | None = None
    device: Glob | None = None
    interface: Glob | None = None


class Override(Part):
    match: Match
    set: dict[str, Any] = Field(min_length=1, max_length=64, description="path in the device model: value")


class Raw(Part):
    """Lines of one operating system's configuration, put in as they stand: the last resort."""

    match: Match = Match()
    nos: Product
    lines: Annotated[tuple[Text, ...], Field(min_length=1, max_length=1000)]


class Intent(Part):
    """All that one intent describes."""

    version: Annotated[Literal[1], BeforeValidator(lambda v: 1 if v == "1" else v)]
    fabric: Name
    include: Annotated[tuple[Text, ...], OneOrMore()] = ()
    sites: dict[Name, Site] = Field(min_length=1, max_length=64)
    networks: dict[Name, NetworkIntent] = Field(min_length=1, max_length=16)
    pods: Annotated[tuple[Pod, ...], Field(max_length=1024)] = ()
    tenants: dict[Name, Tenant] = Field(default_factory=dict, max_length=1024)
    guids: Text | None = Field(None, description="a CSV file with the real GUIDs: device, port, node_guid, port_guid")
    naming: Naming = Naming()
    management: ManagementIntent | None = None
    maintenance: Annotated[tuple[Glob, ...], Field(max_length=4096), OneOrMore()] = Field(
        (), description="devices, or device:interface, that are drained"
    )
    overrides: Annotated[tuple[Override, ...], Field(max_length=1024)] = ()
    raw: Annotated[tuple[Raw, ...], Field(max_length=256)] = ()


__all__ = ["Intent", "NetworkIntent", "Pod", "Prefix", "QosKind", "Site", "Tier", "TierPair", "Topology"]
