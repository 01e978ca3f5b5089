"""SONiC's QoS and buffer tables. All that is the same for a role is made once; a port adds rows that it shares with its like.

Names and shapes are those of SONiC's own templates (sonic-buildimage, files/build_templates/qos_config.j2 and
buffers_config.j2), so that `config qos reload` and buffermgrd find what they would have written themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fabric_compiler.model.device import HeadroomProfile, Interface, PortMaps, Qos

Row = Mapping[str, str]
Table = dict[str, Row]

# qos_config.j2 and buffers_config.j2 call every map by this name
_MAP: Final = "AZURE"
# buffermgr.h: INGRESS_LOSSLESS_PG_POOL_NAME; buffers_config.j2: the queue's profile
_LOSSLESS_POOL: Final = "ingress_lossless_pool"
_LOSSLESS_QUEUE: Final = "egress_lossless_profile"
# qos_config.j2: pfc_to_pg_map_supported_asics
_PFC_TO_PG_ASICS: Final = ("mellanox", "barefoot")
# PORT_QOS_MAP's fields and the tables of what they name
_FIELDS: Final = {
    "dscp_to_tc_map": "DSCP_TO_TC_MAP",
    "tc_to_queue_map": "TC_TO_QUEUE_MAP",
    "tc_to_pg_map": "TC_TO_PRIORITY_GROUP_MAP",
    "tc_to_dscp_map": "TC_TO_DSCP_MAP",
}
# pfcwd's own default; the model's times must not be shorter (sonic-pfcwd.yang), nor the interval below 100
_POLL_INTERVAL: Final = 200
# older platforms name a row with its table, which SONiC's migrator takes off and its YANG models refuse
_REFERENCE: Final = re.compile(r"\[BUFFER_\w+\|([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class _PortRows:
    """What one kind of port (speed, lossless, length) adds: suffixes of its keys with the rows that it shares with its like."""

    qos_map: Row
    queue: tuple[tuple[str, Row], ...]
    buffer_pg: tuple[tuple[str, Row], ...]
    buffer_queue: tuple[tuple[str, Row], ...]
    ingress_list: Row | None
    egress_list: Row | None


class SharedQos:
    """The tables of one Qos object on one kind of ASIC, and its ports' rows as they are asked for."""

    def __init__(self, qos: Qos, asic: str) -> None:
        self._qos = qos
        self._asic = asic
        self._buffers = _Buffers(qos)
        self._rows: dict[tuple[int, bool, int, str], _PortRows] = {}
        self._maps = _Maps(qos)
        self._schedulers = {
            share: f"scheduler.{number}" for number, share in enumerate(dict.fromkeys((q.strict, q.weight) for q in qos.queues))
        }
        self._global = self._global_tables()

    def tables(self, interfaces: Iterable[Interface]) -> dict[str, Table]:
        """All QoS and buffer tables of a device with these interfaces; tables without rows are left out."""
        qos_map: Table = {"global": {"dscp_to_tc_map": _MAP}}
        queue: Table = {}
        buffer_pg: Table = {}
        buffer_queue: Table = {}
        ingress: Table = {}
        egress: Table = {}
        watched: Table = {}
        lengths: dict[str, str] = {}
        watchdog = self._watchdog()
        for port in interfaces:
            name = port.name
            # buffermgrd makes no headroom for a port of 0m, and has no row for a length that its platform does not know
            lengths[name] = f"{port.headroom_length_m}m" if port.lossless else "0m"
            if not port.enabled:
                continue
            rows = self._port_rows(port)
            qos_map[name] = rows.qos_map
            for suffix, row in rows.queue:
                queue[name + suffix] = row
            for suffix, row in rows.buffer_pg:
                buffer_pg[name + suffix] = row
            for suffix, row in rows.buffer_queue:
                buffer_queue[name + suffix] = row
            if rows.ingress_list is not None:
                ingress[name] = rows.ingress_list
            if rows.egress_list is not None:
                egress[name] = rows.egress_list
            if watchdog and port.lossless:
                watched[name] = watchdog
        if watched:
            watched = {"GLOBAL": {"POLL_INTERVAL": str(self._poll_interval())}, **watched}
        tables = self._global | {
            "PORT_QOS_MAP": qos_map,
            "QUEUE": queue,
            "BUFFER_PG": buffer_pg,
            "BUFFER_QUEUE": buffer_queue,
            "BUFFER_PORT_INGRESS_PROFILE_LIST": ingress,
            "BUFFER_PORT_EGRESS_PROFILE_LIST": egress,
            "PFC_WD": watched,
            "CABLE_LENGTH": {_MAP: lengths},
        }
        return {name: rows for name, rows in tables.items() if rows}

    def _global_tables(self) -> dict[str, Table]:
        qos = self._qos
        pauses = list(range(8))
        if qos.lossless_priority >= 0:
            pauses[qos.lossless_priority] = next(q.queue for q in qos.queues if q.lossless)
        tables: dict[str, Table] = {
            **self._maps.tables,
            "MAP_PFC_PRIORITY_TO_QUEUE": {_MAP: _numbered(pauses)},
            "SCHEDULER": {
                name: {"type": "STRICT"} if strict else {"type": "DWRR", "weight": str(weight)}
                for (strict, weight), name in self._schedulers.items()
            },
            "WRED_PROFILE": {_ecn_name(e.speed): _wred(e.minimum, e.maximum, e.probability) for e in qos.ecn},
            "BUFFER_POOL": dict(self._buffers.pools),
            "BUFFER_PROFILE": self._buffers.profiles,
        }
        if self._asic in _PFC_TO_PG_ASICS and qos.lossless_priority >= 0:
            priority = str(qos.lossless_priority)
            group = str(qos.tc_to_priority_group[qos.dscp_to_tc[qos.roce_dscp]])
            # a priority that packets change to has the number of its group too (see control.qos)
            others = {str(p): str(p) for maps in qos.port_maps for p in maps.lossless}
            tables["PFC_PRIORITY_TO_PRIORITY_GROUP_MAP"] = {_MAP: {**others, priority: group}}
        return tables

    def _watchdog(self) -> Row | None:
        times = self._qos.watchdog
        if times is None:
            return None
        return {"action": times.action, "detection_time": str(times.detection), "restoration_time": str(times.restoration)}

    def _poll_interval(self) -> int:
        times = self._qos.watchdog
        assert times is not None
        return max(100, min(_POLL_INTERVAL, times.detection, times.restoration))

    def _port_rows(self, port: Interface) -> _PortRows:
        kind = (port.speed, port.lossless, port.headroom_length_m, port.port_maps)
        rows = self._rows.get(kind)
        if rows is None:
            rows = self._rows[kind] = self._make_rows(port)
        return rows

    def _make_rows(self, port: Interface) -> _PortRows:
        qos = self._qos
        qos_map = self._maps.of_port(port) | {"pfc_to_queue_map": _MAP}
        priorities = self._maps.lossless(port)
        if priorities:
            paused = ",".join(map(str, priorities))
            if self._asic in _PFC_TO_PG_ASICS:
                qos_map["pfc_to_pg_map"] = _MAP
            qos_map["pfc_enable"] = paused
            if qos.watchdog is not None:
                qos_map["pfcwd_sw_enable"] = paused
        marked = any(e.speed == port.speed for e in qos.ecn)
        queues = []
        for q in qos.queues:
            row = {"scheduler": self._schedulers[q.strict, q.weight]}
            if q.ecn and marked:
                row["wred_profile"] = _ecn_name(port.speed)
            queues.append((f"|{q.queue}", row))
        return _PortRows(
            qos_map=qos_map,
            queue=tuple(queues),
            buffer_pg=self._buffers.priority_groups(port, priorities),
            buffer_queue=self._buffers.queues(priorities),
            ingress_list=self._buffers.profile_list("BUFFER_PORT_INGRESS_PROFILE_LIST"),
            egress_list=self._buffers.profile_list("BUFFER_PORT_EGRESS_PROFILE_LIST"),
        )


class _Maps:
    """The maps of the device, and those that ports of a kind have in their place; one table row for each that differs."""

    def __init__(self, qos: Qos) -> None:
        self._qos = qos
        self._kinds = {maps.name: maps for maps in qos.port_maps}
        self._own = {
            "DSCP_TO_TC_MAP": qos.dscp_to_tc,
            "TC_TO_QUEUE_MAP": qos.tc_to_queue,
            "TC_TO_PRIORITY_GROUP_MAP": qos.tc_to_priority_group,
        }
        self.tables: dict[str, Table] = {table: {_MAP: _numbered(values)} for table, values in self._own.items()}
        for maps in qos.port_maps:
            for table, values in _of_kind(maps).items():
                if values and self._own.get(table) != values:
                    self.tables.setdefault(table, {})[_map_name(maps.name)] = _numbered(values)

    def lossless(self, port: Interface) -> tuple[int, ...]:
        """The priorities that the port pauses, and is paused on."""
        if not port.lossless:
            return ()
        return self._kinds[port.port_maps].lossless if port.port_maps else (self._qos.lossless_priority,)

    def of_port(self, port: Interface) -> dict[str, str]:
        """The fields of PORT_QOS_MAP that name maps."""
        row = {field: _MAP for field, table in _FIELDS.items() if table in self._own}
        if port.port_maps:
            found = _of_kind(self._kinds[port.port_maps])
            for field, table in _FIELDS.items():
                if found[table] and self._own.get(table) != found[table]:
                    row[field] = _map_name(port.port_maps)
        return row


def _of_kind(maps: PortMaps) -> dict[str, tuple[int, ...]]:
    return {
        "DSCP_TO_TC_MAP": maps.dscp_to_tc,
        "TC_TO_QUEUE_MAP": maps.tc_to_queue,
        "TC_TO_PRIORITY_GROUP_MAP": maps.tc_to_priority_group,
        "TC_TO_DSCP_MAP": maps.tc_to_dscp,
    }


def _map_name(kind: str) -> str:
    return f"{_MAP}_{kind.upper()}"


class _Buffers:
    """The platform's buffer tables with the headroom that our cables need, and one port's share of them."""

    def __init__(self, qos: Qos) -> None:
        self._qos = qos
        tables: Mapping[str, Mapping[str, Row]] = qos.buffer_tables or {}
        self._sample = {name: {key: _plain(row) for key, row in rows.items()} for name, rows in tables.items()}
        self.pools: Mapping[str, Row] = self._sample.get("BUFFER_POOL", {})
        self.profiles: Table = dict(self._sample.get("BUFFER_PROFILE", {}))
        if qos.headroom:
            # the control stage refuses such a platform; a switch without them would drop what it must not
            for missing, present in ((_LOSSLESS_POOL, self.pools), (_LOSSLESS_QUEUE, self.profiles)):
                if missing not in present:
                    raise ValueError(f"the platform's buffer tables for {qos.buffer_topology} have no {missing}")
            mode = self.pools[_LOSSLESS_POOL]["mode"]
            for profile in qos.headroom:
                self.profiles[_headroom_name(profile.speed, profile.length_m)] = _headroom(profile, mode)

    def priority_groups(self, port: Interface, priorities: Iterable[int]) -> tuple[tuple[str, Row], ...]:
        rows = {_after_port(key): row for key, row in self._sample.get("BUFFER_PG", {}).items()}
        for priority in priorities:
            # buffermgrd writes this row by itself when a port's speed and length are known; the file says the same, so that
            # what is reviewed is what runs, and a split port has its row before it comes up
            rows[str(priority)] = {"profile": _headroom_name(port.speed, port.headroom_length_m)}
        return tuple((f"|{group}", row) for group, row in sorted(rows.items()))

    def queues(self, priorities: Collection[int]) -> tuple[tuple[str, Row], ...]:
        """Rows of the sample by queue, the lossless profile for the queues of these priorities and nowhere else."""
        profile_of: dict[int, str] = {}
        for key, row in self._sample.get("BUFFER_QUEUE", {}).items():
            for queue in _range(_after_port(key)):
                profile_of[queue] = row["profile"]
        lossless = [q.queue for q in self._qos.queues if q.lossless]
        # one lossless class: whatever its queue; several: queues have the numbers of their priorities
        protected = {q for q in lossless if q in priorities} if self._qos.port_maps else set(lossless if priorities else ())
        lossy = next((p for _, p in sorted(profile_of.items()) if p != _LOSSLESS_QUEUE), None)
        for queue in [*profile_of]:
            if queue in protected:
                profile_of[queue] = _LOSSLESS_QUEUE
            elif profile_of[queue] == _LOSSLESS_QUEUE and lossy is not None:
                profile_of[queue] = lossy
        return tuple((f"|{span}", {"profile": profile}) for span, profile in _spans(profile_of))

    def profile_list(self, table: str) -> Row | None:
        return next(iter(self._sample.get(table, {}).values()), None)


class _Handle:
    """A cache key for an object that has no hash. It holds the object, so that no other can get its identity meanwhile."""

    __slots__ = ("value",)

    def __init__(self, value: Qos) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Handle) and other.value is self.value


@lru_cache(maxsize=64)
def _shared(handle: _Handle, asic: str) -> SharedQos:
    return SharedQos(handle.value, asic)


def shared_qos(qos: Qos, asic: str) -> SharedQos:
    """The tables of `qos`, made once for all devices that share the object."""
    return _shared(_Handle(qos), asic)


def _numbered(values: Iterable[int]) -> Row:
    return {str(i): str(v) for i, v in enumerate(values)}


def _ecn_name(speed: int) -> str:
    return f"ECN_{speed}"


def _wred(minimum: int, maximum: int, probability: int) -> Row:
    row = {"ecn": "ecn_all"}
    for colour in ("green", "yellow", "red"):
        row |= {
            f"wred_{colour}_enable": "true",
            f"{colour}_min_threshold": str(minimum),
            f"{colour}_max_threshold": str(maximum),
            f"{colour}_drop_probability": str(probability),
        }
    return row


def _headroom_name(speed: int, length_m: int) -> str:
    """buffermgr.cpp, doSpeedUpdateTask: pg_lossless_<speed>_<cable>_profile."""
    return f"pg_lossless_{speed}_{length_m}m_profile"


def _headroom(profile: HeadroomProfile, mode: str) -> Row:
    """The row that buffermgr.cpp makes of a line of pg_profile_lookup.ini; `mode` is the pool's."""
    row = {"pool": _LOSSLESS_POOL, "xon": str(profile.xon)}
    if profile.xon_offset is not None:
        row["xon_offset"] = str(profile.xon_offset)
    return row | {"xoff": str(profile.xoff), "size": str(profile.size), f"{mode}_th": str(profile.threshold)}


def _plain(row: Row) -> Row:
    """'[BUFFER_POOL|egress_lossy_pool]' -> 'egress_lossy_pool'."""
    return {key: _REFERENCE.sub(r"\1", value) for key, value in row.items()}


def _after_port(key: str) -> str:
    """'Ethernet0|3-4' -> '3-4'."""
    return key.rpartition("|")[2]


def _range(span: str) -> range:
    """'3-4' -> 3, 4."""
    first, _, last = span.partition("-")
    return range(int(first), int(last or first) + 1)


def _spans(profile_of: Mapping[int, str]) -> list[tuple[str, str]]:
    """Neighbouring queues with one profile as one row: {0: a, 1: a, 3: b} -> [('0-1', a), ('3', b)]."""
    spans: list[tuple[int, int, str]] = []
    for queue, profile in sorted(profile_of.items()):
        if spans and spans[-1][1] == queue - 1 and spans[-1][2] == profile:
            spans[-1] = (spans[-1][0], queue, profile)
        else:
            spans.append((queue, queue, profile))
    return [(str(a) if a == b else f"{a}-{b}", profile) for a, b, profile in spans]
