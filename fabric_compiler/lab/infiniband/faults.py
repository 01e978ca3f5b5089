"""Faults, made on ibsim's console: a cable cut, a switch lost, and each mended; how long the subnet manager takes to heal."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.lab.infiniband import checks, manager, simulator
from fabric_compiler.lab.infiniband.checks import Picture
from fabric_compiler.lab.infiniband.intended import Intended
from fabric_compiler.lab.infiniband.network import Network
from fabric_compiler.lab.report import Check, check
from fabric_compiler.verify.wiring import Wire

_POLL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Fault:
    """`make` and `mend` are commands of ibsim; `lost` are the cables that are gone in between."""

    name: str
    what: str
    make: str
    mend: str
    lost: tuple[Wire, ...]
    switch: str = ""  # GUID of the one that is gone, as OpenSM writes it


def faults(now: Picture, meant: Intended, seed: int) -> Iterator[Fault]:
    """A cable from each tier to the next and a switch of each tier but the lowest, chosen by the seed.

    What a tier has no other of is left alone; so is whatever is not there.
    """
    drawn = random.Random(seed)  # noqa: S311 -- a choice, no secret
    label = {
        (place.device, name): (guid, number)
        for guid, place in now.identified.places.items()
        for number, name in place.ports.items()
    }
    nodes = {place.device: guid for guid, place in now.identified.places.items() if place.device in meant.tier}
    between = [wire for wire in meant.wires if wire.a.device in meant.tier and wire.b.device in meant.tier]
    for lower in range(meant.tiers - 1):
        cables = [wire for wire in between if meant.tier[wire.a.device] == lower]
        beside = {wire.a.device for wire in cables}
        several = [w for w in cables if sum(o.a.device == w.a.device for o in cables) > 1 and (w.a.device, w.a.port) in label]
        if several:
            cable = drawn.choice(several)
            guid, port = label[cable.a.device, cable.a.port]
            command = f'"S-{guid:016x}"[{port}]'
            yield Fault("cable cut", f"{cable.a} - {cable.b}", f"Unlink {command}", f"ReLink {command}", (cable,))
        above: dict[str, set[str]] = {name: set() for name in beside}
        for wire in cables:
            above[wire.a.device].add(wire.b.device)
        spare = sorted({wire.b.device for wire in cables if wire.b.device in nodes and {wire.b.device} not in above.values()})
        if spare:
            name = drawn.choice(spare)
            own = tuple(wire for wire in meant.wires if name in (wire.a.device, wire.b.device))
            node = f'"S-{nodes[name]:016x}"'
            yield Fault(
                "switch lost", f"{name}, its {len(own)} cables", f"Unlink {node}", f"ReLink {node}", own, f"{nodes[name]:#x}"
            )


def run(network: Network, meant: Intended, fault: Fault, wait: float) -> Check:
    """Make the fault, wait until all that is left reaches each other, mend it, wait until all is as promised again."""
    left = _without(meant, fault)
    broken = _heals(network, fault, fault.make, left, wait)
    mended = _heals(network, fault, fault.mend, meant, wait)
    wrong = [f"{wait:g} s after it {said}" for said in broken.wrong] + [f"after it was mended {said}" for said in mended.wrong]
    said = f"{fault.what}: routed around after {broken.seconds:.2f} s, all as before {mended.seconds:.2f} s after it was mended"
    return check(fault.name, said if not wrong else fault.what, wrong, broken.seconds)


def _without(meant: Intended, fault: Fault) -> Intended:
    return replace(meant, wires=[wire for wire in meant.wires if wire not in set(fault.lost)])


@dataclass(frozen=True, slots=True)
class _Healed:
    seconds: float
    wrong: tuple[str, ...]


def _heals(network: Network, fault: Fault, command: str, meant: Intended, wait: float) -> _Healed:
    """Give the command; how long until a sweep of the subnet manager after which all holds, or what does not."""
    directory = network.at.directory
    log = manager.log(directory)
    before = log.sweeps
    start = time.monotonic()
    simulator.command(directory, command)
    wrong: tuple[str, ...] = ("the subnet manager does not sweep the subnet",)
    while time.monotonic() - start < wait:
        found = manager.log(directory)
        if found.sweeps == before:
            time.sleep(_POLL)
            continue
        before, moment = found.sweeps, time.monotonic()
        wrong = tuple(_wrong(network, fault, meant, len(log.errors)))
        if not wrong:
            return _Healed(moment - start, ())
    return _Healed(wait, wrong)


def _wrong(network: Network, fault: Fault, meant: Intended, errors: int) -> Iterator[str]:
    """What does not hold now. A node that does not answer is being changed by the subnet manager.

    Loads are even again once nothing is lost any more.
    """
    try:
        now = checks.picture(network, meant)
        rows: Sequence[Check] = [
            checks.check_log(network, meant, errors, fault.switch),
            checks.check_cables(now, meant.wires),
            checks.check_reach(now),
            checks.check_hops(now, meant),
            *([] if set(fault.lost).isdisjoint(meant.wires) else [checks.check_load(now, meant)]),
        ]
        if all(row.passed for row in rows):
            levels, extent = checks.asked(now, network, meant, 1)
            rows = [*rows, checks.check_credit(now, meant, levels), checks.check_partitions(now, meant, levels, extent)]
    except (OSError, TimeoutError, CompileError) as error:
        yield f"the subnet cannot be read: {error}"
        return
    yield from (sentence for row in rows for sentence in row.wrong)
