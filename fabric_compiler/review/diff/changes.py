"""What changed between two builds, in types: the same for a terminal, a pull request and a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sign = Literal["+", "-", "~"]


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """`fields` of a changed one: (name, before, after)."""

    sign: Sign
    name: str
    role: str
    network: str
    fields: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CablePlace:
    """One link as a technician sees it: a port at each end, the cable that carries it and how long that is."""

    a: str  # device:port of the lower tier
    b: str
    cable: str
    medium: str
    length: str  # metres


@dataclass(frozen=True, slots=True)
class CableChange:
    """lay, pull; move: an end goes elsewhere; replace: the ends stay, and medium or length change."""

    work: Literal["lay", "move", "replace", "pull"]
    before: CablePlace | None
    after: CablePlace | None


@dataclass(frozen=True, slots=True)
class Renumbering:
    """A number of a device that is there before and after. What it identifies keeps its place and gets another number."""

    kind: Literal["ASN", "loopback", "management address", "link address", "host address", "gateway", "GUID"]
    device: str
    interface: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SessionChange:
    sign: Sign
    a: str
    b: str
    before: str = ""  # ASNs of a session that is there on both sides
    after: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """So many objects of a kind, changed alike; `attributes` that differ where they are there on both sides."""

    sign: Sign
    kind: str
    count: int
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """Devices whose configurations changed alike. `disrupts` has a sentence for each way in which traffic is hit."""

    devices: tuple[str, ...]
    role: str
    network: str
    nos: str
    parts: tuple[Part, ...]
    disrupts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """`counts`: (what, before, after) of the manifests, where they differ."""

    old: str
    new: str
    counts: tuple[tuple[str, int, int], ...]
    devices: tuple[DeviceChange, ...]
    cables: tuple[CableChange, ...]
    renumbered: tuple[Renumbering, ...]
    sessions: tuple[SessionChange, ...]
    configurations: tuple[ConfigurationChange, ...]
    others: tuple[str, ...]  # files that no device owns and no table above explains, by name

    @property
    def same(self) -> bool:
        found = (self.counts, self.devices, self.cables, self.renumbered, self.sessions, self.configurations, self.others)
        return not any(found)

    @property
    def disruptive(self) -> tuple[ConfigurationChange, ...]:
        return tuple(change for change in self.configurations if change.disrupts)
