"""Any link within a data centre is carried by something: the chains of media have no holes."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest

from fabric_compiler.catalog.breakouts import eos_mode
from fabric_compiler.catalog.loader import load
from fabric_compiler.catalog.types import Medium
from fabric_compiler.units import format_speed

CATALOG = load()
MEDIA = tuple(medium for medium in CATALOG.media if medium.protocol == "ethernet")
SPEEDS = (100_000, 200_000, 400_000, 800_000)
M = 1000

End = tuple[str, int, int]  # form factor, ports in the cage, lane rate of a split port (0 when the cage is unsplit)


def fits(medium: Medium, a: End, b: End) -> bool:
    """Whether one module of `medium` can sit in each of the two cages."""
    if medium.assemblies:
        modules = {m.name: (m.form_factor, m.ports) for m in medium.modules}
        return any({modules[x], modules[y]} == {a[:2], b[:2]} for x, y in medium.assemblies)
    held = {(m.form_factor, m.ports) for m in medium.modules}
    return a[:2] in held and b[:2] in held


def switch_ends(speed: int) -> set[End]:
    """The ways in which switches have ports of `speed`, with lanes of 50G at least where a cage is split.

    A split port on NRZ lanes (2x100G of 8 lanes is 4 x 25G) has no module of its own; the platform's wider split is used.
    The optical engines of the co-packaged switch are FR4 and cannot be split.
    """
    ends: set[End] = set()
    for switch in CATALOG.switches.values():
        for cage in switch.cages if switch.protocol == "ethernet" else ():
            for b in cage.breakouts:
                rate = b.speed // b.lanes
                if b.speed != speed or (cage.form_factor == "cpo" and b.ports > 1):
                    continue
                if b.ports == 1:
                    ends.add((cage.form_factor, 1, 0))
                elif rate >= 50_000 and eos_mode(b):
                    ends.add((cage.form_factor, b.ports, rate))
    return ends


def nic_ends(speed: int) -> set[End]:
    ends: set[End] = set()
    for server in CATALOG.servers.values():
        for group in server.nic_groups.values():
            for ports, each in group.breakouts.items():
                if each == speed:
                    shared = len(group.cages) // len(set(group.cages)) if group.cages else 1
                    ends.add((group.form_factor, ports * shared, 0))
    return ends


def speak_the_same(speed: int, a: End, b: End) -> bool:
    """200G comes on two lanes of 100G or four of 50G, and no optical module joins the two. A switch's cage of one 200G port
    takes QSFP56 (50G lanes); a QSFP112 NIC takes both."""
    if speed != 200_000:
        return True
    families = [lanes_of_200g(end) for end in (a, b)]
    return bool(families[0] & families[1])


def lanes_of_200g(end: End) -> set[int]:
    form_factor, ports, rate = end
    if ports > 1:
        return {rate}
    return {50_000, 100_000} if form_factor == "qsfp112" else {50_000}


PAIRS = [
    (speed, a, b)
    for speed in SPEEDS
    for a, b in [
        *combinations_with_replacement(sorted(switch_ends(speed)), 2),
        *((s, n) for s in sorted(switch_ends(speed)) for n in sorted(nic_ends(speed))),
    ]
    if speak_the_same(speed, a, b)
]


@pytest.mark.parametrize(("speed", "a", "b"), PAIRS, ids=lambda v: format_speed(v) if isinstance(v, int) else f"{v[0]}x{v[1]}")
def test_some_medium_crosses_a_hall(speed: int, a: End, b: End) -> None:
    usable = [m for m in MEDIA if m.speed == speed and fits(m, a, b)]
    assert max((m.reach for m in usable), default=0) >= 100 * M


def test_the_pairs_are_those_that_matter() -> None:
    assert (400_000, ("osfp", 2, 100_000), ("osfp-rhs", 2, 0)) in PAIRS  # DGX to a twin-port leaf
    assert (400_000, ("osfp", 2, 100_000), ("qsfp-dd", 1, 0)) in [(s, *sorted((a, b))) for s, a, b in PAIRS]
    assert (400_000, ("cpo", 1, 0), ("osfp", 2, 100_000)) in PAIRS
    assert (800_000, ("osfp", 1, 0), ("osfp-rhs", 1, 0)) in PAIRS
    assert (200_000, ("osfp", 4, 100_000), ("qsfp112", 1, 0)) in PAIRS
    assert len(PAIRS) >= 60


@pytest.mark.parametrize("speed", SPEEDS)
def test_each_speed_has_a_chain_from_copper_to_kilometres(speed: int) -> None:
    kinds = {m.kind: m for m in reversed(MEDIA) if m.speed == speed}
    assert {"dac", "aoc", "multimode", "singlemode"} <= set(kinds)
    assert max(m.reach for m in MEDIA if m.speed == speed and m.kind == "singlemode") >= 10_000 * M
    assert all(m.reach <= 3 * M for m in MEDIA if m.speed == speed and m.kind == "dac")
    assert all(m.reach <= 7 * M for m in MEDIA if m.speed == speed and m.kind == "aec")


def test_cheaper_media_are_preferred() -> None:
    """Copper before multimode before single-mode; among one kind, shorter before longer where both fit."""
    first = {kind: min(m.rank for m in MEDIA if m.kind == kind) for kind in ("dac", "aec", "aoc", "multimode", "singlemode")}
    assert list(first.values()) == sorted(first.values())
    single = [m for m in MEDIA if m.kind == "singlemode"]
    for speed in SPEEDS:
        reaches = [m.reach for m in single if m.speed == speed]
        assert reaches == sorted(reaches)


def test_the_order_chooses_by_length() -> None:
    def chosen(metres: int, a: End, b: End) -> str:
        return next(m.name for m in MEDIA if m.speed == 400_000 and m.reach >= metres * M and fits(m, a, b))

    leaf, nic, spine, cpo = ("osfp", 2, 100_000), ("osfp-rhs", 1, 0), ("qsfp-dd", 1, 0), ("cpo", 1, 0)
    lengths = (2, 4, 30, 80, 900)
    assert [chosen(n, leaf, nic) for n in lengths] == [
        "400g-dac-splitter",
        "400g-acc-splitter",
        "400g-sr4",
        "400g-dr4",
        "400g-fr4",
    ]
    assert [chosen(n, spine, spine) for n in (2, 6, 20, 80)] == [
        "400g-dac-50g-lanes",
        "400g-aec-50g-lanes",
        "400g-aoc-50g-lanes",
        "400g-sr8",
    ]
    assert chosen(80, leaf, spine) == "400g-dr4"
    assert chosen(80, leaf, cpo) == "400g-fr4-cpo"


def test_a_splitter_has_sides_of_different_ports() -> None:
    medium = next(m for m in CATALOG.media if m.name == "400g-dac-splitter")
    ports = {m.name: m.ports for m in medium.modules}
    assert all((ports[a], ports[b]) == (2, 1) for a, b in medium.assemblies)


def test_assembled_and_free_media_are_told_apart() -> None:
    for medium in CATALOG.media:
        assert bool(medium.assemblies) == (medium.kind in {"dac", "aec", "aoc"})
        assert medium.latency_ns >= 0
        assert medium.reach > 0
