"""Which buffers wait for which: traffic followed through the switches, with the class that each port gives it.

A channel is one direction of a cable with a lossless priority. It waits for the channels that its packets go on to: when those
are paused, it fills and is paused itself (PFC, IEEE 802.1Qbb). What is followed are sets of destinations, a bit each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fabric_compiler.verify.observed import ObservedInterface, PortClasses
from fabric_compiler.verify.routing.mesh import Mesh, Numbers
from fabric_compiler.verify.routing.routes import Route, passed

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
PRIORITIES = 8

DeviceClasses = tuple[PortClasses | None, ...]
"""By index of the port in the device's layout; None: no traffic class there is lossless."""


def device_classes(ports: Iterable[ObservedInterface | None]) -> DeviceClasses:
    """The classes of a device's ports, in the order of its layout."""
    plain: dict[tuple[tuple[tuple[int, ...], int], ...], PortClasses] = {}
    found: list[PortClasses | None] = []
    for port in ports:
        if port is None or not port.lossless:
            found.append(port.classes if port else None)
        elif port.classes:
            found.append(port.classes)
        else:
            if port.lossless not in plain:
                plain[port.lossless] = _plain(port.lossless)
            found.append(plain[port.lossless])
    return tuple(found)


def _plain(lossless: Sequence[tuple[tuple[int, ...], int]]) -> PortClasses:
    """Of an operating system whose maps are of the whole switch: a class has one number everywhere, and keeps its DSCP."""
    tc, own = [0] * 64, [-1] * PRIORITIES
    for dscps, priority in lossless:
        own[priority] = priority
        for dscp in dscps:
            tc[dscp] = priority
    return PortClasses(tuple(tc), tuple(own), tuple(range(PRIORITIES)), (-1,) * PRIORITIES, tuple(own))


@dataclass(frozen=True, slots=True)
class Waits:
    """Channel `tail` waits for channel `head`; a channel is 2 * link * PRIORITIES + direction * PRIORITIES + priority, where
    direction 1 leads to the link's end a. `unpaused`: classes of packets that a receiver pauses by a priority that their
    queue does not obey, with the link and direction."""

    tail: Numbers
    head: Numbers
    unpaused: tuple[tuple[int, int, int], ...] = ()  # link, direction, DSCP

    def __len__(self) -> int:
        return len(self.tail)

    def joined(self, other: Waits) -> Waits:
        return Waits(
            np.concatenate((self.tail, other.tail)), np.concatenate((self.head, other.head)), (*self.unpaused, *other.unpaused)
        )


@dataclass(slots=True)
class _Node:
    """A switch: its ways out, one a link."""

    link: Numbers
    direction: Numbers  # of the link when leaving by it
    neighbour: list[int]
    there: list[int]  # the way's number at the neighbour
    session: list[list[int]]  # sessions over the link
    ports: list[PortClasses | None]
    servers: list[PortClasses]  # kinds of ports towards servers
    local: Words
    kinds_of_port: list[tuple[PortClasses, npt.NDArray[np.int64]]] = field(default_factory=list)


class Fabric:
    """The switches of a mesh with their ways out; which of them traffic takes is given apart (see `waits`)."""

    def __init__(
        self,
        mesh: Mesh,
        ends: Mapping[int, tuple[int, int]],
        classes: Sequence[DeviceClasses],
        servers: Mapping[int, frozenset[int]],
    ) -> None:
        """`ends` has the devices at the ends of a link, `servers` the ports of a device that lead to servers."""
        self.mesh = mesh
        self.kinds = mesh.kinds
        ways: list[dict[int, list[int]]] = []
        for node in mesh.nodes:
            mine: dict[int, list[int]] = {}
            for session, link in enumerate(node.link.tolist()):
                mine.setdefault(link, []).append(session)
            ways.append(mine)
        number = [{link: n for n, link in enumerate(mine)} for mine in ways]
        self.nodes: list[_Node] = []
        for n, (node, mine) in enumerate(zip(mesh.nodes, ways, strict=True)):
            firsts = [sessions[0] for sessions in mine.values()]
            peers = node.neighbour[firsts].tolist()
            local = np.zeros(self.kinds, dtype=np.bool_)
            local[node.local] = True
            held = classes[node.device]
            ports = [held[port] if 0 <= port < len(held) else None for port in node.port[firsts].tolist()]
            towards = {held[port] for port in servers.get(node.device, ()) if port < len(held)}
            made = _Node(
                link=np.array(list(mine), dtype=np.int64),
                direction=np.array([int(ends[link][0] != node.device) for link in mine], dtype=np.int64),
                neighbour=peers,
                there=[number[peer][link] for peer, link in zip(peers, mine, strict=True)],
                session=list(mine.values()),
                ports=ports,
                servers=sorted(kind for kind in towards if kind),
                local=packed(local[None, :])[0],
            )
            kinds = dict.fromkeys(port for port in ports if port)
            made.kinds_of_port = [(kind, np.flatnonzero([port == kind for port in ports])) for kind in kinds]
            self.nodes.append(made)
            assert n < len(mesh.nodes)

    def by_way(self, node: int, sessions: Mask) -> Words:
        """Rows by session, columns by kind of prefix, as words by way."""
        mine = self.nodes[node].session
        if all(len(one) == 1 for one in mine):
            return packed(sessions[[one[0] for one in mine]])
        return packed(np.array([sessions[one].any(axis=0) for one in mine]))

    def ways(self, members: Sequence[Mask], kinds: Numbers | None = None) -> list[Words]:
        """The destinations that go each way; `members` have a row a session and a column for each of `kinds`, or for all."""
        found = []
        for n, some in enumerate(members):
            rows = some
            if kinds is not None:
                rows = np.zeros((len(some), self.kinds), dtype=np.bool_)
                rows[:, kinds] = some
            found.append(self.by_way(n, rows))
        return found

    def waits(self, taken: Sequence[Words], only: Words | None = None) -> Waits:
        """What waits for what, when `taken` are the destinations that go each way out of each node; `only`: those alone."""
        return _Following(self, taken, only).run()


def packed(rows: Mask) -> Words:
    """A bit a column, in whole words."""
    octets = np.packbits(rows, axis=1, bitorder="little")
    whole = np.zeros((len(rows), -(-max(octets.shape[1], 1) // 8) * 8), dtype=np.uint8)
    whole[:, : octets.shape[1]] = octets
    return whole.view(np.uint64)


class _Following:
    """Follows what servers send, class by class, until nothing new arrives anywhere."""

    def __init__(self, fabric: Fabric, taken: Sequence[Words], only: Words | None) -> None:
        self.fabric, self.taken, self.only = fabric, taken, only
        # by DSCP and node, what arrives by each way; what of it was not sent on yet
        self.arrived: dict[int, dict[int, Words]] = {}
        self.fresh: dict[int, dict[int, Words]] = {}
        self.tails: list[Numbers] = []
        self.heads: list[Numbers] = []
        self.unpaused: set[tuple[int, int, int]] = set()

    def run(self) -> Waits:
        for n, node in enumerate(self.fabric.nodes):
            for kind in node.servers:
                for dscp in (d for d in range(64) if kind.pauses[kind.tc[d]] >= 0):
                    everything = ~node.local if self.only is None else self.only & ~node.local
                    self._send(n, kind, dscp, everything)
        while self.fresh:
            fresh, self.fresh = self.fresh, {}
            for dscp, nodes in fresh.items():
                for n, words in nodes.items():
                    self._forward(n, dscp, words)
        none = np.empty(0, dtype=np.int64)
        tail, head = (np.concatenate(found) if found else none for found in (self.tails, self.heads))
        width = int(head.max(initial=0)) + 1
        pairs = np.unique(tail * width + head)  # one number a pair: many times quicker than rows
        return Waits(pairs // width, pairs % width, tuple(sorted(self.unpaused)))

    def _send(self, n: int, entered: PortClasses, dscp: int, words: Words) -> None:
        """Let a node send on what entered it by ports of one kind."""
        node = self.fabric.nodes[n]
        tc = entered.tc[dscp]
        for leaves, ways in node.kinds_of_port:
            out = self.taken[n][ways] & words
            going = out.any(axis=1)
            if not going.any():
                continue
            marked = leaves.dscp[tc] if leaves.dscp[tc] >= 0 else dscp
            for way, some in zip(ways[going].tolist(), out[going], strict=True):
                self._arrive(n, way, marked, leaves.obeys[leaves.queue[tc]], some)

    def _arrive(self, n: int, way: int, dscp: int, obeyed: int, words: Words) -> None:
        node = self.fabric.nodes[n]
        peer, there = node.neighbour[way], node.there[way]
        receiver = self.fabric.nodes[peer].ports[there]
        if receiver is None:
            return
        pauses = receiver.pauses[receiver.tc[dscp]]
        if pauses >= 0 and pauses != obeyed:
            self.unpaused.add((int(node.link[way]), int(node.direction[way]), dscp))
        arrived = self.arrived.setdefault(dscp, {})
        if peer not in arrived:
            arrived[peer] = np.zeros_like(self.taken[peer])
        new = words & ~arrived[peer][there]
        if not new.any():
            return
        arrived[peer][there] |= new
        fresh = self.fresh.setdefault(dscp, {})
        if peer not in fresh:
            fresh[peer] = np.zeros_like(self.taken[peer])
        fresh[peer][there] |= new

    def _forward(self, n: int, dscp: int, words: Words) -> None:
        """What newly arrived at a node goes on; each way in that is lossless waits for each lossless way out."""
        node = self.fabric.nodes[n]
        for entered, ways_in in node.kinds_of_port:
            come = words[ways_in]
            if not come.any():
                continue
            tc = entered.tc[dscp]
            paused = entered.pauses[tc]
            for leaves, ways in node.kinds_of_port:
                out = self.taken[n][ways]
                marked = leaves.dscp[tc] if leaves.dscp[tc] >= 0 else dscp
                meets: Mask = np.asarray((come[:, None, :] & out[None, :, :]).any(axis=2))
                if not meets.any():
                    continue
                if paused >= 0:
                    self._wait(n, ways_in, ways, meets, paused, marked)
            self._send(n, entered, dscp, np.bitwise_or.reduce(come, axis=0))

    def _wait(self, n: int, ways_in: Numbers, ways: Numbers, meets: Mask, paused: int, marked: int) -> None:
        node = self.fabric.nodes[n]
        held = [self.fabric.nodes[node.neighbour[way]].ports[node.there[way]] for way in ways.tolist()]
        onwards = np.array([kind.pauses[kind.tc[marked]] if kind else -1 for kind in held], dtype=np.int64)
        one, other = np.nonzero(meets & (onwards >= 0)[None, :])
        if len(one):
            coming, going = ways_in[one], ways[other]
            self.tails.append(channel(node.link[coming], 1 - node.direction[coming], np.int64(paused)))
            self.heads.append(channel(node.link[going], node.direction[going], onwards[other]))


def channel(link: Numbers, direction: Numbers, priority: Numbers | np.int64) -> Numbers:
    """The number of a channel."""
    return (2 * link + direction) * PRIORITIES + priority


def parts(number: int) -> tuple[int, int, int]:
    """Link, direction and priority of a channel."""
    rest, priority = divmod(number, PRIORITIES)
    link, direction = divmod(rest, 2)
    return link, direction, priority


_OWN = -1  # instead of an AS: what a node has of its own


def permitted(fabric: Fabric) -> list[Words]:
    """By node, the destinations that may go each way after any failures: of which the policies let a route come over it.

    Nothing is asked of the length of paths. A route is not taken back into the AS that it came from last.
    """
    return _Permitted(fabric).run()


class _Permitted:
    """The routes that policies let through: sets of kinds of prefixes, by node, communities and the AS that they came from."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric, self.mesh = fabric, fabric.mesh
        nodes, kinds = self.mesh.nodes, self.mesh.kinds
        self.marks: list[frozenset[int]] = [frozenset()]
        self.mark_of: dict[frozenset[int], int] = {frozenset(): 0}
        self.has: list[dict[int, dict[int, Mask]]] = [{} for _ in nodes]
        self.over = [np.zeros((len(node.link), kinds), dtype=np.bool_) for node in nodes]
        self.outcomes: dict[tuple[int, int, bool, int], list[tuple[Mask, int]]] = {}
        self.sent_to = [list(self._sent_to(n)) for n in range(len(nodes))]

    def run(self) -> list[Words]:
        changed: set[tuple[int, int]] = set()
        for n, node in enumerate(self.mesh.nodes):
            own = np.zeros(self.mesh.kinds, dtype=np.bool_)
            own[node.local] = True
            self.has[n][0] = {_OWN: own}
            changed.add((n, 0))
        while changed:
            told, changed = sorted(changed), set()
            for n, mark in told:
                changed |= self._tell(n, mark)
        return [self.fabric.by_way(n, over) for n, over in enumerate(self.over)]

    def _sent_to(self, n: int) -> Iterator[tuple[int, npt.NDArray[np.int32], list[tuple[int, int]]]]:
        """What a node announces by one row to neighbours that accept it by one policy: the row, the policy's chains, and the
        neighbours with the number of the session there."""
        groups: dict[tuple[int, int], tuple[npt.NDArray[np.int32], list[tuple[int, int]]]] = {}
        node = self.mesh.nodes[n]
        for peer, link in dict.fromkeys(zip(node.neighbour.tolist(), node.link.tolist(), strict=True)):
            other = self.mesh.nodes[peer]
            for there in np.flatnonzero((other.neighbour == n) & (other.link == link)).tolist():
                accept = next(one for one in other.imports if there in one.sessions)
                key = (int(other.row[there]), id(accept.chains))
                groups.setdefault(key, (accept.chains, []))[1].append((peer, there))
        for (row, _), (chains, peers) in groups.items():
            yield row, chains, peers

    def _tell(self, n: int, mark: int) -> set[tuple[int, int]]:
        """Announce what a node has with some communities; returns who has more now, and with which."""
        changed: set[tuple[int, int]] = set()
        held = self.has[n][mark]
        asn = self.mesh.nodes[n].speaker.asn
        several = np.sum(list(held.values()), axis=0, dtype=np.int64)
        for row, chains, peers in self.sent_to[n]:
            for mask, became in self._outcome(row, chains, mark):
                for peer, there in peers:
                    other = self.mesh.nodes[peer]
                    back = held.get(other.speaker.asn)
                    reached = (several > back if back is not None else several > 0) & mask
                    reached[other.local] = False
                    into = self.has[peer].setdefault(became, {})
                    before = into.get(asn)
                    if before is None:
                        into[asn] = reached.copy()
                    elif (reached & ~before).any():
                        into[asn] = before | reached
                    else:
                        self.over[peer][there] |= reached
                        continue
                    self.over[peer][there] |= reached
                    if reached.any():
                        changed.add((peer, became))
        return changed

    def _outcome(self, row: int, chains: npt.NDArray[np.int32], mark: int) -> list[tuple[Mask, int]]:
        """Which kinds go through an announcement and its acceptance, and the communities that they have then."""
        announced = self.mesh.rows[row]
        key = (id(announced.chains), id(chains), announced.sends_communities, mark)
        if key not in self.outcomes:
            routes = self.mesh.routes
            pairs = announced.chains.astype(np.int64) << 32 | chains
            found: dict[int, Mask] = {}
            for pair in np.unique(pairs).tolist():
                said = passed(routes.chains[pair >> 32], Route((), self.marks[mark]))
                if said and not announced.sends_communities:
                    said = said._replace(communities=frozenset())
                kept = passed(routes.chains[pair & 0xFFFFFFFF], said) if said else None
                if kept is None:
                    continue
                became = self.mark_of.setdefault(kept.communities, len(self.marks))
                if became == len(self.marks):
                    self.marks.append(kept.communities)
                found[became] = found.get(became, np.zeros(self.mesh.kinds, dtype=np.bool_)) | (pairs == pair)
            self.outcomes[key] = [(mask, became) for became, mask in found.items()]
        return self.outcomes[key]
