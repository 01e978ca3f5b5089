"""The technicians' workbook: every link with rack, unit, device, cage and port at each end; by rack; and labels to print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from fabric_compiler.diagnostics import Report
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.source import CableEnd, Link, Source, wrong_build
from fabric_compiler.export.workbook import Workbook

_END: Final = (("rack", 14), ("unit", 6), ("device", 26), ("cage", 8), ("port", 16), ("module", 22))
_FAR: Final = tuple((f"far {title}", width) for title, width in _END)
_CABLE: Final = (("cable", 34), ("medium", 22), ("length m", 9))
_DIGITS: Final = re.compile(r"([0-9]+)")


class Side(NamedTuple):
    """One end of a link: where it is, and the cells of it."""

    rack: str
    unit: int
    device: str
    cage: str
    port: str
    cells: str

    @property
    def place(self) -> str:
        return f"{self.rack} U{self.unit} {self.device} cage {self.cage}"


class Row(NamedTuple):
    """A link: the cells of its cable, and its two sides, the lower tier first."""

    cable: str
    cells: str
    sides: tuple[Side, Side]


class Plug(NamedTuple):
    """A link as it is seen from one of its ends."""

    near: Side
    far: Side
    row: Row


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """<fabric>-cabling.xlsx"""
    book = Workbook()
    rows = list(_rows(source, book))
    plugs = _by_rack(rows)
    book.sheet("Cables", (*_CABLE, *_END, *_FAR), (f"{row.cells}{row.sides[0].cells}{row.sides[1].cells}" for row in rows))
    book.sheet("By rack", (*_END, *_CABLE, *_FAR), (f"{plug.near.cells}{plug.row.cells}{plug.far.cells}" for plug in plugs))
    ends = (("this end", 60), ("other end", 60), ("cable", 34))
    book.sheet("Labels", ends, ("".join(map(book.text, texts)) for texts in _labels(plugs)))
    book.sheet("Racks", (("rack", 14), ("unit", 6), ("device", 26), ("model", 22), ("role", 10)), _racks(source, book))
    titles = (("item", 36), ("kind", 10), ("count", 10), ("watts each", 10), ("source", 60))
    book.sheet("Materials", titles, _materials(source, book))
    yield f"{source.fabric}-cabling.xlsx", book.content()


def _by_rack(rows: list[Row]) -> list[Plug]:
    """Both ends of all links as a technician meets them, rack by rack."""
    plugs = [Plug(row.sides[n], row.sides[1 - n], row) for row in rows for n in (0, 1)]
    words = {word for plug in plugs for word in (plug.near.rack, plug.near.device, plug.near.cage, plug.near.port)}
    rank = {word: place for place, word in enumerate(sorted(words, key=_natural))}

    def place(plug: Plug) -> tuple[int, ...]:
        near = plug.near
        return rank[near.rack], near.unit, rank[near.device], rank[near.cage], rank[near.port]

    return sorted(plugs, key=place)


def _labels(plugs: list[Plug]) -> Iterator[tuple[str, str, str]]:
    """A label an end of a cable, however many links it carries: this end, the other ends, the cable."""
    ends: dict[tuple[str, str, str], list[Plug]] = {}
    for plug in plugs:
        ends.setdefault((plug.row.cable, plug.near.device, plug.near.cage), []).append(plug)
    for (cable, _, _), mine in ends.items():
        far: dict[str, list[str]] = {}
        for plug in mine:
            far.setdefault(plug.far.place, []).append(plug.far.port)
        near = f"{mine[0].near.place} {' '.join(plug.near.port for plug in mine)}"
        yield near, "; ".join(f"{place} {' '.join(ports)}" for place, ports in far.items()), cable


def _rows(source: Source, book: Workbook) -> Iterator[Row]:
    """A row a link, in the order of the build; the links of a splitter stand together."""
    ends: dict[tuple[str, str], list[CableEnd]] = {}
    for end in source.cable_ends:
        ends.setdefault((end.cable, end.device), []).append(end)
    used: dict[tuple[str, str], int] = {}
    cells: dict[str, str] = {}

    def side(cable: str, device: str, port: str) -> Side:
        found = ends.get((cable, device))
        if not found:
            raise wrong_build(f"plan/cable_ends.csv has no end of {cable[:80]!r} at {device}")
        # a cage of several ports is one end for all links of the cable; else there is an end for each link, in their order
        number = used.get((cable, device), 0) if len(found) > 1 else 0
        used[cable, device] = number + 1
        end = found[min(number, len(found) - 1)]
        made = f"{book.text(end.rack)}{book.number(end.unit)}{book.text(device)}{book.text(end.cage)}{book.text(port)}"
        return Side(end.rack, end.unit, device, end.cage, port, made + book.text(end.module))

    for link in _links(source):
        if link.cable not in cells:
            cable = source.cables.get(link.cable)
            if cable is None:
                raise wrong_build(f"plan/cables.csv has no {link.cable[:80]!r}")
            cells[link.cable] = f"{book.text(link.cable)}{book.text(cable.medium)}{book.number(cable.length_m)}"
        sides = (side(link.cable, link.a_device, link.a_port), side(link.cable, link.b_device, link.b_port))
        yield Row(link.cable, cells[link.cable], sides)


def _links(source: Source) -> list[Link]:
    """Links in the order of the build, those of a cable behind its first."""
    cables: dict[str, list[Link]] = {}
    for link in source.links:
        cables.setdefault(link.cable, []).append(link)
    return [link for links in cables.values() for link in links]


def _racks(source: Source, book: Workbook) -> Iterator[str]:
    """What stands where, from the top of each rack down."""
    for d in sorted(source.devices, key=lambda d: (_natural(d.rack), -d.unit, d.name)):
        yield f"{book.text(d.rack)}{book.number(d.unit)}{book.text(d.name)}{book.text(d.model)}{book.text(d.role)}"


def _materials(source: Source, book: Workbook) -> Iterator[str]:
    for line in source.bom:
        yield (
            f"{book.text(line.item)}{book.text(line.kind)}{book.number(line.count)}{book.number(line.watts_each)}"
            f"{book.text(line.source)}"
        )


def _natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Numbers in a text by their value: 2 before 10."""
    return tuple(
        (0, int(part[:18])) if part.isdigit() and part.isascii() else (1, part) for part in _DIGITS.split(text) if part
    )


EXPORT = Export("workbook of the cables by rack, with labels to print", files)
