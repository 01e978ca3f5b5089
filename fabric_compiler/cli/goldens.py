"""`fabricc golden`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabric_compiler.cli.arguments import Catalogue, Format, Jobs, Text, compile_options, guarded, shown
from fabric_compiler.console import ExitCode, Form, exit_code, show

if TYPE_CHECKING:
    from fabric_compiler.compiler import Options
    from fabric_compiler.diagnostics import Diagnostic
    from fabric_compiler.review.goldens import Verdict

IntentFiles = Annotated[
    list[Path] | None, typer.Argument(help="Intents; all of --intents where none is named.", show_default=False)
]
Intents = Annotated[Path, typer.Option("--intents", help="The directory of intents.")]
Goldens = Annotated[Path, typer.Option("--golden", help="The directory of goldens.")]


def golden_check(
    intents: IntentFiles = None,
    directory: Intents = Path("intents"),
    goldens: Goldens = Path("golden"),
    catalog: Catalogue = None,
    jobs: Jobs = None,
    form: Format = Text.TEXT,
) -> None:
    """Compare each intent's output with its golden: a readable diff of what moved, and failure."""
    from fabric_compiler.review import goldens as room

    left = [] if intents else room.orphans(directory, goldens)
    _goldens(room.check, intents, directory, goldens, compile_options(catalog, None, jobs, True), Form(form), left, fails=True)


def golden_update(
    intents: IntentFiles = None,
    directory: Intents = Path("intents"),
    goldens: Goldens = Path("golden"),
    catalog: Catalogue = None,
    jobs: Jobs = None,
    form: Format = Text.TEXT,
) -> None:
    """Make each intent's output its golden; the diff is what to review before the commit."""
    from fabric_compiler.review import goldens as room

    _goldens(room.update, intents, directory, goldens, compile_options(catalog, None, jobs, False), Form(form), [], fails=False)


def _goldens(
    run: Callable[..., Any],
    intents: list[Path] | None,
    directory: Path,
    goldens: Path,
    options: Options,
    form: Form,
    left: list[Diagnostic],
    *,
    fails: bool,
) -> None:
    """Run over the intents; `fails`: a difference fails the command."""
    from fabric_compiler.review import golden
    from fabric_compiler.review import goldens as room

    chosen = guarded(lambda: room.selected(intents or [], directory), form)
    verdicts: list[Verdict] = []
    for verdict in run(chosen, goldens, options):
        verdicts.append(verdict)
        if form is Form.TEXT:
            show(verdict.found, form)
            if verdict.differences:
                print(golden.render(verdict.differences))
            print(f"{shown(verdict.intent)}: {_word(verdict, fails)}")
    found = [*left, *(diagnostic for verdict in verdicts for diagnostic in verdict.found)]
    different = any(verdict.differences for verdict in verdicts)
    if form is Form.TEXT:
        show(left, form)
    else:
        rows = [{"intent": str(v.intent), "files": [[d.kind, d.path] for d in v.differences]} for v in verdicts]
        show(found, form, {"goldens": rows})
    code = exit_code(found)
    raise typer.Exit(ExitCode.WRONG if fails and different and not code else code)


def _word(verdict: Verdict, fails: bool) -> str:
    if exit_code(verdict.found):
        return "failed"
    if verdict.new:
        return "written"
    if not verdict.differences:
        return "as reviewed" if fails else "unchanged"
    files = f"{len(verdict.differences)} file{'s' if len(verdict.differences) > 1 else ''}"
    return f"{files} differ; review, then `fabricc golden update`" if fails else f"{files} updated"
