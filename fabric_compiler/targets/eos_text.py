"""Text of an EOS configuration: what may stand as a word or at the end of a line, and blocks made once for all of a shape.

A block is a template rendered once with marks in the place of what differs (a name, an address), kept as a %-format, and
filled for each port or neighbour: the syntax stays in templates/eos, the price is that of a string format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from fabric_compiler.targets.templates import template
from fabric_compiler.targets.text import line

_OTHER: Final = re.compile(r"[^A-Za-z0-9_.:/-]")
# Arista, `banner login`: the text ends with a line of this word alone
BANNER_END: Final = "EOF"
# no text of the model holds it: `word` and `rest_of_line` leave no control character
_MARK: Final = "\0"


def word(text: str) -> str:
    """A name as one word of a command; what EOS would take for a separator becomes '-'."""
    if text.isalnum() and text.isascii():
        return text
    return _OTHER.sub("-", text) or "-"


def rest_of_line(text: str) -> str:
    """Free text up to the end of a line (descriptions, keys); never a placeholder of a secret."""
    if not (text.isascii() and text.isprintable()):
        text = line(text)
    return text.replace("<secret:", "(secret:").strip()


def banner(text: str) -> str:
    """A banner of one line that cannot be its own end."""
    held = rest_of_line(text)
    return f"({held})" if held == BANNER_END else held


def secret(name: str) -> str:
    """The placeholder of a secret, replaced when the configuration is pushed."""
    return f"<secret:{word(name)}>"


def marked(name: str) -> str:
    """The mark that `block` turns into the format's field `name`."""
    return f"{_MARK}{name}{_MARK}"


def marked_list(name: str, count: int) -> list[str]:
    """Marks of the fields name0, name1 ..."""
    return [marked(f"{name}{number}") for number in range(count)]


def numbered(name: str, values: Iterable[str]) -> dict[str, str]:
    """The fields of `marked_list` with their values."""
    return {f"{name}{number}": value for number, value in enumerate(values)}


def block(name: str, fields: Sequence[str] = (), **context: Any) -> str:
    """Render templates/eos/`name`.j2 to a %-format; `fields` are what the caller fills in by `format % values`."""
    text = template(f"eos/{name}.j2").render(**{field: marked(field) for field in fields}, **context)
    parts = text.replace("%", "%%").split(_MARK)
    parts[1::2] = [f"%({field})s" for field in parts[1::2]]
    return "".join(parts)
