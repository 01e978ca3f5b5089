"""The form of the product files, one model a kind, and their translation to the types that the stages use.

Every scalar arrives as text (see reader.py); quantities are written with their units (800G, 50 m, 940 W).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from fabric_compiler import units
from fabric_compiler.catalog import types
from fabric_compiler.catalog.breakouts import in_order

MAX_LANES = 16


def _text(pattern: str) -> StringConstraints:
    return StringConstraints(pattern=pattern, strict=True)


def _speed(value: object) -> object:
    return units.speed(value) if isinstance(value, str) else value


def _length(value: object) -> object:
    return units.length(value) if isinstance(value, str) else value


def _power(value: object) -> object:
    return units.power(value) if isinstance(value, str) else value


def _watts(value: object) -> object:
    """Modules draw fractions of a watt, so their power is a plain number."""
    return value.removesuffix("W").strip() if isinstance(value, str) else value


def _nanoseconds(value: object) -> object:
    return value.removesuffix("ns").strip() if isinstance(value, str) else value


def _hex(value: object) -> object:
    return int(value, 16) if isinstance(value, str) and re.fullmatch(r"0x[0-9a-f]{1,4}", value, re.ASCII) else value


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _lanes(value: object) -> object:
    """'17-24' or '35,34,33,32' -> the lane numbers in that order."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*", value, re.ASCII):
        raise ValueError(f"expected lanes such as 17-24 or 35,34,33,32, got {units.shorten(value)}")
    lanes: list[int] = []
    for part in value.split(","):
        first, _, last = part.partition("-")
        count = int(last or first) - int(first) + 1
        if not 0 < count <= MAX_LANES:
            raise ValueError(f"expected at most {MAX_LANES} lanes in rising order, got {units.shorten(part)}")
        lanes += range(int(first), int(first) + count)
    return tuple(lanes)


def _headroom(value: object) -> object:
    """A row of pg_profile_lookup.ini: speed, cable, size, xon, xoff, threshold and, on some platforms, xon_offset."""
    fields = value.split() if isinstance(value, str) else []
    if len(fields) not in (6, 7) or not re.fullmatch(r"\d{1,6}m", fields[1], re.ASCII):
        raise ValueError(f"expected `speed cable size xon xoff threshold [xon_offset]`, got {units.shorten(value)}")
    speed, length, size, xon, xoff, threshold, *rest = (_signed(field.removesuffix("m")) for field in fields)
    return types.Headroom(speed, length, size, xon, xoff, threshold, rest[0] if rest else None)


def _signed(text: str) -> int:
    return -units.integer(text[1:]) if text.startswith("-") else units.integer(text)


Text = Annotated[str, _text(r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,400}$")]  # one line
Slug = Annotated[str, _text(r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Word = Annotated[str, _text(r"^[A-Za-z0-9][A-Za-z0-9._+/()-]{0,62}$")]
Netdev = Annotated[str, _text(r"^[A-Za-z][A-Za-z0-9._-]{0,14}$")]  # Linux: IFNAMSIZ is 16
ConfigText = Annotated[str, _text(r"^[\x20-\x7e]{1,400}$")]
Speed = Annotated[int, BeforeValidator(_speed), Field(gt=0, le=10_000_000)]
Length = Annotated[int, BeforeValidator(_length), Field(gt=0, le=20_000_000_000)]
Power = Annotated[int, BeforeValidator(_power), Field(gt=0, le=1_000_000)]
Watts = Annotated[float, BeforeValidator(_watts), Field(ge=0, le=1000, allow_inf_nan=False)]
Nanoseconds = Annotated[float, BeforeValidator(_nanoseconds), Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=4096)]
Index = Annotated[int, Field(ge=0, le=4096)]
Limit = Annotated[int, Field(ge=1, le=100_000_000)]
Ports = Annotated[int, Field(ge=1, le=16)]
DeviceId = Annotated[int, BeforeValidator(_hex), Field(ge=0, le=0xFFFF)]  # of PCI
_T = TypeVar("_T")
Some = Annotated[tuple[_T, ...], Field(min_length=1, max_length=4096)]


class File(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-"), hide_input_in_errors=True
    )


class CageRow(File):
    label: Word
    index: Index
    port: Annotated[str, _text(r"^Ethernet(0|[1-9]\d{0,4})$")]
    lanes: Annotated[tuple[int, ...], BeforeValidator(_lanes), Field(min_length=1, max_length=MAX_LANES)]
    aliases: dict[Ports, Annotated[tuple[Word, ...], BeforeValidator(_words)]] = {}

    @model_validator(mode="after")
    def _aliases_count(self) -> Self:
        for ports, names in self.aliases.items():
            if len(names) != ports:
                raise ValueError(f"cage {self.label} has {len(names)} aliases for {ports} ports")
        return self


class CageGroup(File):
    """Cages of one kind, in the order of the panel."""

    form_factor: Slug
    breakouts: Some[Annotated[str, _text(r"^[\x20-\x7e]{1,100}$")]]
    rows: Some[CageRow]

    @model_validator(mode="after")
    def _breakouts_parse(self) -> Self:
        for lanes in sorted({len(row.lanes) for row in self.rows}):
            if not any(b.ports == 1 for b in in_order(self.breakouts, lanes)):
                raise ValueError("the cage needs a mode for one port, such as 1x800G: unused cages stay in it")
        return self

    def build(self) -> tuple[types.Cage, ...]:
        modes = {lanes: in_order(self.breakouts, lanes) for lanes in {len(row.lanes) for row in self.rows}}
        return tuple(
            types.Cage(row.label, self.form_factor, row.lanes, row.port, modes[len(row.lanes)], row.aliases, row.index)
            for row in self.rows
        )


class LimitsEntry(File):
    ipv4_routes: Limit | None = None
    ipv6_routes: Limit | None = None
    ecmp_width: Limit | None = None
    nexthop_groups: Limit | None = None


Tables = dict[ConfigText, dict[ConfigText, dict[ConfigText, ConfigText]]]
Topology = Literal["t0", "t1"]


class HwskuEntry(File):
    name: Word
    speeds: Annotated[dict[Speed, Count], Field(min_length=1)]
    headroom: tuple[Annotated[types.Headroom, BeforeValidator(_headroom)], ...] = ()
    buffers: dict[Topology, Tables | Topology] = {}  # "t1: t0": the tables are the same

    @model_validator(mode="after")
    def _same_buffers_exist(self) -> Self:
        for topology, tables in self.buffers.items():
            if isinstance(tables, str) and not isinstance(self.buffers.get(tables), dict):
                raise ValueError(f"buffers of {topology} name those of {tables}, which are not given")
        return self

    def build(self) -> types.Hwsku:
        buffers: dict[str, types.Buffers] = {}
        for topology, tables in self.buffers.items():
            given = self.buffers[tables] if isinstance(tables, str) else tables
            assert isinstance(given, dict)
            buffers[topology] = types.Buffers(given)
        return types.Hwsku(self.name, self.speeds, self.headroom, buffers)


class NosEntry(File):
    releases: Some[Word]
    platform: Word
    asic: Slug
    dynamic_load_balancing: bool
    limits: LimitsEntry = LimitsEntry()
    hwskus: tuple[HwskuEntry, ...] = ()

    def build(self, nos: str) -> types.NosSupport:
        limits = types.Limits(**self.limits.model_dump())
        hwskus = tuple(sku.build() for sku in self.hwskus)
        return types.NosSupport(nos, self.releases, limits, self.platform, self.asic, self.dynamic_load_balancing, hwskus)


class SwitchFile(File):
    source: Text
    protocol: Literal["ethernet"] = "ethernet"
    vendor: Text
    description: Text
    rack_units: Annotated[int, Field(ge=1, le=60)]
    watts: Power
    cages: Some[CageGroup]
    nos: Annotated[dict[Slug, NosEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        rows = [row for group in self.cages for row in group.rows]
        _unique("port", (row.port for row in rows))
        _unique("cage", (row.label for row in rows))
        _unique("lane", (str(lane) for row in rows for lane in row.lanes))
        for entry in self.nos.values():
            _unique("hwsku", (sku.name for sku in entry.hwskus))
        return self

    def build(self, name: str) -> types.Switch:
        cages = tuple(cage for group in self.cages for cage in group.build())
        nos = {key: entry.build(key) for key, entry in self.nos.items()}
        return types.Switch(name, self.vendor, self.description, cages, self.rack_units, self.watts, nos, self.source)


class InfinibandCages(File):
    """Equal cages; `names` is the name of a port as the switch prints it, with {cage} and {port}, both from 1."""

    form_factor: Slug
    count: Count
    ports: Ports
    speed: Speed
    names: Annotated[str, _text(r"^[A-Za-z0-9/{}]{1,40}$")]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if "{cage}" not in self.names or (self.ports > 1 and "{port}" not in self.names):
            raise ValueError("the names of the ports need {cage}, and {port} where a cage has several")
        return self

    def build(self, before: int) -> Iterator[types.Cage]:
        for cage in range(before + 1, before + self.count + 1):
            names = tuple(
                self.names.replace("{cage}", str(cage)).replace("{port}", str(port)) for port in range(1, self.ports + 1)
            )
            breakout = types.Breakout("", self.ports, self.speed, 0)
            yield types.Cage(str(cage), self.form_factor, (), "", (breakout,), {self.ports: names}, cage)


class InfinibandSwitchFile(File):
    """A switch that a subnet manager configures. Power is left out where the vendor publishes none."""

    source: Text
    protocol: Literal["infiniband"]
    vendor: Text
    description: Text
    rack_units: Annotated[int, Field(ge=1, le=60)]
    watts: Power | None = None
    device_id: DeviceId = 0
    management: Netdev
    cages: Some[InfinibandCages]

    def build(self, name: str) -> types.Switch:
        cages: list[types.Cage] = []
        for group in self.cages:
            cages += group.build(len(cages))
        return types.Switch(
            name, self.vendor, self.description, tuple(cages), self.rack_units, self.watts or 0, {}, self.source,
            self.protocol, self.device_id, self.management,
        )  # fmt: skip


class NicGroupEntry(File):
    """`netdevs` holds a word a NIC for each number of ports; the ports of a split NIC are separated by commas. `hcas` holds the
    RDMA devices in their places: the NICs can do InfiniBand."""

    nic: Text
    count: Annotated[int, Field(ge=1, le=64)]
    form_factor: Slug
    breakouts: Annotated[dict[Ports, Speed], Field(min_length=1)]
    netdevs: dict[Ports, Annotated[tuple[Netdev, ...], BeforeValidator(_words)]]
    cages: Annotated[tuple[Word, ...], BeforeValidator(_words)] = ()
    hcas: dict[Ports, Annotated[tuple[Netdev, ...], BeforeValidator(_words)]] = {}
    device_id: DeviceId = 0

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        for ports, names in self.hcas.items():
            if len(names) != len(self.netdevs.get(ports, ())):
                raise ValueError(f"hcas name {len(names)} ports of NICs with {ports}, and netdevs others")
        if set(self.netdevs) != set(self.breakouts):
            raise ValueError("netdevs must be named for each number of ports in breakouts, and for no other")
        for ports, names in self.netdevs.items():
            if len(names) != ports * self.count:
                raise ValueError(f"{self.count} NICs of {ports} ports have {ports * self.count} netdevs, not {len(names)}")
        if self.cages and len(self.cages) != self.count:
            raise ValueError(f"{self.count} NICs need {self.count} cages, not {len(self.cages)}")
        return self

    def build(self, name: str) -> types.NicGroup:
        return types.NicGroup(
            name, self.nic, self.count, self.form_factor, self.breakouts, self.netdevs, self.cages, self.hcas, self.device_id
        )


class ServerFile(File):
    source: Text
    vendor: Text
    description: Text
    gpus: Annotated[int, Field(ge=0, le=1024)]
    rack_units: Annotated[int, Field(ge=1, le=60)]
    watts: Power | None = None
    nic_groups: Annotated[dict[Slug, NicGroupEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _netdevs_are_unique(self) -> Self:
        names = Counter(netdev for g in self.nic_groups.values() for netdev in {n for each in g.netdevs.values() for n in each})
        _unique("netdev", names.elements())
        hcas = Counter(hca for g in self.nic_groups.values() for hca in {n for each in g.hcas.values() for n in each})
        _unique("RDMA device", hcas.elements())
        return self

    def build(self, name: str) -> types.Server:
        groups = {key: group.build(key) for key, group in self.nic_groups.items()}
        watts = self.watts or 0
        return types.Server(name, self.vendor, self.description, self.gpus, self.rack_units, watts, groups, self.source)


class ModuleEntry(File):
    name: Text
    form_factor: Slug
    ports: Ports
    watts: Watts | None = None
    connector: Text


MediumKind = Literal["dac", "aec", "aoc", "multimode", "singlemode", "copackaged", "coherent"]


class MediumFile(File):
    source: Text
    protocol: Literal["ethernet", "infiniband"] = "ethernet"
    kind: MediumKind
    standard: Text
    speed: Speed
    reach: Length
    latency: Nanoseconds
    rank: Annotated[int, Field(ge=0, le=1_000_000)]
    modules: Some[ModuleEntry]
    assemblies: tuple[Annotated[tuple[Text, Text], Field()], ...] = ()

    @model_validator(mode="after")
    def _assemblies_name_modules(self) -> Self:
        _unique("module", (f"{m.name} ({m.form_factor}, {m.ports})" for m in self.modules))
        names = {module.name for module in self.modules}
        for unknown in sorted({side for pair in self.assemblies for side in pair} - names):
            raise ValueError(f"an assembly names the module {units.shorten(unknown)}, which is not among the modules")
        if self.assemblies:
            _unique("module", (m.name for m in self.modules))
        if bool(self.assemblies) != (self.kind in ("dac", "aec", "aoc")):
            raise ValueError("cables with fixed ends (dac, aec, aoc) have assemblies, and others have none")
        return self

    def build(self, name: str) -> types.Medium:
        modules = tuple(types.Module(m.name, m.form_factor, m.ports, m.watts or 0, m.connector) for m in self.modules)
        return types.Medium(
            name,
            self.kind,
            self.standard,
            self.speed,
            self.reach,
            self.latency,
            modules,
            self.assemblies,
            self.rank,
            self.source,
            self.protocol,
        )


class TrafficClass(File):
    """`dscp` of the class's packets, and where they go; `pfc-priority` of a lossless one."""

    dscp: Annotated[int, Field(ge=0, le=63)] | None = None  # none: whatever no other class takes
    traffic_class: Annotated[int, Field(ge=0, le=7)]
    queue: Annotated[int, Field(ge=0, le=7)]
    priority_group: Annotated[int, Field(ge=0, le=7)]
    pfc_priority: Annotated[int, Field(ge=0, le=7)] | None = None
    scheduler: Literal["dwrr", "strict"]
    weight: Annotated[int, Field(ge=1, le=100)] | None = None
    ecn: bool


class EcnEntry(File):
    speed: Speed
    min_bytes: Limit
    max_bytes: Limit
    max_probability: Annotated[int, Field(ge=1, le=100)]  # per cent, reached at max-bytes
    source: Text


class WatchdogEntry(File):
    detection_ms: Annotated[int, Field(ge=100, le=5000)]  # the ranges are those of sonic-pfcwd.yang
    restoration_ms: Annotated[int, Field(ge=100, le=60000)]
    action: Literal["drop", "forward", "alert"]
    source: Text


class QosFile(File):
    source: Text
    classes: dict[Slug, TrafficClass]
    ecn: Some[EcnEntry]
    pfc_watchdog: WatchdogEntry


def _unique(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"the {what} {units.shorten(twice[0])} is given twice")
