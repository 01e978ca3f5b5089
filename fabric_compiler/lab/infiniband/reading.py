"""Reads a running subnet: its nodes and links as `ibnetdiscover` finds them, and from every node the tables that it has.

The tables come from the switches and adapters themselves, and are not what the subnet manager thinks that it wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fabric_compiler.lab.infiniband import mads
from fabric_compiler.lab.infiniband.asking import Asker, Attachment, asker
from fabric_compiler.lab.infiniband.mads import Bytes, Questions
from fabric_compiler.lab.infiniband.tools import environment, run
from fabric_compiler.verify.channels import Channels, channels
from fabric_compiler.verify.credit import DROPPED, LEVELS, Lanes, Levels
from fabric_compiler.verify.forwarding import Destinations, Forwarding, turns
from fabric_compiler.verify.readback import ibnetdiscover
from fabric_compiler.verify.subnet import Subnet

_SECONDS = 120.0
_LANES: Final = (0, 1, 2, 4, 8, 15)  # PortInfo.OperationalVLs (IBA 14.2.5.6): 3 is VL0-VL3
NO_PATH: Final = 255
_BATCH = 1 << 20


@dataclass(frozen=True, slots=True)
class Reading:
    """Beside `channels.ends` stand `keys`, `end_lanes` (virtual lane by service level) and `enforced`: the P_Keys in the
    table of the switch's port there. Whether the switch enforces it is a bit that ibsim does not keep."""

    subnet: Subnet
    channels: Channels
    table: Forwarding
    lanes: Lanes
    end_lanes: npt.NDArray[np.uint8]
    keys: tuple[frozenset[int], ...]
    enforced: tuple[frozenset[int], ...]
    manager: int  # LID of the subnet manager


def discover(at: Attachment) -> Subnet:
    """Raises OSError, TimeoutError; CompileError for output that is none."""
    settings = environment(at.directory, at.instance, at.host, at.tools.preload)
    printed = run([at.tools.ibnetdiscover], at.directory, settings, _SECONDS)
    return ibnetdiscover.read(printed, "ibnetdiscover")


def read(at: Attachment) -> Reading:
    """Everything but the service levels. Raises OSError (a node does not answer), TimeoutError, CompileError."""
    subnet = discover(at)
    found = channels(subnet)
    lids = np.array([switch.lid for switch in found.switches], dtype=np.int32)
    with asker(at) as asks:
        info = asks.data(_at(lids, mads.SWITCH_INFO))
        ports = _Ports(asks, found, lids)
        table = _forwarding(asks, found, lids, mads.words(info, 6))
        return Reading(
            subnet,
            found,
            table,
            _lanes(asks, found, lids, table, ports),
            _end_lanes(asks, found, ports),
            _keys(asks, found),
            _enforced(asks, found, lids, mads.words(info, 14)),
            ports.manager,
        )


def levels(at: Attachment, found: Channels, to: Destinations, manager: int, chosen: npt.NDArray[np.bool_]) -> Levels:
    """The service level of pairs' path records, as the subnet's administration at the LID `manager` hands it out.

    `chosen` tells, by end port and destination, for which pairs to ask. NO_PATH where that was not done, or there is none.
    Of an end port with several LIDs, the n-th speaks to the n-th of the others. Raises OSError.
    """
    lid = _end_lids(found).astype(np.int64)
    source, column = np.nonzero(chosen)
    pairs = lid[source] + to.lid[column] - lid[to.end[column]], to.lid[column].astype(np.int64)
    out = np.full(chosen.shape, NO_PATH, dtype=np.uint8)
    with asker(at) as asks:
        for first in range(0, len(source), _BATCH):
            batch = slice(first, first + _BATCH)
            asked = mads.questions(len(source[batch]), mads.SA, mads.PATH_RECORD)
            asked["lid"], asked["modifier"] = manager, pairs[0][batch] << 16 | pairs[1][batch]
            answers = asks.answers(asked)
            if (answers["status"] == mads.SILENCE).any():
                raise OSError("the subnet's administration does not answer")
            level = answers["data"][:, 53] & 0x0F  # PathRecord.QOSClass and SL: 12 and 4 bits
            out[source[batch], column[batch]] = np.where(answers["status"] == 0, level, NO_PATH)
    return out


def _forwarding(asks: Asker, found: Channels, lids: npt.NDArray[np.int32], top: npt.NDArray[np.int32]) -> Forwarding:
    """A block holds the ports of 64 LIDs (IBA 14.2.5.11)."""
    last = max([end.port.lid + (1 << end.port.lmc) - 1 for end in found.ends], default=0)
    blocks = max(last, int(top.max(initial=0))) // mads.LIDS_A_BLOCK + 1
    asked = _at(np.repeat(lids, blocks), mads.FORWARDING)
    asked["modifier"] = np.tile(np.arange(blocks), len(lids))
    table = asks.data(asked).reshape(len(lids), blocks * mads.LIDS_A_BLOCK)
    # what stands above LinearFDBTop does not count
    table[np.arange(table.shape[1])[None, :] > top[:, None]] = 255
    return table


class _Ports:
    """PortInfo of the connected ports of the switches, and of the end ports."""

    def __init__(self, asks: Asker, found: Channels, lids: npt.NDArray[np.int32]) -> None:
        used = (found.at >= 0) | (found.end_at >= 0)
        self.switch, self.port = np.nonzero(used)
        asked = _at(lids[self.switch], mads.PORT_INFO)
        asked["modifier"] = self.port
        self.lanes = np.zeros(used.shape, dtype=np.uint8)
        self.lanes[self.switch, self.port] = _operational(asks.data(asked))
        own = _at(_end_lids(found), mads.PORT_INFO)
        own["modifier"] = [end.port.number for end in found.ends]
        ends = asks.data(own)
        self.end_lanes = _operational(ends)
        self.manager = int(np.bincount(mads.words(ends, 18)).argmax()) if len(ends) else 0  # PortInfo.MasterSMLID


def _operational(info: Bytes) -> npt.NDArray[np.uint8]:
    lanes: npt.NDArray[np.uint8] = np.array(_LANES, dtype=np.uint8)[np.minimum(info[:, 43] >> 4, len(_LANES) - 1)]
    return lanes


def _lanes(asks: Asker, found: Channels, lids: npt.NDArray[np.int32], table: Forwarding, ports: _Ports) -> Lanes:
    """SLtoVLMappingTable by port in and out, where traffic takes the turn; a lane that the port out lacks drops (IBA 7.6.6)."""
    taken = turns(found, table)
    switch, into, out = np.nonzero(taken)
    asked = _at(lids[switch], mads.SL_TO_VL)
    asked["modifier"] = into << 8 | out
    lane = mads.nibbles(asks.data(asked), LEVELS)
    lane[lane >= ports.lanes[switch, out][:, None]] = DROPPED
    lanes = np.full((*taken.shape, LEVELS), DROPPED, dtype=np.uint8)
    lanes[switch, into, out] = lane
    return lanes


def _end_lanes(asks: Asker, found: Channels, ports: _Ports) -> npt.NDArray[np.uint8]:
    lane = mads.nibbles(asks.data(_at(_end_lids(found), mads.SL_TO_VL)), LEVELS)
    lane[lane >= ports.end_lanes[:, None]] = DROPPED
    return lane


def _keys(asks: Asker, found: Channels) -> tuple[frozenset[int], ...]:
    lids = _end_lids(found)
    capacity = mads.words(asks.data(_at(lids, mads.NODE_INFO)), 28)
    return _key_tables(asks, lids, np.zeros(len(lids), dtype=np.int64), capacity)


def _enforced(
    asks: Asker, found: Channels, lids: npt.NDArray[np.int32], capacity: npt.NDArray[np.int32]
) -> tuple[frozenset[int], ...]:
    switch = found.end_switch
    return _key_tables(asks, lids[switch], found.end_port.astype(np.int64), capacity[switch])


def _key_tables(
    asks: Asker, lids: npt.NDArray[np.int32], port: npt.NDArray[np.int64], capacity: npt.NDArray[np.int32]
) -> tuple[frozenset[int], ...]:
    """A block holds 32 keys; the modifier's upper half is the port of a switch (IBA 14.2.5.7)."""
    blocks = np.maximum(-(-capacity // mads.KEYS_A_BLOCK), 1)
    owner = np.repeat(np.arange(len(lids)), blocks)
    block = np.arange(len(owner)) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    asked = _at(lids[owner], mads.PKEY_TABLE)
    asked["modifier"] = port[owner] << 16 | block
    keys = asks.data(asked).view(">u2").astype(np.int64)
    tables: list[set[int]] = [set() for _ in range(len(lids))]
    for n, own in zip(owner.tolist(), keys, strict=True):
        tables[n].update(own[own != 0].tolist())
    return tuple(frozenset(table) for table in tables)


def _end_lids(found: Channels) -> npt.NDArray[np.int32]:
    return np.array([end.port.lid for end in found.ends], dtype=np.int32)


def _at(lids: npt.NDArray[np.int32], attribute: int) -> Questions:
    asked = mads.questions(len(lids), mads.SMP, attribute)
    asked["lid"] = lids
    return asked
