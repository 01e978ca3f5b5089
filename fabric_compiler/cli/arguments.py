"""Arguments and options that commands share, and how a command runs what it calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from fabric_compiler.console import ExitCode, Form, exit_code, show

if TYPE_CHECKING:
    from fabric_compiler.compiler import Options


class Text(StrEnum):
    """Forms of a result: for people, or for machines."""

    TEXT = "text"
    JSON = "json"


IntentFile = Annotated[Path, typer.Argument(help="An intent: a YAML file.", show_default=False)]
IntentFiles = Annotated[
    list[Path] | None, typer.Argument(help="Intents; all of --intents where none is named.", show_default=False)
]
Catalogue = Annotated[Path | None, typer.Option("--catalog", help="Products of your own: switches/, servers/, media/.")]
Templates = Annotated[
    Path | None,
    typer.Option("--templates", exists=True, file_okay=False, help="Templates of your own; they win over ours. Trusted."),
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, max=256, help="Processes. As many as processors where left out.")
]
Format = Annotated[Text, typer.Option("--format", help="For people or for machines.")]
Strict = Annotated[bool, typer.Option("--warnings-as-errors", help="A warning fails the command.")]
Intents = Annotated[Path, typer.Option("--intents", help="The directory of intents.")]
Goldens = Annotated[Path, typer.Option("--golden", help="The directory of goldens.")]


def compile_options(
    catalog: Path | None, templates: Path | None, jobs: int | None, locked: bool, advance: Any = None, strict: bool = False
) -> Options:
    from fabric_compiler.compiler import Options

    if advance is None:
        return Options(catalog, templates, jobs, locked)
    return Options(catalog, templates, jobs, locked, strict, progress=advance)


_T = TypeVar("_T")


def guarded(
    work: Callable[[], _T], form: Form, strict: bool = False, interrupted: str = "interrupted; the former build is as it was"
) -> _T:
    """What `work` returns; its findings, or the user's Ctrl-C, end the command."""
    from fabric_compiler.diagnostics import CompileError

    try:
        return work()
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except CompileError as error:
        found = error.diagnostics
    show(found, form)
    raise typer.Exit(exit_code(found, strict))


def shown(path: Path) -> str:
    """A path for a terminal: a file of a foreign checkout may have any name."""
    from fabric_compiler.review.folded_diff import printable

    return printable(str(path))
