"""A subnet as arrays: its switches, its end ports, and its channels. A channel is one direction of a cable between switches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fabric_compiler.ir.graph import Column
from fabric_compiler.verify.subnet import ADAPTER, SWITCH, Subnet, SubnetNode, SubnetPort

PORTS = 256  # ports of a switch by number; 255 says in a forwarding table that there is no way (IBA 14.2.5.11)
Table = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class EndPort:
    """A port of a channel adapter that hangs on a switch; its LIDs are `lid` to `lid + 2**lmc - 1`."""

    node: SubnetNode
    port: SubnetPort


@dataclass(frozen=True, slots=True)
class Channels:
    """Columns of a row a channel: `tail`, `head` number the switches. `at` and `end_at` have a row a switch, a column a port,
    and hold the channel or end port that the port sends into, or -1.
    """

    switches: tuple[SubnetNode, ...]
    ends: tuple[EndPort, ...]
    tail: Column
    out_port: Column
    head: Column
    in_port: Column
    at: Table
    end_at: Table
    end_switch: Column
    end_port: Column

    def __len__(self) -> int:
        return len(self.tail)


def channels(subnet: Subnet) -> Channels:
    """An end port that hangs on none of the switches is left out."""
    switches = tuple(subnet.of_kind(SWITCH))
    number = {switch.guid: n for n, switch in enumerate(switches)}
    rows = [
        (n, port.number, number[port.peer], port.peer_port)
        for n, switch in enumerate(switches)
        for port in switch.ports.values()
        if port.peer in number
    ]
    adapters = (EndPort(node, port) for node in subnet.of_kind(ADAPTER) for port in node.ports.values())
    ends = tuple(end for end in adapters if end.port.peer in number)
    tail, out_port, head, in_port = np.array(rows, dtype=np.int32).reshape(-1, 4).T
    end_switch = np.array([number[end.port.peer] for end in ends], dtype=np.int32)
    end_port = np.array([end.port.peer_port for end in ends], dtype=np.int32)
    at = np.full((len(switches), PORTS), -1, dtype=np.int32)
    end_at = at.copy()
    at[tail, out_port] = np.arange(len(tail))
    end_at[end_switch, end_port] = np.arange(len(ends))
    return Channels(switches, ends, tail, out_port, head, in_port, at, end_at, end_switch, end_port)
