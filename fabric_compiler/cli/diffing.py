"""`fabricc diff`."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fabric_compiler.cli.arguments import Catalogue, Jobs, compile_options, guarded
from fabric_compiler.console import ExitCode, Form, progress


class DiffForm(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def diff(
    sides: Annotated[
        list[str],
        typer.Argument(
            metavar="[OLD] NEW",
            help="Each a build, an intent, or REV:intents/x.yaml of the git repository. OLD left out: HEAD of NEW, an intent.",
            show_default=False,
        ),
    ],
    form: Annotated[DiffForm, typer.Option("--format", help="For a terminal, a pull request or a machine.")] = DiffForm.TEXT,
    lines: Annotated[bool, typer.Option("--lines", help="Show every cable and number, and the lines that differ.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Name the intent's lines behind the changes.")] = False,
    catalog: Catalogue = None,
    jobs: Jobs = None,
) -> None:
    """What changes between two builds or intents, and whether it hits traffic. Exit code 0: nothing; 1: something."""
    from fabric_compiler.review import folded_diff
    from fabric_compiler.review.diff import compare, json, markdown, text
    from fabric_compiler.review.diff.reasons import reasons
    from fabric_compiler.review.diff.sides import opened

    if len(sides) > 2 or (len(sides) == 1 and not Path(sides[0]).is_file()):
        print("error: name one intent, or two sides: OLD NEW", file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE)
    old_name, new_name = sides if len(sides) == 2 else (f"HEAD:{sides[0]}", sides[0])
    errors = Form.JSON if form is DiffForm.JSON else Form.TEXT
    with ExitStack() as stack, progress(errors) as advance:
        options = compile_options(catalog, None, jobs, False, advance)
        old = guarded(lambda: stack.enter_context(opened(old_name, options)), errors)
        new = guarded(lambda: stack.enter_context(opened(new_name, options)), errors)
        changes, differences = guarded(lambda: compare.compare(old, new), errors)
        explained = changes.configurations if explain and form is DiffForm.TEXT else ()
        because = [guarded(partial(reasons, change, new, differences, options), errors) for change in explained]
    if form is DiffForm.JSON:
        print(json.render(changes))
    elif form is DiffForm.MARKDOWN:
        print(markdown.render(changes, differences), end="")
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(text.joined(text.render(changes, colour=colour, limit=sys.maxsize if lines else text.SHOWN)), end="")
        for change, why in zip(explained, because, strict=True):
            print("\n" + text.joined([*text.configuration(change), *(f"    because of {line}" for line in why)]), end="")
        if lines and differences:
            print("\n" + folded_diff.render(differences), end="")
    raise typer.Exit(ExitCode.FINE if changes.same else ExitCode.WRONG)
