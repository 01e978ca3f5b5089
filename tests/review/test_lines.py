"""Blocks of differing lines: applying them gives the new text, and no input is slow."""

from __future__ import annotations

import random
import time

import pytest

from fabric_compiler.review.lines import blocks


def applied(old: list[str], new: list[str]) -> list[str]:
    out, at = [], 0
    for block in blocks(old, new):
        out += [*old[at : block.old], *new[block.new : block.new_end]]
        at = block.old_end
    return out + old[at:]


@pytest.mark.parametrize("seed", range(60))
def test_the_blocks_turn_the_old_text_into_the_new(seed: int) -> None:
    dice = random.Random(seed)
    old, new = ([dice.choice("abcdefghij"[: 2 + seed % 9]) for _ in range(dice.randrange(30))] for _ in range(2))
    assert applied(old, new) == new
    assert all(block.old < block.old_end or block.new < block.new_end for block in blocks(old, new))


def test_a_small_change_is_a_small_block_among_lines_that_repeat() -> None:
    old = [line for i in range(500) for line in (f"Ethernet{i}", "{", "mtu 9100", "}")]
    new = [*old[:1002], "mtu 1500", *old[1003:]]
    [block] = blocks(old, new)
    assert (block.old, block.old_end, block.new, block.new_end) == (1002, 1003, 1002, 1003)


NUMBERS = [str(i) for i in range(40_000)]


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param((["a"] * 50_000, ["b"] * 50_000), id="nothing equal"),
        pytest.param((["a", "b"] * 25_000, ["b", "a", "a"] * 20_000), id="all repeated"),
        pytest.param((NUMBERS, NUMBERS[::-1]), id="reversed"),
        pytest.param((NUMBERS, [x for n in NUMBERS for x in (n, "x")]), id="interleaved"),
    ],
)
def test_no_input_is_slow(pair: tuple[list[str], list[str]]) -> None:
    start = time.process_time()
    assert applied(*pair) == pair[1]
    assert time.process_time() - start < 3


def test_equal_texts_have_no_blocks() -> None:
    assert blocks(["a"] * 10, ["a"] * 10) == blocks([], []) == []
