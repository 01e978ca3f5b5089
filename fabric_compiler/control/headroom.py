"""Lossless headroom on SONiC: which row of the platform's table a cable takes, and what all rows take of the buffer.

A port's headroom holds what still arrives after it sent a pause; it grows with speed and cable length. The rows are the
platform's own (pg_profile_lookup.ini), measured by its vendor: a value between two rows or beyond them is never made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, NamedTuple

from fabric_compiler.catalog.types import Headroom, Hwsku
from fabric_compiler.units import format_length, format_speed

_TABLE: Final = "pg_profile_lookup.ini"
_TEMPLATE: Final = "buffers.json.j2"
# buffermgr.h: INGRESS_LOSSLESS_PG_POOL_NAME; buffers_config.j2: the pool that lossless queues draw on, and their profile
_INGRESS_POOL: Final = "ingress_lossless_pool"
_EGRESS_POOL: Final = "egress_lossless_pool"
_QUEUE_PROFILE: Final = "egress_lossless_profile"


class NoHeadroomError(ValueError):
    """The platform has no lossless buffer for what is asked; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class LosslessPool(NamedTuple):
    """The buffer that headroom comes from, in bytes; `shared`: ports draw on one pool instead of owning their share."""

    size: int
    shared: bool


class HeadroomSum(NamedTuple):
    """Bytes that all lossless priority groups may need at once, and bytes of the pool that they come from."""

    needed: int
    pool: int

    @property
    def fits(self) -> bool:
        return self.needed <= self.pool

    @property
    def subscription(self) -> Fraction:
        """needed : pool; above 1 the pool is over-subscribed."""
        return Fraction(self.needed, self.pool)


def headroom_row(hwsku: Hwsku, speed: int, length_mm: int) -> int | None:
    """The length in metres of the row that a cable of `length_mm` takes: the next one up; None: no row covers it.

    SONiC looks a length up by its text and refuses one that is no row, so CABLE_LENGTH must hold a row's own length.
    """
    metres = [row.length_m for row in hwsku.headroom if row.speed == speed and row.length_m * 1000 >= length_mm]
    return min(metres, default=None)


def headroom_profile(hwsku: Hwsku, speed: int, length_m: int) -> Headroom:
    """The row of exactly this speed and length; raises NoHeadroomError where the table has none."""
    for row in hwsku.headroom:
        if row.speed == speed and row.length_m == length_m:
            return row
    raise missing_row(hwsku, speed, length_m * 1000)


def missing_row(hwsku: Hwsku, speed: int, length_mm: int) -> NoHeadroomError:
    """The error for a cable that `headroom_row` has no row for."""
    asked = f"{format_speed(speed)} over {format_length(length_mm)}"
    lengths = sorted({row.length_m for row in hwsku.headroom if row.speed == speed})
    speeds = sorted({row.speed for row in hwsku.headroom})
    if not speeds:
        message = f"the HwSKU {hwsku.name} has no {_TABLE}, so no lossless port can be made on it ({asked} is asked)"
        return NoHeadroomError(message, "choose another HwSKU or switch, or qos: roce-lossy")
    if not lengths:
        message = f"{_TABLE} of {hwsku.name} has no row for {asked}; its speeds are {_words(map(format_speed, speeds))}"
        return NoHeadroomError(message, "choose another speed, HwSKU or switch, or qos: roce-lossy")
    known = _words(f"{length} m" for length in lengths)
    message = f"{_TABLE} of {hwsku.name} has no row for {asked}; its lengths at {format_speed(speed)} are {known}"
    return NoHeadroomError(message, f"keep the cable within {lengths[-1]} m, or choose qos: roce-lossy")


def lossless_pool(hwsku: Hwsku, topology: str) -> LosslessPool:
    """Where headroom comes from on this platform; `topology` is t0 or t1. Raises NoHeadroomError for a lossy-only HwSKU.

    There are two ways of accounting:

    - `xoff` stands at ingress_lossless_pool (Broadcom; Spectrum HwSKUs such as SN5600-V256): headroom is one shared pool of
      `xoff` bytes beside `size`, and a row's `size` holds its reserve alone. The pool is `xoff`.
    - No `xoff` there (most of Spectrum): a port owns the whole `size` of its row, headroom included, out of the packet memory,
      which SONiC's buffer_pool_mellanox.lua takes from egress_lossless_pool's `size`. The `size` of
      ingress_lossless_pool is what is left for sharing after that, so it is not the bound.
    """
    buffers = hwsku.buffers.get(topology)
    tables = {} if buffers is None else buffers.tables
    pools = tables.get("BUFFER_POOL", {})
    if _INGRESS_POOL not in pools or _EGRESS_POOL not in pools or _QUEUE_PROFILE not in tables.get("BUFFER_PROFILE", {}):
        missing = f"no {_INGRESS_POOL} with an {_QUEUE_PROFILE}" if tables else f"no buffers ({topology})"
        message = f"{_TEMPLATE} of the HwSKU {hwsku.name} makes {missing}, so no lossless port can be made on it"
        raise NoHeadroomError(message, "choose another HwSKU or switch, or qos: roce-lossy")
    shared = int(pools[_INGRESS_POOL].get("xoff", "0"))  # 0 switches the shared pool off
    if shared:
        return LosslessPool(shared, shared=True)
    if any(row.size < row.xoff for row in hwsku.headroom):
        message = f"{_TABLE} of {hwsku.name} counts on a shared headroom pool, and {_TEMPLATE} makes none ({topology})"
        raise NoHeadroomError(message, "choose another HwSKU or switch, or qos: roce-lossy")
    return LosslessPool(int(pools[_EGRESS_POOL]["size"]), shared=False)


def can_be_lossless(hwsku: Hwsku, topology: str) -> bool:
    """Whether the HwSKU has both headroom rows and lossless pools; some have the rows and buffers for lossy traffic alone."""
    try:
        lossless_pool(hwsku, topology)
    except NoHeadroomError:
        return False
    return bool(hwsku.headroom)


def headroom_sum(
    hwsku: Hwsku, counts: Mapping[tuple[int, int], int], lossless_priorities: int = 1, topology: str = "t0"
) -> HeadroomSum:
    """What `counts` lossless ports by (speed, row length in metres) take of the platform's pool. Raises NoHeadroomError.

    The sum is the worst case, in which every port holds full headroom in every lossless priority at once: only then is no
    packet lost whatever happens. Vendors over-subscribe a shared pool (SONiC's dynamic model has an over_subscribe_ratio for
    it), betting that few ports pause at a time; `subscription` says by how much a design would.
    """
    pool = lossless_pool(hwsku, topology)
    needed = 0
    for (speed, length_m), ports in counts.items():
        row = headroom_profile(hwsku, speed, length_m)
        needed += ports * lossless_priorities * (row.xoff if pool.shared else row.size)
    return HeadroomSum(needed, pool.size)


def _words(names: Iterable[str]) -> str:
    return ", ".join(names)
