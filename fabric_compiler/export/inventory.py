"""The operator's list of hardware: which serial number and MAC address each planned switch got."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container
from pathlib import Path
from typing import Final, NamedTuple

from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity, Span
from fabric_compiler.emit import files

_LIMIT: Final = 16 << 20
_COLUMNS: Final = ["name", "serial", "mac"]
_SERIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", re.ASCII)
_MAC: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)


class Unit(NamedTuple):
    serial: str  # empty where it is not known
    mac: str  # 00:1c:73:00:00:01


def read(path: Path | None, known: Container[str]) -> dict[str, Unit]:
    """Units by the name of their switch. Raises CompileError with every finding: a name that is not among `known`, or twice;
    a MAC address or serial number that is none, or twice."""
    if path is None:
        hint = f"a CSV file with the columns {', '.join(_COLUMNS)}"
        raise CompileError([Diagnostic("FC2002", Severity.ERROR, "an inventory must be named with --inventory", hint=hint)])
    try:
        text = files.read(path, _LIMIT).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CompileError([Diagnostic("FC1001", Severity.ERROR, f"{path} cannot be read: {reason}")]) from error
    report = Report()
    found: dict[str, Unit] = {}
    seen: dict[str, int] = {}  # names, serial numbers and addresses, with their line
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if [title.strip().lower() for title in next(reader, [])] != _COLUMNS:
            report.fatal("FC2003", f"the first line must be {','.join(_COLUMNS)}", Span(str(path), 1, 1))
        for row in reader:
            place = Span(str(path), reader.line_num, 1)
            if not any(row):
                continue
            if len(row) != len(_COLUMNS):
                report.error("FC2003", f"{len(row)} values where there are {len(_COLUMNS)} columns", place)
                continue
            name, serial, mac = (value.strip() for value in row)
            digits = re.sub(r"[:.-]", "", mac.lower())
            if name not in known:
                report.error("FC2005", f"{name[:80]!r} is no switch of the build with a management address", place)
            if serial and not _SERIAL.fullmatch(serial):
                report.error("FC2003", f"{serial[:80]!r} is no serial number", place)
            if not _MAC.fullmatch(digits):
                report.error("FC2003", f"{mac[:80]!r} is no MAC address", place, "as 00:1c:73:00:00:01")
            for value in filter(None, (name, serial, digits)):
                if value in seen:
                    report.error("FC2006", f"{value[:80]!r} stands in line {seen[value]} already", place)
                seen.setdefault(value, reader.line_num)
            found[name] = Unit(serial, ":".join(digits[n : n + 2] for n in range(0, 12, 2)))
    except csv.Error as error:
        report.error("FC1001", f"{path} is no CSV: {error}", Span(str(path), reader.line_num, 1))
    report.raise_if_failed()
    return found
