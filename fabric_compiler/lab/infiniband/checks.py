"""What a running subnet is held to: the plan, and what its topology and routing engine promise.

The proofs are of all pairs; path records of large subnets, which the subnet's administration hands out one by one, are sampled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fabric_compiler.lab.infiniband import log as logs
from fabric_compiler.lab.infiniband import manager, reading
from fabric_compiler.lab.infiniband.intended import SHORTEST, Intended, talk
from fabric_compiler.lab.infiniband.network import Network
from fabric_compiler.lab.infiniband.reading import NO_PATH, Reading
from fabric_compiler.lab.report import Check, check
from fabric_compiler.verify.credit import DROPPED, LEVELS, Buffer, Credit, Levels, credit
from fabric_compiler.verify.evenness import bundles, empty_ports, uneven
from fabric_compiler.verify.forwarding import (
    ARRIVES,
    DEAD_END,
    GOES_ROUND,
    NO_ENTRY,
    WRONG_PORT,
    Ways,
    shortest,
    ways,
)
from fabric_compiler.verify.identity import Identified, identify
from fabric_compiler.verify.partitions import FULL, talking
from fabric_compiler.verify.wiring import Wire, compare

# Engines that give every pair a service level of its own (path_sl of opensm's osm_routing_engine)
LEVELLED: Final = frozenset({"lash", "dfsssp", "nue", "torus-2QoS"})
_MOST_RECORDS = 1 << 14  # path records that are asked for where all service levels are proven anyway
_SHOWN = 20
NOT_ASKED: Final = 254  # beside NO_PATH
_OUTCOMES: Final = {
    NO_ENTRY: "its forwarding table has no entry",
    DEAD_END: "it ends at a port where nothing is",
    WRONG_PORT: "it ends at another adapter",
    GOES_ROUND: "it goes round in a circle",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A subnet as it was read at one moment, and what follows from it."""

    reading: Reading
    identified: Identified
    ways: Ways
    owners: tuple[str, ...]  # devices of the end ports

    def end(self, number: int) -> str:
        """An end port by the name that its node was meant to have."""
        node = self.reading.channels.ends[number].node
        place = self.identified.places.get(node.guid)
        return place.text if place else node.text

    def switch(self, number: int) -> str:
        return self.reading.channels.switches[number].text


def picture(network: Network, meant: Intended) -> Picture:
    """Raises OSError, TimeoutError, CompileError."""
    now = reading.read(network.at)
    known = identify(now.subnet, meant.places, True)
    owners = tuple(
        known.places[end.node.guid].device if end.node.guid in known.places else end.node.text for end in now.channels.ends
    )
    return Picture(now, known, ways(now.channels, now.table), owners)


def check_log(network: Network, meant: Intended, after: int = 0, lost: str = "") -> Check:
    """The engine is the one that was chosen, and OpenSM took every option and file without an error.

    Of the errors, those `after` so many, and not those of a GUID that is `lost`.
    """
    said = manager.log(network.at.directory)
    errors = [error for error in said.errors[after:] if not lost or lost not in error]
    wrong = [*logs.refusals(manager.printed(network.at.directory)), *errors]
    engine = said.engines[-1] if said.engines else "none"
    if any(used != meant.engine for used in said.engines) or not said.engines:
        wrong.append(f"{engine} configured the switches, and not {meant.engine}")
    return check("subnet manager", f"{engine} configured the switches; no error and no unknown option in its log", wrong)


def check_cables(now: Picture, wires: Sequence[Wire]) -> Check:
    """What the subnet manager found is what was planned. The simulator's speeds are its own."""
    plain = [wire._replace(speed=0) for wire in wires]
    differences = [*now.identified.strange, *compare(plain, now.identified.wires, now.identified.seen)]
    return check("cables", f"{len(wires)} links as planned", [difference.message for difference in differences])


def check_reach(now: Picture) -> Check:
    ends, to = len(now.reading.channels.ends), now.ways.destinations
    bad = np.argwhere(now.ways.outcome != ARRIVES)
    wrong = [
        f"from {now.switch(now.ways.source[row])} there is no way to {now.end(to.end[column])} (LID {to.lid[column]}): "
        f"{_OUTCOMES[int(now.ways.outcome[row, column])]}"
        for row, column in bad[: _SHOWN + 1].tolist()
    ]
    return check("reachability", f"{ends} adapters reach each other: {ends * (ends - 1)} pairs, all proven", wrong)


def check_hops(now: Picture, meant: Intended) -> Check:
    """Shortest ways, where the engine promises those; in a folded Clos never more than up to the top and down."""
    channels, found = now.reading.channels, now.ways
    needed = shortest(channels, found.source)[:, channels.end_switch[found.destinations.end]]
    most = 2 * (meant.tiers - 1) if meant.tiers else int(needed.max(initial=0))
    too_long = (found.hops > needed) if meant.engine in SHORTEST else np.zeros(found.hops.shape, dtype=bool)
    if meant.tiers:
        too_long |= found.hops > most
    wrong = [
        f"from {now.switch(found.source[row])} to {now.end(found.destinations.end[column])} it is "
        f"{found.hops[row, column]} cables, and {needed[row, column]} would do"
        for row, column in np.argwhere(too_long)[: _SHOWN + 1].tolist()
    ]
    around = int((found.hops > needed).sum())
    said = f"at most {int(found.hops.max(initial=0))} cables between two switches"
    return check("hops", f"{said}, {f'{around} ways longer than need be' if around else 'every way a shortest one'}", wrong)


def check_load(now: Picture, meant: Intended) -> Check:
    """All-to-all loads the cables of each switch evenly, up and down; see verify.evenness."""
    channels = now.reading.channels
    tier = np.array([meant.tier.get(switch.text, 0) for switch in channels.switches], dtype=np.int32)
    found, holes = bundles(channels, now.ways, tier), empty_ports(channels)
    wrong = [
        f"all-to-all loads the cables {'up from' if one.upwards else 'down to'} {now.switch(one.switch)} with {one.least} to "
        f"{one.most} flows; one destination brings {one.step}"
        for one in (uneven(found, holes) if meant.even else ())
    ]
    spread = max(((one.most - one.least) / one.step for one in found if one.step), default=0.0)
    if not meant.tiers:
        said = "no tiers to be even over"
    elif spread <= 1:
        said = f"all-to-all loads the cables of each of {len(found)} bundles even to within one flow"
    else:
        allowed = f", with {holes} ports without an adapter" if meant.even else f", which {meant.engine} does not promise"
        said = f"all-to-all loads the cables of a bundle even to within {spread:.0f} flows{allowed}"
    return check("load", said, wrong)


def check_credit(now: Picture, meant: Intended, levels: Levels) -> Check:
    """No credit loop, over the lanes that packets take by their service level and the switches' tables."""
    levels = np.where(levels == NOT_ASKED, NO_PATH, levels).astype(np.uint8)
    levelled = meant.engine in LEVELLED
    found = _credit(now, [levels] if levelled else list(_every_level(now)))
    wrong = list(_loop(now, found.loop))
    wrong += [
        f"packets from {now.end(end)} to {now.end(int(now.ways.destinations.end[column]))} are dropped: a switch on their way "
        f"has no lane for service level {levels[end, column]}"
        for end, column in _credit(now, [levels]).dropped[: _SHOWN + 1]
    ]
    wrong += [
        f"{now.end(end)} has no lane for service level {level}"
        for end in range(len(levels))
        for level in np.unique(levels[end][levels[end] != NO_PATH]).tolist()
        if now.reading.end_lanes[end, level] == DROPPED
    ]
    of = "the service level of every pair's path record" if levelled else "every service level that has a lane"
    said = f"no credit loop: {found.dependencies} dependencies over {_count(len(found.lanes), 'virtual lane')}, with {of}"
    return check("credit loops", said, wrong)


def _credit(now: Picture, levels: Sequence[Levels]) -> Credit:
    seen = now.reading
    return credit(seen.channels, seen.table, now.ways.destinations, levels, seen.lanes)


def _every_level(now: Picture) -> Iterator[Levels]:
    """All pairs on one level, for each level that is mapped in a way of its own; not for those that have no lane anywhere."""
    shape = (len(now.reading.channels.ends), len(now.ways.destinations))
    told = set[bytes]()
    for level in range(LEVELS):
        column = now.reading.lanes[..., level]
        digest = column.tobytes()
        if (column != DROPPED).any() and digest not in told:
            told.add(digest)
            yield np.broadcast_to(np.uint8(level), shape)


def _loop(now: Picture, loop: Sequence[Buffer]) -> Iterator[str]:
    """The cables of a circle, in their order."""
    if not loop:
        return
    channels = now.reading.channels
    steps = []
    for channel, lane in loop:
        tail, head = channels.tail[channel], channels.head[channel]
        out, into = (
            _port(now, int(switch), int(port))
            for switch, port in ((tail, channels.out_port[channel]), (head, channels.in_port[channel]))
        )
        steps.append(f"{out} -> {into} (VL {lane})")
    yield f"a credit loop of {len(loop)} cables: {'; '.join(steps)}; and again the first"


def _port(now: Picture, switch: int, port: int) -> str:
    node = now.reading.channels.switches[switch]
    place = now.identified.places.get(node.guid)
    return f"{node.text} {place.ports.get(port, f'port {port}') if place else f'port {port}'}"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def asked(now: Picture, network: Network, meant: Intended, seed: int, most: int | None = None) -> tuple[Levels, str]:
    """Service levels of the pairs' path records: of all where the routing engine chooses them, else of a sample; and which.

    NOT_ASKED for the others. Raises OSError.
    """
    channels, to = now.reading.channels, now.ways.destinations
    most = _MOST_RECORDS if most is None else most
    chosen = np.arange(len(channels.ends))[:, None] != to.end[None, :]
    count = int(chosen.sum())
    extent = f"{count} path records, all"
    if meant.engine not in LEVELLED and count > most:
        drawn = np.random.default_rng(seed).choice(np.flatnonzero(chosen), most, replace=False)
        chosen = np.zeros(chosen.size, dtype=bool)
        chosen[drawn] = True
        chosen = chosen.reshape(len(channels.ends), len(to))
        extent = f"{most} of {count} path records, sampled with seed {seed}"
    levels = reading.levels(network.at, channels, to, now.reading.manager, chosen)
    return np.where(chosen, levels, NOT_ASKED).astype(np.uint8), extent


def check_partitions(now: Picture, meant: Intended, levels: Levels, extent: str) -> Check:
    """The P_Key tables of adapters and switches let those talk who may, and nobody else; so do the path records."""
    seen, to = now.reading, now.ways.destinations
    master = np.array([end.port.lid == seen.manager for end in seen.channels.ends], dtype=bool)
    allowed = talk(meant, now.owners, master)
    real = talking(seen.keys)[:, to.end]
    wrong = [
        *_between(now, real & ~allowed[:, to.end], "the P_Keys do not keep apart"),
        *_between(now, ~real & allowed[:, to.end], "the P_Keys keep apart"),
    ]
    for n, (own, let) in enumerate(zip(seen.keys, seen.enforced, strict=True)):
        if {key & ~FULL for key in own} != {key & ~FULL for key in let}:
            wrong.append(f"the switch of {now.end(n)} lets other P_Keys pass there than the adapter has")
    known = levels != NOT_ASKED
    given = levels != NO_PATH
    wrong += _between(now, known & ~given & allowed[:, to.end], "the subnet administration has no path between")
    wrong += _between(now, known & given & ~allowed[:, to.end], "the subnet administration has a path between")
    kept = "one partition" if not meant.tenants else f"{_count(len(meant.tenants), 'tenant')}, kept apart by P_Keys"
    return check("partitions", f"{kept}: {len(now.owners)} P_Key tables, all, and {extent}", wrong)


def _between(now: Picture, pairs: npt.NDArray[np.bool_], what: str) -> Iterator[str]:
    """A sentence for each two devices of which some pairs of adapters are meant."""
    counts = Counter[tuple[str, str]]()
    for one, other in np.argwhere(pairs).tolist():
        a, b = sorted((now.owners[one], now.owners[now.ways.destinations.end[other]]))
        counts[a, b] += 1
    for (a, b), count in sorted(counts.items()):
        yield f"{what} {a} and {b} ({_count(count, 'way')})"


def checks(network: Network, meant: Intended, seed: int, sample: int | None = None) -> Iterator[Check]:
    """A row a check, on the subnet as it is now. Raises OSError, TimeoutError, CompileError."""
    yield check_log(network, meant)
    now = picture(network, meant)
    yield check_cables(now, meant.wires)
    yield check_reach(now)
    yield check_hops(now, meant)
    yield check_load(now, meant)
    levels, extent = asked(now, network, meant, seed, sample)
    yield check_credit(now, meant, levels)
    yield check_partitions(now, meant, levels, extent)
