"""openpyxl reads the workbook of every example, and finds in it what the plan says of each cable."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from exports import NAMES, build, changed, exported, rows
from hostile import HOSTILE

from fabric_compiler.export.base import Parameters
from fabric_compiler.export.run import run

openpyxl = pytest.importorskip("openpyxl")

Row = dict[str, Any]


SAMPLE = 2_000  # rows of a sheet that are looked at


@lru_cache(maxsize=16)
def sheets(name: str) -> dict[str, list[Row]]:
    """The first rows of each sheet."""
    (file,) = exported(name, "cabling").iterdir()
    book = openpyxl.load_workbook(file, read_only=True)
    found = {}
    for sheet in book:
        header, *content = sheet.iter_rows(values_only=True, max_row=1 + SAMPLE)
        found[sheet.title] = [dict(zip(header, row, strict=True)) for row in content]
    return found


def assert_same(found: Counter[Any], wanted: Counter[Any]) -> None:
    """All of a small fabric; of a large one what was looked at."""
    assert found <= wanted
    assert found.total() in (wanted.total(), SAMPLE)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_is_there_with_both_its_ends(name: str) -> None:
    found, cables = sheets(name), {row["cable"]: row for row in rows(name, "cables")}
    links: Counter[Any] = Counter()
    ends: Counter[Any] = Counter()
    for r in rows(name, "links"):
        a, b = (r["a_device"], r["a_port"]), (r["b_device"], r["b_port"])
        links[*a, *b, r["cable"], cables[r["cable"]]["medium"], float(r["length_m"])] += 1
        ends.update([(*a, *b), (*b, *a)])
    told = [(r["device"], r["port"], r["far device"], r["far port"]) for r in found["Cables"]]
    assert_same(
        Counter((*ends, r["cable"], r["medium"], r["length m"]) for ends, r in zip(told, found["Cables"], strict=True)), links
    )
    assert_same(Counter((r["device"], r["port"], r["far device"], r["far port"]) for r in found["By rack"]), ends)


@pytest.mark.parametrize("name", NAMES)
def test_each_end_is_in_the_rack_unit_cage_and_module_of_the_plan(name: str) -> None:
    found = sheets(name)["By rack"]
    wanted = {(r["cable"], r["device"], r["cage"], r["module"], r["rack"], r["unit"]) for r in rows(name, "cable_ends")}
    ends = {(r["cable"], r["device"], r["cage"], r["module"], r["rack"], str(r["unit"])) for r in found}
    assert ends <= wanted
    assert ends == wanted or len(found) == SAMPLE


@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_label_for_each_end_of_each_cable(name: str) -> None:
    labels = Counter(label["cable"] for label in sheets(name)["Labels"])
    assert_same(
        labels, Counter(cable for cable, *_ in {(r["cable"], r["device"], r["cage"]) for r in rows(name, "cable_ends")})
    )


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_in_the_order_of_the_racks(name: str) -> None:
    places = [(natural(row["rack"]), row["unit"]) for row in sheets(name)["By rack"]]
    assert places == sorted(places)


def natural(text: str) -> list[tuple[int, int | str]]:
    import re

    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part]


def test_no_text_becomes_a_formula_or_leaves_its_cell(tmp_path: Path) -> None:
    """Hostile text in the free columns of the plan, as if it had come through a table that escapes nothing."""
    texts = [text for text in HOSTILE if text.isprintable() and text]
    ends = rows("rail-1024", "cable_ends")
    for end, text in zip(ends, texts, strict=False):
        end["module"] = text
    bom = rows("rail-1024", "bom")
    bom = [bom[0] | {"item": text} for text in texts]
    copy = changed(
        build("rail-1024"),
        tmp_path / "copy",
        {
            "plan/cable_ends.csv": lambda _: unescaped(ends),
            "plan/bom.csv": lambda _: unescaped(bom),
        },
    )
    place = run(copy, "cabling", tmp_path / "out", Parameters()).path
    (file,) = place.iterdir()
    book = openpyxl.load_workbook(file)
    cells = [cell for row in book["Materials"].iter_rows(min_row=2, max_col=1) for cell in row]
    assert [cell.value for cell in cells] == [text[:32767] for text in texts]
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} == {"s", "n"}
    modules = {row[5].value for row in book["By rack"].iter_rows(min_row=2)}
    assert set(texts) <= modules


def unescaped(table: list[dict[str, str]]) -> bytes:
    import csv
    import io

    text = io.StringIO(newline="")
    csv.writer(text).writerows([tuple(table[0]), *(tuple(row.values()) for row in table)])
    return text.getvalue().encode("utf-8", "replace")


def test_the_workbook_tells_nothing_of_when_and_where_it_was_made(tmp_path: Path) -> None:
    import zipfile

    (file,) = exported("quickstart", "cabling").iterdir()
    with zipfile.ZipFile(file) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert not any("docProps" in name for name in archive.namelist())
