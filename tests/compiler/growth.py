"""What a later build may differ in from an earlier one: lines of ports that were not in use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import unified_diff

from compiler.builds import Built

NUMBERS = ("devices", "addresses", "asns", "links", "sessions")


def lost_rows(before: Built, after: Built, tables: Iterable[str] = NUMBERS) -> list[str]:
    """Rows of the plan's tables that are not there any more."""
    return [f"{table}: {','.join(row)}" for table in tables for row in sorted(before.rows(table) - after.rows(table))]


def changed(before: Built, after: Built, devices: Iterable[str]) -> list[str]:
    """Files of these devices that are not the same, byte for byte, with the lines that differ."""
    out = []
    for device in devices:
        for directory in (f"devices/{device}", f"hosts/{device}"):
            old, new = before.below(directory), after.below(directory)
            for name in sorted(old.keys() | new.keys()):
                if old.get(name) != new.get(name):
                    out.append(f"{name}: {difference(old.get(name, b''), new.get(name, b''))}")
    return out


def difference(old: bytes, new: bytes) -> list[str]:
    lines = unified_diff(old.decode().splitlines(), new.decode().splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))][:20]


def lost(before: Built, after: Built, device: str) -> list[str]:
    """What a switch's configuration said before and does not say after, other than of ports that came into use."""
    fresh = ports_in_use(after, device) - ports_in_use(before, device)
    out = []
    for name, old in before.below(f"devices/{device}").items():
        new = after.files[name]
        if name.endswith("config_db.json"):
            gone = dict(cells(old))
            new_cells = dict(cells(new))
            out += [
                f"{name}: {cell} was {value}, is {new_cells.get(cell)}"
                for cell, value in gone.items()
                if new_cells.get(cell) != value and not {*cell[1].split("|"), cell[2]} & fresh
            ]
        else:
            out += [f"{name}: {line}" for line in lost_lines(kept_sections(old, fresh), kept_sections(new, fresh))]
    return out


def ports_in_use(built: Built, device: str) -> set[str]:
    rows = built.table("links")
    return {row[f"{end}_port"] for row in rows for end in "ab" if row[f"{end}_device"] == device}


def cells(content: bytes) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Of CONFIG_DB: (table, key, field) and its value; a row without fields counts as one."""
    for table, rows in json.loads(content).items():
        for key, row in rows.items():
            yield (table, key, ""), ""
            yield from (((table, key, field), str(value)) for field, value in row.items())


def kept_sections(content: bytes, fresh: set[str]) -> list[str]:
    """The lines without the sections of these interfaces."""
    out, skipping = [], False
    for line in content.decode().splitlines():
        if not line.startswith(" "):
            skipping = line.removeprefix("interface ") in fresh
        if not skipping:
            out.append(line)
    return out


def lost_lines(old: list[str], new: list[str]) -> list[str]:
    """Lines that occur less often, or else the first one that is out of its order."""
    if fewer := Counter(old) - Counter(new):
        return sorted(fewer)
    rest = iter(new)
    return [line for line in old if line not in rest][:1]
