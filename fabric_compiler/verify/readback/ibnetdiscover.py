"""Reads what `ibnetdiscover` prints, with -g and -f too, and the topology.net files of ibsim that are made in its likeness.

The format is that of infiniband-diags/ibnetdiscover.c (rdma-core 44); LIDs may be left out. A line that is none of it is an
error: ibsim would take some as commands (`include`, `do`), and a file that was cut off is no picture of a fabric.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity, Span
from fabric_compiler.verify.subnet import ADAPTER, ROUTER, SWITCH, Subnet, SubnetNode, SubnetPort

MAX_BYTES = 512 << 20
MAX_LINE = 1024
MAX_PORTS = 254  # IBA 14.2.5.3: NodeInfo.NumPorts

_KINDS: Final = {"Switch": SWITCH, "Ca": ADAPTER, "Hca": ADAPTER, "Rt": ROUTER}
_LETTERS: Final = {"S": SWITCH, "H": ADAPTER, "R": ROUTER}
_NODE = re.compile(
    r'(Switch|Ca|Hca|Rt)\t(\d{1,3}) "([SHR])-([0-9a-f]{16})"\t\t# "(.*)"'
    r"( (?:enhanced|base) port 0(?: lid (\d{1,5}) lmc [0-7])?)?(?: \(scp\))?",
    re.ASCII,
)
_PEER = r'\s+"[SHR]-(?P<peer>[0-9a-f]{16})"\[(?P<back>\d{1,3})\](?:\[ext \d+\])? ?(?:\([0-9a-f]{1,16}\))?\s*#'
_TEXT = (
    r' "(?P<text>.*)"(?: lid \d{1,5})? (?P<rate>[0-9?]{1,2}x?[A-Z?]+[0-9]*)(?: s=\d+ w=\d+(?: v=\d+)?)?(?: slot \d+| \(scp\))?'
)
_SWITCH_PORT = re.compile(r"\[(?P<own>\d{1,3})\](?:\[ext \d+\])?" + _PEER + _TEXT, re.ASCII)
_ADAPTER_PORT = re.compile(
    r"\[(?P<own>\d{1,3})\](?:\((?P<guid>[0-9a-f]{1,16})\))?" + _PEER + r"(?: lid (?P<lid>\d{1,5}) lmc (?P<lmc>[0-7]))?" + _TEXT,
    re.ASCII,
)
_PASSED_OVER = re.compile(
    r"#.*|(?:vendid|devid|sysimgguid|(?:switch|ca|rt)guid)=0x[0-9a-f]{1,16}(?:\([0-9a-f]{1,16}\))?(?:\s*#.*)?"
    r"|Chassis \d+.*|Hostname: .*",
    re.ASCII,
)
_KNOWN_RATE = re.compile(r"\d{1,2}x[A-Z]+[0-9]*", re.ASCII)


@dataclass(slots=True)
class _Node:
    kind: str
    guid: int
    text: str
    port_count: int
    lid: int
    line: int
    ports: dict[int, SubnetPort] = field(default_factory=dict)


def read(content: bytes, name: str) -> Subnet:
    """`name` is the file's, for errors. Raises CompileError (FC1001) with the line that is not of the format."""
    nodes: dict[int, _Node] = {}
    node: _Node | None = None
    for number, raw in enumerate(content.split(b"\n"), start=1):
        line = raw.decode("utf-8", "replace").rstrip("\r")
        if len(line) > MAX_LINE:
            raise _unreadable(name, number, f"a line of {len(line)} characters")
        if line.startswith("["):
            if node is None:
                raise _unreadable(name, number, "a port without a node before it")
            port = _port(line.rstrip(), node, number, name)
            if port.number in node.ports:
                raise _unreadable(
                    name, number, f"port {port.number} a second time, first on line {node.ports[port.number].line}"
                )
            node.ports[port.number] = port
            continue
        node = None
        if not line or _PASSED_OVER.fullmatch(line):
            continue
        node = _node(line.rstrip(), number, name)
        if node.guid in nodes:
            first = nodes[node.guid].line
            raise _unreadable(name, number, f"two nodes have the GUID {node.guid:#018x}, the first on line {first}")
        nodes[node.guid] = node
    if not nodes:
        raise _unreadable(name, 1, "no node in it")
    subnet = Subnet(
        {g: SubnetNode(n.kind, n.guid, n.text, n.port_count, n.lid, n.ports, n.line) for g, n in nodes.items()}
    )  # fmt: skip
    _check_ends(subnet, name)
    return subnet


def _node(line: str, number: int, name: str) -> _Node:
    said = _NODE.fullmatch(line)
    if said is None or _KINDS[said[1]] != _LETTERS[said[3]] or (said[6] is not None) != (said[1] == "Switch"):
        raise _unreadable(name, number, "not a line that ibnetdiscover prints")
    ports = int(said[2])
    if not 1 <= ports <= MAX_PORTS:
        raise _unreadable(name, number, f"a node has 1 to {MAX_PORTS} ports, not {ports}")
    return _Node(_KINDS[said[1]], int(said[4], 16), said[5], ports, int(said[7] or 0), number)


def _port(line: str, node: _Node, number: int, name: str) -> SubnetPort:
    said = (_SWITCH_PORT if node.kind == SWITCH else _ADAPTER_PORT).fullmatch(line)
    if said is None:
        raise _unreadable(name, number, "not a port as ibnetdiscover prints it")
    own, rate, more = int(said["own"]), said["rate"], said.groupdict("0")
    if not 1 <= own <= node.port_count:
        raise _unreadable(name, number, f"the node has ports 1 to {node.port_count}, and this is port {own}")
    return SubnetPort(
        own,
        int(more.get("guid", "0"), 16),
        int(more.get("lid", "0")),
        int(more.get("lmc", "0")),
        int(said["peer"], 16),
        int(said["back"]),
        said["text"],
        rate if _KNOWN_RATE.fullmatch(rate) else "",
        number,
    )


def _check_ends(subnet: Subnet, name: str) -> None:
    """Each link is there from both ends, where both nodes are."""
    for node in subnet.nodes.values():
        for port in node.ports.values():
            peer = subnet.nodes.get(port.peer)
            if peer is None:
                continue
            back = peer.ports.get(port.peer_port)
            if back is None or (back.peer, back.peer_port) != (node.guid, port.number):
                said = f"line {back.line} says otherwise" if back else f"port {port.peer_port} of line {peer.line} is not there"
                raise _unreadable(name, port.line, f"the link is seen from one end only: {said}")


def _unreadable(name: str, line: int, why: str) -> CompileError:
    hint = "give the output of `ibnetdiscover` as it is"
    return CompileError([Diagnostic("FC1001", Severity.ERROR, why, Span(name, line, 1), hint)])
