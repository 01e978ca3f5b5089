"""An InfiniBand subnet as a tool or the subnet manager saw it: nodes, their ports, and what each port is connected to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SWITCH, ADAPTER, ROUTER = "switch", "adapter", "router"


@dataclass(frozen=True, slots=True)
class SubnetPort:
    """A connected port. `guid` and `lid` are a channel adapter's own; a switch has one of each for all its ports."""

    number: int
    guid: int
    lid: int
    lmc: int
    peer: int  # GUID of the node at the other end
    peer_port: int
    peer_text: str  # its description
    rate: str  # lanes and speed of a lane, as 4xNDR; empty where unknown
    line: int


@dataclass(frozen=True, slots=True)
class SubnetNode:
    kind: str
    guid: int
    text: str  # the node description
    port_count: int
    lid: int  # of a switch's port 0
    ports: Mapping[int, SubnetPort]  # by number
    line: int


@dataclass(frozen=True, slots=True)
class Subnet:
    """Nodes by GUID, in the order in which they were seen."""

    nodes: Mapping[int, SubnetNode]

    def of_kind(self, kind: str) -> list[SubnetNode]:
        return [node for node in self.nodes.values() if node.kind == kind]
