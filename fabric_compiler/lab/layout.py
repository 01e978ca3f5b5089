"""What a lab consists of: devices with their ports, and wires between them. Types only; `planning` makes one from a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fabric_compiler.ir.plan import Prefix, Prefixes
from fabric_compiler.lab.build import Link
from fabric_compiler.lab.netlink import MAIN_TABLE


@dataclass(frozen=True, slots=True)
class Port:
    """`linux` is the name of its link; that of the device, where Linux takes it."""

    name: str
    linux: str
    up: bool
    mtu: int
    addresses: Prefixes
    link_local: bool  # has IPv6
    bridge: str = ""  # the link that it is a port of


@dataclass(frozen=True, slots=True)
class Bridge:
    """In place of a VLAN's routed interface; its MTU is the least of its ports'."""

    linux: str
    addresses: Prefixes


@dataclass(frozen=True, slots=True)
class Route:
    """`via` None: what is on the link."""

    to: Prefix
    link: str
    via: Prefix | None
    table: int = MAIN_TABLE
    metric: int = 0
    on_link: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    source: Prefix
    table: int


@dataclass(frozen=True, slots=True)
class Routing:
    """FRR's part of a switch: the integrated configuration, and the daemons that it needs, in the order of their start."""

    configuration: bytes
    daemons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A device in its namespace. `early` sysctls are set before there are ports, which inherit them; `late` when there are."""

    name: str
    namespace: str
    role: str
    ports: tuple[Port, ...]
    loopbacks: Prefixes = ()
    bridges: tuple[Bridge, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    early: tuple[tuple[str, str], ...] = ()
    late: tuple[tuple[str, str], ...] = ()
    routing: Routing | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """`notes` are sentences on where the lab departs from the devices that it stands for."""

    fabric: str
    nodes: Mapping[str, Node]
    wires: tuple[Link, ...]
    notes: tuple[str, ...] = ()

    @property
    def switches(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes.values() if node.routing)

    @property
    def servers(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes.values() if not node.routing)
