"""The cables as they lie against the cables as they were meant, in the words of whoever has one in the hand.

It does not matter how the real cables were found: both sides are plugs, by the names of device and port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from fabric_compiler.units import format_speed

_SHOWN = 3


class Plug(NamedTuple):
    device: str
    port: str

    def __str__(self) -> str:
        return f"{self.device} {self.port}"


class Wire(NamedTuple):
    """A link between two plugs, the lower tier's first; `speed` in Mb/s, 0 where it is not known."""

    a: Plug
    b: Plug
    speed: int


class Kind(StrEnum):
    UNKNOWN_DEVICE = "unknown-device"
    MISSING_DEVICE = "missing-device"
    EXCHANGED = "exchanged"
    MISPLACED = "misplaced"
    MISSING = "missing"
    EXTRA = "extra"
    SPEED = "speed"


@dataclass(frozen=True, slots=True)
class Difference:
    """`message` is a sentence; `plugs` are those that it names, in its order."""

    kind: Kind
    message: str
    plugs: tuple[Plug, ...]


Ends = dict[Plug, Plug]
"""Where the cable in a plug leads, by each plug."""


def compare(meant: Sequence[Wire], real: Sequence[Wire], seen: Mapping[str, bool]) -> list[Difference]:
    """`seen` holds the devices that were seen, and tells of each whether it is one of the fabric's.

    A device of the fabric that was not seen is one difference, and so is one that is not the fabric's; their cables are not
    listed besides, but for those that belong elsewhere.
    """
    there = [wire for wire in meant if wire.a.device in seen and wire.b.device in seen]
    wanted, lying = _ends(there), _ends(real)
    right = {plug for plug, peer in wanted.items() if lying.get(plug) == peer}
    wrong = [plug for wire in there for plug in (wire.a, wire.b) if plug not in right]
    wanted = {plug: peer for plug, peer in wanted.items() if plug not in right}
    lying = {plug: peer for plug, peer in lying.items() if plug not in right}
    return [
        *_missing_devices(meant, seen),
        *_unknown_devices(real, seen),
        *_exchanged(wrong, wanted, lying),
        *_misplaced(wrong, wanted, lying),
        *_missing(wrong, wanted),
        *_extra(lying, seen),
        *_speeds([wire for wire in there if wire.a in right], real),
    ]


def _ends(wires: Sequence[Wire]) -> Ends:
    return {one: other for wire in wires for one, other in ((wire.a, wire.b), (wire.b, wire.a))}


def _missing_devices(meant: Sequence[Wire], seen: Mapping[str, bool]) -> Iterator[Difference]:
    absent: dict[str, list[Plug]] = {}
    for wire in meant:
        for plug in (wire.a, wire.b):
            if plug.device not in seen:
                absent.setdefault(plug.device, []).append(plug)
    for name, plugs in absent.items():
        cables = f"its {len(plugs)} cables are" if len(plugs) > 1 else "its cable is"
        yield Difference(Kind.MISSING_DEVICE, f"{name} is not seen: it is down, or {cables} not plugged", tuple(plugs))


def _unknown_devices(real: Sequence[Wire], seen: Mapping[str, bool]) -> Iterator[Difference]:
    strange: dict[str, list[tuple[Plug, Plug]]] = {name: [] for name, known in seen.items() if not known}
    for wire in real:
        for one, other in ((wire.a, wire.b), (wire.b, wire.a)):
            if one.device in strange:
                strange[one.device].append((one, other))
    for name, cables in strange.items():
        shown = [f"from its {one.port} to {other}" for one, other in cables[:_SHOWN]]
        more = f" and {len(cables) - _SHOWN} more" if len(cables) > _SHOWN else ""
        where = f", and has a cable {', '.join(shown)}{more}" if cables else ""
        plugs = tuple(plug for pair in cables for plug in pair)
        yield Difference(Kind.UNKNOWN_DEVICE, f"{name} is not of this fabric{where}", plugs)


def _exchanged(wrong: Sequence[Plug], wanted: Ends, lying: Ends) -> Iterator[Difference]:
    """Two cables that have one end in each other's place: to exchange two plugs mends both."""
    for one in wrong:
        belongs, leads = wanted.get(one), lying.get(one)
        other = wanted.get(leads) if leads else None  # whose place our cable took
        if belongs is None or leads is None or other is None or lying.get(other) != belongs:
            continue
        # where both are on one device it is done in one place
        first, second = (one, other) if one.device == other.device and belongs.device != leads.device else (belongs, leads)
        beside = second.port if second.device == first.device else str(second)
        yield Difference(
            Kind.EXCHANGED,
            f"exchange the plugs in {first} and {beside}: {one} leads to {leads} and belongs to {belongs}, "
            f"{other} leads to {belongs} and belongs to {leads}",
            (first, second, one, leads, belongs, other),
        )
        for plug in (one, other, belongs, leads):
            wanted.pop(plug, None)
            lying.pop(plug, None)


def _misplaced(wrong: Sequence[Plug], wanted: Ends, lying: Ends) -> Iterator[Difference]:
    """One end of a cable is where it belongs, and the other elsewhere."""
    taken = dict(lying)
    for one in wrong:
        if one not in wanted or one not in lying:
            continue
        belongs, leads = wanted[one], lying[one]
        instead = f"; in {belongs} is the cable of {taken[belongs]}" if belongs in taken else ""
        yield Difference(Kind.MISPLACED, f"{one} leads to {leads} and belongs to {belongs}{instead}", (one, leads, belongs))
        for ends, plugs in ((wanted, (one, belongs)), (lying, (one, leads))):
            for plug in plugs:
                ends.pop(plug, None)


def _missing(wrong: Sequence[Plug], wanted: Ends) -> Iterator[Difference]:
    for one in wrong:
        if one in wanted:
            other = wanted.pop(one)
            wanted.pop(other, None)
            message = f"no link between {one} and {other}: the cable is not plugged, or dark"
            yield Difference(Kind.MISSING, message, (one, other))


def _extra(lying: Ends, seen: Mapping[str, bool]) -> Iterator[Difference]:
    for one, other in sorted(lying.items()):
        if one < other and seen.get(one.device) and seen.get(other.device):
            yield Difference(Kind.EXTRA, f"a cable too much, from {one} to {other}", (one, other))


def _speeds(right: Sequence[Wire], real: Sequence[Wire]) -> Iterator[Difference]:
    speeds = {frozenset((wire.a, wire.b)): wire.speed for wire in real}
    for a, b, wanted in right:
        speed = speeds[frozenset((a, b))]
        if speed and wanted and speed != wanted:
            message = f"the link between {a} and {b} runs at {format_speed(speed)}, and is meant for {format_speed(wanted)}"
            yield Difference(Kind.SPEED, message, (a, b))
