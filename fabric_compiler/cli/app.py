"""The command line: arguments in, the library called, results printed. Heavy imports wait until a command needs them."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated

import typer

from fabric_compiler import __version__
from fabric_compiler.cli import compiling, diffing, drawing, explaining, export, goldens, lab, locks, reference
from fabric_compiler.console import ExitCode, report_bug

app = typer.Typer(
    name="fabricc",
    help="Compile declarative descriptions of AI-cluster networks into cabling, plans and switch configurations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
golden_app = typer.Typer(help="The reviewed output of each intent, kept in git.", no_args_is_help=True)
lock_app = typer.Typer(help="The numbers that are in use.", no_args_is_help=True)
lab_app = typer.Typer(help="The fabric, run on this machine by real routing daemons.", no_args_is_help=True)
app.add_typer(golden_app, name="golden")
app.add_typer(lock_app, name="lock")
app.add_typer(lab_app, name="lab")

app.command("compile")(compiling.compile_)
app.command()(compiling.check)
app.command()(diffing.diff)
app.command()(explaining.explain)
app.command()(drawing.graph)
app.command()(export.export)
app.command()(reference.schema)
app.command("catalog")(reference.catalog_)
app.command()(reference.init)
golden_app.command("check")(goldens.golden_check)
golden_app.command("update")(goldens.golden_update)
lock_app.command()(locks.prune)
lock_app.command()(locks.reassign)
lab_app.command()(lab.up)
lab_app.command()(lab.test)
lab_app.command()(lab.down)
lab_app.command()(lab.shell)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def _version(value: bool) -> None:
    if value:
        print(f"fabricc {__version__}")
        raise typer.Exit


@app.callback()
def fabricc(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Exit codes: 0 fine; 1 the intent, a check or a golden is wrong; 2 usage, or an input that cannot be read; 3 the
    environment failed; 4 a bug of the compiler."""


def main() -> None:
    """The entry point; no failure ends in a traceback. Usage errors and closed pipes are typer's."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr has it: what a terminal's encoding lacks is no failure
    try:
        app()
    except OSError as error:
        # a file that fails names itself; without one it was our output
        sys.exit(report_bug(error) if error.filename or error.errno not in _FULL else _cannot_print(error))
    except Exception as error:
        sys.exit(report_bug(error))


def _cannot_print(error: OSError) -> ExitCode:
    print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer would fail again at exit
    return ExitCode.ENVIRONMENT
