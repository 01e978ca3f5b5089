"""Reads a server's files as its system would: netplan's YAML, and the sysctl.d file.

What the lab does not know in them is refused, so that nothing is left out unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fabric_compiler.ir.plan import Prefix
from fabric_compiler.lab.layout import Port, Route, Rule
from fabric_compiler.lab.netlink import MAIN_TABLE
from fabric_compiler.targets.hosts import NETPLAN, SYSCTL
from fabric_compiler.verify.readback.policies import parse_address, parse_prefix
from fabric_compiler.yamltree import Limits, parse

LINK: Final = re.compile(r"(?!(?:lo|all|default)$)[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", re.ASCII)
_LIMITS: Final = Limits("a server's netplan file", depth=8, nodes=100_000)
_NIC_KEYS: Final = frozenset(
    {"dhcp4", "dhcp6", "accept-ra", "link-local", "mtu", "addresses", "routes", "routing-policy"}
)  # fmt: skip
# a part of a path; sysctls of a namespace are the network's, and those that a fabric's server sets are of these two
_STEP: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,64}", re.ASCII)
_OURS: Final = (("net", "ipv4"), ("net", "ipv6"))
_VALUE: Final = re.compile(r"-?[0-9]{1,18}(?:[ \t]+-?[0-9]{1,18}){0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HostFiles:
    """`sysctls` are paths below /proc/sys with their values; `left_out` are keys that are not the network's."""

    ports: tuple[Port, ...]
    routes: tuple[Route, ...]
    rules: tuple[Rule, ...]
    sysctls: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]


def read(files: Mapping[str, bytes]) -> HostFiles:
    """Raises ValueError, CompileError (of the YAML)."""
    ports, routes, rules = [], [], []
    if NETPLAN in files:
        tree = parse(files[NETPLAN].decode(), NETPLAN, _LIMITS).plain()
        network = _mapping(_mapping(tree, NETPLAN).get("network"), "network")
        if unknown := network.keys() - {"version", "ethernets"}:
            raise ValueError(f"{NETPLAN}: {min(unknown)[:40]!r} is none of its keys that the lab knows")
        for name, tree in _mapping(network.get("ethernets"), "ethernets").items():
            if not LINK.fullmatch(name):
                raise ValueError(f"{NETPLAN}: {name[:40]!r} is no name of a NIC")
            nic = _mapping(tree, name)
            if unknown := nic.keys() - _NIC_KEYS:
                raise ValueError(f"{NETPLAN}: {name}: {min(unknown)[:40]!r} is none of the keys that the lab knows")
            ports.append(_port(name, nic))
            routes += [_route(name, _mapping(one, "a route")) for one in _list(nic.get("routes"), "routes")]
            rules += [_rule(_mapping(one, "a rule")) for one in _list(nic.get("routing-policy"), "routing-policy")]
    sysctls, left_out = [], []
    for key, value in _sysctls(files.get(SYSCTL, b"").decode()):
        steps = key.split("/")
        if tuple(steps[:2]) not in _OURS:
            left_out.append(key)
        elif not all(map(_STEP.fullmatch, steps)) or not _VALUE.fullmatch(value):
            raise ValueError(f"{SYSCTL}: {key[:80]!r} = {value[:40]!r} is no setting of the network")
        else:
            sysctls.append((key, value))
    return HostFiles(tuple(ports), tuple(routes), tuple(rules), tuple(sysctls), tuple(left_out))


def _port(name: str, nic: Mapping[str, Any]) -> Port:
    addresses = tuple(parse_prefix(_text(own, "an address")) for own in _list(nic.get("addresses"), "addresses"))
    local = _list(nic.get("link-local"), "link-local")
    for key in ("dhcp4", "dhcp6", "accept-ra"):  # nobody answers in a lab
        if nic.get(key, "false") != "false":
            raise ValueError(f"{NETPLAN}: {name}: {key} is not off")
    has_ipv6 = "ipv6" in local or any(own.version == 6 for own in addresses)
    return Port(name, name, True, _number(nic.get("mtu", "1500"), "mtu", 68, 65535), addresses, has_ipv6)


def _route(link: str, row: Mapping[str, Any]) -> Route:
    if unknown := row.keys() - {"to", "via", "metric", "table", "on-link"}:
        raise ValueError(f"{NETPLAN}: {link}: a route's {min(unknown)[:40]!r} is not known")
    return Route(
        to=parse_prefix(_text(row.get("to"), "a route's destination")),
        link=link,
        via=parse_address(_text(row["via"], "a gateway")) if "via" in row else None,
        table=_number(row.get("table", str(MAIN_TABLE)), "table", 1, 0xFFFF_FFFF),
        metric=_number(row.get("metric", "0"), "metric", 0, 0xFFFF_FFFF),
        on_link=row.get("on-link") == "true",
    )


def _rule(row: Mapping[str, Any]) -> Rule:
    if row.keys() != {"from", "table"}:
        raise ValueError(f"{NETPLAN}: a rule that is not `from` and `table`")
    source: Prefix = parse_prefix(_text(row["from"], "a rule's source"))
    return Rule(source, _number(row["table"], "table", 1, 0xFFFF_FFFF))


def _sysctls(text: str) -> Iterator[tuple[str, str]]:
    """sysctl.d(5): with a slash as the first separator dots stay dots, else the two change places."""
    for line in text.splitlines():
        if not line.strip() or line.strip()[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        key = key.strip().removeprefix("-")
        if not equals:
            raise ValueError(f"{SYSCTL}: {line[:80]!r} sets nothing")
        first = next((c for c in key if c in "./"), "/")
        yield key if first == "/" else key.translate({ord("."): "/", ord("/"): "."}), value.strip()


_T = TypeVar("_T")


def _mapping(tree: Any, what: str) -> Mapping[str, Any]:
    return _held(tree or {}, dict, what)


def _list(tree: Any, what: str) -> list[Any]:
    return _held(tree or [], list, what)


def _text(tree: Any, what: str) -> str:
    return _held(tree, str, what)


def _held(tree: Any, kind: type[_T], what: str) -> _T:
    if not isinstance(tree, kind):
        raise ValueError(f"{NETPLAN}: {what} has the wrong form")
    return tree


def _number(tree: Any, what: str, least: int, most: int) -> int:
    text = _text(tree, what)
    if not text.isdecimal() or len(text) > 10 or not least <= int(text) <= most:
        raise ValueError(f"{NETPLAN}: {what} {text[:40]!r} is not from {least} to {most}")
    return int(text)
