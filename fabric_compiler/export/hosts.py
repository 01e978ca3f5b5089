"""What inventories say of a device: the groups that it is in, and its variables."""

from __future__ import annotations

from typing import Any

from fabric_compiler.export.source import Device
from fabric_compiler.export.yaml_text import Unsafe


def groups(device: Device) -> list[str]:
    """Names that Ansible takes for groups: letters, digits and underscores."""
    found = [f"{device.kind}es" if device.kind == "switch" else f"{device.kind}s", f"site_{device.site}"]
    if device.kind == "switch":
        found += [f"network_{device.network}", f"role_{device.role}"]
    if device.nos:
        found.append(f"nos_{device.nos}")
    if device.pod:
        found.append(f"pod_{device.pod}")
    if device.rail:
        found.append(f"rail_{device.network}_{device.rail}")
    if device.plane:
        found.append(f"plane_{device.network}_{device.plane}")
    return [name.replace("-", "_").replace(".", "_") for name in found]


def reached(device: Device) -> str:
    """Where the device is managed: its address, or else its name."""
    return device.management or device.name


def variables(device: Device) -> dict[str, Any]:
    """What the plan says of the device, without what is empty; free text is marked."""
    directory = "devices" if device.kind == "switch" else "hosts"
    found: dict[str, Any] = {
        "fabric_kind": device.kind,
        "fabric_role": device.role,
        "fabric_network": device.network,
        "fabric_site": device.site,
        "fabric_pod": device.pod,
        "fabric_plane": device.plane,
        "fabric_rail": device.rail,
        "fabric_group": device.group,
        "fabric_model": Unsafe(device.model),
        "fabric_nos": device.nos,
        "fabric_asn": device.asn,
        "fabric_loopback4": device.loopback4,
        "fabric_loopback6": device.loopback6,
        "fabric_rack": Unsafe(device.rack),
        "fabric_unit": device.unit,
        "fabric_files": f"{directory}/{device.name}",  # below the build
    }
    return {name: value for name, value in found.items() if value}
