"""The bill of materials: what is to be bought, counted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fabric_compiler.cabling.cages import Cages
from fabric_compiler.cabling.columns import DeviceColumns, Ints
from fabric_compiler.cabling.media import Fitted
from fabric_compiler.catalog.types import Catalog, Medium, Module
from fabric_compiler.ir.cabling import BomLine
from fabric_compiler.ir.graph import Column
from fabric_compiler.units import format_length

_KINDS = ("server", "switch", "module", "cable")


def fitted_cages(cages: Cages, fitted: Fitted) -> Ints:
    """Per cage, the index of the module or cable end in it, -1 for none."""
    held = np.full(len(cages.device), -1, dtype=np.int64)
    held[cages.a], held[cages.b] = fitted.a_module, fitted.b_module
    return held


def bill(
    columns: DeviceColumns, held: Ints, cable: Column, lengths: Ints, fitted: Fitted, catalog: Catalog
) -> tuple[BomLine, ...]:
    """Servers, switches and modules by name, cables by medium and length.

    A cable with fixed ends is one piece with the power of all its ends; modules and the fibre between them are counted apart,
    optics that are a part of their switch (co-packaged) not at all.
    """
    lines = [
        *_devices(columns, catalog),
        *_modules(held, fitted, catalog.media),
        *_cables(cable, lengths, fitted, catalog.media),
    ]
    merged: dict[tuple[str, str, float], BomLine] = {}
    for line in lines:
        key = (line.kind, line.item, line.watts_each)
        count = line.count + (merged[key].count if key in merged else 0)
        merged[key] = BomLine(line.item, line.kind, count, line.watts_each, merged.get(key, line).source)
    # Cables stay by medium and length, for as text 10 m comes before 7 m.
    return tuple(sorted(merged.values(), key=lambda line: (_KINDS.index(line.kind), line.item if line.kind != "cable" else "")))


def _devices(columns: DeviceColumns, catalog: Catalog) -> Iterator[BomLine]:
    counts = np.bincount(columns.model, minlength=len(columns.models)).tolist()
    for (kind, name), count in zip(columns.models, counts, strict=True):
        product = catalog.servers[name] if kind == "server" else catalog.switches[name]
        yield BomLine(name, kind, count, product.watts, product.source)


def _modules(held: Ints, fitted: Fitted, media: tuple[Medium, ...]) -> Iterator[BomLine]:
    counts = np.bincount(held[held >= 0], minlength=len(fitted.modules)).tolist()
    for (at, module), count in zip(fitted.modules, counts, strict=True):
        if count and not media[at].assemblies and not _part_of_switch(media[at], module):
            yield BomLine(module.name, "module", count, module.watts, media[at].source)


def _part_of_switch(medium: Medium, module: Module) -> bool:
    return medium.kind == "copackaged" and module.form_factor == "cpo"


def _cables(cable: Column, lengths: Ints, fitted: Fitted, media: tuple[Medium, ...]) -> Iterator[BomLine]:
    lead = np.unique(cable, return_index=True)[1]
    found = lead[fitted.medium[lead] >= 0]
    one, other = np.sort(np.stack([fitted.a_module[found], fitted.b_module[found]]), axis=0)  # whichever end is the lower
    size = len(fitted.modules) + 1
    kinds, counts = np.unique((((fitted.medium[found] * size + one) * size + other) << 32) | lengths[found], return_counts=True)
    for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        length, (rest, second) = kind & 0xFFFFFFFF, divmod(kind >> 32, size)
        at, first = divmod(rest, size)
        medium, shown = media[at], format_length(length)
        if not medium.assemblies:
            yield BomLine(f"fibre for {medium.name} {shown}", "cable", count, 0, medium.source)
            continue
        # The head of a splitter first, else as the catalogue has them.
        head, tail = sorted(
            (fitted.modules[first][1], fitted.modules[second][1]), key=lambda m: (-m.ports, medium.modules.index(m))
        )
        tails = head.ports // tail.ports
        ends = f"{head.form_factor} to {f'{tails} x ' if tails > 1 else ''}{tail.form_factor}"
        yield BomLine(f"{medium.name} {ends} {shown}", "cable", count, round(head.watts + tails * tail.watts, 3), medium.source)
