"""The subnet manager's target: the files that OpenSM reads, and the topology as ibnetdiscover would show it, for ibsim.

The templates hold the syntax. Text is made once a node, for a link names both its nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fabric_compiler.control.engines import ENGINES
from fabric_compiler.model.subnet import ManagerHost, Node, Partition, Subnet
from fabric_compiler.targets.templates import template
from fabric_compiler.targets.text import line

CONFIG: Final = "opensm.conf"
PARTITIONS: Final = "partitions.conf"
QOS: Final = "qos-policy.conf"
ROOTS: Final = "root_guid.conf"
COMPUTE: Final = "cn_guid.conf"
STORAGE: Final = "io_guid.conf"
ORDER: Final = "guid_routing_order.conf"
NAMES: Final = "node-name-map"
TOPOLOGY: Final = "topology.net"

_SERVICE_LEVELS: Final = 16
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}", re.ASCII)
_WEIGHT: Final = 64  # of a lane, in units of 64 bytes (IBA 7.6.9.1)
# IBA 14.2.5.6: PortInfo's codes of the lanes for data
_OPERATIONAL: Final = {1: 1, 2: 2, 4: 3, 8: 4}
_RATES: Final = {100_000: "4xEDR", 200_000: "4xHDR", 400_000: "4xNDR", 800_000: "4xXDR"}


@dataclass(frozen=True, slots=True)
class _Named:
    guid: str
    name: str


def render(subnet: Subnet) -> dict[str, bytes]:
    """The files of a subnet by name."""
    traits = ENGINES[subnet.engine.name]
    files = {
        CONFIG: _config(subnet, None),
        PARTITIONS: _render("partitions.conf.j2", subnet, partitions=[_partition(p) for p in subnet.partitions]),
        QOS: _render("qos-policy.conf.j2", subnet, rules=list(_rules(subnet))),
        ROOTS: _guids(subnet, "roots of the tree: the top tier", subnet.roots, node=True),
        COMPUTE: _guids(subnet, "ports of compute nodes: servers with GPUs", subnet.compute),
        STORAGE: _guids(subnet, "ports of I/O nodes: servers without GPUs", subnet.storage),
        NAMES: _render("node-name-map.j2", subnet, nodes=_names(subnet.nodes)),
        TOPOLOGY: _topology(subnet),
    }
    if traits.order:
        files[ORDER] = _guids(subnet, "ports in the order in which they are routed to", subnet.order)
    return files


def render_hosts(subnet: Subnet) -> dict[str, bytes]:
    """By name below the build, the options for each host of the subnet manager: those of all, its port and its priority."""
    return {name: _config(subnet, host) for name, host in zip(host_files(subnet), subnet.hosts, strict=True)}


def host_files(subnet: Subnet) -> list[str]:
    """Names below the build, in the order of the hosts."""
    name = subnet.directory.rpartition("/")[2]
    return [f"hosts/{host.name}/{name}.conf" for host in subnet.hosts]


def _config(subnet: Subnet, host: ManagerHost | None) -> bytes:
    traits, lanes = ENGINES[subnet.engine.name], subnet.lanes
    named = {
        "partition_config_file": PARTITIONS,
        "qos_policy_file": QOS,
        "node_name_map_name": NAMES,
        "root_guid_file": ROOTS if traits.roots else "",
        "cn_guid_file": COMPUTE if traits.compute and subnet.compute else "",
        # alone it would leave no compute nodes, and ftree fails then
        "io_guid_file": STORAGE if traits.compute and subnet.compute and subnet.storage else "",
        "guid_routing_order_file": ORDER if traits.order else "",
    }
    keys = {"m_key": subnet.m_key and _word(subnet.m_key), "sa_key": subnet.sa_key and _word(subnet.sa_key)}
    lane_of = {level.number: level.lane for level in lanes.levels if level.p_keys}
    # an engine with lanes of its own numbers them by service level; else a level that no tenant has rides lane 0
    mapped = [sl % lanes.count if traits.lanes else lane_of.get(sl, 0) for sl in range(_SERVICE_LEVELS)]
    return _render(
        "opensm.conf.j2",
        subnet,
        host=host and {"name": line(host.name), "guid": _guid(host.port_guid), "priority": host.priority},
        keys=keys,
        reasons=[line(reason) for reason in subnet.engine.reasons],
        paths={option: f"{subnet.place}/{name}" if name else "" for option, name in named.items()},
        operational=_OPERATIONAL[lanes.count],
        prefix=_guid(subnet.prefix),
        high=",".join(f"{lane}:0" for lane in range(lanes.count)),
        low=",".join(f"{lane}:{_WEIGHT}" for lane in range(lanes.count)),
        sl2vl=",".join(map(str, mapped)),
    )


def _rules(subnet: Subnet) -> Iterator[dict[str, object]]:
    names = {partition.p_key: _word(partition.name) for partition in subnet.partitions}
    for level in subnet.lanes.levels:
        for p_key in level.p_keys if level.number else ():
            yield {"name": names[p_key], "p_key": f"0x{p_key:04x}", "level": level.number}


def _render(name: str, subnet: Subnet, **context: object) -> bytes:
    several = f" plane {subnet.plane}" if subnet.directory.endswith(f"-p{subnet.plane}") else ""
    return template(f"opensm/{name}").render(subnet=subnet, title=line(f"{subnet.network}{several}"), **context).encode()


def _guids(subnet: Subnet, what: str, chosen: Iterable[int], node: bool = False) -> bytes:
    nodes = subnet.nodes
    rows = [_Named(_guid(nodes[n].guid if node else nodes[n].port_guid), line(nodes[n].name)) for n in chosen]
    return _render("guids.j2", subnet, what=what, rows=rows)


def _names(nodes: Iterable[Node]) -> Iterator[_Named]:
    return (_Named(_guid(node.guid), _quoted(node.name)) for node in nodes)


def _guid(value: int) -> str:
    return f"0x{value:016x}"


def _word(text: str) -> str:
    """A name where a delimiter would end it."""
    if not _WORD.fullmatch(text):
        raise ValueError(f"{text[:40]!r} cannot stand as a name in a file of OpenSM")
    return text


def _quoted(name: str) -> str:
    """A name inside double quotes, which have no escape."""
    return line(name).replace('"', "'")


def _partition(partition: Partition) -> dict[str, object]:
    members = [f"{_guid(member.port_guid)}={'full' if member.full else 'limited'}" for member in partition.members]
    if partition.everyone:
        members = [f"ALL={partition.everyone}", "SELF=full", *members]
    flags = [f"{_word(partition.name)}=0x{partition.p_key:04x}"]
    if partition.ipoib:
        flags += ["ipoib", f"rate={partition.rate}", f"mtu={partition.mtu}"]
    flags.append(f"sl={partition.service_level}")
    return {"head": ", ".join(flags), "members": members}


def _topology(subnet: Subnet) -> bytes:
    labels = [f'"{"S" if node.switch else "H"}-{node.guid:016x}"' for node in subnet.nodes]
    quoted = [f'"{_quoted(node.name)[:64]}"' for node in subnet.nodes]
    peers = [f"({node.port_guid:x})" if not node.switch else "" for node in subnet.nodes]
    nodes = [
        {
            "switch": node.switch,
            "guid": f"{node.guid:x}",
            "base": f"{node.port_guid - 1:x}",  # ibsim counts an HCA's port GUIDs on from this
            "port_guid": f"{node.port_guid:x}",
            "image": f"{node.image_guid:x}",
            "device": f"{node.device_id:x}" if node.device_id else "",
            "ports": node.ports,
            "label": labels[n],
            "name": quoted[n],
            "ends": [
                f"[{end.port}]{'' if node.switch else peers[n]}\t{labels[end.peer]}[{end.peer_port}]{peers[end.peer]}"
                f"\t\t# {quoted[end.peer]} {_RATES[end.speed]}"
                for end in node.ends
            ],
        }
        for n, node in enumerate(subnet.nodes)
    ]
    return _render("topology.net.j2", subnet, nodes=nodes)
