"""`fabricc graph`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fabric_compiler.cli.arguments import Catalogue, IntentFile, compile_options, guarded, shown
from fabric_compiler.console import ExitCode, Form

_FORMS = (".svg", ".html", ".dot")


def graph(
    intent: IntentFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="Ends in .svg, .html or .dot.", show_default=False)],
    devices: Annotated[int, typer.Option("--devices", min=1, max=5000, help="Draw up to so many one by one; fold more.")] = 80,
    catalog: Catalogue = None,
) -> None:
    """Draw an intent's graph: as a picture, as a page to look around in, or for Graphviz."""
    from fabric_compiler import compiler
    from fabric_compiler.review.picture import dot, layout, page, svg

    if output.suffix not in _FORMS:
        print(f"error: {shown(output)} ends in none of {', '.join(_FORMS)}", file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE)
    found = guarded(lambda: compiler.analyse(intent, compile_options(catalog, None, 1, False)), Form.TEXT)
    picture = layout.picture(found.graph, devices)
    if output.suffix == ".html":
        text = page.render(picture, found.graph, found.cabling, [medium.name for medium in found.catalog.media])
    else:
        text = svg.render(picture) if output.suffix == ".svg" else dot.render(picture)
    try:
        output.write_text(text)
    except OSError as error:
        print(f"error: {shown(output)} cannot be written: {error.strerror}", file=sys.stderr)
        raise typer.Exit(ExitCode.ENVIRONMENT) from None
    print(f"{shown(output)}: {len(picture.boxes)} boxes, {len(found.graph.links)} links")
