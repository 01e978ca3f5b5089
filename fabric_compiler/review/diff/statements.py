"""A device's files as statements: which object of the configuration says what. One reader for each kind of file.

An object is what a network engineer counts: a neighbor, a port, a policy. Unlike the readers of verify/, these know no
semantics and refuse nothing: they sort lines, so that a build of any age can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec


class Statement(NamedTuple):
    """`kind` in the singular; `attribute` is what stands once in an object, `value` what it says."""

    kind: str
    object: str
    attribute: str
    value: str


def statements(path: str, content: bytes) -> Iterator[Statement]:
    """Of one file of a device or server, named below the build."""
    name = path.rpartition("/")[2]
    reader = next((read for suffix, read in _READERS.items() if name.endswith(suffix)), None)
    if reader is None:
        yield Statement("file", name, "", content.decode("utf-8", "replace"))
        return
    try:
        yield from reader(content)
    except (ValueError, TypeError, AttributeError):  # not of our making: compared as a whole
        yield Statement("file", name, "", content.decode("utf-8", "replace"))


# CONFIG_DB's tables by what they configure (SONiC configuration schema); others are of the switch itself
_TABLES: Mapping[str, str] = {
    "PORT": "port",
    "BREAKOUT_CFG": "breakout",
    "INTERFACE": "port",
    "LOOPBACK_INTERFACE": "loopback",
    "VLAN": "VLAN",
    "VLAN_INTERFACE": "VLAN",
    "VLAN_MEMBER": "VLAN",
    "CABLE_LENGTH": "cable length",
    "VRF": "VRF",
    "VXLAN_TUNNEL": "tunnel",
    "VXLAN_TUNNEL_MAP": "tunnel",
    "VXLAN_EVPN_NVO": "tunnel",
    "MACSEC_PROFILE": "MACsec profile",
}
# beginnings of others' names; the longest that fits counts
_FAMILIES: Mapping[str, str] = {
    "BUFFER_": "port buffer",
    "BUFFER_POOL": "buffer profile",
    "BUFFER_PROFILE": "buffer profile",
    "QUEUE": "port QoS",
    "PFC_WD": "port QoS",
    "PORT_QOS_MAP": "port QoS",
    "SCHEDULER": "QoS map",
    "WRED_PROFILE": "QoS map",
    "DSCP_TO_TC_MAP": "QoS map",
    "TC_TO_": "QoS map",
    "PFC_PRIORITY_TO_": "QoS map",
    "MAP_PFC_": "QoS map",
}
_ONE_A_FIELD = frozenset({"CABLE_LENGTH"})  # a row holds all ports


def _config_db(content: bytes) -> Iterator[Statement]:
    for table, rows in msgspec.json.decode(content, type=dict[str, dict[str, dict[str, str | list[str]]]]).items():
        for key, fields in rows.items():
            name = key.partition("|")[0]
            for field, value in fields.items() or (("", ""),):
                text = value if isinstance(value, str) else ",".join(value)
                if table == "DEVICE_METADATA":
                    yield Statement("ASN" if field == "bgp_asn" else "identity", field, field, text)
                elif table in _ONE_A_FIELD:
                    yield Statement(_TABLES[table], field, "length", text)
                elif "|" in key and table.endswith("INTERFACE"):
                    kind = _TABLES.get(table, "management setting")
                    yield Statement(kind, name, "address", f"{key.partition('|')[2]} {field} {text}".strip())
                else:
                    yield Statement(_kind_of_table(table), name if table in _TABLES else f"{table} {key}", field, text)


def _kind_of_table(table: str) -> str:
    fits = [start for start in _FAMILIES if table.startswith(start)]
    return _TABLES.get(table) or (_FAMILIES[max(fits, key=len)] if fits else "management setting")


_INDENT = re.compile(r" *")
_CLOSING = frozenset({"!", "exit", "end", "exit-address-family", "EOF", ""})
# first words of a line at the margin -> what it configures; the longest that fits counts
_SECTIONS: Mapping[str, str] = {
    "interface": "port",
    "interface loopback": "loopback",
    "interface lo": "loopback",
    "interface vlan": "VLAN",
    "interface vxlan": "tunnel",
    "vlan": "VLAN",
    "route-map": "policy",
    "ip prefix-list": "policy",
    "ipv6 prefix-list": "policy",
    "ip community-list": "policy",
    "bgp community-list": "policy",
    "ip route": "static route",
    "ipv6 route": "static route",
    "router bgp": "BGP setting",
    "bfd": "BFD setting",
    "qos": "QoS map",
    "priority-flow-control": "QoS map",
    "queue-monitor": "QoS map",
    "ip load-sharing": "hashing",
    "load-balance": "hashing",
    "mac security": "MACsec profile",
    "vrf": "VRF",
}


def _lines(content: bytes) -> Iterator[Statement]:
    """FRR's and EOS's configurations: sections by indentation."""
    section: list[tuple[int, str]] = []
    for raw in content.decode("utf-8", "replace").split("\n"):
        text = raw.strip()
        if text in _CLOSING or text.startswith("!"):
            continue
        indent = len(_INDENT.match(raw)[0])  # type: ignore[index]  # it matches anything
        while section and section[-1][0] >= indent:
            section.pop()
        above = [words for _, words in section]
        section.append((indent, text))
        yield _line(above, text)


def _line(above: list[str], text: str) -> Statement:
    head = above[0] if above else text
    kind = _section_kind(head)
    if head.startswith("router bgp"):
        return _bgp(above, text)
    words = head.split()
    if kind == "policy":
        name = words[1] if words[0] == "route-map" else next((w for w in words[2:] if w not in ("standard", "expanded")), "")
        attribute, value = _split(text)
        return Statement(kind, name, f"{words[-1]} {attribute}" if above else " ".join(words[:2]), value if above else head)
    if kind in ("port", "VLAN", "loopback", "tunnel"):
        if not above:
            return Statement(kind, words[-1], "", "")
        attribute, value = _split(text)
        return Statement(kind, words[-1], attribute, value)
    attribute, value = _split(text)
    return Statement(kind, head if above else attribute, attribute, value)


def _section_kind(head: str) -> str:
    lower = head.lower()
    fits = [start for start in _SECTIONS if lower == start or lower.startswith(start + " ") or _numbered(lower, start)]
    return _SECTIONS[max(fits, key=len)] if fits else "management setting"


def _numbered(head: str, start: str) -> bool:
    """`interface loopback0`: the number follows without a space."""
    return head.startswith(start) and head[len(start) : len(start) + 1].isdigit()


def _bgp(above: list[str], text: str) -> Statement:
    words = text.split()
    if not above:
        return Statement("ASN", "own", "router bgp", words[2])
    family = " ".join(above[1:])
    if words[0] == "neighbor":
        name, rest = (words[2], words[3:]) if words[1] == "interface" else (words[1], words[2:])
        if rest[:1] == ["interface"]:
            rest = rest[1:]
        kind = "peer group" if name.upper() == name and not name[0].isdigit() and ":" not in name else "neighbor"
        attribute, value = _split(" ".join(rest))
        return Statement(kind, name, f"{family} {attribute}".strip(), value)
    if words[0] == "network":
        return Statement("announced prefix", words[1], family, " ".join(words[2:]))
    attribute, value = _split(text)
    return Statement("BGP setting", "own", f"{family} {attribute}".strip(), value)


# words that take a list: each entry is a statement of its own
_LISTED = ("qos map", "address-family", "route-map", "username")


def _split(text: str) -> tuple[str, str]:
    """Attribute and value: `mtu 9100` -> (mtu, 9100); the last word is the value, unless there may be several of the kind."""
    if text.startswith(_LISTED):
        return text, ""
    for known in ("description", "ip address", "ipv6 address"):
        if text.startswith(known + " "):
            return known, text[len(known) + 1 :]
    attribute, _, value = text.rpartition(" ")
    return (attribute, value) if attribute else (text, "")


_NETDEV = re.compile(r'    "([^"]+)":')


def _netplan(content: bytes) -> Iterator[Statement]:
    netdev = ""
    for raw in content.decode("utf-8", "replace").split("\n"):
        if found := _NETDEV.fullmatch(raw):
            netdev = found[1]
        text = raw.strip()
        if text and not text.startswith("#"):
            attribute, _, value = text.partition(": ") if not text.startswith("-") else (text, "", "")
            yield Statement("NIC", netdev, attribute, value)


def _script(content: bytes) -> Iterator[Statement]:
    """A line has no name of its own: they are one object with many values."""
    for text in content.decode("utf-8", "replace").split("\n"):
        yield Statement("host setting", "roce", "commands", text)


def _keys(content: bytes) -> Iterator[Statement]:
    for raw in content.decode("utf-8", "replace").split("\n"):
        name, equals, value = raw.partition("=")
        if equals and not raw.startswith("#"):
            yield Statement("host setting", name.strip(), "", value.strip())


_READERS: Mapping[str, Callable[[bytes], Iterator[Statement]]] = {
    "config_db.json": _config_db,
    "frr.conf": _lines,
    ".cfg": _lines,
    ".yaml": _netplan,
    ".sh": _script,
    ".conf": _keys,
}
