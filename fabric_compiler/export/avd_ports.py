"""AVD: ports, loopback, SVIs and the QoS of ports and switch."""

from __future__ import annotations

from typing import Any

from fabric_compiler.export.avd_text import addresses, family, rest_of_line
from fabric_compiler.model.device import Interface, PfcWatchdog, Qos, SwitchModel
from fabric_compiler.targets.eos_interfaces import speed_word
from fabric_compiler.targets.eos_qos import profile_name, queue_word
from fabric_compiler.targets.eos_text import word

_CONTROL_CLASS = 7  # the switch's own; its queue is not to be mapped
_ACTIONS = {"drop": "drop", "forward": "notify-only"}


def ports(model: SwitchModel) -> dict[str, Any]:
    loopback = {"name": "Loopback0", **family(model.loopbacks)}
    if "ipv6_addresses" in loopback:  # a loopback has one in AVD's model
        loopback["ipv6_address"] = loopback.pop("ipv6_addresses")[0]  # type: ignore[index]
    vlans = sorted(model.vlans, key=lambda vlan: vlan.id)
    return {
        "ethernet_interfaces": [_ethernet(port, model.qos) for port in model.interfaces],
        "loopback_interfaces": [loopback],
        "vlans": [{"id": vlan.id, "name": word(vlan.name)} for vlan in vlans],
        "vlan_interfaces": [
            {"name": f"Vlan{vlan.id}", "mtu": vlan.mtu, **family(vlan.addresses)}
            | ({"ipv6_enable": True} if addresses(vlan.addresses)[1] else {})
            for vlan in vlans
        ],
    }


def _ethernet(port: Interface, qos: Qos | None) -> dict[str, Any]:
    made: dict[str, Any] = {"name": word(port.name), "speed": speed_word(port.speed, len(port.lanes))}
    if port.fec == "rs":
        made["error_correction_encoding"] = {"enabled": True, "reed_solomon": True}
    elif port.fec == "none":
        made["error_correction_encoding"] = {"enabled": False}
    if description := rest_of_line(port.description):
        made["description"] = description
    if not port.enabled:
        return made | {"shutdown": True, "switchport": {"enabled": False}}
    if port.vlan:
        made["switchport"] = {"enabled": True, "mode": "access", "access_vlan": port.vlan}
    else:
        # EOS's `mtu` is that of IP: the SVI carries it for a switched port
        made |= {"mtu": port.mtu, "switchport": {"enabled": False}}
    made |= family(port.addresses)
    if port.unnumbered or "ipv6_addresses" in made:
        made["ipv6_enable"] = True
    if qos:
        made["service_profile"] = profile_name(port)
    return made


def qos(model: SwitchModel) -> dict[str, Any]:
    """Maps of the switch, a profile for each kind of port, and the watchdog's times."""
    own = model.qos
    if own is None:
        return {}
    kinds = {(port.speed, port.lossless): port for port in model.interfaces if port.enabled}
    classes = sorted(set(own.dscp_to_tc))
    dscps = [" ".join(str(dscp) for dscp in range(64) if own.dscp_to_tc[dscp] == traffic_class) for traffic_class in classes]
    queues = enumerate(own.tc_to_queue)
    return {
        "qos": {
            "map": {
                "dscp": [f"{values} to traffic-class {tc}" for values, tc in zip(dscps, classes, strict=True)],
                "traffic_class": [f"{tc} to tx-queue {queue}" for tc, queue in queues if tc != _CONTROL_CLASS],
            }
        },
        "qos_profiles": [_profile(own, port, queue_word(model.platform.platform)) for _, port in sorted(kinds.items())],
        "priority_flow_control": {"watchdog": _watchdog(own.watchdog)} if own.watchdog else None,
    }


def _profile(own: Qos, port: Interface, word_of_queues: str) -> dict[str, Any]:
    ecn = next((row for row in own.ecn if row.speed == port.speed), None)
    total = sum(queue.weight for queue in own.queues if not queue.strict)
    made: dict[str, Any] = {"name": profile_name(port), "trust": "dscp"}
    queues = []
    for queue in sorted(own.queues, key=lambda queue: queue.queue):
        row: dict[str, Any] = {"id": queue.queue, "priority": "priority strict" if queue.strict else "no priority"}
        if not queue.strict:
            row["bandwidth_percent"] = max(1, queue.weight * 100 // total) if total else 0
        if queue.ecn and ecn:
            threshold: dict[str, Any] = {"units": "bytes", "min": ecn.minimum, "max": ecn.maximum}
            threshold["max_probability"] = ecn.probability
            if word_of_queues == "uc-tx-queue":
                threshold["weight"] = 0
            row["random_detect"] = {"ecn": {"threshold": threshold}}
        queues.append(row)
    made[f"{word_of_queues.replace('-', '_')}s"] = queues
    if port.lossless and own.lossless_priority >= 0:
        made["priority_flow_control"] = {
            "enabled": True,
            "priorities": [{"priority": own.lossless_priority, "no_drop": True}],
            **({"watchdog": {"enabled": True}} if own.watchdog else {}),
        }
    return made


def _watchdog(own: PfcWatchdog) -> dict[str, str]:
    """Times in seconds."""
    return {
        "timeout": f"{own.detection / 1000:.2f}",
        "recovery_time": f"{own.restoration / 1000:.2f}",
        "polling_interval": f"{min(own.detection, own.restoration) // 2 / 1000:.3f}",
        "action": _ACTIONS[own.action],
    }
