"""Several files to one tree: mappings are merged, some lists joined, and what two files state differently is an error."""

from __future__ import annotations

from collections.abc import Iterable

from fabric_compiler.diagnostics import Report
from fabric_compiler.yamltree import Node

JOINED = frozenset({"pods", "overrides", "raw", "maintenance"})  # lists that grow file by file, in the order of the files


def merge(trees: Iterable[Node], report: Report) -> Node:
    """One tree; where two files differ (FC1007) the first one stands, so that the rest can be checked still."""
    first, *others = trees
    for other in others:
        first = _merged(first, other, (), report)
    return first


def _merged(one: Node, two: Node, path: tuple[str, ...], report: Report) -> Node:
    if two.value is None:
        return one
    if one.value is None:
        return two
    if isinstance(one.value, dict) and isinstance(two.value, dict):
        both = dict(one.value)
        for key, node in two.value.items():
            both[key] = _merged(both[key], node, (*path, key), report) if key in both else node
        return Node(both, one.file, one.place, one.key)
    if isinstance(one.value, list) and isinstance(two.value, list) and len(path) == 1 and path[0] in JOINED:
        return Node(one.value + two.value, one.file, one.place, one.key)
    if one.plain() != two.plain():
        what = ".".join(path) or "the intent"
        report.error("FC1007", f"{what} is stated differently in another file", two.span, related=(("stated here", one.span),))
    return one
