"""The Jinja2 environment of the line-oriented targets: sandboxed, strict about names, found in the wheel or the checkout."""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

OWN_DIRECTORY: ContextVar[Path | None] = ContextVar("OWN_DIRECTORY", default=None)
"""Templates of the command line's --templates, which win over ours. Set once, before anything is rendered."""

_PACKAGE = Path(__file__).resolve().parent.parent


def default_directory() -> Path:
    """templates/ beside the package in a checkout; inside the package in an installed wheel."""
    installed = _PACKAGE / "templates"
    return installed if installed.is_dir() else _PACKAGE.parent / "templates"


def template(name: str) -> Template:
    """Load `name` ('sonic/frr.conf.j2'), from OWN_DIRECTORY where it is there, else from ours.

    Raises jinja2.TemplateNotFound, jinja2.TemplateSyntaxError.
    """
    return _template(name, OWN_DIRECTORY.get())


@lru_cache(maxsize=64)
def _template(name: str, directory: Path | None) -> Template:
    from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    places = [directory] if directory else []
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(place) for place in [*places, default_directory()]]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.globals.update(_text_of())
    return environment.get_template(name)


def _text_of() -> dict[str, Any]:
    from fabric_compiler.targets import text

    return {"address": text.address, "prefix": text.prefix, "dotted": text.dotted}
