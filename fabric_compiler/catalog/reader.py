"""How much of YAML a product file may use: no aliases, little depth. A user's file is semi-trusted (see yamltree)."""

from __future__ import annotations

from pathlib import Path

from fabric_compiler.yamltree import Limits, Node, decode, parse, read_bytes

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 16
LIMITS = Limits("the catalogue file", depth=MAX_DEPTH, nodes=250_000, size=MAX_BYTES)


def read(path: Path) -> Node:
    """The tree of a product file; raises CompileError (FC1001 to FC1006) for what is no such file."""
    shown = str(path)
    return parse(decode(read_bytes(path, shown, LIMITS), shown, LIMITS), shown, LIMITS)
