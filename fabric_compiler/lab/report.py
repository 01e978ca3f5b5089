"""What a lab found: a row a check, the same for every protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how far it is and how far it goes."""

_SHOWN: Final = 20


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


def check(name: str, found: str, wrong: Iterable[str], seconds: float = 0.0, lost: int | None = None) -> Check:
    """Passed where nothing is wrong; of many sentences the first."""
    listed = list(wrong)
    more = [f"and {len(listed) - _SHOWN} more"] if len(listed) > _SHOWN else []
    return Check(name, not listed, found, (*listed[:_SHOWN], *more), round(seconds, 3), lost)
