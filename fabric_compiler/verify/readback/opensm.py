"""Reads the subnet manager's files back: what OpenSM and ibsim would understand of them.

Not general parsers: each line must have a form that is known here, and anything else raises ValueError with file and line. The
topology has two lines a link, so it is read by one regular expression, and its links come as columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Uint64s = npt.NDArray[np.uint64]

# Of those that `opensm -c` of OpenSM 3.3.23 writes (tests/lab compares)
OPTIONS: Final = frozenset((
    "cn_guid_file", "guid", "guid_routing_order_file", "io_guid_file", "lmc", "m_key", "m_key_lease_period",
    "m_key_protection_level", "max_op_vls", "max_reverse_hops", "node_name_map_name", "nue_max_num_vls", "part_enforce",
    "partition_config_file", "qos", "qos_high_limit", "qos_max_vls", "qos_policy_file", "qos_sl2vl", "qos_vlarb_high",
    "qos_vlarb_low", "root_guid_file", "routing_engine", "sa_key", "sm_priority", "subnet_prefix", "sweep_interval",
))  # fmt: skip
NVIDIA_OPTIONS: Final = frozenset(("ar_sl_mask", "sharp_enabled"))

_NODE: Final = re.compile(
    r"""vendid=0x2c9\n
    (?:devid=0x[0-9a-f]{1,4}\n)?
    sysimgguid=0x(?P<image>[0-9a-f]{1,16})\n
    (?:switchguid=0x(?P<switch>[0-9a-f]{1,16})\((?P<port0>[0-9a-f]{1,16})\)\n
       Switch\t(?P<radix>[0-9]{1,3})[ ]"S-(?P<s>[0-9a-f]{16})"\t\t\#[ ]"(?P<sname>[^"\n]{1,64})"[ ]enhanced[ ]port[ ]0\n
      |caguid=0x(?P<base>[0-9a-f]{1,16})\n
       Ca\t(?P<ports>[0-9]{1,3})[ ]"H-(?P<h>[0-9a-f]{16})"\t\t\#[ ]"(?P<hname>[^"\n]{1,64})"\n)
    (?P<ends>(?:\[[^\n]*\n)*)\n?""",
    re.VERBOSE | re.ASCII,
)
_END: Final = re.compile(
    r"""\[(\d{1,3})\](?:\(([0-9a-f]{1,16})\))?\t
    "[SH]-([0-9a-f]{16})"\[(\d{1,3})\](?:\(([0-9a-f]{1,16})\))?\t\t
    \#[ ]"([^"\n]{1,64})"[ ](4x[EHNX]DR)\n""",
    re.VERBOSE | re.ASCII,
)
_RATES: Final = {"4xEDR": 100_000, "4xHDR": 200_000, "4xNDR": 400_000, "4xXDR": 800_000}
_GUID: Final = re.compile(r"0x([0-9a-f]{16}) # [ -~]+", re.ASCII)
_NAME: Final = re.compile(r'0x([0-9a-f]{16}) "([ !#-~]+)"', re.ASCII)
_OPTION: Final = re.compile(r"([a-z0-9_]{1,40}) ([!-~]+)", re.ASCII)
_HEAD: Final = re.compile(
    r"([A-Za-z0-9-]{1,32})=0x([0-9a-f]{4})(, ipoib, rate=([0-9]{1,2}), mtu=([0-9]))?, sl=([0-9]{1,2}) :", re.ASCII
)
_MEMBER: Final = re.compile(r"\t(ALL|SELF|0x[0-9a-f]{16})=(full|limited)([,;])", re.ASCII)


@dataclass(frozen=True, slots=True)
class ObservedNode:
    """`ports` of a switch are its radix. `port` is the GUID of an HCA's port as ibsim makes it, of a switch its port 0's."""

    switch: bool
    name: str
    port: int
    image: int
    ports: int


@dataclass(frozen=True, slots=True)
class ObservedPartition:
    name: str
    p_key: int
    full: frozenset[int]
    limited: frozenset[int]
    everyone: str  # "", full or limited
    ipoib: bool
    service_level: int


@dataclass(frozen=True, slots=True)
class ObservedSubnet:
    """`nodes` by node GUID; the columns have a row for each end of each link: node, port, and those of the other end."""

    nodes: Mapping[int, ObservedNode]
    node: Uint64s
    port: Uint64s
    peer: Uint64s
    peer_port: Uint64s
    speed: Uint64s
    lists: Mapping[str, tuple[int, ...]]  # the files of GUIDs
    names: Mapping[int, str]
    partitions: tuple[ObservedPartition, ...]
    options: Mapping[str, str]


def read(files: Mapping[str, bytes]) -> ObservedSubnet:
    """The files of one subnet by name. Raises ValueError, with file and line, on anything that is not known."""
    nodes, columns = _topology(_text(files, "topology.net"))
    lists = {name: tuple(_guids(name, _text(files, name))) for name in files if name.endswith(("_guid.conf", "_order.conf"))}
    names = {}
    for number, line in _lines(_text(files, "node-name-map")):
        match = _NAME.fullmatch(line)
        if not match:
            raise ValueError(f"node-name-map:{number}: not a GUID and a name: {line[:60]!r}")
        names[int(match[1], 16)] = match[2]
    return ObservedSubnet(
        nodes=nodes,
        node=columns[:, 0],
        port=columns[:, 1],
        peer=columns[:, 2],
        peer_port=columns[:, 3],
        speed=columns[:, 4],
        lists=lists,
        names=names,
        partitions=tuple(_partitions(_text(files, "partitions.conf"))),
        options=options(files, "opensm.conf"),
    )


def options(files: Mapping[str, bytes], name: str) -> dict[str, str]:
    """The options of a configuration of OpenSM. Raises ValueError."""
    found: dict[str, str] = {}
    for number, line in _lines(_text(files, name)):
        match = _OPTION.fullmatch(line)
        if not match or match[1] in found:
            raise ValueError(f"{name}:{number}: not an option and its value, or one that stands above: {line[:60]!r}")
        if match[1] not in OPTIONS | NVIDIA_OPTIONS:
            raise ValueError(f"{name}:{number}: OpenSM has no option {match[1]}")
        found[match[1]] = match[2]
    return found


def _text(files: Mapping[str, bytes], name: str) -> str:
    try:
        return files[name].decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: byte {error.start} is not ASCII") from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are neither empty nor comments, with their numbers."""
    return ((n, line) for n, line in enumerate(text.split("\n"), 1) if line and not line.startswith("#"))


def _guids(name: str, text: str) -> Iterator[int]:
    for number, line in _lines(text):
        match = _GUID.fullmatch(line)
        if not match:
            raise ValueError(f"{name}:{number}: not a GUID and a comment: {line[:60]!r}")
        yield int(match[1], 16)


def _topology(text: str) -> tuple[dict[int, ObservedNode], Uint64s]:
    nodes: dict[int, ObservedNode] = {}
    rows: list[tuple[int, ...]] = []
    told: dict[tuple[int, str, str], int] = {}  # what links say of their other ends
    at = text.index("\n\n") + 2 if "\n\n" in text else len(text)
    while at < len(text):
        node = _NODE.match(text, at)
        if not node:
            raise ValueError(f"topology.net:{_line(text, at)}: a node that begins here is not as known")
        switch = node["s"] is not None
        guid = int(node["s"] or node["h"], 16)
        if guid in nodes or (switch and not (int(node["switch"], 16) == int(node["port0"], 16) == guid)):
            raise ValueError(f"topology.net:{_line(text, at)}: the node 0x{guid:016x} stands twice, or its GUIDs differ")
        # ibsim: the port GUID of an HCA is its base and the port's number
        own = guid if switch else int(node["base"], 16) + 1
        nodes[guid] = ObservedNode(
            switch, node["sname"] or node["hname"], own, int(node["image"], 16), int(node["radix"] or node["ports"])
        )
        position, last = node.start("ends"), 0
        while position < node.end("ends"):
            end = _END.match(text, position)
            if not end:
                raise ValueError(f"topology.net:{_line(text, position)}: a link that is not as known")
            port = int(end[1])
            if port <= last or port > nodes[guid].ports or (end[2] is not None and int(end[2], 16) != own):
                raise ValueError(
                    f"topology.net:{_line(text, position)}: port {port} is out of order, beyond the last, or of another GUID"
                )
            last = port
            peer = int(end[3], 16)
            rows.append((guid, port, peer, int(end[4]), _RATES[end[7]]))
            told.setdefault((peer, end[6], end[5] or ""), position)
            position = end.end()
        at = node.end()
    for (peer, name, own_port), place in told.items():
        there = nodes.get(peer)
        if there is None or there.name != name or own_port != ("" if there.switch else f"{there.port:x}"):
            raise ValueError(f"topology.net:{_line(text, place)}: the other end of the link is not as it stands for itself")
    return nodes, np.array(rows, dtype=np.uint64).reshape(-1, 5)


def _partitions(text: str) -> Iterator[ObservedPartition]:
    head: re.Match[str] | None = None
    members: dict[str, set[int]] = {}
    everyone = ""
    for number, line in _lines(text):
        if head is None:
            head = _HEAD.fullmatch(line)
            members, everyone = {"full": set(), "limited": set()}, ""
            if not head:
                raise ValueError(f"partitions.conf:{number}: not the head of a partition: {line[:60]!r}")
            continue
        member = _MEMBER.fullmatch(line)
        if not member:
            raise ValueError(f"partitions.conf:{number}: not a member: {line[:60]!r}")
        if member[1] == "ALL":
            everyone = member[2]
        elif member[1] == "SELF":
            if member[2] != "full":
                raise ValueError(f"partitions.conf:{number}: the subnet manager is a limited member")
        else:
            guid = int(member[1], 16)
            if guid in members["full"] | members["limited"]:
                raise ValueError(f"partitions.conf:{number}: 0x{guid:016x} is a member twice")
            members[member[2]].add(guid)
        if member[3] == ";":
            yield ObservedPartition(
                head[1], int(head[2], 16), frozenset(members["full"]), frozenset(members["limited"]), everyone,
                head[3] is not None, int(head[6]),
            )  # fmt: skip
            head = None
    if head is not None:
        raise ValueError("partitions.conf: the last partition has no end")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
