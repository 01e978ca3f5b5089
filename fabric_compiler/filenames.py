"""Names of files in a build, whether they come from the compiler or from an intent's directory."""

from __future__ import annotations

MAX_DEPTH = 16


def is_safe_name(name: str) -> bool:
    """A relative path of plain components: printable, none empty, hidden, `..`, or looking like an option."""
    if len(name) > 1024 or not name.isprintable() or "\\" in name:
        return False
    parts = name.split("/")
    return len(parts) <= MAX_DEPTH and all(p and p[0] not in ".- " and p[-1] != " " and len(p.encode()) <= 255 for p in parts)
