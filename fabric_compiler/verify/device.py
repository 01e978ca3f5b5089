"""A device's files against its plan and its platform, as an independent reader found them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from fabric_compiler.catalog.types import Switch
from fabric_compiler.ir.graph import Device
from fabric_compiler.ir.plan import DevicePlan, Prefixes
from fabric_compiler.targets.text import dotted, prefix
from fabric_compiler.verify.observed import Observed
from fabric_compiler.verify.platform import check_platform


def check_files(
    device: Device,
    plan: DevicePlan | None,
    switch: Switch | None,
    files: Mapping[str, bytes],
    observed: Observed,
    ports: Sequence[str],
) -> list[str]:
    """What differs, in sentences; `ports` are those with a cable. A server has no plan of its own, and its files no name."""
    cabled = set(ports)
    found = [] if plan is None else list(_identity(device, plan, observed, cabled))
    up = {name for name, port in observed.interfaces.items() if port.enabled}
    for name in sorted(cabled - up):
        found.append(f"{device.name}: {name} has a cable and is not up")
    for name in sorted(up - cabled):
        found.append(f"{device.name}: {name} has no cable and is up")
    if switch:
        found += [f"{device.name}: {sentence}" for sentence in check_platform(device, switch, files, observed)]
    return found


def _identity(device: Device, plan: DevicePlan, observed: Observed, cabled: Set[str]) -> Iterator[str]:
    """Name and numbers are those of the plan. A leaf announces its hosts from its first server on."""
    servers = device.faces_servers and any(port.name in cabled for port in device.layout.ports[: device.downlinks])
    announced = (*plan.loopbacks, *(plan.hosts if servers else ()))
    for what, read, planned in (
        ("name", observed.hostname, device.name),
        ("ASN", observed.asn, plan.asn),
        ("router ID", dotted(observed.router_id), dotted(plan.router_id)),
        ("loopbacks", _shown(observed.loopbacks), _shown(plan.loopbacks)),
        ("announced prefixes", _shown(observed.announced), _shown(announced)),
    ):
        if read != planned:
            yield f"{device.name}: the {what} read back: {read or 'none'}; the plan has {planned or 'none'}"


def _shown(prefixes: Prefixes) -> str:
    return ", ".join(prefix(p) for p in sorted(prefixes))
