"""`fabricc schema`, `catalog` and `init`: what there is to write intents with."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fabric_compiler.cli.arguments import Catalogue, Format, Text, guarded
from fabric_compiler.console import ExitCode, Form


class Schema(StrEnum):
    INTENT = "intent"
    SWITCHES = "switches"
    SERVERS = "servers"
    MEDIA = "media"


def schema(
    kind: Annotated[Schema, typer.Option("--kind", help="Of an intent, or of the catalogue's files.")] = Schema.INTENT,
) -> None:
    """Print the JSON schema, for editors."""
    import json

    from fabric_compiler.catalog.loader import schemas
    from fabric_compiler.intent.published import json_schema

    print(json.dumps(json_schema() if kind is Schema.INTENT else schemas()[kind], indent=2))


def catalog_(
    name: Annotated[str | None, typer.Argument(help="A switch, server or medium.", show_default=False)] = None,
    catalog: Catalogue = None,
    form: Format = Text.TEXT,
) -> None:
    """List the hardware that the compiler knows, or show one product with its sources."""
    from fabric_compiler import catalog_listing
    from fabric_compiler.catalog.loader import load

    known = guarded(lambda: load(catalog), Form(form))
    lines = catalog_listing.product(known, name, form) if name else catalog_listing.everything(known, form)
    if lines is None:
        print(f"error: the catalogue has no {name!r}", file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE)
    print("\n".join(lines))


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write.")] = Path(),
    fabric: Annotated[str, typer.Option("--fabric", help="The fabric's name.")] = "lab",
) -> None:
    """Write a commented intent to start from, and its schema beside it."""
    import json

    from fabric_compiler import starter
    from fabric_compiler.intent.published import json_schema

    text = starter.intent(fabric)
    guarded(lambda: starter.check(text), Form.TEXT)
    files = {directory / f"{fabric}.yaml": text, directory / "intent.schema.json": json.dumps(json_schema(), indent=2) + "\n"}
    taken = [path for path in files if path.exists() or path.is_symlink()]
    if taken:
        print(f"error: {taken[0]} is there already", file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_text(content)
    except OSError as error:
        print(f"error: {directory} cannot be written: {error.strerror}", file=sys.stderr)
        raise typer.Exit(ExitCode.ENVIRONMENT) from None
    print(f"wrote {', '.join(map(str, files))}\nnext: fabricc compile {next(iter(files))}")
