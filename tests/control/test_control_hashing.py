from __future__ import annotations

from itertools import combinations

import pytest

from fabric_compiler.control.hashing import SEEDS, hash_seed

TIERS = ("leaf", "spine", "core", "border")


@pytest.mark.parametrize("slot", range(9))
def test_the_tiers_of_a_network_have_seeds_of_their_own(slot: int) -> None:
    seeds = [hash_seed(tier, slot) for tier in TIERS]
    assert len(set(seeds)) == len(TIERS)
    assert all(0 <= seed < SEEDS for seed in seeds)


@pytest.mark.parametrize(("one", "other"), combinations(range(4), 2))
def test_four_networks_share_no_seed(one: int, other: int) -> None:
    assert {hash_seed(tier, one) for tier in TIERS}.isdisjoint(hash_seed(tier, other) for tier in TIERS)


def test_the_seeds_are_these_and_stay_these() -> None:
    assert [hash_seed(tier, 0) for tier in TIERS] == [0, 1, 2, 3]
    assert hash_seed("spine", 3) == 13
    assert hash_seed("leaf", 4) == hash_seed("leaf", 0)


def test_an_unknown_tier_or_slot_is_refused() -> None:
    with pytest.raises(ValueError, match="'tor'"):
        hash_seed("tor", 0)
    with pytest.raises(ValueError, match="from 0"):
        hash_seed("leaf", -1)
