"""Who may talk is what the P_Keys say: a key in common, and one of the two a full member of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fabric_compiler.verify.partitions import FULL, talking

KEYS = st.frozensets(st.integers(0, 3).flatmap(lambda base: st.sampled_from([base, base | FULL])), max_size=4)


@given(st.lists(KEYS, min_size=1, max_size=8))
def test_two_ports_talk_over_a_key_of_which_one_is_a_full_member(tables: list[frozenset[int]]) -> None:
    pairs = talking(tables)
    for n, one in enumerate(tables):
        for m, two in enumerate(tables):
            shared = {key & ~FULL for key in one if key & ~FULL} & {key & ~FULL for key in two}
            assert pairs[n, m] == any(base | FULL in one | two for base in shared)


def test_limited_members_reach_full_ones_alone() -> None:
    assert talking([frozenset({0x7FFF}), frozenset({0x7FFF}), frozenset({0xFFFF})]).tolist() == [
        [False, False, True],
        [False, False, True],
        [True, True, True],
    ]
