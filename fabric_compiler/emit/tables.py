"""CSV tables of the plan: RFC 4180 with CRLF, a header row and UTF-8, and with the one escape of free text."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

Cell = str | int | float
Row = Sequence[Cell]

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, "CSV Injection"; with the full-width forms).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BATCH = 8192
# Bytes that need no second look wherever they stand; `-` is looked for at the beginning of cells.
_HARMLESS = bytes(c for c in range(0x20, 0x7F) if chr(c) not in "=+@") + b"\r\n"
_MINUS = (b",-", b"\n-", b'"-', b", ", b"\n ", b'" ')


def csv_bytes(header: Sequence[str], rows: Iterable[Row]) -> bytes:
    """The table as bytes. Numbers are printed as Python prints them (400.0 is not 400); text is escaped, see `escape`."""
    return b"".join(_batches(chain((header,), rows)))


def csv_rows(rows: Iterable[Row]) -> bytes:
    """Rows without a header, to be joined to others of their table."""
    return b"".join(_batches(rows))


def escape(text: str) -> str:
    """Text for one cell of one line: control characters become `?`; `'` marks what a spreadsheet would compute."""
    if not text.isprintable():
        # the leading tab or carriage return of a formula goes the same way
        text = "".join("?" if unicodedata.category(c) in _CONTROL else c for c in text)
    return "'" + text if text.lstrip().startswith(_FORMULA) else text


def _batches(rows: Iterable[Row]) -> Iterator[bytes]:
    """Written as they are and looked at afterwards: hostile text is rare, and bytes are cheaper to look at than cells."""
    pending = iter(rows)
    while batch := list(islice(pending, _BATCH)):
        plain = _write(batch)
        yield plain if _is_harmless(plain, len(batch)) else _write([_escaped(row) for row in batch])


def _write(rows: list[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _escaped(row: Row) -> list[Cell]:
    return [escape(cell) if isinstance(cell, str) else cell for cell in row]


def _is_harmless(written: bytes, rows: int) -> bool:
    """Whether no cell can need the escape. A line end too many is a control character inside a cell."""
    return (
        not written.translate(None, _HARMLESS)
        and written.count(b"\n") == rows
        and written.count(b"\r") == rows
        and not written.startswith((b"-", b" "))
        and not any(minus in written for minus in _MINUS)
    )
