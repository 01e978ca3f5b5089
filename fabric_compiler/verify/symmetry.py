"""Rotations of a dragonfly's groups, where they are a symmetry of the fabric: verified on links, files and tables at rest.

A permutation of coordinates (each group becomes the next, a switch keeps its number in its group) is a symmetry where it
carries every cable into a cable of the same ports, every policy and class into an equal one, ASes into ASes one to one, and
the tables at rest into the tables at rest. What holds after a failure then holds after its images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fabric_compiler.ir.graph import Graph
from fabric_compiler.verify.buffers import Fabric
from fabric_compiler.verify.forwardings import Forwarding
from fabric_compiler.verify.routing.mesh import Numbers


@dataclass(frozen=True, slots=True)
class Symmetry:
    """Where one rotation takes each link; -1: nowhere, for it is a server's."""

    link: Numbers
    order: int  # so many rotations are none

    def images(self, links: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """What a set of links is carried into, itself among it; sorted."""
        now = np.array(links, dtype=np.int64)
        for _ in range(self.order):
            yield tuple(sorted(now.tolist()))
            now = self.link[now]


def rotations(graph: Graph, fabrics: Sequence[Fabric], tables: Sequence[Forwarding]) -> Symmetry | None:
    """The rotation of all groups by one, where it is a symmetry; None where it is none, or there are no groups."""
    if {d.network for d in graph.devices if d.kind == "switch"} != set(graph.networks) or len(graph.networks) != 1:
        return None
    device = _rotated(graph)
    if device is None:
        return None
    link = _links(graph, device)
    if link is None:
        return None
    for fabric, forwarding in zip(fabrics, tables, strict=True):
        if not _same(fabric, forwarding, device):
            return None
    return Symmetry(link, len({d.group for d in graph.devices if d.kind == "switch"}))


def _rotated(graph: Graph) -> Numbers | None:
    """Of each switch the one with its number in the next group; -1 for servers."""
    groups: dict[tuple[int, int, int], dict[str, list[int]]] = {}
    for n, d in enumerate(graph.devices):
        if d.kind == "switch":
            if not d.group:
                return None
            groups.setdefault((d.plane, max(d.rail, 1), d.group), {}).setdefault(d.role, []).append(n)
    image = np.full(len(graph.devices), -1, dtype=np.int64)
    copies: dict[tuple[int, int], list[int]] = {}
    for plane, rail, group in sorted(groups):
        copies.setdefault((plane, rail), []).append(group)
    for (plane, rail), numbers in copies.items():
        for group, following in zip(numbers, [*numbers[1:], numbers[0]], strict=True):
            one, other = groups[plane, rail, group], groups[plane, rail, following]
            if {role: len(found) for role, found in one.items()} != {role: len(found) for role, found in other.items()}:
                return None
            for role, members in one.items():
                image[members] = other[role]
    return image


def _links(graph: Graph, device: Numbers) -> Numbers | None:
    """Where the links between switches go; None where one has no image."""
    links = graph.links
    a, b = device[links.a_device], device[links.b_device]
    between = np.flatnonzero((a >= 0) & (b >= 0))
    place = {}
    columns = (links.a_device, links.a_port, links.b_device, links.b_port)
    for n, (one, one_port, other, other_port) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        place[one, one_port, other, other_port] = place[other, other_port, one, one_port] = n
    image = np.full(len(links), -1, dtype=np.int64)
    for n in between.tolist():
        found = place.get((int(a[n]), int(links.a_port[n]), int(b[n]), int(links.b_port[n])))
        if found is None or links.tiers[found] != links.tiers[n]:
            return None
        image[n] = found
    return image


def _same(fabric: Fabric, forwarding: Forwarding, device: Numbers) -> bool:
    """Whether policies, classes and tables at rest are carried into themselves."""
    mesh = fabric.mesh
    number = {node.device: n for n, node in enumerate(mesh.nodes)}
    image = [number.get(int(device[node.device]), -1) for node in mesh.nodes]
    kind = _kinds(fabric, image)
    if -1 in image or kind is None:
        return False
    ases: dict[int, int] = {}
    for n, node in enumerate(mesh.nodes):
        other = mesh.nodes[image[n]]
        if ases.setdefault(node.speaker.asn, other.speaker.asn) != other.speaker.asn:
            return False
        if not np.array_equal(node.port, other.port) or [image[p] for p in node.neighbour.tolist()] != other.neighbour.tolist():
            return False
        if fabric.nodes[n].ports != fabric.nodes[image[n]].ports or fabric.nodes[n].servers != fabric.nodes[image[n]].servers:
            return False
        if node.speaker.routing.maximum_paths != other.speaker.routing.maximum_paths:
            return False
        if node.speaker.routing.multipath != other.speaker.routing.multipath:
            return False
        if [end.peering.family(mesh.version) is None for end in node.ends] != [
            end.peering.family(mesh.version) is None for end in other.ends
        ]:
            return False
        for mine, theirs in zip(node.row.tolist(), other.row.tolist(), strict=True):
            one, two = mesh.rows[mine], mesh.rows[theirs]
            if one.sends_communities != two.sends_communities:
                return False
            if not _alike(fabric, one.chains, two.chains[kind], ases_of=(one.node, two.node)):
                return False
        for mine, theirs in zip(node.imports, other.imports, strict=True):
            if not np.array_equal(mine.sessions, theirs.sessions) or not np.array_equal(mine.chains, theirs.chains[kind]):
                return False
        if not np.array_equal(forwarding.members[n], forwarding.members[image[n]][:, kind]):
            return False
    return len(set(ases.values())) == len(ases)


def _kinds(fabric: Fabric, image: Sequence[int]) -> Numbers | None:
    """Where each kind of prefix goes: to that of the image of its origin with the same turn there."""
    mesh = fabric.mesh
    found = np.full(mesh.kinds, -1, dtype=np.int64)
    for n, node in enumerate(mesh.nodes):
        if image[n] < 0:
            return None
        other = mesh.nodes[image[n]].local
        if len(other) != len(node.local):
            return None
        # in the order of their prefixes: loopbacks and aggregates keep their places, for pools do not mix
        found[np.sort(node.local)] = np.sort(other)
    return None if (found < 0).any() else found


def _alike(fabric: Fabric, one: np.ndarray, other: np.ndarray, ases_of: tuple[int, int]) -> bool:
    """Chains that differ in nothing but in whose AS they prepend."""
    if np.array_equal(one, other):
        return True
    mesh = fabric.mesh
    mine, theirs = (mesh.nodes[n].speaker.asn for n in ases_of)
    for a, b in {(int(x), int(y)) for x, y in zip(one.tolist(), other.tolist(), strict=True)}:
        renamed = tuple(
            step._replace(prepend=tuple(theirs if asn == mine else asn for asn in step.prepend))
            for step in mesh.routes.chains[a]
        )
        if renamed != mesh.routes.chains[b]:
            return False
    return True
