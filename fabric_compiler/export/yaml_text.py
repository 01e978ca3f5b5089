"""YAML as text, in block style: strings are plain where every reader takes them for one, else double-quoted and all ASCII.

The general emitters cost a hundred times as much, and none marks what Ansible must not evaluate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

# a letter first and no word of YAML 1.1: what every reader takes for a string as it stands
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*", re.ASCII)
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan"})
_ESCAPED: Final = re.compile(r"[^ !#-\[\]-~]")
_SHORT: Final = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


class Unsafe(str):
    """Free text that Ansible must take as it stands (`!unsafe`): where there are braces in it, they are no template."""

    __slots__ = ()


def scalar(value: Any) -> str:
    """One value on a line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = f'"{_ESCAPED.sub(_escape, text)}"'
    return f"!unsafe {quoted}" if isinstance(value, Unsafe) and "{" in text else quoted


def _escape(match: re.Match[str]) -> str:
    """YAML 1.1 5.7; a lone surrogate is no character and becomes the replacement."""
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    number = ord(character)
    if 0xD800 <= number <= 0xDFFF:
        number = 0xFFFD
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def dump(value: Any) -> str:
    """A mapping or a list, its members in their order, with a line end."""
    lines: list[str] = []
    _lines(value, "", lines)
    return "\n".join(lines) + "\n"


def _lines(value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, Mapping) and value:
        for key, own in value.items():
            _member(f"{indent}{scalar(key)}:", own, indent, lines)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for own in value:
            if isinstance(own, Mapping | Sequence) and not isinstance(own, str) and own:
                first = len(lines)
                _lines(own, f"{indent}  ", lines)
                lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"
            else:
                _member(f"{indent}-", own, indent, lines)
    else:
        lines.append(indent + _inline(value))


def _member(head: str, value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str) and value:
        lines.append(head)
        _lines(value, f"{indent}  ", lines)
    else:
        lines.append(f"{head} {_inline(value)}")


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[]"
    return scalar(value)
