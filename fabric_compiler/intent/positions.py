"""Where each value of an intent stands in its files."""

from __future__ import annotations

from dataclasses import dataclass

from fabric_compiler.diagnostics import Span
from fabric_compiler.yamltree import Node, Tree


@dataclass(frozen=True, slots=True)
class SourceMap:
    """The merged tree of the files. Paths are keys and indices: ("pods", 0, "servers"); a key may be spelt with underscores."""

    root: Node

    def at(self, *path: str | int, key: bool = False) -> Span:
        """The place of the value at `path`, or of the nearest that holds it; with `key`, that of the key before it."""
        node, depth = self.nearest(*path)
        return node.key_span if key and depth == len(path) else node.span

    def nearest(self, *path: str | int) -> tuple[Node, int]:
        """The node at `path` or the nearest above it, and how many steps of the path lead there."""
        node = self.root
        for depth, step in enumerate(path):
            child = node.child(step)
            if child is None and isinstance(step, str):
                child = node.child(step.replace("_", "-"))
            if child is None:
                return node, depth
            node = child
        return node, len(path)

    def stated(self, *path: str | int) -> bool:
        """Whether the intent says something at `path`, other than by a default."""
        node, depth = self.nearest(*path)
        return depth == len(path) and node.value is not None

    def written(self, *path: str | int) -> Tree:
        """What stands at `path` as it was written; None where nothing does."""
        node, depth = self.nearest(*path)
        return node.plain() if depth == len(path) else None
