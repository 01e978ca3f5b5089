"""The diff for machines."""

from __future__ import annotations

import msgspec

from fabric_compiler.review.diff.changes import Changes

SCHEMA = 1


def render(changes: Changes) -> str:
    """Fields as in `changes`, with the schema's version; `same` and `disruptive` tell the verdict at once."""
    tree = msgspec.to_builtins(changes)
    verdict = {"schema": SCHEMA, "same": changes.same, "disruptive": bool(changes.disruptive)}
    return msgspec.json.format(msgspec.json.encode(verdict | tree), indent=2).decode()
