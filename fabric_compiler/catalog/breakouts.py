"""SONiC's words for what a cage can be split into, and what the other operating systems make of them.

The words are those of platform.json: `2x400G[200G,100G]` are two ports of 400G, which may also run at 200G or 100G each;
`1x400G(4)` is one port on four lanes of the cage, whatever the cage has (sonic-config-engine, portconfig.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fabric_compiler.catalog.types import Breakout
from fabric_compiler.units import format_speed, shorten, speed

_WORD = re.compile(
    r"(?P<ports>[1-9]\d?)x(?P<speed>\d{1,4}G)(?:\[(?P<more>[\dG, ]{1,80})\])?(?:\((?P<lanes>[1-9]\d?)\))?", re.ASCII
)

# What one lane carries: NRZ 10G and 25G, PAM4 50G, 100G and 200G.
_LANE_RATES = frozenset({10_000, 25_000, 50_000, 100_000, 200_000})


def parse_mode(word: str, cage_lanes: int) -> tuple[Breakout, ...]:
    """The breakouts that one word stands for, its own speed first; ValueError when the word is none or does not fit the cage.

    Mixed modes (`4x100G(4)+1x400G(4)`) are not supported: the ports of a cage have one speed in this compiler.
    """
    match = _WORD.fullmatch(word)
    if not match:
        raise ValueError(f"expected a breakout mode such as 2x400G[200G,100G] or 1x400G(4), got {shorten(word)}")
    ports = int(match["ports"])
    lanes = int(match["lanes"] or cage_lanes)
    if lanes > cage_lanes or lanes % ports:
        raise ValueError(f"{word} does not divide the {cage_lanes} lanes of the cage")
    speeds = [match["speed"], *re.findall(r"\d+G", match["more"] or "")]
    return tuple(Breakout(word, ports, speed(one), lanes // ports) for one in speeds)


def in_order(words: Iterable[str], cage_lanes: int) -> tuple[Breakout, ...]:
    """All breakouts of a cage. A mode's own speed goes before the bracketed ones: of `1x800G[400G]` and `1x400G` the latter
    is the platform's word for a port of 400G, and the one that its hwsku.json files use."""
    parsed = [parse_mode(word, cage_lanes) for word in words]
    return tuple(b[0] for b in parsed) + tuple(more for b in parsed for more in b[1:])


def eos_mode(breakout: Breakout) -> str | None:
    """EOS's word of a port, as after `speed`: 400g-4 is 400G on four lanes; None where no lane has such a rate."""
    if breakout.speed % breakout.lanes or breakout.speed // breakout.lanes not in _LANE_RATES:
        return None
    return f"{format_speed(breakout.speed).lower()}-{breakout.lanes}"
