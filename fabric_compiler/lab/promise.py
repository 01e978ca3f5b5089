"""What the plan promises of each switch's routing table: its prefixes, and over which ports each goes.

From the plan's sessions and ASNs, by the rules of RFC 7938 and of our policies (docs/lab.md): a leaf announces its own
prefixes, every other switch all that it has; a path with one's own ASN is a loop; the shortest AS paths share the load; what
comes by a drained switch or link (RFC 8326) is used where there is nothing else. The configurations are not looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fabric_compiler.ir.plan import Prefix
from fabric_compiler.lab.build import Session
from fabric_compiler.lab.planning import Planned
from fabric_compiler.model.device import SwitchModel

_BITS = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Promise:
    """By switch. `paths`: the most that a route may have; where there are more ports it takes as many of them."""

    bgp: Mapping[str, Mapping[Prefix, frozenset[str]]]
    paths: Mapping[str, int]
    discards: Mapping[str, frozenset[Prefix]]
    connected: Mapping[str, frozenset[Prefix]]


@dataclass(frozen=True, slots=True)
class _Edge:
    """A session as one of its ends hears over it."""

    port: str
    peer: str
    drained: bool


@dataclass(frozen=True, slots=True)
class _Path:
    drained: bool
    asns: tuple[int, ...]


def promised(planned: Planned) -> Promise:
    models = planned.intended.models
    bgp: dict[str, dict[Prefix, frozenset[str]]] = {name: {} for name in models}
    serving = {wire.b.device for wire in planned.layout.wires if wire.tiers == "server-leaf"}
    for version in (4, 6):
        edges = _edges(planned, version)
        for origin, model in models.items():
            prefixes = [p for p in _announced(model, origin in serving) if p.version == version]
            if prefixes:
                for name, ports in _ways(models, edges, origin).items():
                    bgp[name] |= dict.fromkeys(prefixes, ports)
    return Promise(
        bgp,
        {name: model.routing.bgp.maximum_paths for name, model in models.items()},
        {name: frozenset(model.routing.discard_routes) for name, model in models.items()},
        {name: frozenset(_connected(planned, name, name in serving)) for name in models},
    )


def _connected(planned: Planned, switch: str, serving: bool) -> Iterator[Prefix]:
    """Subnets of its addresses, where they are on a port with a wire, on the loopback, or on a VLAN with servers."""
    wired = {end for wire in planned.layout.wires for end in (wire.a, wire.b) if end.device == switch}
    for row in planned.build.addresses:
        if row.device == switch and (
            row.purpose == "loopback" or (row.purpose == "gateway" and serving) or (switch, row.interface) in wired
        ):
            subnet = _network(row.own)
            if subnet.version == 6 or subnet.length < 32:  # an IPv4 host route stands in the table `local` alone
                yield subnet


def _announced(model: SwitchModel, serving: bool) -> tuple[Prefix, ...]:
    """A subnet whose VLAN has no port that is up is not announced."""
    return tuple(p for p in model.routing.bgp.networks if serving or not model.vlans or p in model.loopbacks)


def _edges(planned: Planned, version: int) -> Mapping[str, list[_Edge]]:
    """The sessions that carry the family."""
    intended = planned.intended
    edges: dict[str, list[_Edge]] = defaultdict(list)
    for session in planned.build.sessions:
        if not _carries(intended.models[session.a.device], session, version):
            continue
        by_link = any(
            port.drained
            for end in (session.a, session.b)
            for port in intended.models[end.device].interfaces
            if port.name == end.port
        )
        for own, far in ((session.a, session.b), (session.b, session.a)):
            edges[own.device].append(_Edge(own.port, far.device, by_link or intended.models[far.device].drained))
    return edges


def _carries(model: SwitchModel, session: Session, version: int) -> bool:
    groups = {group.name: group for group in model.routing.bgp.peer_groups}
    for neighbor in model.routing.bgp.neighbors:
        if neighbor.interface == session.a.port if session.b_address is None else _same(neighbor.address, session.b_address):
            group = groups[neighbor.peer_group]
            return group.ipv4 if version == 4 else group.ipv6
    return False


def _same(one: Prefix | None, other: Prefix) -> bool:
    return one is not None and one[:2] == other[:2]


def _ways(models: Mapping[str, SwitchModel], edges: Mapping[str, list[_Edge]], origin: str) -> dict[str, frozenset[str]]:
    """Over which ports each switch sends to `origin`: rounds of announcements until nobody learns anything new."""
    best: dict[str, _Path] = {origin: _Path(False, ())}
    ways: dict[str, frozenset[str]] = {}
    while True:
        heard: dict[str, tuple[_Path, frozenset[str]]] = {}
        for name, model in models.items():
            if name != origin and (found := _chosen(models, edges[name], best, origin, model.routing.bgp.asn)):
                heard[name] = found
        now = {origin: best[origin], **{name: path for name, (path, _) in heard.items()}}
        ways = {name: ports for name, (_, ports) in heard.items()}
        if now == best:
            return ways
        best = now


def _chosen(
    models: Mapping[str, SwitchModel], edges: list[_Edge], best: Mapping[str, _Path], origin: str, asn: int
) -> tuple[_Path, frozenset[str]] | None:
    """The path that is announced further, and the ports of all that share the load with it."""
    heard = []
    for edge in edges:
        path = best.get(edge.peer)
        if path is None or (models[edge.peer].role == "leaf" and edge.peer != origin):
            continue
        asns = (models[edge.peer].routing.bgp.asn, *path.asns)
        if asn not in asns:
            heard.append((_Path(edge.drained or path.drained, asns), edge.port))
    if not heard:
        return None
    rank = min((path.drained, len(path.asns)) for path, _ in heard)
    equal = [(path, port) for path, port in heard if (path.drained, len(path.asns)) == rank]
    return min((path for path, _ in equal), key=lambda path: path.asns), frozenset(port for _, port in equal)


def _network(own: Prefix) -> Prefix:
    shift = _BITS[own.version] - own.length
    return own._replace(value=own.value >> shift << shift)
