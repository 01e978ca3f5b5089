"""Telemetry: what gNMIc collects, where Prometheus scrapes, and alert rules that know the plan.

gnmic.yaml is in the form of gnmic.openconfig.net ("Targets", "Subscriptions", "Event processors", "Prometheus output"). What
the plan knows of a switch (role, rail, sessions, uplinks) stands on each of its metrics as a label. EOS is asked by OpenConfig
paths, SONiC by the tables of its databases (sonic-net/sonic-gnmi, sonic_data_client): one path a port, for an answer about all
ports would be one event, and its values could not be told apart by labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from fabric_compiler.diagnostics import Report
from fabric_compiler.export import telemetry_rules
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.hosts import reached
from fabric_compiler.export.source import Device, Source, wrong_build
from fabric_compiler.export.telemetry_rules import PREFIX, Expected
from fabric_compiler.export.yaml_text import dump

# EOS manual, `transport grpc`: 6030; SONiC, gnmi-native.sh: 8080
_PORTS: Final = {"eos": 6030, "sonic": 8080}
_EXPORTER: Final = 9100  # node_exporter's own port
_GNMIC: Final = "127.0.0.1:9804"
_BLACKBOX: Final = "127.0.0.1:9115"
_UPWARDS: Final = ("leaf-spine", "spine-core")  # of a switch; end a of a link is the lower one
_PROCESSORS: Final[dict[str, Any]] = {
    "sonic-interface": {"event-extract-tags": {"value-names": ["(COUNTERS|PORT_TABLE)/(?P<interface_name>Ethernet[0-9]+)"]}},
    # COUNTERS/Ethernet0/Queues/Ethernet0:3/SAI_... -> 3/SAI_...
    "sonic-queue": {
        "event-strings": {
            "value-names": ["/(Queues|Pfcwd)/"],
            "transforms": [{"split": {"apply-on": "name", "split-on": ":", "join-with": "_", "ignore-first": 1}}],
        }
    },
    "sonic-port": {
        "event-strings": {
            "value-names": ["COUNTERS/Ethernet[0-9]+/SAI_", "PORT_TABLE/Ethernet[0-9]+/"],
            "transforms": [{"path-base": {"apply-on": "name"}}],
        }
    },
    "sonic-counters": {"event-convert": {"value-names": ["SAI_", "PFC_WD_", "flap_count$"], "type": "int"}},
    "sonic-light": {"event-convert": {"value-names": ["TRANSCEIVER_DOM_SENSOR/.*power$"], "type": "float"}},
}  # fmt: skip


class _Qos(msgspec.Struct, frozen=True):
    pfc_enable: str = ""


class _ConfigDb(msgspec.Struct, frozen=True):
    PORT_QOS_MAP: dict[str, _Qos] = {}


class _Ports(NamedTuple):
    """Ports of a switch in the order of the plan, those that lead up apart."""

    all: tuple[str, ...]
    up: tuple[str, ...]


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """gnmic/gnmic.yaml, and Prometheus's configuration with its targets and rules."""
    ports = _ports(source)
    expected = _expected(source, ports)
    lossless = _lossless(source)
    yield "gnmic/gnmic.yaml", dump(_gnmic(source, ports, expected, lossless)).encode()
    yield "prometheus/prometheus.yml", dump(_prometheus(source)).encode()
    yield "prometheus/targets/switches.json", _targets((d, reached(d)) for d in source.switches)
    yield "prometheus/targets/servers.json", _targets((d, f"{d.name}:{_EXPORTER}") for d in source.servers)
    speeds = _slowest(source)
    yield (
        "prometheus/rules/fabric.yml",
        dump(telemetry_rules.rules(source.fabric, expected.values(), lossless, speeds)).encode(),
    )


def _ports(source: Source) -> dict[str, _Ports]:
    every: dict[str, list[str]] = {}
    up: dict[str, list[str]] = {}
    for link in source.links:
        every.setdefault(link.a_device, []).append(link.a_port)
        every.setdefault(link.b_device, []).append(link.b_port)
        if link.tiers in _UPWARDS:
            up.setdefault(link.a_device, []).append(link.a_port)
    return {name: _Ports(tuple(own), tuple(up.get(name, ()))) for name, own in every.items()}


def _expected(source: Source, ports: dict[str, _Ports]) -> dict[str, Expected]:
    """What each switch that gNMIc can ask should show when all is well."""
    asked = [device for device in source.switches if device.nos in _PORTS]
    sessions = dict.fromkeys((device.name for device in asked), 0)
    for session in source.sessions:
        for name in (session.a_device, session.b_device):
            if name in sessions:
                sessions[name] += 1
    nothing = _Ports((), ())
    return {d.name: Expected(d, sessions[d.name], ports.get(d.name, nothing).up) for d in asked}


def _lossless(source: Source) -> tuple[int, ...]:
    """Priorities that the SONiC switches pause; what EOS counts of them has no published path."""
    for device in source.switches:
        if device.nos != "sonic":
            continue
        try:
            found = msgspec.json.decode(source.read(f"devices/{device.name}/config_db.json"), type=_ConfigDb).PORT_QOS_MAP
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise wrong_build(f"devices/{device.name}/config_db.json cannot be read: {error}") from error
        priorities = {int(own) for qos in found.values() for own in qos.pfc_enable.split(",") if own in "01234567" and own}
        if priorities:
            return tuple(sorted(priorities))
    return ()


def _slowest(source: Source) -> dict[str, float]:
    """The lowest speed of each network, in Gb/s."""
    found: dict[str, float] = {}
    for link in source.links:
        found[link.network] = min(link.speed_gbps, found.get(link.network, link.speed_gbps))
    return found


def _gnmic(
    source: Source, ports: dict[str, _Ports], expected: dict[str, Expected], lossless: tuple[int, ...]
) -> dict[str, Any]:
    subscriptions: dict[str, Any] = {}
    of_ports: dict[tuple[str, ...], str] = {}  # ports of a SONiC switch -> its subscription; a role's are alike
    targets: dict[str, Any] = {}
    for device in source.switches:
        if device.nos == "eos":
            subscriptions |= {} if "eos-counters" in subscriptions else _eos()
            mine = ["eos-counters", "eos-state", "eos-light"]
        elif device.nos == "sonic":
            every = ports[device.name].all if device.name in ports else ()
            if every not in of_ports:
                of_ports[every] = str(len(of_ports) + 1)
                subscriptions |= _sonic(of_ports[every], every, lossless)
            mine = [f"sonic-counters-{of_ports[every]}", f"sonic-ports-{of_ports[every]}", "sonic-sessions", "sonic-light"]
        else:
            continue
        host = f"[{reached(device)}]" if ":" in reached(device) else reached(device)
        targets[device.name] = {
            "address": f"{host}:{_PORTS[device.nos]}",
            "subscriptions": mine,
            "event-tags": telemetry_rules.labels(expected[device.name]),
        }
    return {
        # who asks, and whom it trusts, is the operator's: GNMIC_USERNAME, GNMIC_PASSWORD, GNMIC_TLS_CA in the environment
        "encoding": "json_ietf",
        "targets": targets,
        "subscriptions": subscriptions,
        "outputs": {
            "prometheus": {
                "type": "prometheus",
                "listen": ":9804",
                "metric-prefix": PREFIX,
                "strings-as-labels": True,
                "expiration": "120s",
                "event-processors": list(_PROCESSORS),
            }
        },
        "processors": _PROCESSORS,
    }


def _eos() -> dict[str, Any]:
    """OpenConfig: openconfig-interfaces, -network-instance, -qos and -platform-transceiver."""
    bgp = "/network-instances/network-instance[name=*]/protocols/protocol[identifier=*][name=*]/bgp"
    sessions = f"{bgp}/neighbors/neighbor[neighbor-address=*]/state/session-state"
    return {
        "eos-counters": _sample(
            [
                "/interfaces/interface[name=*]/state/counters",
                "/qos/interfaces/interface[interface-id=*]/output/queues/queue[name=*]/state",
            ],
            "10s",
        ),
        "eos-state": _sample(["/interfaces/interface[name=*]/state/oper-status", sessions], "30s"),
        "eos-light": _sample(
            ["/components/component[name=*]/transceiver/physical-channels/channel[index=*]/state/input-power/instant"], "60s"
        ),
    }  # fmt: skip


def _sonic(number: str, ports: Iterable[str], lossless: tuple[int, ...]) -> dict[str, Any]:
    """Counters of a port and of its queues (ECN marks, watermarks), and what the watchdog saw."""
    fields = [f"SAI_PORT_STAT_PFC_{priority}_{way}_PKTS" for priority in lossless for way in ("RX", "TX")]
    fields += [
        "SAI_PORT_STAT_IF_IN_OCTETS",
        "SAI_PORT_STAT_IF_OUT_OCTETS",
        "SAI_PORT_STAT_IF_IN_ERRORS",
        "SAI_PORT_STAT_IF_OUT_DISCARDS",
    ]
    fields += ["Queues", *(["Pfcwd"] if lossless else [])]
    counters = [f"COUNTERS/{port}/{own}" for port in ports for own in fields]
    return {
        f"sonic-counters-{number}": _sample(counters, "10s", "COUNTERS_DB"),
        f"sonic-ports-{number}": _sample([f"PORT_TABLE/{port}" for port in ports], "30s", "APPL_DB"),
        "sonic-sessions": _sample(["NEIGH_STATE_TABLE"], "30s", "STATE_DB"),
        "sonic-light": _sample(["TRANSCEIVER_DOM_SENSOR"], "60s", "STATE_DB"),
    }  # fmt: skip


def _sample(paths: list[str], interval: str, target: str = "") -> dict[str, Any]:
    own: dict[str, Any] = {"target": target} if target else {}
    return own | {"paths": paths, "mode": "stream", "stream-mode": "sample", "sample-interval": interval}


def _prometheus(source: Source) -> dict[str, Any]:
    """What gNMIc collected, the servers' node exporters, and a ping of each switch by the blackbox exporter."""
    ping = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": _BLACKBOX},
    ]
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s", "external_labels": {"fabric": source.fabric}},
        "rule_files": ["rules/*.yml"],
        "scrape_configs": [
            {"job_name": "gnmic", "static_configs": [{"targets": [_GNMIC]}]},
            {"job_name": "servers", "file_sd_configs": [{"files": ["targets/servers.json"]}]},
            {
                "job_name": "switches",
                "metrics_path": "/probe",
                "params": {"module": ["icmp"]},
                "file_sd_configs": [{"files": ["targets/switches.json"]}],
                "relabel_configs": ping,
            },
        ],
    }


def _targets(devices: Iterable[tuple[Device, str]]) -> bytes:
    """file_sd (prometheus.io, "Configuration", file_sd_config)."""
    made = []
    for device, address in devices:
        labels = {"device": device.name, "role": device.role, "site": device.site, "network": device.network, "pod": device.pod}
        labels |= {"rack": device.rack, "model": device.model}
        made.append({"targets": [address], "labels": {name: _utf8(value) for name, value in labels.items() if value}})
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


EXPORT = Export("gNMIc, Prometheus targets, and alert rules that know the plan", files)
