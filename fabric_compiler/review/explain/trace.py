"""Which lines of a device's files follow from which fields of its model: it is rendered again with each field changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fabric_compiler.model.device import DeviceModel
from fabric_compiler.review.explain.perturb import Field, declared_fields, variants
from fabric_compiler.review.lines import blocks

Render = Callable[[DeviceModel], Mapping[str, bytes]]
_REFUSALS = (ValueError, LookupError, TypeError, AttributeError)  # of a value that the operating system has no words for


@dataclass(frozen=True, slots=True)
class Trace:
    """`lines` of each file; `fields` of each line (file, number from 1), those that move the fewest lines first."""

    lines: Mapping[str, list[str]]
    fields: Mapping[tuple[str, int], tuple[Field, ...]]


def trace(model: DeviceModel, render: Render, network: str) -> Trace:
    """Render the device as it is and with each declared field changed, for a server in the NICs of one network; what differs
    follows from the field."""
    base = _split(render(model))
    moved: dict[Field, set[tuple[str, int]]] = {}
    for field in declared_fields(model):
        touched: set[tuple[str, int]] = set()
        for variant in variants(model, field.path, network):
            try:
                touched |= _differing(base, _split(render(variant)))
            except _REFUSALS:
                continue
            if touched:
                break
        if touched:
            moved[field] = touched
    found: dict[tuple[str, int], list[Field]] = defaultdict(list)
    for field in sorted(moved, key=lambda field: len(moved[field])):
        for place in moved[field]:
            found[place].append(field)
    return Trace(base, {place: tuple(named) for place, named in found.items()})


def _split(files: Mapping[str, bytes]) -> dict[str, list[str]]:
    return {name: content.decode("utf-8", "replace").split("\n") for name, content in files.items()}


def _differing(base: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for name, lines in base.items():
        changed = other.get(name, [])
        if changed is lines or changed == lines:
            continue
        for block in blocks(lines, changed):
            found |= {(name, number + 1) for number in range(block.old, block.old_end)}
    return found
