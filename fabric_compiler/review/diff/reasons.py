"""Which places of the new intent the changes of configurations follow from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fabric_compiler.compiler import Options
from fabric_compiler.emit.manifest import owner
from fabric_compiler.review.diff.changes import ConfigurationChange
from fabric_compiler.review.diff.sides import Side
from fabric_compiler.review.explain.answer import explain, told
from fabric_compiler.review.folded_diff import Difference
from fabric_compiler.review.lines import blocks


def reasons(change: ConfigurationChange, new: Side, differences: Sequence[Difference], options: Options) -> list[str]:
    """A line a place, those of its first device: the others changed alike. What is gone has no place in the new intent."""
    found = [one for one in differences if owner(one.path)[1] == change.devices[0] and one.after is not None]
    return list(dict.fromkeys(line for one in found for line in _of_file(one, new, options)))


def _of_file(difference: Difference, new: Side, options: Options) -> Iterator[str]:
    before, after = (
        (content or b"").decode("utf-8", "replace").split("\n") for content in (difference.before, difference.after)
    )
    changed = {number for block in blocks(before, after) for number in range(block.new + 1, block.new_end + 1)}
    if not changed:
        return
    for explained in explain(new.tree / difference.path, None, options):
        if explained.line in changed:
            yield from (told(reason) for reason in explained.reasons[:1] if reason.place)
