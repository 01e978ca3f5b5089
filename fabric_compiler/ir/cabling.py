"""What the cabling stage makes: length, medium and cable of each link, racks, power, and what is to be bought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from fabric_compiler.ir.blocks import Extents
from fabric_compiler.ir.graph import Column

PodRacks: TypeAlias = Mapping[tuple[str, str], Extents]
"""By site and owner: racks on the site's floor, counted from 0 through the rows. The owner is a pod, for its servers, or
`network/pod`, for the leafs that the network has there."""

SwitchRows: TypeAlias = Mapping[tuple[str, str], Extents]
"""By site and `network/role`: rows of the switches above the pods, counted from 0 away from the pods."""


@dataclass(frozen=True, slots=True)
class Cables:
    """One row a cable. It is named by `device` and `port`, or by `device` and `cage` where it fills a cage of several ports;
    the column that does not name it holds -1."""

    medium: Column  # index into Catalog.media
    length: Column  # mm
    device: Column  # index into Graph.devices
    port: Column  # index into the ports of the device's layout, or -1
    cage: Column  # index into the cages of the device's layout, or -1

    def __len__(self) -> int:
        return len(self.medium)


@dataclass(frozen=True, slots=True)
class CableEnds:
    """One row an end, sorted by cable: two a cable, more for a splitter. A module of several ports stands in a row for each
    fibre that is plugged into it."""

    cable: Column
    device: Column
    cage: Column  # index into the cages of the device's layout
    module: Column  # index into Cabling.modules

    def __len__(self) -> int:
        return len(self.cable)


@dataclass(frozen=True, slots=True)
class Places:
    """Where each device stands: index into `racks`, and its lowest unit, counted from 1 at the bottom."""

    rack: Column
    unit: Column
    racks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BomLine:
    item: str
    kind: str  # server, switch, module, cable
    count: int
    watts_each: float
    source: str


@dataclass(frozen=True, slots=True)
class SitePower:
    """Watts at the highest draw; `budget` is None where the intent states none."""

    servers: int
    switches: int
    modules: int
    budget: int | None
    unknown: tuple[str, ...] = ()  # products whose power is not published, which count nothing

    @property
    def total(self) -> int:
        return self.servers + self.switches + self.modules


@dataclass(frozen=True, slots=True)
class Cabling:
    """`length`, `medium` and `cable` have a row a link. `pins`, `pod_racks` and `switch_rows` are what the lock keeps."""

    length: Column  # mm
    medium: Column  # index into Catalog.media; -1 where none was found, which was reported
    cable: Column  # index into cables
    cables: Cables
    ends: CableEnds
    modules: tuple[str, ...]
    places: Places
    bom: tuple[BomLine, ...]
    power: Mapping[str, SitePower]  # by site
    pins: Mapping[str, str]  # shape of links and length -> medium
    pod_racks: PodRacks
    switch_rows: SwitchRows
