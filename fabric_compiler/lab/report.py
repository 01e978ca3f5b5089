"""What a lab found: a row a check, the same for every protocol."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """`name` says what was looked at, `found` what there is in a few words; `wrong` has a sentence for each thing amiss.

    A fault has how long the network took to recover, and the packets that were lost meanwhile.
    """

    name: str
    passed: bool
    found: str
    wrong: tuple[str, ...] = ()
    seconds: float = 0.0
    lost: int | None = None
