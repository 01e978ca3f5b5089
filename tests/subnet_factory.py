"""InfiniBand subnets of a few lines, and their topology as ibsim reads it: folded Clos of two and three tiers, dragonfly.

The wiring is the plainest there is, and none of the compiler's: what proofs find on it, they found by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fabric_compiler.verify.channels import Channels
from fabric_compiler.verify.forwarding import Forwarding, destinations
from fabric_compiler.verify.readback import ibnetdiscover
from fabric_compiler.verify.subnet import Subnet

# A block of 2^24 numbers of Mellanox's (IEEE OUI b8:59:9f); none of a device that exists
SWITCH_GUIDS, ADAPTER_GUIDS = 0xB8599F0300000000, 0xB8599F0301000000
RADIX = 64

End = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Links by their ends; names of adapters begin with `host`, of all others with the role of the switch.

    `named` are nodes that keep their GUIDs whatever becomes of the links.
    """

    links: tuple[tuple[End, End], ...]
    named: tuple[str, ...] = ()

    @property
    def adapters(self) -> list[str]:
        return [name for name in self._there() if name.startswith("host")]

    @property
    def switches(self) -> list[str]:
        return [name for name in self._there() if not name.startswith("host")]

    def _there(self) -> Iterator[str]:
        yield from dict.fromkeys(name for link in self.links for name, _ in link)

    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.named, *self._there()]))

    def _with(self, links: Iterable[tuple[End, End]]) -> Wiring:
        return Wiring(tuple(links), self._names())

    def without(self, *names: str) -> Wiring:
        """These nodes are not there."""
        return self._with(link for link in self.links if not {link[0][0], link[1][0]} & set(names))

    def uncabled(self, *ends: End) -> Wiring:
        """The links at these ends are not there."""
        return self._with(link for link in self.links if not set(link) & set(ends))

    def cabled(self, one: End, two: End) -> Wiring:
        """With another link."""
        return self._with((*self.links, (one, two)))

    def swapped(self, one: End, two: End) -> Wiring:
        """The plugs in two ports are exchanged; a port may be empty."""
        other = {one: two, two: one}
        return self._with((other.get(a, a), other.get(b, b)) for a, b in self.links)

    def guids(self) -> dict[str, int]:
        """Of the nodes. An adapter's port has the next one, as in ibsim."""
        there = set(self._there())
        bases = (ADAPTER_GUIDS if name.startswith("host") else SWITCH_GUIDS for name in self._names())
        return {name: base + 16 * n for n, (name, base) in enumerate(zip(self._names(), bases, strict=True)) if name in there}


def clos(leafs: int, spines: int, hosts: int, links: int = 1) -> Wiring:
    """Two tiers: `hosts` a leaf, `links` between each leaf and spine."""
    down = [((f"host-{leaf}-{n}", 1), (f"leaf-{leaf}", n)) for leaf in _one_to(leafs) for n in _one_to(hosts)]
    up = [
        ((f"leaf-{leaf}", hosts + (spine - 1) * links + n), (f"spine-{spine}", (leaf - 1) * links + n))
        for leaf in _one_to(leafs)
        for spine in _one_to(spines)
        for n in _one_to(links)
    ]
    return Wiring((*down, *up))


def three_tiers(groups: int, leafs: int, spines: int, cores: int, hosts: int) -> Wiring:
    """Groups of leafs and spines at full bisection; the uplinks of a group are dealt out to the cores."""
    links = hosts // spines
    found: list[tuple[End, End]] = []
    for group in _one_to(groups):
        for leaf in _one_to(leafs):
            name = f"leaf-{group}-{leaf}"
            found += (((f"host-{group}-{leaf}-{n}", 1), (name, n)) for n in _one_to(hosts))
            found += (
                ((name, hosts + (spine - 1) * links + n), (f"spine-{group}-{spine}", (leaf - 1) * links + n))
                for spine in _one_to(spines)
                for n in _one_to(links)
            )
        each = leafs * links  # uplinks of a spine
        for n in range(spines * each):
            spine, port = n // each + 1, each + n % each + 1
            core, back = n % cores + 1, (group - 1) * (spines * each // cores) + n // cores + 1
            found.append(((f"spine-{group}-{spine}", port), (f"core-{core}", back)))
    return Wiring(tuple(found))


def dragonfly(hosts: int, routers: int, cables: int, groups: int) -> Wiring:
    """Kim et al. 2008 with g = ah + 1: routers of a group all to all, one cable between each two groups."""
    if groups != routers * cables + 1:
        raise ValueError(groups)
    found: list[tuple[End, End]] = []
    for group in range(groups):
        names = [f"router-{group + 1}-{n}" for n in _one_to(routers)]
        for name in names:
            found += (((f"host{name[6:]}-{n}", 1), (name, n)) for n in _one_to(hosts))
        for one in range(routers):
            found += (((names[one], hosts + two), (names[two], hosts + one + 1)) for two in range(one + 1, routers))
        for slot in range(routers * cables):
            other, back = (group + slot + 1) % groups, groups - 2 - slot
            if group < other:
                ends = [(group, slot), (other, back)]
                a, b = ((f"router-{g + 1}-{s // cables + 1}", hosts + routers + s % cables) for g, s in ends)
                found.append((a, b))
    return Wiring(tuple(found))


def _one_to(last: int) -> range:
    return range(1, last + 1)


def text(wiring: Wiring, rate: str = "4xHDR", radix: int = RADIX) -> bytes:
    """As `ibnetdiscover` prints it."""
    guids = wiring.guids()
    peers: dict[str, dict[int, End]] = {}
    for one, two in wiring.links:
        for (name, port), other in ((one, two), (two, one)):
            peers.setdefault(name, {})[port] = other
    adapters = set(wiring.adapters)
    label = {name: f'"{"H" if name in adapters else "S"}-{guid:016x}"' for name, guid in guids.items()}
    lines: list[str] = []
    for name, guid in guids.items():
        kind = "ca" if name in adapters else "switch"
        lines += ["vendid=0x2c9", "devid=0xd2f0", f"sysimgguid={guid:#x}"]
        lines.append(f"{kind}guid={guid:#x}" + ("" if name in adapters else f"({guid:x})"))
        if name in adapters:
            lines.append(f'Ca\t1 {label[name]}\t\t# "{name} mlx5_0"')
        else:
            lines.append(f'Switch\t{radix} {label[name]}\t\t# "{name}" enhanced port 0 lid 0 lmc 0')
        for port, (peer, back) in sorted(peers[name].items()):
            if name in adapters:
                lines.append(f'[{port}]({guid + 1:x}) \t{label[peer]}[{back}]\t\t# lid 0 lmc 0 "{peer}" lid 0 {rate}')
            else:
                own = f"({guids[peer] + 1:x}) " if peer in adapters else ""
                shown = f"{peer} mlx5_0" if peer in adapters else peer
                lines.append(f'[{port}]\t{label[peer]}[{back}]{own}\t\t# "{shown}" lid 0 {rate}')
        lines.append("")
    return ("\n".join(lines) + "\n").encode()


def subnet(wiring: Wiring, lmc: int = 0) -> Subnet:
    """As read back, with LIDs: adapters from 1 on, `2**lmc` each, switches behind them."""
    read = ibnetdiscover.read(text(wiring), "topology.net")
    lid = 1 << lmc
    nodes = {}
    for guid, node in read.nodes.items():
        if node.kind == "adapter":
            nodes[guid] = replace(node, ports={n: replace(port, lid=lid, lmc=lmc) for n, port in node.ports.items()})
            lid += 1 << lmc
        else:
            nodes[guid] = node
    return Subnet(nodes)


def shortest_ways(channels: Channels) -> Forwarding:
    """Forwarding tables of shortest ways; of several, each destination takes the next."""
    count = len(channels.switches)
    to = destinations(channels)
    table = np.full((count, int(to.lid.max()) + 1), 255, dtype=np.uint8)
    for n, (lid, end) in enumerate(zip(to.lid.tolist(), to.end.tolist(), strict=True)):
        target = int(channels.end_switch[end])
        distance = _distances(channels, target)
        table[target, lid] = channels.end_port[end]
        for switch in range(count):
            if switch != target:
                down = [
                    c
                    for c in range(len(channels))
                    if channels.tail[c] == switch and distance[channels.head[c]] < distance[switch]
                ]
                table[switch, lid] = channels.out_port[down[n % len(down)]]
    return table


def _distances(channels: Channels, target: int) -> list[int]:
    distance = [10**6] * len(channels.switches)
    distance[target] = 0
    front: Iterable[int] = [target]
    while front:
        reached = set()
        for switch in front:
            for c in range(len(channels)):
                if channels.head[c] == switch and distance[channels.tail[c]] == 10**6:
                    distance[channels.tail[c]] = distance[switch] + 1
                    reached.add(int(channels.tail[c]))
        front = reached
    return distance
