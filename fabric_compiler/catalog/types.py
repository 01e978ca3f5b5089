"""What the catalogue knows of a product, as the stages use it. Speeds in Mb/s, lengths in mm, powers in W, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Breakout:
    """One way to use a cage: `ports` ports of `speed` each on `lanes` lanes each; `mode` is the platform's own word for it."""

    mode: str
    ports: int
    speed: int
    lanes: int


@dataclass(frozen=True, slots=True)
class Cage:
    """A socket of the front panel. `lanes` are the ASIC's lane numbers in the platform's order."""

    label: str  # what is printed on the panel: "1"
    form_factor: str  # osfp, qsfp-dd, qsfp112, cpo ...
    lanes: tuple[int, ...]
    port: str  # SONiC's name of the unsplit port: Ethernet0
    breakouts: tuple[Breakout, ...]
    aliases: Mapping[int, tuple[str, ...]]  # SONiC: ports in the cage -> their front-panel names
    index: int = 0  # SONiC's number of the cage (PORT's `index`); some platforms count from 0


@dataclass(frozen=True, slots=True)
class Headroom:
    """One row of pg_profile_lookup.ini: lossless headroom for a speed and a cable length (in metres)."""

    speed: int
    length_m: int
    size: int
    xon: int
    xoff: int
    threshold: int
    xon_offset: int | None


@dataclass(frozen=True, slots=True)
class Buffers:
    """Pools, profiles and one port's lists as SONiC's buffers.json.j2 makes them; CONFIG_DB tables as they stand."""

    tables: Mapping[str, Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Hwsku:
    """A hardware SKU of a SONiC platform; `speeds` counts its native ports by speed; no headroom rows: no lossless ports."""

    name: str
    speeds: Mapping[int, int]
    headroom: tuple[Headroom, ...]
    buffers: Mapping[str, Buffers]  # by SONiC's topology type: t0 (ToRRouter), t1 (LeafRouter)


@dataclass(frozen=True, slots=True)
class Limits:
    """Table sizes of a platform under one operating system; None: the vendor publishes none."""

    ipv4_routes: int | None
    ipv6_routes: int | None
    ecmp_width: int | None
    nexthop_groups: int | None


@dataclass(frozen=True, slots=True)
class NosSupport:
    """A switch under one operating system. `releases` are those that the catalogue was checked for, newest last."""

    nos: str
    releases: tuple[str, ...]
    limits: Limits
    platform: str  # SONiC: x86_64-nvidia_sn5600-r0; EOS: the model as `show version` prints it
    asic: str  # SONiC's asic type: mellanox, broadcom ...
    dynamic_load_balancing: bool
    hwskus: tuple[Hwsku, ...] = ()  # SONiC only; the default one first


@dataclass(frozen=True, slots=True)
class Switch:
    name: str
    vendor: str
    description: str
    cages: tuple[Cage, ...]  # data ports only, in the order of the panel
    rack_units: int
    watts: int  # the switch at its highest, without modules; 0: not published
    nos: Mapping[str, NosSupport]  # none: InfiniBand, which a subnet manager configures
    source: str
    protocol: str = "ethernet"
    device_id: int = 0  # InfiniBand: PCI device ID, as NodeInfo shows it; 0: not known
    management: str = ""  # InfiniBand: the interface for management, as its operating system names it


@dataclass(frozen=True, slots=True)
class NicGroup:
    """Equal NICs of a server that serve one purpose. `netdevs[planes]` names the ports when each NIC is split into `planes`.

    NIC k (from 0) of a rail-optimized group is on rail k+1. netdevs[p] holds, NIC by NIC, p names each. `cages` names the
    cage of each NIC: NICs with the same cage share its module (a DGX H100 has four twin-port cages for eight NICs).
    """

    name: str
    nic: str  # ConnectX-7 ...
    count: int
    form_factor: str
    breakouts: Mapping[int, int]  # ports a NIC -> speed of each: {1: 800000, 2: 400000}
    netdevs: Mapping[int, tuple[str, ...]]
    cages: tuple[str, ...] = ()  # empty: a cage for each NIC
    hcas: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # as netdevs: RDMA devices; none: Ethernet alone
    device_id: int = 0


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    vendor: str
    description: str
    gpus: int
    rack_units: int
    watts: int  # 0: not published
    nic_groups: Mapping[str, NicGroup]
    source: str


@dataclass(frozen=True, slots=True)
class Module:
    """One end of a medium: what sits in a cage of `form_factor` and serves `ports` links of the medium's speed."""

    name: str
    form_factor: str
    ports: int
    watts: float  # 0: next to none, or not published
    connector: str


@dataclass(frozen=True, slots=True)
class Medium:
    """What carries a link at `speed`.

    An assembled one (DAC, AEC, AOC) is one piece: `assemblies` pairs the modules of its two sides; a side that serves more
    ports than the other makes it a splitter. Otherwise any two `modules` may face each other over one fibre a link.
    """

    name: str
    kind: str  # dac, aec, aoc, multimode, singlemode, copackaged, coherent
    standard: str  # what both ends must speak: 400GBASE-DR4, 400G-copper ...
    speed: int
    reach: int
    latency_ns: float  # of both ends together, without the time of flight
    modules: tuple[Module, ...]
    assemblies: tuple[tuple[str, str], ...]  # names of modules; empty: fibre between any two
    rank: int  # place in the catalogue's order of preference, 0 first
    source: str
    protocol: str = "ethernet"


@dataclass(frozen=True, slots=True)
class Catalog:
    """Products are read from their files when they are first asked for (see catalog.load)."""

    switches: Mapping[str, Switch]
    servers: Mapping[str, Server]
    media: tuple[Medium, ...]
    qos: Mapping[str, Any]
