from __future__ import annotations

from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_compiler.catalog.loader import load
from fabric_compiler.catalog.types import Buffers, Hwsku
from fabric_compiler.control.headroom import (
    NoHeadroomError,
    can_be_lossless,
    headroom_profile,
    headroom_row,
    headroom_sum,
    lossless_pool,
    missing_row,
)


@cache
def hwskus() -> dict[str, Hwsku]:
    catalog = load()
    found = [sku for switch in catalog.switches.values() for nos in switch.nos.values() for sku in nos.hwskus]
    return {sku.name: sku for sku in found}


WITH_ROWS = sorted(name for name, sku in hwskus().items() if sku.headroom)
LOSSLESS = sorted(name for name, sku in hwskus().items() if can_be_lossless(sku, "t0"))
SN5600, Z9864F = "ACS-SN5600", "Dell-Z9864f-O64"


@given(st.sampled_from(WITH_ROWS), st.data(), st.integers(0, 2_000_000))
def test_a_row_covers_the_cable_and_none_between_does(name: str, data: st.DataObject, length_mm: int) -> None:
    sku = hwskus()[name]
    speed = data.draw(st.sampled_from(sorted({row.speed for row in sku.headroom})))
    lengths = [row.length_m for row in sku.headroom if row.speed == speed]
    row = headroom_row(sku, speed, length_mm)
    if row is None:
        assert length_mm > 1000 * max(lengths)
    else:
        assert row in lengths and row * 1000 >= length_mm
        assert not [length for length in lengths if length_mm <= length * 1000 < row * 1000]
        assert headroom_profile(sku, speed, row).length_m == row


@pytest.mark.parametrize("name", WITH_ROWS)
def test_a_cable_without_length_takes_the_smallest_row(name: str) -> None:
    sku = hwskus()[name]
    for speed in {row.speed for row in sku.headroom}:
        assert headroom_row(sku, speed, 0) == min(row.length_m for row in sku.headroom if row.speed == speed)


@pytest.mark.parametrize(("length_mm", "row"), [(5000, 5), (5001, 40), (40_000, 40), (40_001, 300), (300_000, 300)])
def test_a_length_is_rounded_up_to_the_next_row(length_mm: int, row: int) -> None:
    assert headroom_row(hwskus()[SN5600], 800_000, length_mm) == row


def test_beyond_the_table_there_is_no_row() -> None:
    assert headroom_row(hwskus()[SN5600], 800_000, 300_001) is None
    assert headroom_row(hwskus()[SN5600], 1_600_000, 5000) is None
    assert headroom_row(hwskus()["Arista-7060X6-64PE"], 800_000, 5000) is None


def test_a_missing_row_is_told_with_what_the_table_has() -> None:
    long = missing_row(hwskus()[SN5600], 800_000, 350_000)
    assert (
        str(long)
        == "pg_profile_lookup.ini of ACS-SN5600 has no row for 800G over 350 m; its lengths at 800G are 5 m, 40 m, 300 m"
    )
    assert "within 300 m" in long.hint
    fast = missing_row(hwskus()["Arista-7060X6-64PE-O128S2"], 800_000, 5000)
    assert str(fast) == "pg_profile_lookup.ini of Arista-7060X6-64PE-O128S2 has no row for 800G over 5 m; its speeds are 400G"
    none = missing_row(hwskus()["Arista-7060X6-64PE"], 800_000, 5000)
    assert "the HwSKU Arista-7060X6-64PE has no pg_profile_lookup.ini" in str(none)
    assert "roce-lossy" in long.hint and "roce-lossy" in fast.hint and "roce-lossy" in none.hint


def test_a_length_that_is_no_row_has_no_profile() -> None:
    with pytest.raises(NoHeadroomError, match="no row for 800G over 37 m"):
        headroom_profile(hwskus()[SN5600], 800_000, 37)


def test_on_an_sn5600_headroom_comes_out_of_the_whole_packet_memory() -> None:
    total = headroom_sum(hwskus()[SN5600], {(800_000, 300): 64}, lossless_priorities=2)
    assert total == (153_354_240, 158_229_504)
    assert total.fits


def test_on_a_z9864f_headroom_comes_out_of_the_shared_pool() -> None:
    total = headroom_sum(hwskus()[Z9864F], {(800_000, 300): 64}, lossless_priorities=2)
    assert total == (207_556_608, 33_374_584)
    assert not total.fits
    assert total.subscription == Fraction(207_556_608, 33_374_584)


def test_one_platform_accounts_by_hwsku() -> None:
    assert not lossless_pool(hwskus()["Mellanox-SN5600-O128"], "t0").shared
    assert lossless_pool(hwskus()["Mellanox-SN5600-V256"], "t0") == (60_293_120, True)


@pytest.mark.parametrize("topology", ["t0", "t1"])
@pytest.mark.parametrize("name", LOSSLESS)
def test_the_sum_is_linear_in_ports_and_priorities(name: str, topology: str) -> None:
    sku = hwskus()[name]
    keys = sorted({(row.speed, row.length_m) for row in sku.headroom})
    each = [headroom_sum(sku, {key: 1}, topology=topology) for key in keys]
    assert all(one.needed > 0 for one in each)
    both = headroom_sum(sku, dict.fromkeys(keys, 3), 2, topology)
    assert both.needed == 6 * sum(one.needed for one in each)
    assert headroom_sum(sku, {}, topology=topology).needed == 0


def test_rows_that_count_on_a_shared_pool_need_one() -> None:
    shared = hwskus()["Mellanox-SN5600-V256"]
    mixed = Hwsku("mixed", shared.speeds, shared.headroom, hwskus()[SN5600].buffers)
    assert not can_be_lossless(mixed, "t0")
    with pytest.raises(NoHeadroomError, match="counts on a shared headroom pool"):
        lossless_pool(mixed, "t0")


def test_a_shared_pool_of_no_bytes_is_none() -> None:
    own = hwskus()[SN5600]
    tables = dict(own.buffers["t0"].tables)
    lossless = {**tables["BUFFER_POOL"]["ingress_lossless_pool"], "xoff": "0"}
    tables["BUFFER_POOL"] = {**tables["BUFFER_POOL"], "ingress_lossless_pool": lossless}
    off = Hwsku("off", own.speeds, own.headroom, {"t0": Buffers(tables)})
    assert lossless_pool(off, "t0") == lossless_pool(own, "t0")


def test_a_hwsku_with_rows_and_lossy_buffers_cannot_be_lossless() -> None:
    sku = hwskus()["Mellanox-SN5640-C512S2"]
    assert sku.headroom and not can_be_lossless(sku, "t0")
    with pytest.raises(NoHeadroomError, match="no ingress_lossless_pool with an egress_lossless_profile"):
        headroom_sum(sku, {(100_000, 5): 1})


def test_a_hwsku_without_rows_or_buffers_cannot_be_lossless() -> None:
    assert not can_be_lossless(hwskus()["Arista-7060DX5-64S"], "t0")
    with pytest.raises(NoHeadroomError, match=r"makes no buffers \(t1\)"):
        lossless_pool(hwskus()["Arista-7060DX5-64S"], "t1")
