"""Which modules of a medium sit in the cages at the two ends of a link."""

from __future__ import annotations

from dataclasses import dataclass

from fabric_compiler.cabling.cages import DIRECT, MESHED, SPLIT
from fabric_compiler.catalog.types import Medium, Module
from fabric_compiler.units import format_speed

Form = tuple[str, int]  # form factor, ports in the cage


@dataclass(frozen=True, slots=True)
class Ends:
    """What links have in common for the choice of their medium: their speed and the cages at their ends."""

    speed: int
    a: Form
    b: Form

    def __str__(self) -> str:
        return f"{format_speed(self.speed)} {self.a[0]}{self.a[1]}x-{self.b[0]}{self.b[1]}x"


def structures(medium: Medium, ends: Ends) -> frozenset[int]:
    """The structures of bundles in which `medium` can carry such links; none when a module is missing or the speed differs."""
    if medium.speed != ends.speed:
        return frozenset()
    if not medium.assemblies:
        return frozenset((MESHED, DIRECT, SPLIT)) if _held(medium, ends.a) and _held(medium, ends.b) else frozenset()
    pair = modules(medium, ends)
    if not pair:
        return frozenset()
    return frozenset((DIRECT,)) if pair[0].ports == pair[1].ports else frozenset((SPLIT,))


def modules(medium: Medium, ends: Ends) -> tuple[Module, Module] | None:
    """The modules in the cages of end a and end b; the first that fit, in the catalogue's order."""
    if not medium.assemblies:
        a, b = _held(medium, ends.a), _held(medium, ends.b)
        return (a, b) if a and b else None
    named = {module.name: module for module in medium.modules}
    for one, other in medium.assemblies:
        for a, b in ((named[one], named[other]), (named[other], named[one])):
            if (a.form_factor, a.ports) == ends.a and (b.form_factor, b.ports) == ends.b:
                return a, b
    return None


def _held(medium: Medium, form: Form) -> Module | None:
    return next((m for m in medium.modules if (m.form_factor, m.ports) == form), None)


def carries(medium: Medium, bundle: tuple[Ends, ...], structure: int) -> bool:
    """Whether `medium` carries all links of a bundle, whatever their length. A piece with fixed ends has tails of one kind."""
    if medium.assemblies and len(bundle) > 1:
        return False
    return all(structure in structures(medium, ends) for ends in bundle)
