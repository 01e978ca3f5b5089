"""Quantities as people write them (800G, 30 MW, 80 km, 2:1) to integers, and back to text.

Inside the compiler speeds are Mb/s, lengths millimetres, powers watts: integers, so that sums are exact.
Every parser raises ValueError with a sentence that says what was expected.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

_NUMBER = r"(?P<number>\d{1,12}(?:\.\d{1,6})?)"
_QUANTITY = re.compile(rf"{_NUMBER}\s*(?P<unit>[A-Za-z/µ]*)", re.ASCII)

_SPEEDS = {"M": 1, "G": 1000, "T": 1_000_000}
_LENGTHS = {"mm": 1, "cm": 10, "m": 1000, "km": 1_000_000}
_POWERS = {"W": 1, "kW": 1000, "MW": 1_000_000, "GW": 1_000_000_000}
_TIMES = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}

MAX_DIGITS = 12


def _quantity(text: str, units: dict[str, int], what: str, example: str) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if not match or match["unit"] not in units:
        raise ValueError(f"expected {what} such as {example}, got {shorten(text)}")
    value = Decimal(match["number"]) * units[match["unit"]]
    if value != value.to_integral_value():
        raise ValueError(f"{what} {shorten(text)} is finer than the compiler counts")
    return int(value)


def speed(text: str) -> int:
    """'800G' (also 400Gb/s, 1.6T) -> Mb/s."""
    bare = re.sub(r"(?i)(b/s|bps|bit/s|be|bE)$", "", text.strip())
    return _quantity(bare, _SPEEDS, "a speed", "400G or 1.6T")


def length(text: str) -> int:
    """'80 km', '0.6 m' -> millimetres."""
    return _quantity(text, _LENGTHS, "a length", "2.5 m or 80 km")


def power(text: str) -> int:
    """'30 MW' -> watts."""
    return _quantity(text, _POWERS, "a power", "700 W or 30 MW")


def duration(text: str) -> int:
    """'300 ms' -> milliseconds."""
    return _quantity(text, _TIMES, "a duration", "300 ms or 9 s")


def ratio(text: str) -> Fraction:
    """'2:1' -> Fraction(2): capacity towards the servers over capacity upwards."""
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)\s*:\s*(\d{1,4}(?:\.\d{1,3})?)", text.strip(), re.ASCII)
    if not match or not Fraction(match[2]) or not Fraction(match[1]):
        raise ValueError(f"expected a ratio such as 1:1 or 3:1, got {shorten(text)}")
    return Fraction(match[1]) / Fraction(match[2])


def percent(text: str) -> int:
    """'75%', '99.9 %' -> thousandths of a percent: 75_000, 99_900; from above nothing to all."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?)\s*%", text.strip(), re.ASCII)
    found = int(Decimal(match[1]) * 1000) if match else 0
    if not 0 < found <= 100_000:
        raise ValueError(f"expected a share such as 75%, above 0% and at most 100%, got {shorten(text)}")
    return found


def integer(text: str) -> int:
    """A non-negative whole number; the number of digits is bounded so that no input costs time."""
    if not re.fullmatch(rf"\d{{1,{MAX_DIGITS}}}", text.strip(), re.ASCII):
        raise ValueError(f"expected a whole number, got {shorten(text)}")
    return int(text)


def shorten(text: object, limit: int = 40) -> str:
    shown = text if isinstance(text, str) else str(text)
    return repr(shown if len(shown) <= limit else shown[:limit] + "...")


def format_speed(mbps: int) -> str:
    """400000 -> '400G'."""
    for unit, factor in (("T", 1_000_000), ("G", 1000)):
        if mbps >= factor and mbps * 10 % factor == 0:
            return f"{mbps / factor:g}{unit}"
    return f"{mbps}M"


def format_length(millimetres: int) -> str:
    """2500 -> '2.5 m'."""
    return f"{millimetres / 1_000_000:g} km" if millimetres >= 1_000_000 else f"{millimetres / 1000:g} m"


def format_power(watts: float) -> str:
    """1500 -> '1.5 kW'."""
    for unit, factor in (("MW", 1_000_000), ("kW", 1000)):
        if watts >= factor:
            return f"{watts / factor:.4g} {unit}"
    return f"{watts:g} W"


def format_ratio(value: Fraction) -> str:
    """Fraction(3, 2) -> '1.5:1'."""
    return f"{float(value):g}:1"


def format_percent(thousandths: int) -> str:
    """75_000 -> '75%'."""
    return f"{thousandths / 1000:g}%"
