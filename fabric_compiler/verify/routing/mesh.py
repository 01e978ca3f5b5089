"""Speakers that are joined by sessions of one family, as arrays: what the decision process works on.

Networks and planes do not meet, so that each is a mesh of its own, with its own prefixes alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.plan import Prefix, Prefixes
from fabric_compiler.verify.observed import ObservedPolicy
from fabric_compiler.verify.routing.prefixes import PrefixColumns, kinds, without_policy
from fabric_compiler.verify.routing.routes import Ids, Routes
from fabric_compiler.verify.routing.sessions import Session
from fabric_compiler.verify.routing.speakers import SessionEnd, Speaker, Speakers

Numbers = npt.NDArray[np.int64]


class Row(NamedTuple):
    """What a node announces to some of its neighbours, the same to all of them. `open` are kinds that are not all denied."""

    node: int
    chains: Ids  # by kind of prefix
    open: npt.NDArray[np.bool_]
    sends_communities: bool


class Import(NamedTuple):
    """Sessions of a node that accept by the same policy: their places, the chain of each kind of prefix, and all chains."""

    sessions: Numbers
    chains: Ids
    used: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A speaker among its sessions, which stand in the order of their ports. Arrays have a place a session.

    `neighbour` are nodes, `row` is what each announces to this one. `tie` are the sessions in the order in which the last
    steps of the decision prefer them: the lowest router ID, then the lowest address, or port where there is none.
    """

    device: int
    speaker: Speaker
    ends: tuple[SessionEnd, ...]
    neighbour: Numbers
    row: Numbers
    port: Numbers
    link: Numbers
    limit: Numbers
    asn: Numbers  # of the neighbour
    tie: Numbers
    imports: tuple[Import, ...]
    rows: tuple[int, ...]  # of this node
    local: Numbers  # kinds of prefixes of its own


@dataclass(frozen=True, slots=True)
class Mesh:
    """`kind` has the kind of each prefix, `weight` how many prefixes a kind has, `origins` the nodes that a kind is from.

    `at` has the nodes at the ends of a link, by its number.
    """

    version: int
    prefixes: Prefixes
    kind: Ids
    weight: Numbers
    origins: tuple[tuple[int, ...], ...]
    nodes: tuple[Node, ...]
    rows: tuple[Row, ...]
    at: Mapping[int, tuple[int, ...]]
    routes: Routes
    chains: tuple[int, ...]  # of all imports

    @property
    def kinds(self) -> int:
        return len(self.weight)

    def example(self, kind: int) -> Prefix:
        """The first prefix of a kind."""
        return self.prefixes[int(np.argmax(self.kind == kind))]


class _End(NamedTuple):
    """A session from one of its devices."""

    port: int
    link: int
    own: SessionEnd
    peer: int
    other: SessionEnd


def meshes(speakers: Speakers, sessions: Sequence[Session], version: int) -> Iterator[Mesh]:
    """The meshes of a family in which something is announced, the first device's first."""
    ends: dict[int, list[_End]] = {n: [] for n, speaker in enumerate(speakers) if speaker}
    for s in sessions:
        if version in s.families:
            ends[s.one].append(_End(s.one_port, s.link, s.one_end, s.two, s.two_end))
            ends[s.two].append(_End(s.two_port, s.link, s.two_end, s.one, s.one_end))
    for devices in _components(ends):
        builder = _Builder(speakers, devices, ends, version)
        if builder.prefixes:
            yield builder.mesh()


def _components(ends: dict[int, list[_End]]) -> Iterator[list[int]]:
    seen: set[int] = set()
    for first in ends:
        if first in seen:
            continue
        seen.add(first)
        found = [first]
        for device in found:
            for end in ends[device]:
                if end.peer not in seen:
                    seen.add(end.peer)
                    found.append(end.peer)
        yield sorted(found)


class _Directions(NamedTuple):
    """The columns of a peering's two policies, and its limit."""

    accept: int
    announce: int
    limit: int


class _Builder:
    """Makes one mesh. There are many sessions and few peerings: a peering is known by identity, a policy by value."""

    def __init__(self, speakers: Speakers, devices: Sequence[int], ends: dict[int, list[_End]], version: int) -> None:
        self._version = version
        self._devices = list(devices)
        self._members = [speaker for device in devices if (speaker := speakers[device])]
        self._place = {device: n for n, device in enumerate(devices)}
        self._ends = [sorted(ends[device], key=lambda end: (end.port, end.own.neighbour or ())) for device in devices]
        origins: dict[Prefix, list[int]] = defaultdict(list)
        for n, speaker in enumerate(self._members):
            for prefix in speaker.networks:
                if prefix.version == version:
                    origins[prefix].append(n)
        self.prefixes = tuple(sorted(origins))
        self._origins = [tuple(origins[prefix]) for prefix in self.prefixes]
        self._routes = Routes()
        self._prefixes = PrefixColumns(version, self.prefixes)
        self._columns: list[Ids] = []
        self._policies: dict[tuple[ObservedPolicy | None, bool], int] = {}
        self._peerings: dict[tuple[int, bool], _Directions] = {}
        self._rows: list[Row] = []
        self._row_numbers: dict[tuple[int, int, bool], int] = {}

    def mesh(self) -> Mesh:
        alike = [list({id(end.own.peering): end.own for end in mine}.values()) for mine in self._ends]
        for n, ends in enumerate(alike):
            for end in ends:
                self._directions(n, end)
        kind, first = kinds(self._columns, self._origins)
        self._columns = [column[first] for column in self._columns]
        for n, ends in enumerate(alike):
            for end in ends:
                self._row(n, end)
        origins = tuple(self._origins[p] for p in first.tolist())
        owned: dict[int, list[int]] = defaultdict(list)
        for k, owners in enumerate(origins):
            for n in owners:
                owned[n].append(k)
        of_node: dict[int, list[int]] = defaultdict(list)
        for number, row in enumerate(self._rows):
            of_node[row.node].append(number)
        nodes = tuple(self._node(n, tuple(of_node[n]), owned[n]) for n in range(len(self._members)))
        at: dict[int, tuple[int, ...]] = {}
        for n, mine in enumerate(self._ends):
            for link in {end.link for end in mine}:
                at[link] = (*at.get(link, ()), n)
        return Mesh(
            version=self._version,
            prefixes=self.prefixes,
            kind=kind,
            weight=np.bincount(kind, minlength=len(first)).astype(np.int64),
            origins=origins,
            nodes=nodes,
            rows=tuple(self._rows),
            at=at,
            routes=self._routes,
            chains=tuple(sorted({chain for node in nodes for found in node.imports for chain in found.used})),
        )

    def _directions(self, n: int, end: SessionEnd) -> _Directions:
        required = self._members[n].routing.requires_policy
        known = self._peerings.get((id(end.peering), required))
        if known is None:
            family = end.peering.family(self._version)
            assert family
            accept, announce = self._policy(family.accept, required), self._policy(family.announce, required)
            known = self._peerings[id(end.peering), required] = _Directions(accept, announce, family.limit)
        return known

    def _policy(self, policy: ObservedPolicy | None, required: bool) -> int:
        known = self._policies.setdefault((policy, required), len(self._columns))
        if known == len(self._columns):
            self._columns.append(self._prefixes.chains(policy, without_policy(required), self._routes))
        return known

    def _row(self, n: int, end: SessionEnd) -> int:
        column = self._directions(n, end).announce
        key = (n, column, end.peering.sends_communities)
        number = self._row_numbers.setdefault(key, len(self._rows))
        if number == len(self._rows):
            chains = self._columns[column]
            self._rows.append(Row(n, chains, chains != self._routes.chain(()), key[2]))
        return number

    def _node(self, n: int, rows: tuple[int, ...], owned: Sequence[int]) -> Node:
        mine = self._ends[n]
        peers = [self._place[end.peer] for end in mine]
        directions = [self._directions(n, end.own) for end in mine]
        last = [(self._members[p].router_id, end.own.neighbour or (), end.port) for p, end in zip(peers, mine, strict=True)]
        return Node(
            device=self._devices[n],
            speaker=self._members[n],
            ends=tuple(end.own for end in mine),
            neighbour=_numbers(peers),
            row=_numbers([self._row(p, end.other) for p, end in zip(peers, mine, strict=True)]),
            port=_numbers([end.port for end in mine]),
            link=_numbers([end.link for end in mine]),
            limit=_numbers([direction.limit for direction in directions]),
            asn=_numbers([self._members[p].asn for p in peers]),
            tie=_numbers(sorted(range(len(mine)), key=last.__getitem__)),
            imports=tuple(self._imports([direction.accept for direction in directions])),
            rows=rows,
            local=_numbers(owned),
        )

    def _imports(self, accepts: Sequence[int]) -> Iterator[Import]:
        for column in dict.fromkeys(accepts):
            chains = self._columns[column]
            sessions = _numbers([session for session, accept in enumerate(accepts) if accept == column])
            yield Import(sessions, chains, tuple(np.unique(chains).tolist()))


def _numbers(values: Sequence[int]) -> Numbers:
    return np.array(values, dtype=np.int64)
