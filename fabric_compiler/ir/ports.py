"""Port layouts: which ports a device has once its cages are broken out. One layout serves all devices of a shape."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """A port as the operating system shows it. `subport` is 0 when it has the cage for itself, else 1, 2 ..."""

    name: str
    alias: str
    cage: int  # index into the cages of the layout
    subport: int
    lanes: tuple[int, ...]
    speed: int  # Mb/s
    breakout: str  # the platform's word for the cage's mode
    number: int = 0  # InfiniBand: the port's number on its switch or HCA, from 1


@dataclass(frozen=True, slots=True)
class CageUse:
    label: str
    form_factor: str
    ports: int


@dataclass(frozen=True, slots=True)
class PortLayout:
    """All ports of a device in the order of the front panel; links name ports by their index here."""

    ports: tuple[Port, ...]
    cages: tuple[CageUse, ...]
