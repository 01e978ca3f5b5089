"""RoCEv2 quality of service: what a network's `qos` means for its switches and for the NICs of its servers.

One set of traffic classes (the catalogue's qos.yaml) decides for both ends of a server's link, so that a packet has one
priority from NIC to NIC: its DSCP selects the traffic class, that the queue on the way out and the priority group on the
way in, and a pause is sent and obeyed on that priority alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Self

from fabric_compiler.catalog.types import Hwsku
from fabric_compiler.control.headroom import headroom_profile, lossless_pool
from fabric_compiler.model.device import Ecn, HeadroomProfile, NicQos, PfcWatchdog, PortMaps, Qos, Queue
from fabric_compiler.units import format_speed

ROCE_LOSSLESS: Final = "roce-lossless"
ROCE_LOSSY: Final = "roce-lossy"
BEST_EFFORT: Final = "best-effort"
KINDS: Final = (ROCE_LOSSLESS, ROCE_LOSSY, BEST_EFFORT)

_DSCPS: Final = 64  # RFC 2474: six bits
_CLASSES: Final = 8  # IEEE 802.1Q: three bits of priority
_USED: Final = ("roce", "cnp", "default")
_AFTER_GLOBAL: Final = "roce-global"  # entered at the global hop of a dragonfly, and no part of a network's plain classes
SERVERS: Final = "servers"
LOCAL: Final = "local"
GLOBAL: Final = "global"


class NoEcnError(ValueError):
    """The catalogue has no marking thresholds for a speed in use; `hint` says what to do."""

    def __init__(self, speed: int, known: Iterable[int]) -> None:
        super().__init__(f"no ECN thresholds are known for ports of {format_speed(speed)}")
        self.hint = f"use one of {', '.join(format_speed(s) for s in known)}, or qos: {BEST_EFFORT}"


class BufferTables(dict[str, Mapping[str, Mapping[str, str]]]):
    """The platform's buffer tables, read-only, so that a Qos that holds them has a hash and serves as a cache's key."""

    __slots__ = ("_hash",)
    _hash: int

    def __hash__(self) -> int:  # type: ignore[override]
        try:
            return self._hash
        except AttributeError:
            rows = ((table, key, *sorted(row.items())) for table, keys in self.items() for key, row in keys.items())
            self._hash = hash(frozenset(rows))
            return self._hash

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Mapping[str, Mapping[str, str]]]]]:
        return type(self), (dict(self),)  # without the hash: it is another in another process

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("buffer tables are read-only")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


@dataclass(frozen=True, slots=True)
class TrafficClass:
    """A class of packets and where they go. `dscp` -1: whatever no other class takes. `weight` 0: strict priority."""

    dscp: int
    traffic_class: int
    queue: int
    priority_group: int
    priority: int  # PFC priority; of a class without PFC, its traffic class
    weight: int
    ecn: bool


def qos_classes(catalog_qos: Mapping[str, Any]) -> dict[str, TrafficClass]:
    """The classes of a network by name: roce, cnp and default."""
    return _classes(catalog_qos, _USED)


def _classes(catalog_qos: Mapping[str, Any], names: Iterable[str]) -> dict[str, TrafficClass]:
    classes = {}
    for name in names:
        entry = catalog_qos["classes"][name]
        priority = entry["pfc_priority"]
        classes[name] = TrafficClass(
            dscp=-1 if entry["dscp"] is None else entry["dscp"],
            traffic_class=entry["traffic_class"],
            queue=entry["queue"],
            priority_group=entry["priority_group"],
            priority=entry["traffic_class"] if priority is None else priority,
            weight=0 if entry["scheduler"] == "strict" else entry["weight"],
            ecn=entry["ecn"],
        )
    return classes


def buffer_topology(role: str) -> str:
    """Which of SONiC's buffer tables a device takes: t0 faces servers (ToRRouter), t1 faces switches (LeafRouter)."""
    return "t0" if role in ("leaf", "router") else "t1"


def switch_qos(
    kind: str,
    catalog_qos: Mapping[str, Any],
    hwsku: Hwsku | None,
    nos: str,
    role: str,
    profiles: Collection[tuple[int, int]],
    speeds: Collection[int],
    class_change: bool = False,
) -> Qos | None:
    """The quality of service of a switch; None for best-effort. `class_change`: packets change their class at the global hop.

    `profiles` are the (speed, row length in metres) of its lossless ports as `headroom_row` gives them, `speeds` those of all
    its cabled ports, Mb/s; neither's order matters. `hwsku` is SONiC's, with its headroom and buffer tables; other operating
    systems bring their own and none are emitted. Raises NoHeadroomError (the platform has no lossless buffers) and NoEcnError.
    """
    if kind == BEST_EFFORT:
        return None
    lossless = _is_lossless(kind)
    if nos == "sonic" and hwsku is None:
        raise ValueError("quality of service on SONiC needs the HwSKU's tables")
    classes = qos_classes(catalog_qos)
    roce, topology = classes["roce"], buffer_topology(role)
    changing = _classes(catalog_qos, (*_USED, _AFTER_GLOBAL)) if class_change and lossless else None
    return Qos(
        name=kind,
        lossless_priority=roce.priority if lossless else -1,
        dscp_to_tc=_dscp_to_tc(classes),
        tc_to_queue=_tc_to_queue(classes),
        tc_to_priority_group=_tc_to_priority_group(classes, lossless),
        roce_dscp=roce.dscp,
        cnp_dscp=classes["cnp"].dscp,
        queues=_queues(changing or classes, lossless),
        ecn=_ecn(catalog_qos["ecn"], speeds) if roce.ecn else (),
        watchdog=_watchdog(catalog_qos["pfc_watchdog"]) if lossless else None,
        headroom=_headroom(hwsku, topology, profiles) if lossless and hwsku is not None else (),
        buffer_topology=topology,
        buffer_tables=_buffer_tables(hwsku, topology),
        port_maps=_port_maps(changing) if changing else (),
    )


def _port_maps(classes: Mapping[str, TrafficClass]) -> tuple[PortMaps, ...]:
    """A packet's class tells how many global cables it came over: roce none, roce-global one, default more.

    Local hops before the global one are of another class than those after it, and a detour over a second global cable is
    lossy, so that what waits for what goes round in no circle. Between routers the class stands in the DSCP; a server sees
    roce alone, and can send nothing else that is lossless. The maps are whole: what has no class of its own gets the DSCP of
    the default one.
    """
    plain = {name: classes[name] for name in _USED}
    roce, after, lossy = classes["roce"], classes[_AFTER_GLOBAL], classes["default"]
    if after.queue != after.priority or roce.queue != roce.priority:
        raise ValueError("a lossless class that packets change to has the number of its queue for its priority")
    marks = [0] * _CLASSES
    for own in (roce, classes["cnp"]):
        marks[own.traffic_class] = own.dscp
    between = _dscp_to_tc(classes)
    queues, groups = _tc_to_queue(classes), _tc_to_priority_group(classes, True)
    return (
        PortMaps(
            name=SERVERS,
            dscp_to_tc=_dscp_to_tc(plain),
            tc_to_queue=_with(_tc_to_queue(plain), {after.traffic_class: roce.queue}),
            tc_to_priority_group=_tc_to_priority_group(plain, True),
            tc_to_dscp=_with(marks, {after.traffic_class: roce.dscp}),
            lossless=(roce.priority,),
        ),
        PortMaps(LOCAL, between, queues, groups, (), (roce.priority, after.priority)),
        PortMaps(
            name=GLOBAL,
            dscp_to_tc=between,
            tc_to_queue=_with(queues, {roce.traffic_class: after.queue, after.traffic_class: lossy.queue}),
            tc_to_priority_group=_with(groups, {roce.traffic_class: lossy.priority_group}),
            tc_to_dscp=_with(marks, {roce.traffic_class: after.dscp, after.traffic_class: 0}),
            lossless=(after.priority,),
        ),
    )


def _with(values: Sequence[int], other: Mapping[int, int]) -> tuple[int, ...]:
    """The values, those of `other` in their places."""
    return tuple(other.get(place, value) for place, value in enumerate(values))


def nic_qos(kind: str, catalog_qos: Mapping[str, Any], network: str) -> NicQos | None:
    """The settings of a NIC that does to a packet what its leaf does; None for best-effort.

    A NIC that trusts DSCP sorts eight DSCPs each into its priorities unless told otherwise (Mellanox/mlnx-tools, mlnx_qos).
    The RoCE priority is kept for RoCE's DSCP alone, as on the leaf, where its seven neighbours are lossy: else the NIC would
    pause for packets that the leaf drops. Priorities without PFC keep the NIC's own mapping, which nothing on the wire shows.
    """
    if kind == BEST_EFFORT:
        return None
    lossless = _is_lossless(kind)
    classes = qos_classes(catalog_qos)
    roce, cnp = classes["roce"], classes["cnp"]
    priorities = [dscp // (_DSCPS // _CLASSES) for dscp in range(_DSCPS)]
    lossy = classes["default"].priority
    priorities = [lossy if priority == roce.priority else priority for priority in priorities]
    priorities[cnp.dscp] = cnp.priority
    priorities[roce.dscp] = roce.priority
    return NicQos(
        network=network,
        trust="dscp",
        lossless_priority=roce.priority if lossless else -1,
        roce_dscp=roce.dscp,
        cnp_dscp=cnp.dscp,
        dscp_to_priority=tuple(priorities),
        ecn_priorities=(roce.priority,) if roce.ecn else (),
    )


def _is_lossless(kind: str) -> bool:
    if kind not in (ROCE_LOSSLESS, ROCE_LOSSY):
        raise ValueError(f"qos is one of {', '.join(KINDS)}, not {kind!r}")
    return kind == ROCE_LOSSLESS


def _dscp_to_tc(classes: Mapping[str, TrafficClass]) -> tuple[int, ...]:
    by_dscp = {c.dscp: c.traffic_class for c in classes.values()}
    return tuple(by_dscp.get(dscp, classes["default"].traffic_class) for dscp in range(_DSCPS))


def _tc_to_queue(classes: Mapping[str, TrafficClass]) -> tuple[int, ...]:
    """A traffic class that nothing is sorted into keeps its number, the platforms' default, but joins no other's queue."""
    queues = {c.traffic_class: c.queue for c in classes.values()}
    taken = set(queues.values())
    lossy = classes["default"].queue
    return tuple(queues.get(tc, lossy if tc in taken else tc) for tc in range(_CLASSES))


def _tc_to_priority_group(classes: Mapping[str, TrafficClass], lossless: bool) -> tuple[int, ...]:
    """Without PFC all packets share the group of the lossy ones, which is the one with a buffer."""
    lossy = classes["default"].priority_group
    groups = {c.traffic_class: c.priority_group for c in classes.values()} if lossless else {}
    return tuple(groups.get(tc, lossy) for tc in range(_CLASSES))


def _queues(classes: Mapping[str, TrafficClass], lossless: bool) -> tuple[Queue, ...]:
    protected = [classes[name] for name in ("roce", _AFTER_GLOBAL) if name in classes]
    queues = (Queue(c.queue, c.weight == 0, c.weight, lossless and c in protected, c.ecn) for c in classes.values())
    return tuple(sorted(queues, key=lambda q: q.queue))


def _ecn(entries: Iterable[Mapping[str, Any]], speeds: Collection[int]) -> tuple[Ecn, ...]:
    known = {e["speed"]: e for e in entries}
    marking = []
    for speed in sorted(set(speeds)):
        if speed not in known:
            raise NoEcnError(speed, sorted(known))
        entry = known[speed]
        marking.append(Ecn(speed, entry["min_bytes"], entry["max_bytes"], entry["max_probability"]))
    return tuple(marking)


def _watchdog(entry: Mapping[str, Any]) -> PfcWatchdog:
    return PfcWatchdog(entry["detection_ms"], entry["restoration_ms"], entry["action"])


def _headroom(hwsku: Hwsku, topology: str, profiles: Collection[tuple[int, int]]) -> tuple[HeadroomProfile, ...]:
    if not profiles:
        return ()
    lossless_pool(hwsku, topology)  # raises where the buffers are for lossy traffic alone
    rows = [headroom_profile(hwsku, speed, length_m) for speed, length_m in sorted(set(profiles))]
    return tuple(HeadroomProfile(r.speed, r.length_m, r.size, r.xon, r.xoff, r.threshold, r.xon_offset) for r in rows)


def _buffer_tables(hwsku: Hwsku | None, topology: str) -> BufferTables | None:
    """The tables as they stand; None where SONiC has none for this HwSKU and keeps its ASIC's defaults."""
    buffers = None if hwsku is None else hwsku.buffers.get(topology)
    return None if buffers is None else BufferTables(buffers.tables)
