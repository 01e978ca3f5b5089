"""Questions to a subnet as records of fixed size, so that a million of them are two arrays; what the answers hold.

Offsets are those of the attributes in the InfiniBand Architecture Specification, volume 1, chapters 14.2.5 and 15.2.5.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

# `lid` is whom to ask: the node itself, or for a path record the subnet manager; `attribute` and `modifier` are of the MAD.
# A path record has no modifier: its place holds the LIDs of the path's source and destination.
QUESTION: Final = np.dtype([("class", "u1"), ("lid", ">u2"), ("attribute", ">u2"), ("modifier", ">u4")])
ANSWER: Final = np.dtype([("status", ">u2"), ("data", "u1", 64)])
SILENCE: Final = 0xFFFF  # a status that no MAD has

SMP, SA = 0x01, 0x03
NODE_INFO, SWITCH_INFO, PORT_INFO, PKEY_TABLE, SL_TO_VL, FORWARDING = 0x11, 0x12, 0x15, 0x16, 0x17, 0x19
PATH_RECORD: Final = 0x35

LIDS_A_BLOCK, KEYS_A_BLOCK = 64, 32

Questions = npt.NDArray[np.void]
Bytes = npt.NDArray[np.uint8]


def questions(count: int, kind: int, attribute: int) -> Questions:
    """Records to be filled in with `lid` and `modifier`."""
    made = np.zeros(count, dtype=QUESTION)
    made["class"], made["attribute"] = kind, attribute
    return made


def words(data: Bytes, offset: int) -> npt.NDArray[np.int32]:
    """The 16-bit word at `offset` of each answer."""
    return data[:, offset].astype(np.int32) << 8 | data[:, offset + 1]


def nibbles(data: Bytes, count: int) -> Bytes:
    """Fields of four bits from the begin of each answer on: a row an answer."""
    packed = data[:, : count // 2]
    out = np.empty((len(data), count), dtype=np.uint8)
    out[:, 0::2], out[:, 1::2] = packed >> 4, packed & 0x0F
    return out
