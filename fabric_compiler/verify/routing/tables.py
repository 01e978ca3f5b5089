"""What the routers' tables hold once BGP is at rest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fabric_compiler.ir.graph import Graph, Links
from fabric_compiler.targets.text import prefix
from fabric_compiler.verify.routing.decision import Decided, bits, decide, offers
from fabric_compiler.verify.routing.mesh import Node, Numbers, meshes
from fabric_compiler.verify.routing.routes import NONE, WORST
from fabric_compiler.verify.routing.sessions import Fault, Session, Sessions, establish, port_name
from fabric_compiler.verify.routing.speakers import Speakers


@dataclass(frozen=True, slots=True)
class Routing:
    """A fabric at rest. `decided` are its meshes, by family and first device; `ended` are sessions that their limits end."""

    graph: Graph
    speakers: Speakers
    sessions: Sessions
    ended: tuple[Fault, ...]
    decided: tuple[Decided, ...]

    def table(self, name: str) -> dict[str, tuple[str, ...]]:
        """The routes that BGP gives to a device's table, and the ports of each, sorted. Where it has the prefix without BGP,
        that route goes before (FRR and EOS: connected 0, static 1, eBGP 20 or 200)."""
        found = {}
        for decided, n, node in self._nodes(name):
            layout = self.graph.devices[node.device].layout
            ports = [layout.ports[port].name for port in node.port.tolist()]
            members = bits(decided.members[n], len(ports))
            most = node.speaker.routing.maximum_paths[decided.mesh.version]
            for p, kind in zip(decided.mesh.prefixes, decided.mesh.kind.tolist(), strict=True):
                if members[:, kind].any() and p not in node.speaker.local:
                    chosen = node.tie[members[node.tie, kind]][:most]
                    found[prefix(p)] = tuple(sorted({ports[session] for session in chosen.tolist()}))
        return found

    def cut(self, name: str) -> frozenset[str]:
        """Prefixes with more equal paths than the device may use: which ones it takes is up to it, so that of what `table`
        gives the number alone is certain."""
        found = set()
        for decided, n, node in self._nodes(name):
            widths = bits(decided.members[n], len(node.port)).sum(axis=0)
            most = node.speaker.routing.maximum_paths[decided.mesh.version]
            wide = widths[decided.mesh.kind] > most
            found |= {prefix(decided.mesh.prefixes[p]) for p in np.flatnonzero(wide).tolist()}
        return frozenset(found)

    def without(self, links: Collection[int]) -> Routing:
        """The fabric at rest again after those links went down; decided again is only what changes."""
        return replace(self, decided=tuple(decide(d.mesh, start=d, down=links) for d in self.decided))

    @property
    def prefixes(self) -> int:
        """Those announced, each once a mesh."""
        return sum(len(decided.mesh.prefixes) for decided in self.decided)

    def _nodes(self, name: str) -> Iterator[tuple[Decided, int, Node]]:
        for decided in self.decided:
            for n, node in enumerate(decided.mesh.nodes):
                if self.graph.devices[node.device].name == name:
                    yield decided, n, node


def routing(graph: Graph, speakers: Speakers, links: Links | None = None) -> Routing:
    """The fabric at rest: its switches as their files are, over the cables of the graph or over others."""
    sessions = establish(graph, graph.links if links is None else links, speakers)
    up, ended = list(sessions.up), list[Fault]()
    while True:
        decided = tuple(decide(mesh) for version in (4, 6) for mesh in meshes(speakers, up, version))
        over = {key: fault for d in decided for key, fault in _over(graph, d)}
        if not over:
            return Routing(graph, speakers, sessions, tuple(ended), decided)
        # a session that meets its limit stays down (FRR, EOS), and its routes are gone
        ended += over.values()
        up = [session for session in up if not over.keys() & _keys(session)]


def _keys(session: Session) -> set[tuple[int, int, int]]:
    """A session as `_over` names it: link, device, and the family of the neighbour's address."""
    return {
        (session.link, device, end.neighbour.version if end.neighbour else 0)
        for device, end in ((session.one, session.one_end), (session.two, session.two_end))
    }


def _over(graph: Graph, decided: Decided) -> Iterator[tuple[tuple[int, int, int], Fault]]:
    """Sessions over which more routes come than their limit."""
    mesh = decided.mesh
    said: Numbers = (decided.sent != NONE) @ mesh.weight
    for n, node in enumerate(mesh.nodes):
        beyond = (node.limit > 0) & (said[node.row] > node.limit)
        if not beyond.any():
            continue
        counts = said[node.row]
        if not node.speaker.routing.limits_received:
            counts = (offers(decided, n) < WORST) @ mesh.weight
        for session in np.flatnonzero(beyond & (counts > node.limit)).tolist():
            end = node.ends[session]
            port = port_name(graph, node.device, int(node.port[session]))
            name = graph.devices[mesh.nodes[node.neighbour[session]].device].name
            sentence = (
                f"{port} takes {int(node.limit[session])} IPv{mesh.version} routes at most, and {name} sends it "
                f"{int(counts[session])}: the session is ended"
            )
            version = end.neighbour.version if end.neighbour else 0
            yield (int(node.link[session]), node.device, version), Fault(int(node.link[session]), sentence)
