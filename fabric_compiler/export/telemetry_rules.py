"""Rules for Prometheus (prometheus.io, "Recording rules", "Alerting rules"): what the plan expects, against what is there.

The recorded names are the same for all operating systems; the alerts are over these alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from fabric_compiler.export.source import Device

PREFIX: Final = "fabric"
_BY: Final = "source, network, role, site, pod, rail"
# one PFC frame stops a priority for 65,535 quanta of 512 bit times (IEEE 802.1Qbb)
_PAUSE_BITS: Final = 65_535 * 512
_FLAPS: Final = 3  # in ten minutes
_DIMMER: Final = 3  # dB below the best of a day


class Expected(NamedTuple):
    """A switch when all is well."""

    device: Device
    sessions: int
    uplinks: tuple[str, ...]


def labels(expected: Expected) -> dict[str, str]:
    """On each metric of the switch."""
    d = expected.device
    found = {"network": d.network, "role": d.role, "site": d.site, "pod": d.pod, "rail": str(d.rail) if d.rail else ""}
    return {name: value for name, value in found.items() if value} | {
        "sessions": str(expected.sessions),
        "uplinks": str(len(expected.uplinks)),
    }


def rules(fabric: str, expected: Iterable[Expected], lossless: tuple[int, ...], slowest: Mapping[str, float]) -> dict[str, Any]:
    """The groups of a rule file. One rule serves all switches that expect the same."""
    switches = list(expected)
    return {
        "groups": [
            {"name": "recorded", "rules": list(_recorded(lossless))},
            {"name": "plan", "rules": [*_sessions(switches), *_uplinks(switches), *_silent(switches)]},
            {"name": "lossless", "rules": list(_pause(lossless, slowest))},
            {"name": "links", "rules": list(_links())},
        ]
    }


def _recorded(lossless: tuple[int, ...]) -> Iterable[dict[str, Any]]:
    """By operating system on the right, EOS first; by what it is on the left."""
    port = f"{PREFIX}_interfaces_interface_state"
    bgp = f"{PREFIX}_network_instances_network_instance_protocols_protocol_bgp"
    light = f"{PREFIX}_components_component_transceiver_physical_channels_channel_state_input_power_instant"
    yield _record("port_up", f'{port}_oper_status{{oper_status="UP"}}', f'{PREFIX}_oper_status{{oper_status="up"}}')
    sessions = (
        f'{bgp}_neighbors_neighbor_state_session_state{{session_state="ESTABLISHED"}}',
        f'{{__name__=~"{PREFIX}_NEIGH_STATE_TABLE_.+_state",state="Established"}}',
    )
    yield _record("sessions_up", *(f"count by ({_BY}, sessions) ({own})" for own in sessions))
    flaps = (f"{port}_counters_carrier_transitions", f"{PREFIX}_flap_count")
    yield _record("flaps:increase10m", *(f"increase({own}[10m])" for own in flaps))
    yield _record("light_dbm", light, f'{{__name__=~"{PREFIX}_TRANSCEIVER_DOM_SENSOR_.+_rx[0-9]+power"}}')
    for priority in lossless:
        own = {"labels": {"priority": str(priority)}}
        queue = f"{PREFIX}_{priority}_SAI_QUEUE_STAT"
        yield _record("pfc_received:rate1m", f"rate({PREFIX}_SAI_PORT_STAT_PFC_{priority}_RX_PKTS[1m])") | own
        yield _record("ecn_marked:rate1m", f"rate({queue}_WRED_ECN_MARKED_PACKETS[1m])") | own
        yield _record("queue_watermark_bytes", f"{queue}_SHARED_WATERMARK_BYTES") | own


def _sessions(switches: list[Expected]) -> Iterable[dict[str, Any]]:
    """Fewer BGP sessions than the plan has."""
    for count in sorted({own.sessions for own in switches} - {0}):
        text = f"{{{{ $labels.source }}}} has {{{{ $value }}}} of its {count} BGP sessions"
        mine = f'sessions="{count}"'
        expression = _fewer(f"{PREFIX}:sessions_up{{{mine}}}", count, mine)
        yield _alert("SessionMissing", expression, "2m", "critical", text, planned=str(count))


def _uplinks(switches: list[Expected]) -> Iterable[dict[str, Any]]:
    """A switch with fewer ports up towards the tier above it than the plan gives it."""
    kinds = sorted({(own.device.network, own.device.role, own.uplinks) for own in switches if own.uplinks})
    railed = {own.device.network for own in switches if own.device.rail}
    for number, (network, role, ports) in enumerate(kinds, 1):
        whose = "{{ $labels.source }} (rail {{ $labels.rail }})" if network in railed else "{{ $labels.source }}"
        mine = f'network="{network}",role="{role}",uplinks="{len(ports)}"'
        up = f'count by ({_BY}) ({PREFIX}:port_up{{{mine},interface_name=~"{_one_of(ports)}"}})'
        text = f"{whose} has {{{{ $value }}}} of its {len(ports)} uplinks"
        named = {"planned": str(len(ports)), "ports": str(number)}  # two rules of one name differ in a label
        yield _alert("UplinkLost", _fewer(up, len(ports), mine), "1m", "critical", text, **named)


def _fewer(count: str, planned: int, mine: str) -> str:
    """`count` is below the plan; where there is nothing to count, switches that report at all have 0."""
    none = f"count by ({_BY}) ({PREFIX}:port_up{{{mine}}}) unless on (source) {count}"
    return f"{count} < {planned} or ({none}) * 0"


def _silent(switches: list[Expected]) -> Iterable[dict[str, Any]]:
    """Switches of which nothing is heard; where nothing at all is, there is nothing to count."""
    counts: dict[str, int] = {}
    for own in switches:
        counts[own.device.network] = counts.get(own.device.network, 0) + 1
    for network, count in sorted(counts.items()):
        heard = f'count(count by (source) ({PREFIX}:port_up{{network="{network}"}}))'
        text = f"{{{{ $value }}}} of the {count} switches of {network} report"
        yield _alert("SwitchSilent", f"({heard} or vector(0)) < {count}", "5m", "critical", text, network=network)


def _pause(lossless: tuple[int, ...], slowest: Mapping[str, float]) -> Iterable[dict[str, Any]]:
    if not lossless:
        return
    where = "{{ $labels.source }} {{ $labels.interface_name }}"
    for network, speed in sorted(slowest.items()):
        # at this rate the priority is stopped half of the time
        storm = round(speed * 1e9 / _PAUSE_BITS / 2)
        text = f"{where} is paused half of the time on priority {{{{ $labels.priority }}}}"
        rate = f'{PREFIX}:pfc_received:rate1m{{network="{network}"}}'
        yield _alert("PfcStorm", f"{rate} > {storm}", "1m", "critical", text, network=network)
    for priority in lossless:
        detected = f"increase({PREFIX}_{priority}_PFC_WD_QUEUE_STATS_DEADLOCK_DETECTED[5m])"
        text = f"the PFC watchdog of {where} stopped priority {priority}"
        yield _alert("PfcWatchdog", f"{detected} > 0", "0s", "critical", text, priority=str(priority))


def _links() -> Iterable[dict[str, Any]]:
    flaps = "{{ $labels.source }} {{ $labels.interface_name }} went down {{ $value }} times in ten minutes"
    yield _alert("LinkFlaps", f"{PREFIX}:flaps:increase10m > {_FLAPS}", "0s", "warning", flaps)
    light = f"max_over_time({PREFIX}:light_dbm[1d]) - {PREFIX}:light_dbm > {_DIMMER}"
    text = "an optic of {{ $labels.source }} receives {{ $value }} dB less light than it did within a day"
    yield _alert("LightFades", light, "10m", "warning", text)


def _record(name: str, *expressions: str) -> dict[str, Any]:
    return {"record": f"{PREFIX}:{name}", "expr": " or ".join(expressions)}


def _alert(name: str, expression: str, wait: str, severity: str, summary: str, **labels: str) -> dict[str, Any]:
    found: dict[str, Any] = {"alert": name, "expr": expression}
    if wait != "0s":
        found["for"] = wait
    return found | {"labels": {"severity": severity, **labels}, "annotations": {"summary": summary}}


def _one_of(ports: Iterable[str]) -> str:
    """A pattern inside a string of PromQL; names of ports have no quotes, and a dot among them is meant as such."""
    return "|".join(re.sub(r"\.", r"\\\\.", port) for port in ports)
