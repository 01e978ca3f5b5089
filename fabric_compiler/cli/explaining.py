"""`fabricc explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fabric_compiler.cli.arguments import Catalogue, Format, Templates, Text, compile_options, guarded
from fabric_compiler.console import Form


def explain(
    place: Annotated[str, typer.Argument(metavar="FILE[:LINE]", help="A line of a build's file.", show_default=False)],
    catalog: Catalogue = None,
    templates: Templates = None,
    form: Format = Text.TEXT,
) -> None:
    """Which lines of the intent, and which rule, a line of a build comes from; of all lines where none is named."""
    import msgspec

    from fabric_compiler.review.explain import answer

    name, _, number = place.rpartition(":")
    path, line = (Path(name), int(number)) if name and number.isdecimal() else (Path(place), None)
    options = compile_options(catalog, templates, 1, False)
    found = guarded(lambda: list(answer.explain(path, line, options)), Form(form))
    if form is Text.JSON:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    for explained in found:
        print("\n".join(answer.render(explained)))
