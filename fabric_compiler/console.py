"""How the command line talks: findings and progress on stderr, results on stdout, and what the exit code says."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from typing import Any

from fabric_compiler import __version__
from fabric_compiler.diagnostics import (
    Diagnostic,
    Severity,
    in_order,
    render_github,
    render_json,
    render_sarif,
    render_text,
)


class ExitCode(IntEnum):
    FINE = 0
    WRONG = 1  # the intent, a check or a golden
    USAGE = 2  # or an input that cannot be read
    ENVIRONMENT = 3
    BUG = 4
    INTERRUPTED = 130


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


_UNREADABLE = frozenset({"FC1001"})
_ENVIRONMENT = frozenset({"FC8001", "FC8003", "FC8103", "FC8104", "FC8105", "FC8201"})
_COLOURS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m", Severity.NOTE: "\x1b[1;36m"}


def exit_code(found: Iterable[Diagnostic], strict: bool = False) -> ExitCode:
    """Of a run with these findings; `strict`: warnings are errors."""
    codes = {d.code for d in found if d.severity is Severity.ERROR or (strict and d.severity is Severity.WARNING)}
    if not codes:
        return ExitCode.FINE
    if codes <= _ENVIRONMENT:
        return ExitCode.ENVIRONMENT
    return ExitCode.USAGE if codes <= _UNREADABLE else ExitCode.WRONG


def show(found: Iterable[Diagnostic], form: Form, result: dict[str, Any] | None = None) -> None:
    """Findings: text on stderr, any other form on stdout, JSON together with the result."""
    found = list(found)
    if form is Form.JSON:
        print(json.dumps({**json.loads(render_json(found)), **(result or {})}, indent=2))
    elif form is Form.SARIF:
        print(render_sarif(found, __version__))
    elif form is Form.GITHUB:
        print("\n".join(render_github(found)), end="\n" if found else "")
    else:
        for diagnostic in in_order(found):
            for line in render_text([diagnostic]):
                print(_coloured(line, diagnostic.severity), file=sys.stderr)


def _coloured(line: str, severity: Severity) -> str:
    """The severity stands out on a terminal (no-color.org)."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return line
    return line.replace(f"{severity}[", f"{_COLOURS[severity]}{severity}\x1b[0m[", 1)


@contextmanager
def progress(form: Form) -> Iterator[Any]:
    """A callback for Options.progress that draws a bar: on a terminal, for text only, and only when it takes a while."""
    if form is not Form.TEXT or not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def advance(stage: str, done: int, total: int) -> None:
            if total:
                if stage not in tasks:
                    tasks[stage] = bar.add_task(stage, total=total)
                bar.update(tasks[stage], completed=done)

        yield advance


def report_bug(error: BaseException) -> ExitCode:
    """Where the trace of a failure of ours lies. It names no content of an intent but what the error itself says."""
    descriptor, path = tempfile.mkstemp(prefix="fabricc-bug-", suffix=".txt")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"fabricc {__version__}, Python {sys.version}\n\n")
        file.write("".join(traceback.format_exception(error)))
    print(f"error[FC9001]: the compiler failed; this is a bug: {type(error).__name__}", file=sys.stderr)
    print(f"  hint: please send us {path}", file=sys.stderr)
    return ExitCode.BUG
