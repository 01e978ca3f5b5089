"""What a configuration uses exists on its platform: ports with their lanes, speeds and breakouts, and rows of headroom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from fabric_compiler.catalog.layout import LayoutError, port_layout
from fabric_compiler.catalog.types import Switch
from fabric_compiler.ir.graph import Device
from fabric_compiler.ir.ports import Port
from fabric_compiler.verify.observed import Observed

_Rows = dict[str, dict[str, Any]]


class _Ports(msgspec.Struct):
    """The tables of CONFIG_DB that name hardware."""

    ports: _Rows = msgspec.field(default_factory=dict, name="PORT")
    metadata: _Rows = msgspec.field(default_factory=dict, name="DEVICE_METADATA")
    profiles: _Rows = msgspec.field(default_factory=dict, name="BUFFER_PROFILE")
    pools: _Rows = msgspec.field(default_factory=dict, name="BUFFER_POOL")
    groups: _Rows = msgspec.field(default_factory=dict, name="BUFFER_PG")
    queues: _Rows = msgspec.field(default_factory=dict, name="BUFFER_QUEUE")
    ingress: _Rows = msgspec.field(default_factory=dict, name="BUFFER_PORT_INGRESS_PROFILE_LIST")
    egress: _Rows = msgspec.field(default_factory=dict, name="BUFFER_PORT_EGRESS_PROFILE_LIST")


def check_platform(device: Device, switch: Switch, files: Mapping[str, bytes], observed: Observed) -> Iterator[str]:
    """What the platform does not have, in sentences."""
    if "config_db.json" in files:
        yield from _sonic(switch, msgspec.json.decode(files["config_db.json"], type=_Ports))
        return
    known = _lanes(_Key(switch), device.nos)
    taken: dict[int, str] = {}
    for name, port in observed.interfaces.items():
        if not (port.enabled and port.speed):
            continue
        lanes = known.get((name, port.speed))
        if lanes is None:
            yield f"{switch.name} has no port {name} of {port.speed} Mb/s under {device.nos}"
            continue
        shared = next((taken[lane] for lane in lanes if lane in taken), None)
        if shared:
            yield f"{name} of {port.speed} Mb/s and {shared} share a lane"
        taken.update(dict.fromkeys(lanes, name))


def _sonic(switch: Switch, db: _Ports) -> Iterator[str]:
    known = _known(_Key(switch), "sonic")
    taken: dict[str, str] = {}
    for name, row in db.ports.items():
        lanes = row["lanes"]
        port = known.get((name, int(row["speed"]), lanes))
        if port is None or row["alias"] != port.alias:
            yield f"{switch.name} has no port {name} ({row['alias']}) of {row['speed']} Mb/s on lanes {lanes}"
        elif row["index"] != str(switch.cages[port.cage].index):
            yield f"{name} has index {row['index']}, and its cage is {switch.cages[port.cage].index}"
        for lane in lanes.split(","):
            if lane in taken:
                yield f"{name} and {taken[lane]} share lane {lane}"
            taken[lane] = name
    yield from _buffers(switch, db)


def _buffers(switch: Switch, db: _Ports) -> Iterator[str]:
    hwsku = db.metadata.get("localhost", {}).get("hwsku")
    sku = next((s for s in switch.nos["sonic"].hwskus if s.name == hwsku), None)
    if sku is None:
        yield f"{switch.name} has no HwSKU {hwsku}"
        return
    rows = {f"pg_lossless_{r.speed}_{r.length_m}m_profile": r for r in sku.headroom}
    for name, profile in db.profiles.items():
        if profile["pool"] not in db.pools:
            yield f"the buffer profile {name} draws on {profile['pool']}, which is no pool"
        if name.startswith("pg_lossless_"):
            row = rows.get(name)
            if row is None or (profile["size"], profile["xon"], profile["xoff"]) != (
                str(row.size),
                str(row.xon),
                str(row.xoff),
            ):
                yield f"the buffer profile {name} is no row of the headroom table of {sku.name}"
    for table, named in (("BUFFER_PG", db.groups), ("BUFFER_QUEUE", db.queues)):
        for key, entry in named.items():
            if entry["profile"] not in db.profiles and entry["profile"] != "NULL":
                yield f"{table} {key} takes the profile {entry['profile']}, which is not there"
    for key, entry in db.groups.items():
        row = rows.get(entry["profile"])
        port = db.ports.get(key.partition("|")[0])
        if row and port and port["speed"] != str(row.speed):
            yield f"BUFFER_PG {key} takes the headroom of {row.speed} Mb/s, and the port has {port['speed']}"
    for direction, lists in (("INGRESS", db.ingress), ("EGRESS", db.egress)):
        for key, entry in lists.items():
            for name in entry["profile_list"].split(","):
                if name not in db.profiles:
                    yield f"BUFFER_PORT_{direction}_PROFILE_LIST {key} takes the profile {name}, which is not there"


class _Key:
    """A product by identity, held so that the identity stays its own."""

    __slots__ = ("switch",)

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.switch is self.switch

    def __hash__(self) -> int:
        return id(self.switch)


@lru_cache(maxsize=64)
def _known(key: _Key, nos: str) -> dict[tuple[str, int, str], Port]:
    """All ports that the cages can be broken out to, by name, speed and lanes."""
    switch = key.switch
    modes = dict.fromkeys((b.ports, b.speed) for cage in switch.cages for b in cage.breakouts)
    found: dict[tuple[str, int, str], Port] = {}
    for ports, speed in modes:
        try:
            layout = port_layout(switch, nos, [(len(switch.cages), ports, speed)])
        except LayoutError:
            continue
        for port in layout.ports:
            found[port.name, port.speed, ",".join(map(str, port.lanes))] = port
    return found


@lru_cache(maxsize=64)
def _lanes(key: _Key, nos: str) -> dict[tuple[str, int], tuple[int, ...]]:
    """Lanes by name and speed; of two modes that differ in lanes alone, those that take the fewest."""
    found: dict[tuple[str, int], tuple[int, ...]] = {}
    for port in _known(key, nos).values():
        before = found.setdefault((port.name, port.speed), port.lanes)
        if len(port.lanes) < len(before):
            found[port.name, port.speed] = port.lanes
    return found
