"""Reads a server's rendered files back: what netplan and the NICs would make of them.

Not general parsers: each block must have the one shape that is known here, and anything else raises. That makes them quick
(a regular expression a NIC) and keeps a line that nobody understands from passing unseen. The sysctl file holds nothing that
a link shares.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from fabric_compiler.model.device import Prefix
from fabric_compiler.verify.observed import Observed, ObservedInterface

_NETPLAN: Final = "60-fabric.yaml"
_ROCE: Final = "roce.sh"

Lossless = tuple[tuple[tuple[int, ...], int], ...]

_HEAD: Final = re.compile(r"(?:#[^\r\n]*\n)*network:\n  version: 2\n  ethernets:\n")
_NIC: Final = re.compile(
    r"""(?:[ ]{4}\#[^\r\n]*\n)*
    [ ]{4}"(?P<name>[A-Za-z0-9_.-]{1,15})":\n
    [ ]{6}dhcp4:[ ]false\n
    [ ]{6}dhcp6:[ ]false\n
    [ ]{6}accept-ra:[ ]false\n
    [ ]{6}link-local:[ ](?P<local>\[\]|\[ipv6\])\n
    [ ]{6}mtu:[ ](?P<mtu>[1-9][0-9]{2,5})\n
    [ ]{6}addresses:\n
    (?P<addresses>(?:[ ]{8}-[ ]"[0-9a-f:.]+/[0-9]{1,3}"\n)+)
    (?:[ ]{6}routes:\n(?:[ ]{8}-[ ]\{to:[ ]"[0-9a-f:.]+/[0-9]{1,3}"(?:,[ ]via:[ ]"[0-9a-f:.]+")?
        (?:,[ ]metric:[ ][0-9]{1,10})?(?:,[ ]table:[ ][0-9]{1,10})?(?:,[ ]on-link:[ ]true)?\}\n)+)?
    (?:[ ]{6}routing-policy:\n(?:[ ]{8}-[ ]\{from:[ ]"[0-9a-f:.]+/[0-9]{1,3}",[ ]table:[ ][0-9]{1,10}\}\n)+)?
    """,
    re.VERBOSE | re.ASCII,
)

_FUNCTION: Final = re.compile(r"(roce_[0-9]{1,3})\(\) \{", re.ASCII)
_LOOP: Final = re.compile(r"for netdev in ([A-Za-z0-9_. -]+); do", re.ASCII)
_CALL: Final = re.compile(
    r' {4}\{ (roce_[0-9]{1,3}) "\$netdev" \|\| \{ echo "\$netdev: RoCE settings are incomplete" >&2; exit 1; \}; \} &', re.ASCII
)
# what surrounds the settings, to the letter
_FRAME: Final = frozenset(
    [
        "",
        "pids=",
        "failed=0",
        "quietly() {",
        '    output=$("$@" 2>&1) || { echo "$output" >&2; return 1; }',
        "}",
        '    pids="$pids $!"',
        "done",
        "for pid in $pids; do",
        '    wait "$pid" || failed=1',
        'exit "$failed"',
    ]
)
_TRUST: Final = re.compile(r' {4}quietly mlnx_qos -i "\$1" --trust (dscp|pcp) --pfc ([01](?:,[01]){7}) \|\| return', re.ASCII)
_MAP: Final = re.compile(
    r' {4}for dscp in ([0-9 ]+); do\n {8}quietly mlnx_qos -i "\$1" --dscp2prio "set,\$dscp,([0-7])" \|\| return\n {4}done\n',
    re.ASCII,
)
# settings that a leaf has no counterpart of, but that must be whole
_REST: Final = re.compile(
    r' {4}for rdma in /sys/class/net/"\$1"/device/infiniband/\*; do\n'
    r' {8}quietly cma_roce_tos -d "\$\{rdma\#\#\*/\}" -t (?P<tos>[0-9]{1,3}) \|\| return\n'
    r' {8}echo (?P=tos) > /sys/class/infiniband/"\$\{rdma\#\#\*/\}"/tc/1/traffic_class \|\| return\n'
    r" {4}done\n"
    r' {4}echo [0-9]{1,2} > /sys/class/net/"\$1"/ecn/roce_np/cnp_dscp \|\| return\n'
    r'(?: {4}echo 1 > /sys/class/net/"\$1"/ecn/roce_(?:np|rp)/enable/[0-7] \|\| return\n)*',
    re.ASCII,
)


def read(files: Mapping[str, bytes]) -> Observed:
    """The facts of one server's files, by name as rendered. A NIC's speed and FEC, and the host's name, are in none of them.

    Raises ValueError, with file and line, on anything that it does not know.
    """
    lossless = _roce(_decoded(files, _ROCE)) if _ROCE in files else {}
    interfaces = _netplan(_decoded(files, _NETPLAN), lossless) if _NETPLAN in files else {}
    unknown = lossless.keys() - interfaces.keys()
    if unknown:
        raise ValueError(f"{_ROCE} sets NICs that {_NETPLAN} does not have: {', '.join(sorted(unknown))}")
    return Observed(
        hostname="",
        asn=0,
        router_id=0,
        loopbacks=(),
        interfaces=interfaces,
        vlans={},
        sessions=(),
        announced=(),
    )


def _decoded(files: Mapping[str, bytes], name: str) -> str:
    try:
        return files[name].decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: byte {error.start} is not ASCII") from None


def _netplan(text: str, lossless: Mapping[str, Lossless]) -> dict[str, ObservedInterface]:
    head = _HEAD.match(text)
    if not head:
        raise ValueError(f"{_NETPLAN}:1: not the head of a file of ours")
    interfaces: dict[str, ObservedInterface] = {}
    position = head.end()
    while position < len(text):
        nic = _NIC.match(text, position)
        if not nic:
            raise ValueError(f"{_NETPLAN}:{_line(text, position)}: a NIC that begins here is not as known")
        name, _, mtu, addresses = nic.group("name", "local", "mtu", "addresses")
        if name in interfaces:
            raise ValueError(f"{_NETPLAN}:{_line(text, position)}: {name} stands twice")
        try:
            prefixes = tuple(_prefix(line[11:-1]) for line in addresses.splitlines())
        except (OSError, ValueError) as error:
            raise ValueError(f"{_NETPLAN}:{_line(text, position)}: {name}: {error}") from None
        interfaces[name] = ObservedInterface(
            enabled=True,
            speed=0,
            mtu=int(mtu),
            fec="",
            addresses=prefixes,
            unnumbered=False,
            vlan=0,
            lossless=lossless.get(name, ()),
        )
        position = nic.end()
    return interfaces


def _prefix(text: str) -> Prefix:
    address, _, length = text.partition("/")
    version, family, bits = (6, socket.AF_INET6, 128) if ":" in address else (4, socket.AF_INET, 32)
    if int(length) > bits:
        raise ValueError(f"{text} has a length over {bits}")
    return Prefix(version, int.from_bytes(socket.inet_pton(family, address), "big"), int(length))


def _roce(text: str) -> dict[str, Lossless]:
    """Lossless classes by NIC, as after a run of the script on NICs at their defaults."""
    functions: dict[str, Lossless] = {}
    of_netdev: dict[str, Lossless] = {}
    lines = text.split("\n")
    if lines[0] != "#!/bin/sh":
        raise ValueError(f"{_ROCE}:1: not a shell script of ours")
    netdevs: list[str] = []
    number = 1
    while number < len(lines):
        line = lines[number]
        number += 1
        if function := _FUNCTION.fullmatch(line):
            end = lines.index("}", number) if "}" in lines[number:] else len(lines)
            functions[function[1]] = _settings("\n".join(lines[number:end]) + "\n", number + 1)
            number = end + 1
        elif loop := _LOOP.fullmatch(line):
            if netdevs:
                raise ValueError(f"{_ROCE}:{number}: the loop before this one sets nothing")
            netdevs = loop[1].split()
        elif call := _CALL.fullmatch(line):
            if call[1] not in functions or not netdevs:
                raise ValueError(f"{_ROCE}:{number}: {call[1]} is called without a definition or without a NIC")
            for netdev in netdevs:
                if netdev in of_netdev:
                    raise ValueError(f"{_ROCE}:{number}: {netdev} is set twice")
                of_netdev[netdev] = functions[call[1]]
            netdevs = []
        elif line not in _FRAME and not line.startswith("#"):
            raise ValueError(f"{_ROCE}:{number}: a line that is not known: {line[:60]!r}")
    if netdevs:
        raise ValueError(f"{_ROCE}:{number}: the last loop sets nothing")
    return of_netdev


@lru_cache(maxsize=256)
def _settings(body: str, first_line: int) -> Lossless:
    """A NIC's lossless classes after the commands of one function.

    Trust dscp begins with priority = DSCP / 8 (mlnx-tools dcbnetlink.py, setDefaultAppEntry); with trust pcp a routed, untagged
    packet has no priority of its own, so no DSCP is protected.
    """
    trust = _TRUST.match(body)
    if not trust:
        raise ValueError(f"{_ROCE}:{first_line}: not the trust and PFC of a NIC")
    priorities = [dscp >> 3 for dscp in range(64)]
    position = trust.end() + 1
    while mapping := _MAP.match(body, position):
        for dscp in map(int, mapping[1].split()):
            if dscp > 63:
                raise ValueError(f"{_ROCE}:{first_line + body.count(chr(10), 0, position)}: DSCP {dscp} is over 63")
            priorities[dscp] = int(mapping[2])
        position = mapping.end()
    rest = _REST.match(body, position)
    if not rest or rest.end() != len(body):
        position = rest.end() if rest else position
        raise ValueError(f"{_ROCE}:{first_line + body.count(chr(10), 0, position)}: a setting that is not known")
    paused = [priority for priority, on in enumerate(trust[2].split(",")) if on == "1"]
    trusted = trust[1] == "dscp"
    return tuple(
        sorted(
            (tuple(d for d, p in enumerate(priorities) if p == priority) if trusted else (), priority) for priority in paused
        )
    )


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
