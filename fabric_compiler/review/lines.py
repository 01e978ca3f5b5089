"""Which blocks of lines differ between two texts: patience diff, so that the time stays near linear for any input.

Lines that occur once in both texts anchor the comparison (Bram Cohen's patience diff); between anchors small gaps are compared
by difflib, whose time is quadratic, and large ones are taken as replaced.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_SMALL = 20_000  # product of the lengths of two gaps that difflib gets


@dataclass(frozen=True, slots=True)
class Block:
    """old[old:old_end] stands where new[new:new_end] does; one of them may be empty."""

    old: int
    old_end: int
    new: int
    new_end: int


def blocks(old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """The blocks that differ, in order; adjacent ones are one."""
    merged: list[Block] = []
    for block in _between(old, new, 0, len(old), 0, len(new)):
        if merged and merged[-1].old_end == block.old and merged[-1].new_end == block.new:
            block = Block(merged[-1].old, block.old_end, merged.pop().new, block.new_end)
        merged.append(block)
    return merged


def _between(old: Sequence[str], new: Sequence[str], a: int, a_end: int, b: int, b_end: int) -> list[Block]:
    """Blocks of old[a:a_end] against new[b:b_end]. A work list instead of recursion: depth depends on the input."""
    found: list[Block] = []
    pending = [(a, a_end, b, b_end)]
    while pending:
        a, a_end, b, b_end = pending.pop()
        while a < a_end and b < b_end and old[a] == new[b]:
            a, b = a + 1, b + 1
        while a < a_end and b < b_end and old[a_end - 1] == new[b_end - 1]:
            a_end, b_end = a_end - 1, b_end - 1
        if a == a_end and b == b_end:
            continue
        anchors = _anchors(old[a:a_end], new[b:b_end]) if a < a_end and b < b_end else []
        if anchors:
            gaps = []
            from_a, from_b = a, b
            for in_old, in_new in anchors:
                gaps.append((from_a, a + in_old, from_b, b + in_new))
                from_a, from_b = a + in_old + 1, b + in_new + 1
            gaps.append((from_a, a_end, from_b, b_end))
            pending += reversed(gaps)
        elif (a_end - a) * (b_end - b) <= _SMALL and a < a_end and b < b_end:
            matcher = SequenceMatcher(None, old[a:a_end], new[b:b_end], autojunk=False)
            found += [
                Block(a + i, a + i_end, b + j, b + j_end) for tag, i, i_end, j, j_end in matcher.get_opcodes() if tag != "equal"
            ]
        else:
            found.append(Block(a, a_end, b, b_end))
    return found


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions of lines that are unique in both: the longest run that rises in both (Fredman 1975)."""
    unique_old = {line for line, count in Counter(old).items() if count == 1}
    once = {line for line, count in Counter(new).items() if count == 1 and line in unique_old}
    where = {line: i for i, line in enumerate(new) if line in once}
    pairs = [(i, where[line]) for i, line in enumerate(old) if line in once]
    ends: list[int] = []  # smallest end, in new, of a rising run of each length
    last: list[int] = []  # index into pairs of that end
    before: list[int] = []
    for index, (_, position) in enumerate(pairs):
        at = bisect_left(ends, position)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [position]
        last[at : at + 1] = [index]
    run: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        run.append(pairs[index])
        index = before[index]
    return run[::-1]
