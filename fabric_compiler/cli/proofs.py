"""What check proved, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fabric_compiler.compiler import Analysis


def lines(found: Analysis) -> list[str]:
    """Sentences, then tables with columns aligned; the case, which is long, comes last."""
    from fabric_compiler.review.folded_diff import printable
    from fabric_compiler.verify.failures.survey import table

    proven = [f"  {printable(sentence)}" for sentence in found.proofs]
    rows = table(found.failures)
    if len(rows) < 2:
        return proven
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    told = (zip(row, widths, strict=False) for row in rows)
    aligned = ["  ".join(cell.ljust(width) for cell, width in pairs) for pairs in told]
    return [*proven, "", "what remains when parts fail (docs/failures.md):"] + [
        printable(f"  {line}  {row[-1]}".rstrip()) for line, row in zip(aligned, rows, strict=True)
    ]


def as_json(found: Analysis) -> dict[str, Any]:
    """`proofs`: sentences; `failures`: a row a kind of failure, with the worst case of each quantity."""
    import msgspec

    return {"proofs": list(found.proofs), "failures": [msgspec.to_builtins(row) for row in found.failures]}
