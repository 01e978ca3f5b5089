"""Which device of the fabric a node of a discovered subnet is: by its GUID where that is known, else by its description."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.model import subnet as model
from fabric_compiler.verify.subnet import Subnet, SubnetNode
from fabric_compiler.verify.wiring import Difference, Kind, Plug, Wire

# Nominal Mb/s of a lane, by the names of IBTA's roadmap
_LANE: Final = {
    "SDR": 2_500, "DDR": 5_000, "QDR": 10_000, "FDR10": 10_000, "FDR": 14_000, "EDR": 25_000, "HDR": 50_000, "NDR": 100_000,
    "XDR": 200_000,
}  # fmt: skip
# MLNX-OS describes a managed switch so: "MF0;<host name>:<model>/U1"
_MANAGED = re.compile(r"MF0;([^:]+):[^/]+/\S+")


@dataclass(frozen=True, slots=True)
class Place:
    """A node as it was meant: a switch, or one adapter of a server. `ports` are names by InfiniBand's numbers."""

    device: str
    guids: frozenset[int]  # of the node and its port
    text: str  # NodeDescription
    ports: Mapping[int, str]


def places(graph: Graph, meant: model.Subnet) -> list[Place]:
    """Where every node of a compiled subnet belongs."""
    devices = {device.name: device for device in graph.devices}
    found = []
    for node in meant.nodes:
        name = node.name if node.switch else node.name.rpartition(" ")[0]
        own = devices[name].layout.ports
        ports = {
            port.number: label(devices[name], n)
            for n, port in enumerate(own)
            if node.switch or node.name == f"{name} {port.name}"
        }
        found.append(Place(name, frozenset({node.guid, node.port_guid}), node.name, ports))
    return found


def wires(graph: Graph, meant: model.Subnet) -> list[Wire]:
    """The links of a compiled subnet."""
    links, network = graph.links, graph.networks.index(meant.network)
    mine = ((links.network == network) & (links.plane == meant.plane)).nonzero()[0]
    columns = (links.a_device, links.a_port, links.b_device, links.b_port, links.speed)
    found = []
    for a, a_port, b, b_port, rate in zip(*(column[mine].tolist() for column in columns), strict=True):
        one, two = graph.devices[a], graph.devices[b]
        found.append(Wire(Plug(one.name, label(one, a_port)), Plug(two.name, label(two, b_port)), rate))
    return found


def label(device: Device, port: int) -> str:
    """A port as it is found on the device: a switch prints the cage in the port's name, a server does not."""
    found = device.layout.ports[port]
    return found.name if device.kind == "switch" else f"{found.name} (cage {device.layout.cages[found.cage].label})"


@dataclass(frozen=True, slots=True)
class Identified:
    """`places` are those of the nodes that were found, by GUID; `wires` and `seen` are for wiring.compare; `strange` are
    differences of the nodes themselves."""

    places: Mapping[int, Place]
    wires: tuple[Wire, ...]
    seen: Mapping[str, bool]
    strange: tuple[Difference, ...]


def identify(subnet: Subnet, meant: Sequence[Place], inventory: bool) -> Identified:
    """`inventory`: the GUIDs of `meant` are real ones, and a node of another GUID is none of them."""
    by_guid = {guid: place for place in meant for guid in place.guids}
    by_text = {place.text: place for place in meant}
    found: dict[int, Place] = {}
    strange: list[Difference] = []
    taken: dict[str, SubnetNode] = {}
    for node in subnet.nodes.values():
        place = next((by_guid[guid] for guid in _guids(node) if guid in by_guid), None)
        if place is None and (place := by_text.get(_name(node.text))) is not None and inventory:
            message = f"{place.text} has the GUID {node.guid:#018x}, and the inventory another: was it replaced?"
            strange.append(Difference(Kind.UNKNOWN_DEVICE, message, ()))
        if place is None:
            continue
        if place.text in taken:
            message = f"two nodes are {place.text}: those with the GUIDs {taken[place.text].guid:#018x} and {node.guid:#018x}"
            strange.append(Difference(Kind.UNKNOWN_DEVICE, message, ()))
            continue
        taken[place.text] = node
        found[node.guid] = place
    plug = _plugs(subnet, found)
    lying = tuple(
        Wire(*ends, speed(port.rate))
        for node in subnet.nodes.values()
        for port in node.ports.values()
        if _first(subnet, node, port.number)
        for ends in ((plug(node.guid, port.number), plug(port.peer, port.peer_port)),)
    )
    seen = {plug(guid, 0).device: guid in found for guid in _all(subnet)}
    return Identified(found, lying, seen, tuple(strange))


def speed(rate: str) -> int:
    """`4xNDR` in Mb/s; 0 where it is not known."""
    lanes, _, lane = rate.partition("x")
    return int(lanes) * _LANE.get(lane, 0) if lanes.isdecimal() else 0


def _guids(node: SubnetNode) -> list[int]:
    return [node.guid, *(port.guid for port in node.ports.values() if port.guid)]


def _name(text: str) -> str:
    managed = _MANAGED.fullmatch(text)
    return managed[1] if managed else text


def _all(subnet: Subnet) -> list[int]:
    """Those too that others only name as theirs at the other end."""
    return list(dict.fromkeys([*subnet.nodes, *(p.peer for node in subnet.nodes.values() for p in node.ports.values())]))


def _first(subnet: Subnet, node: SubnetNode, number: int) -> bool:
    """Whether the link is to be taken from this of its two ends: the adapter's, or the one seen first."""
    port = node.ports[number]
    if port.peer not in subnet.nodes:
        return True
    peer = subnet.nodes[port.peer]
    return (node.kind == "switch", node.guid, number) < (peer.kind == "switch", peer.guid, port.peer_port)


def _plugs(subnet: Subnet, found: Mapping[int, Place]) -> Callable[[int, int], Plug]:
    texts = {port.peer: port.peer_text for node in subnet.nodes.values() for port in node.ports.values()}
    texts |= {node.guid: node.text for node in subnet.nodes.values()}

    def plug(guid: int, number: int) -> Plug:
        place = found.get(guid)
        if place is None:
            return Plug(f"the node {guid:#018x} ({_name(texts[guid])})", f"port {number}")
        return Plug(place.device, place.ports.get(number, f"port {number}"))

    return plug
