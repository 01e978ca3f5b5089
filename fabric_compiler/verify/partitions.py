"""Which end ports may talk: those that share a P_Key which at least one of them has as a full member (IBA 10.9.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FULL = 0x8000
"""The membership bit of a P_Key."""

Pairs = npt.NDArray[np.bool_]


def talking(tables: Sequence[frozenset[int]]) -> Pairs:
    """By the P_Key tables of end ports, in their order. A port's place with itself holds true where it has a key at all."""
    bases = sorted({key & ~FULL for table in tables for key in table} - {0})  # 0: an empty entry (IBA 10.9.2)
    number = {base: n for n, base in enumerate(bases)}
    member, full = (np.zeros((len(tables), len(bases)), dtype=np.float32) for _ in range(2))
    for row, table in enumerate(tables):
        for key in table:
            if key & ~FULL:
                member[row, number[key & ~FULL]] = 1
                if key & FULL:
                    full[row, number[key & ~FULL]] = 1
    one_way: Pairs = (full @ member.T) > 0
    return one_way | one_way.T
