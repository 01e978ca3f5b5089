"""`fabricc export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fabric_compiler.cli.arguments import Catalogue, Format, Jobs, Templates, Text, guarded
from fabric_compiler.console import ExitCode, Form, exit_code, show


def export(
    build: Annotated[Path, typer.Argument(help="A build's directory: build/FABRIC.", show_default=False)],
    kind: Annotated[str, typer.Option("--to", help="What to export to; `list` names all.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where exports are.")] = Path("export"),
    networks: Annotated[list[str] | None, typer.Option("--network", help="This network alone.")] = None,
    pods: Annotated[list[str] | None, typer.Option("--pod", help="This pod alone, with the switches above it.")] = None,
    devices: Annotated[list[str] | None, typer.Option("--device", help="Devices by a pattern of their names.")] = None,
    images: Annotated[list[str] | None, typer.Option("--image", help="NOS=IMAGE, or host=IMAGE for servers.")] = None,
    inventory: Annotated[
        Path | None, typer.Option("--inventory", help="Serial numbers and MAC addresses: CSV with name,serial,mac.")
    ] = None,
    url: Annotated[str, typer.Option("--url", help="Where the management network fetches files from.")] = "",
    catalog: Catalogue = None,
    templates: Templates = None,
    jobs: Jobs = None,
    form: Format = Text.TEXT,
) -> None:
    """Carry a build on in another tool: write OUTPUT/KIND, all of it or nothing."""
    from fabric_compiler.export import base, run

    if kind == "list":
        print("\n".join(f"{name:13} {base.export(name).summary}" for name in base.kinds()))
        return
    chosen = (tuple(networks or ()), tuple(pods or ()), tuple(devices or ()), _images(images or []))
    parameters = base.Parameters(*chosen, inventory, url, catalog, templates, jobs)
    shown = Form(form)
    made = guarded(lambda: run.run(build, kind, output, parameters), shown)
    show(made.warnings, shown, {"export": str(made.path), "files": made.files, "bytes": made.size})
    if shown is Form.TEXT:
        print(f"{made.path}: {made.files} file{'s' if made.files > 1 else ''}, {made.size / 1e6:.1f} MB")
    raise typer.Exit(exit_code(made.warnings))


def _images(given: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        nos, equals, image = text.partition("=")
        if not (nos and equals and image.isprintable() and image and " " not in image):
            typer.echo(f"error: --image {text!r} is not NOS=IMAGE", err=True)
            raise typer.Exit(ExitCode.USAGE)
        found[nos] = image
    return found
