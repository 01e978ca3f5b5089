"""Small nets of FRR routers with policies written by hand, on links without addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fabric_compiler.ir.graph import Device, Graph, Links
from fabric_compiler.ir.ports import Port, PortLayout
from fabric_compiler.verify.observed import Observed
from fabric_compiler.verify.readback import frr

RELAX = (" bgp bestpath as-path multipath-relax",)
ALL = "ALL"
LAYOUT = PortLayout(tuple(Port(f"p{n}", "", n, 0, (n,), 100_000, "") for n in range(16)), ())


@dataclass
class Router:
    """Its loopback follows from its place; policies are by neighbour, ALL where none is named."""

    asn: int
    networks: Sequence[str] = ()
    accept: Mapping[str, str] = field(default_factory=dict)
    announce: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[str] = ()  # of BGP
    policies: str = ""


def plugged(cables: Sequence[str]) -> list[tuple[str, int, str, int]]:
    """Cables as pairs of names ('a b') with their ports, which are taken in the order of the cables."""
    ports: dict[str, int] = {}
    rows = []
    for cable in cables:
        a, b = cable.split()
        row = []
        for name in (a, b):
            row.append(ports.get(name, 0))
            ports[name] = row[-1] + 1
        rows.append((a, row[0], b, row[1]))
    return rows


def texts(routers: Mapping[str, Router], cables: Sequence[str]) -> dict[str, str]:
    """The frr.conf of each router."""
    ends: dict[str, list[tuple[int, str]]] = {name: [] for name in routers}
    for a, a_port, b, b_port in plugged(cables):
        ends[a].append((a_port, b))
        ends[b].append((b_port, a))
    made = {}
    for n, (name, router) in enumerate(routers.items()):
        lines = [f"hostname {name}", *(f"ip route {network} Null0" for network in router.networks)]
        lines += ["interface lo", f" ip address 10.255.0.{n}/32", "exit"]
        lines += [f"router bgp {router.asn}", f" bgp router-id 10.255.0.{n}", " no bgp default ipv4-unicast", *router.lines]
        lines += [f" neighbor p{port} interface remote-as {routers[other].asn}" for port, other in ends[name]]
        lines += [" address-family ipv4 unicast", *(f"  network {network}" for network in router.networks)]
        for port, other in ends[name]:
            lines += [f"  neighbor p{port} activate"]
            lines += [f"  neighbor p{port} route-map {router.accept.get(other, ALL)} in"]
            lines += [f"  neighbor p{port} route-map {router.announce.get(other, ALL)} out"]
        lines += [" exit-address-family", "exit", f"route-map {ALL} permit 10", "exit"]
        lines += [*([router.policies, "exit"] if router.policies else []), "end", ""]
        made[name] = "\n".join(lines)
    return made


def net(routers: Mapping[str, Router], cables: Sequence[str]) -> tuple[Graph, dict[int, Observed]]:
    """The graph, and what was read back of each router."""
    names = list(routers)
    rows = [(names.index(a), a_port, names.index(b), b_port) for a, a_port, b, b_port in plugged(cables)]
    table = np.array(rows, dtype=np.int32).reshape(-1, 4).T
    none = np.zeros(len(rows), dtype=np.int32)
    links = Links(table[0], table[1], table[2], table[3], none, none, none + 1, none)
    observed = {n: frr.read({"frr.conf": text.encode()}) for n, text in enumerate(texts(routers, cables).values())}
    for own in observed.values():
        assert own.routing
        assert own.routing.unread == ()
    devices = tuple(
        Device(name, "switch", "leaf", "n", "s", "", "", "frr", "", "", LAYOUT, 1, 0, 0, n, n) for n, name in enumerate(names)
    )
    return Graph("f", ("n",), devices, links), observed
