"""EOS: QoS profiles of the ports and the maps of the switch.

Traffic classes, queues and PFC priorities have one number each: EOS pauses the priority of the class (Arista EOS manual,
Quality of Service; DCBX and Flow Control). A Qos that maps them otherwise has no form here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from fabric_compiler.model.device import Ecn, Interface, PfcWatchdog, Platform, Qos, Queue
from fabric_compiler.targets.eos_text import block

# class and queue 7 are the switch's own control traffic, joined for good (Arista EOS manual, Quality of Service)
_CONTROL_CLASS: Final = 7
# Jericho and Qumran (7020R, 7280R, 7500R, 7700R, 7800R) have virtual output queues, tx-queue; Trident and Tomahawk have queues
# of unicast apart, uc-tx-queue (Arista EOS manual, Quality of Service, by platform)
_VOQ_FAMILIES: Final = re.compile(r"DCS-7(020|280|[578]\d\d)\D", re.ASCII)
# Arista has no forwarding of a paused queue's packets; nearest is to report the storm and do nothing
_WATCHDOG_ACTIONS: Final = {"drop": "drop", "forward": "notify-only"}


class QosKey(NamedTuple):
    """What EOS needs of a Qos: hashable, so that a role's text is made once."""

    lossless_priority: int
    dscp_to_tc: tuple[int, ...]
    tc_to_queue: tuple[int, ...]
    tc_to_priority_group: tuple[int, ...]
    queues: tuple[Queue, ...]
    ecn: tuple[Ecn, ...]
    watchdog: PfcWatchdog | None


def key(qos: Qos) -> QosKey:
    return QosKey(
        qos.lossless_priority,
        qos.dscp_to_tc,
        qos.tc_to_queue,
        qos.tc_to_priority_group,
        qos.queues,
        qos.ecn,
        qos.watchdog,
    )


@lru_cache(maxsize=64)
def queue_word(platform: str) -> str:
    """How the platform calls a queue of a port."""
    return "tx-queue" if _VOQ_FAMILIES.match(platform) else "uc-tx-queue"


def profile_name(port: Interface) -> str:
    """ROCE-400G for a lossless port of 400G, ROCE-400G-LOSSY for another."""
    return f"ROCE-{port.speed // 1000}G" if port.lossless else f"ROCE-{port.speed // 1000}G-LOSSY"


def profiles(qos: Qos, platform: Platform, interfaces: Iterable[Interface]) -> str:
    """The profiles that the device's ports use."""
    kinds = {(port.speed, port.lossless) for port in interfaces if port.enabled}
    return _profiles(key(qos), queue_word(platform.platform), frozenset(kinds))


@lru_cache(maxsize=64)
def _profiles(qos: QosKey, word: str, kinds: frozenset[tuple[int, bool]]) -> str:
    ecn_of = {row.speed: row for row in qos.ecn}
    total = sum(queue.weight for queue in qos.queues if not queue.strict)
    made: list[dict[str, Any]] = []
    # EOS prints profiles by name
    for speed, lossless in sorted(kinds, key=lambda kind: (f"ROCE-{kind[0] // 1000}G", not kind[1])):
        queues = [
            {
                "id": queue.queue,
                "strict": queue.strict,
                "percent": max(1, queue.weight * 100 // total) if total else 0,
                "ecn": ecn_of.get(speed) if queue.ecn else None,
            }
            for queue in sorted(qos.queues, key=lambda queue: queue.queue)
        ]
        made.append(
            {
                "name": f"ROCE-{speed // 1000}G" + ("" if lossless else "-LOSSY"),
                "no_drop": qos.lossless_priority if lossless else -1,
                "queues": queues,
            }
        )
    return block("qos_profiles", profiles=made, queue_word=word, watchdog=qos.watchdog is not None) % {}


@lru_cache(maxsize=64)
def maps(qos: QosKey) -> str:
    """The switch's maps and the watchdog's times. Raises ValueError for maps that EOS cannot hold."""
    _check(qos)
    dscps_of = {
        traffic_class: " ".join(str(dscp) for dscp in range(64) if qos.dscp_to_tc[dscp] == traffic_class)
        for traffic_class in sorted(set(qos.dscp_to_tc))
    }
    queue_maps = [(number, queue) for number, queue in enumerate(qos.tc_to_queue) if number != _CONTROL_CLASS]
    return block("qos_maps", dscp_maps=dscps_of.items(), queue_maps=queue_maps, watchdog=_watchdog(qos.watchdog)) % {}


def _check(qos: QosKey) -> None:
    if qos.tc_to_queue[_CONTROL_CLASS] != _CONTROL_CLASS:
        raise ValueError("EOS keeps traffic class 7 in queue 7")
    lossless = qos.lossless_priority
    if lossless < 0:
        return
    used = set(qos.dscp_to_tc)
    paused = {number for number, group in enumerate(qos.tc_to_priority_group) if group == lossless and number in used}
    if paused != {lossless}:
        raise ValueError(f"EOS pauses priority {lossless} for traffic class {lossless} alone, not for classes {sorted(paused)}")


def _watchdog(watchdog: PfcWatchdog | None) -> dict[str, str] | None:
    """Times in seconds. Arista asks that a poll takes at most half of the shorter of detection and recovery."""
    if watchdog is None:
        return None
    polling = min(watchdog.detection, watchdog.restoration) // 2
    return {
        "timeout": f"{watchdog.detection / 1000:.2f}",
        "recovery": f"{watchdog.restoration / 1000:.2f}",
        "polling": f"{polling / 1000:.3f}",
        "action": _WATCHDOG_ACTIONS[watchdog.action],
    }
