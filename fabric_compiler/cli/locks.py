"""`fabricc lock`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from fabric_compiler.cli.arguments import Catalogue, IntentFile, compile_options, guarded, shown
from fabric_compiler.console import Form


def prune(intent: IntentFile, catalog: Catalogue = None) -> None:
    """Free the numbers of what was removed."""
    from fabric_compiler.plan import lock as locks

    _relock(intent, catalog, locks.prune)


def reassign(
    intent: IntentFile,
    names: Annotated[list[str], typer.Argument(help="Pods, or entries as the lock shows them.", show_default=False)],
    catalog: Catalogue = None,
) -> None:
    """Give pods other numbers, after two branches took the same. Their devices must not be in use yet."""
    from fabric_compiler.plan import lock as locks

    _relock(intent, catalog, lambda lock: locks.without(lock, *names))


def _relock(intent: Path, catalog: Path | None, change: Callable[[Any], Any]) -> None:
    from fabric_compiler import compiler
    from fabric_compiler.plan import lock as locks

    options = compile_options(catalog, None, None, False)
    old, found = guarded(lambda: compiler.relock(intent, change, options), Form.TEXT)
    path, lines = found.lock_path, locks.changes(old, found.lock)
    print("\n".join([f"{shown(path)}:", *(f"  {line}" for line in lines)]) if lines else f"{shown(path)}: unchanged")
