"""What check proved, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fabric_compiler.compiler import Analysis


def lines(found: Analysis) -> list[str]:
    """Tables, columns aligned; the case, which is long, comes last."""
    from fabric_compiler.review.folded_diff import printable
    from fabric_compiler.verify.failures.survey import table

    rows = table(found.failures)
    if len(rows) < 2:
        return []
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    told = (zip(row, widths, strict=False) for row in rows)
    aligned = ["  ".join(cell.ljust(width) for cell, width in pairs) for pairs in told]
    return ["", "what remains when parts fail (docs/failures.md):"] + [
        printable(f"  {line}  {row[-1]}".rstrip()) for line, row in zip(aligned, rows, strict=True)
    ]


def as_json(found: Analysis) -> dict[str, Any]:
    """`failures`: a row a kind of failure, with the worst case of each quantity."""
    import msgspec

    return {"failures": [msgspec.to_builtins(row) for row in found.failures]}
