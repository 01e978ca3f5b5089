"""The picture in Graphviz's DOT: a rank a tier, an edge a bundle of links."""

from __future__ import annotations

from collections import defaultdict

from fabric_compiler.review.folded_diff import printable
from fabric_compiler.review.picture.layout import Box, Picture


def render(picture: Picture) -> str:
    ranks: dict[float, list[int]] = defaultdict(list)
    for number, box in enumerate(picture.boxes):
        ranks[box.y].append(number)
    lines = [f"graph {_quoted(picture.title)} {{", "  node [shape=box, fontname=Helvetica];", "  ranksep=1.5;"]
    lines += [f"  n{n} [label={_label(box)}];" for n, box in enumerate(picture.boxes)]
    lines += ["  { rank=same; " + " ".join(f"n{n};" for n in row) + " }" for _, row in sorted(ranks.items())]
    lines += [
        f'  n{line.b} -- n{line.a} [label="{line.links} x", tooltip={_quoted(f"{line.gbps:g} Gb/s, {line.network}")}];'
        for line in picture.lines
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _label(box: Box) -> str:
    return _quoted(f"{box.label}\n{box.detail}")


def _quoted(value: str) -> str:
    """A double-quoted string of the DOT language; `\\n` breaks the line, a backslash stands for itself."""
    lines = (printable(part).replace("\\", "\\\\").replace('"', '\\"') for part in value.split("\n", 1))
    return '"' + "\\n".join(lines) + '"'
