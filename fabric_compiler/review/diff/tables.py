"""Devices, cables, numbers and sessions of two builds, compared by what identifies them: names, and ports at lower ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from fabric_compiler.emit.manifest import Counts
from fabric_compiler.review.diff.changes import CableChange, CablePlace, DeviceChange, Renumbering, SessionChange
from fabric_compiler.review.diff.sides import Side
from fabric_compiler.review.folded_diff import natural

Row: TypeAlias = Mapping[str, str]

_FIELDS = ("model", "nos", "role", "site", "pod", "rack", "unit")  # of a device; its numbers are told apart
_NUMBERS: tuple[tuple[Literal["ASN", "loopback"], str], ...] = (
    ("ASN", "asn"),
    ("loopback", "loopback4"),
    ("loopback", "loopback6"),
)
_PURPOSES: Mapping[str, Literal["management address", "link address", "host address", "gateway"]] = {
    "management": "management address",
    "link": "link address",
    "host": "host address",
    "gateway": "gateway",
}


def counts(old: Counts, new: Counts) -> Iterator[tuple[str, int, int]]:
    """What the manifests count, where they differ: `switches backend leaf`, before, after."""
    before, after = _flat(msgspec.to_builtins(old)), _flat(msgspec.to_builtins(new))
    for name in dict.fromkeys((*before, *after)):
        pair = before.get(name, 0), after.get(name, 0)
        if pair[0] != pair[1]:
            yield name, *pair


def _flat(tree: Mapping[str, object], above: str = "") -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in tree.items():
        path = f"{above} {name}".strip()
        if isinstance(value, dict):
            found |= _flat(value, path)
        elif isinstance(value, int):
            found[path] = value
    return found


def devices(old: Side, new: Side) -> Iterator[DeviceChange]:
    before, after = _by_name(old), _by_name(new)
    for name in sorted(before.keys() | after.keys(), key=natural):
        one, two = before.get(name), after.get(name)
        row = two or one
        assert row
        if one is None or two is None:
            yield DeviceChange("-" if two is None else "+", name, row["role"], row["network"])
        elif fields := tuple((f, one[f], two[f]) for f in _FIELDS if one.get(f, "") != two.get(f, "")):
            yield DeviceChange("~", name, row["role"], row["network"], fields)


def _by_name(side: Side) -> dict[str, Row]:
    return {row["name"]: row for row in side.table("devices")}


def cables(old: Side, new: Side) -> Iterator[CableChange]:
    """A link is known by its lower end; its cable moves when the upper one is another."""
    before, after = _links(old), _links(new)
    for lower in sorted(before.keys() | after.keys(), key=natural):
        one, two = before.get(lower), after.get(lower)
        if one is None or two is None:
            yield CableChange("pull" if two is None else "lay", one, two)
        elif one.b != two.b:
            yield CableChange("move", one, two)
        elif (one.medium, one.length) != (two.medium, two.length):
            yield CableChange("replace", one, two)


def _links(side: Side) -> dict[str, CablePlace]:
    media = {row["cable"]: row["medium"] for row in side.table("cables")}
    found = {}
    for row in side.table("links"):
        a, b = f"{row['a_device']}:{row['a_port']}", f"{row['b_device']}:{row['b_port']}"
        found[a] = CablePlace(a, b, row["cable"], media.get(row["cable"], ""), row.get("length_m", ""))
    return found


def renumbered(old: Side, new: Side) -> Iterator[Renumbering]:
    """Numbers of devices and ports that are there on both sides. A link that has another end is a move, not a renumbering."""
    before, after = _by_name(old), _by_name(new)
    common = sorted(before.keys() & after.keys(), key=natural)
    for name in common:
        for kind, column in _NUMBERS:
            one, two = before[name].get(column, ""), after[name].get(column, "")
            if one and two and one != two:
                yield Renumbering(kind, name, "", one, two)
    yield from _guids(old, new)
    moved = _moved_ports(old, new)
    had, has = _addresses(old), _addresses(new)
    for key in sorted(had.keys() & has.keys(), key=lambda key: tuple(map(natural, key[:2]))):
        device, interface, purpose, _ = key
        if had[key] != has[key] and (device, interface) not in moved:
            yield Renumbering(_PURPOSES[purpose], device, interface, ", ".join(had[key]), ", ".join(has[key]))


def _guids(old: Side, new: Side) -> Iterator[Renumbering]:
    def ports(side: Side) -> dict[tuple[str, str], str]:
        return {(row["device"], row["port"]): row["port_guid"] for row in side.table("guids")}

    before, after = ports(old), ports(new)
    for device, port in sorted(before.keys() & after.keys(), key=lambda key: (natural(key[0]), natural(key[1]))):
        if before[device, port] != after[device, port]:
            yield Renumbering("GUID", device, port, before[device, port], after[device, port])


def _moved_ports(old: Side, new: Side) -> set[tuple[str, str]]:
    """Ports of links that end elsewhere now."""
    ends: list[dict[tuple[str, str], tuple[str, str]]] = []
    for side in (old, new):
        pairs = [((row["a_device"], row["a_port"]), (row["b_device"], row["b_port"])) for row in side.table("links")]
        ends.append(dict(pairs) | {b: a for a, b in pairs})
    return {port for port in ends[0].keys() & ends[1].keys() if ends[0][port] != ends[1][port]}


def _addresses(side: Side) -> dict[tuple[str, str, str, bool], list[str]]:
    """By device, interface, purpose and family; loopbacks are the devices'."""
    found: dict[tuple[str, str, str, bool], list[str]] = {}
    for row in side.table("addresses"):
        if row["purpose"] in _PURPOSES:
            key = (row["device"], row["interface"], row["purpose"], ":" in row["address"])
            found.setdefault(key, []).append(f"{row['address']}/{row['prefix_length']}")
    return found


def sessions(old: Side, new: Side) -> Iterator[SessionChange]:
    before, after = _sessions(old), _sessions(new)
    for key in sorted(before.keys() | after.keys(), key=lambda key: tuple(map(natural, key))):
        one, two = before.get(key), after.get(key)
        if one is None or two is None:
            yield SessionChange("-" if two is None else "+", *key[:2])
        elif one != two:
            yield SessionChange("~", *key[:2], one, two)


def _sessions(side: Side) -> dict[tuple[str, str, str, str], str]:
    """ASNs by both ends, family and VRF."""
    return {
        (
            f"{row['a_device']}:{row['a_interface']}",
            f"{row['b_device']}:{row['b_interface']}",
            "6" if ":" in row["a_address"] else "4",
            row.get("vrf", ""),
        ): f"AS {row['a_asn']} - AS {row['b_asn']}"
        for row in side.table("sessions")
    }
