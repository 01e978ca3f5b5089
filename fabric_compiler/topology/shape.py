"""The shape of a network: what its switches, its pods and its reserve make of it, before anything is numbered.

A folded Clos here is a set of planes, each with columns of leafs: a column a rail in a rail-optimized network (NIC k of
every server meets the leafs of rail k), a column a side where servers are homed to several leafs. A row is one leaf in each
column; a pod takes whole rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple, Protocol

from fabric_compiler.catalog.types import Catalog, NicGroup, Server
from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.intent.schema import Intent, NetworkIntent, Pod, Tier
from fabric_compiler.topology.products import PortsError, Product, Split, all_down, product, split
from fabric_compiler.topology.seats import host_nics
from fabric_compiler.units import format_speed

MAX_SERVERS = 150_000
MAX_LINKS = 4_000_000
MAX_LEAFS = 65_536  # laid out for, in a network at a site


class Places(Protocol):
    """Where things stand in the intent's files."""

    def at(self, *path: str | int) -> Span: ...


@dataclass(frozen=True, slots=True)
class Unit:
    """One pod of the fabric: `su3` of `{name: su, count: 4}`; `position` is that of its entry in the intent."""

    name: str
    position: int
    site: str
    pod: Pod
    server: Server


class Kept(NamedTuple):
    """What a network keeps once it is built, unless it is stated otherwise; 0: nothing yet."""

    tiers: int = 0
    columns: int = 0
    downlinks: int = 0  # of a leaf
    down_speed: int = 0
    up_speed: int = 0
    ports: int = 0  # see Shape.ports


@dataclass(frozen=True, slots=True)
class Attachment:
    """A pod on a network. A column of the plane takes `nics_per_column` NICs of each server."""

    unit: Unit | None  # None: a network that is stated by its switches alone
    site: str
    nics: int
    nics_per_column: int
    leaf: Split
    servers_per_leaf: int
    rows: int  # in use
    reserved_rows: int
    leafs: int  # of the last row, those that exist; 0: all columns in use

    @property
    def name(self) -> str:
        return self.unit.name if self.unit else ""


@dataclass(frozen=True, slots=True)
class Shape:
    network: str
    intent: NetworkIntent
    tiers: int
    planes: int
    columns: int  # in a plane
    leaf: Split
    spine: Split
    core: Split | None
    attachments: tuple[Attachment, ...]
    reserved_rows: dict[str, int]  # by site
    ports: int  # downlinks that each leaf has addresses for, a power of two
    host: Server | None = None  # what the hosts of the subnet manager are, where some are stated

    @property
    def host_nics(self) -> NicGroup | None:
        return host_nics(self.host, self.planes) if self.host else None

    @property
    def rails(self) -> bool:
        return self.intent.topology.kind == "rail-optimized"

    @property
    def infiniband(self) -> bool:
        return self.intent.protocol == "infiniband"

    @property
    def spines_by_column(self) -> bool:
        """In three tiers a group of spines serves the leafs of one rail; other groups serve all columns."""
        return self.tiers == 3 and self.rails

    @property
    def rows_in_group(self) -> int:
        """Rows whose leafs one group of spines can carry with one link each."""
        return self.spine.downlinks if self.spines_by_column else self.spine.downlinks // self.columns


def units(intent: Intent, catalog: Catalog) -> tuple[Unit, ...]:
    """The pods, counted out."""
    site = next(iter(intent.sites))
    return tuple(
        Unit(f"{pod.name}{n}", position, pod.site or site, pod, catalog.servers[pod.server])
        for position, pod in enumerate(intent.pods)
        for n in range(1, pod.count + 1)
    )


def shapes(
    intent: Intent, source: Places, catalog: Catalog, report: Report, kept: Mapping[str, Kept] = MappingProxyType({})
) -> tuple[Shape, ...]:
    """The shapes of all networks. What does not fit is reported; such a network is left out.

    `kept` is what the lock holds of networks, so that growth alone does not make another network of them.
    """
    if sum(pod.count * max(pod.servers, pod.reserve.servers or 0) for pod in intent.pods) > MAX_SERVERS:
        report.error(
            "FC3005",
            f"the pods have more than {MAX_SERVERS} servers",
            source.at("pods"),
            "describe a larger cluster as several fabrics",
        )
        return ()
    pods = units(intent, catalog)
    made = (
        _shape(name, network, intent, pods, kept.get(name, Kept()), source, catalog, report)
        for name, network in intent.networks.items()
    )
    return tuple(shape for shape in made if shape)


def _shape(
    name: str,
    network: NetworkIntent,
    intent: Intent,
    pods: tuple[Unit, ...],
    kept: Kept,
    source: Places,
    catalog: Catalog,
    report: Report,
) -> Shape | None:
    here = ("networks", name)
    members = [unit for unit in pods if name in unit.pod.connect]
    try:
        shape = _fitted(name, network, intent, members, kept, catalog)
    except MismatchError as error:
        report.error(error.code, str(error), source.at(*(error.path or (*here, "topology"))), error.hint)
        return None
    links = sum(a.unit.pod.servers * a.nics * shape.planes for a in shape.attachments if a.unit)
    links += sum(a.rows * shape.columns * shape.planes * shape.leaf.uplinks for a in shape.attachments) * (shape.tiers - 1)
    if links > MAX_LINKS:
        report.error("FC3005", f"the network {name} has more than {MAX_LINKS} links", source.at(*here))
        return None
    return shape


class MismatchError(ValueError):
    def __init__(self, code: str, message: str, hint: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.code, self.hint, self.path = code, hint, path


def _fitted(name: str, network: NetworkIntent, intent: Intent, members: list[Unit], kept: Kept, catalog: Catalog) -> Shape:
    topology = network.topology
    here = ("networks", name)
    planes = topology.planes
    speeds = {unit.name: _nic_speed(name, unit, planes, here) for unit in members}
    columns = _columns(name, network, members, kept)
    leaf_product, spine_product = product(catalog, network.leaf), product(catalog, network.spine)
    fastest = max(speeds.values(), default=0)
    up_speed = topology.uplink_speed or kept.up_speed or fastest or _native_speed(spine_product)
    down_speed = kept.down_speed or fastest or up_speed
    sites = list(dict.fromkeys(unit.site for unit in members)) or [next(iter(intent.sites))]
    host, host_ports = _host(network, planes, down_speed, catalog, here)
    flat = _top(here, "spine", network.spine, spine_product, up_speed) if topology.tiers != 3 else None

    def laid_out(multiple: int) -> tuple[Split, list[Attachment], dict[str, int]]:
        leaf = _leaf(name, network, members, leaf_product, down_speed, up_speed, columns, kept, multiple, flat, host_ports)
        if not members:
            attachments = [_switches_alone(network, columns * planes, sites[0], leaf, here)]
        else:
            attachments = [_attach(u, name, network, columns, speeds[u.name], leaf, kept.ports, catalog) for u in members]
        return leaf, attachments, {site: _reserved(site, attachments, network) for site in sites}

    # uplinks in pairs, so that two spines at least can share them
    leaf, attachments, reserved = laid_out(2)
    if max(reserved.values()) * columns * planes > MAX_LEAFS:
        raise MismatchError("FC3005", f"{name} is laid out for more than {MAX_LEAFS} leafs", "reserve less")
    tiers = topology.tiers or kept.tiers or (2 if flat and max(reserved.values()) * columns <= flat.downlinks else 3)
    if tiers == 2 and topology.spines:
        stated = _shared(topology.spines, planes * len(sites), "spines", here)
        if stated > leaf.uplinks:
            message = f"{topology.spines} spines stand over leafs of {leaf.uplinks} uplinks"
            raise MismatchError("FC3003", message, "state fewer, or leave it out", (*here, "topology", "spines"))
        leaf, attachments, reserved = laid_out(stated)
    ports = kept.ports or 1 << (max([leaf.downlinks, *(a.leaf.downlinks for a in attachments)]) - 1).bit_length()
    if leaf.downlinks > ports:
        ports = 1 << (leaf.downlinks - 1).bit_length()
    if tiers == 2:
        spine, core = _top(here, "spine", network.spine, spine_product, up_speed), None
    else:
        core_tier = network.core or network.spine.model_copy(update={"downlinks": None, "uplinks": None, "mix": ()})
        spine = _split(here, "spine", network.spine, spine_product, up_speed, up_speed, None)
        core = _top(here, "core", core_tier, product(catalog, core_tier), up_speed)
    return Shape(name, network, tiers, planes, columns, leaf, spine, core, tuple(attachments), reserved, ports, host)


def _host(
    network: NetworkIntent, planes: int, speed: int, catalog: Catalog, here: tuple[str, ...]
) -> tuple[Server | None, int]:
    """The product of the subnet manager's hosts, and how many ports they take together in each plane."""
    manager = network.subnet_manager
    if not manager.hosts:
        return None, 0
    server = catalog.servers[manager.server]
    nics = host_nics(server, planes)
    if nics is None or nics.breakouts[planes] != speed:
        path = (*here, "subnet-manager", "server")
        message = f"{server.name}, the host of the subnet manager, has no InfiniBand ports of {format_speed(speed)}"
        raise MismatchError("FC3002", message + (f" in {planes} planes" if planes > 1 else ""), "state another server", path)
    return server, nics.count * len(manager.hosts)


def _leaf(
    name: str,
    network: NetworkIntent,
    members: list[Unit],
    product: Product,
    down_speed: int,
    up_speed: int,
    columns: int,
    kept: Kept,
    multiple: int,
    flat: Split | None,
    host_ports: int,
) -> Split:
    """The network's leaf: as wide as the panel allows, or as the pods have use for."""
    here, topology, tier = ("networks", name), network.topology, network.leaf
    if not members and topology.spines and topology.leafs and not tier.uplinks and flat:
        # the stated switches decide: as many links between each two as a spine has ports for
        spines, leafs = topology.spines // topology.planes, -(-topology.leafs // topology.planes)
        tier = tier.model_copy(update={"uplinks": spines * max(1, flat.downlinks // leafs)})
    leaf = _split(here, "leaf", tier, product, down_speed, up_speed, network, multiple)
    if not members or tier.downlinks:
        return leaf
    needed = kept.downlinks or _needed(name, members, columns, host_ports)
    if needed >= leaf.downlinks:
        return leaf
    return _split(here, "leaf", tier.model_copy(update={"downlinks": needed}), product, down_speed, up_speed, network, multiple)


def _nic_speed(network: str, unit: Unit, planes: int, here: tuple[str, ...]) -> int:
    group = unit.server.nic_groups[unit.pod.connect[network]]
    if planes not in group.breakouts:
        known = " or ".join(map(str, group.breakouts))
        raise MismatchError(
            "FC3002",
            f"the NICs {group.name} of {unit.server.name} cannot serve {planes} planes",
            f"a NIC of them has {known} ports",
            ("pods", unit.position, "connect", network),
        )
    return group.breakouts[planes]


def _columns(name: str, network: NetworkIntent, members: list[Unit], kept: Kept) -> int:
    """Rails of a rail-optimized network, leafs that a server is homed to otherwise."""
    topology = network.topology
    most = max((u.server.nic_groups[u.pod.connect[name]].count for u in members), default=0)
    if topology.kind == "rail-optimized":
        rails = topology.rails or kept.columns or most or 1
        if topology.rails and most and rails > most:
            path = ("networks", name, "topology", "rails")
            raise MismatchError("FC3003", f"{rails} rails, and no server has more than {most} NICs on them", "", path)
        if topology.rails and most % rails:
            path = ("networks", name, "topology", "rails")
            raise MismatchError("FC3003", f"{most} NICs do not spread evenly over {rails} rails", "state a divisor", path)
        return int(rails)
    if topology.homing > most > 0:
        path = ("networks", name, "topology", "homing")
        raise MismatchError("FC3003", f"servers are homed to {topology.homing} leafs and have {most} NICs for it", "", path)
    return int(topology.homing)


def _needed(name: str, members: list[Unit], columns: int, host_ports: int) -> int:
    """Downlinks that the largest pod has use for, with the hosts of a subnet manager, up to a power of two: a wider leaf would
    pay for uplinks that carry nothing. The power of two is what the leaf has addresses for, and leaves room for servers."""
    most = 0
    for unit in members:
        servers = max(unit.pod.servers, unit.pod.reserve.servers or 0)
        most = max(most, servers * -(-unit.server.nic_groups[unit.pod.connect[name]].count // columns))
    return 1 << (most + -(-host_ports // columns) - 1).bit_length()


def _native_speed(product: Product) -> int:
    """Of a cage in one piece; InfiniBand's cages have a single mode."""
    modes = product.switch.cages[0].breakouts
    return max(b.speed for b in modes if b.ports == 1 or len(modes) == 1)


def _split(
    here: tuple[str, ...],
    role: str,
    tier: Tier,
    product: Product,
    down: int,
    up: int,
    network: NetworkIntent | None,
    multiple: int = 1,
) -> Split:
    """`network` gives the ratio of a leaf; a spine has none, and carries up what it carries down."""
    ratio = network.topology.oversubscription if network else Fraction(1)
    try:
        return split(product, down, up, ratio, tier.downlinks, tier.uplinks, multiple)
    except PortsError as error:
        raise MismatchError("FC3001", f"{role}: {error}", error.hint, (*here, role)) from None


def _top(here: tuple[str, ...], role: str, tier: Tier, product: Product, speed: int) -> Split:
    try:
        return all_down(product, speed, tier.downlinks)
    except PortsError as error:
        raise MismatchError("FC3001", f"{role}: {error}", error.hint, (*here, role)) from None


def _attach(
    unit: Unit, name: str, network: NetworkIntent, columns: int, speed: int, leaf: Split, ports: int, catalog: Catalog
) -> Attachment:
    nics = unit.server.nic_groups[unit.pod.connect[name]].count
    per_column = -(-nics // columns)
    own = unit.pod.leaf.get(name)
    if own or speed != leaf.down_speed:
        where: tuple[str | int, ...] = (
            ("pods", unit.position, "leaf", name) if own else ("pods", unit.position, "connect", name)
        )
        chosen = product(catalog, own, None) if own else leaf.product
        stated = own.downlinks if own else None
        try:
            leaf = split(chosen, speed, leaf.up_speed, network.topology.oversubscription, stated, leaf.uplinks)
            if ports and leaf.downlinks > ports:  # it has addresses for no more
                leaf = split(chosen, speed, leaf.up_speed, network.topology.oversubscription, ports, leaf.uplinks)
        except PortsError as error:
            raise MismatchError("FC3001", f"leaf: {error}", error.hint, where) from None
    servers = leaf.downlinks // per_column
    if not servers:
        raise MismatchError(
            "FC3001",
            f"a server has {per_column} NICs on each leaf, and a leaf has {leaf.downlinks} downlinks",
            "state more rails or homing, or a larger leaf",
            ("pods", unit.position, "connect", name),
        )
    reserve = max(unit.pod.servers, unit.pod.reserve.servers or 0)
    return Attachment(
        unit, unit.site, nics, per_column, leaf, servers, -(-unit.pod.servers // servers), -(-reserve // servers), 0
    )


def _switches_alone(network: NetworkIntent, columns: int, site: str, leaf: Split, here: tuple[str, ...]) -> Attachment:
    leafs = network.topology.leafs
    if not leafs:
        raise MismatchError(
            "FC2002",
            f"the network {here[1]} has neither pods nor a number of leafs",
            "connect a pod to it, or state topology.leafs",
            here,
        )
    rows = -(-leafs // columns)
    return Attachment(None, site, 0, 0, leaf, 0, rows, rows, leafs % columns)


def _reserved(site: str, attachments: list[Attachment], network: NetworkIntent) -> int:
    """Rows at a site: those of its pods, and for the pods that the reserve adds those of the largest."""
    rows = [a.reserved_rows for a in attachments if a.site == site]
    more = max(0, (network.topology.reserve.pods or 0) - len(rows))
    return sum(rows) + more * max(rows)


def _shared(stated: int, share: int, what: str, here: tuple[str, ...]) -> int:
    if stated % share:
        raise MismatchError(
            "FC3003",
            f"{stated} {what} cannot be shared evenly by {share} planes and sites",
            f"state a multiple of {share}",
            (*here, "topology", what),
        )
    return stated // share
