"""A device's files against its plan and its platform, as an independent reader found them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fabric_compiler.catalog.types import Switch
from fabric_compiler.ir.graph import Device
from fabric_compiler.ir.plan import DevicePlan
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
    found = [] if plan is None else list(_identity(device, plan, observed))
    cabled = set(ports)
    up = {name for name, port in observed.interfaces.items() if port.enabled}
    for name in sorted(cabled - up):
        found.append(f"{device.name}: {name} has a cable and is not up")
    for name in sorted(up - cabled):
        found.append(f"{device.name}: {name} has no cable and is up")
    if switch:
        found += [f"{device.name}: {sentence}" for sentence in check_platform(device, switch, files, observed)]
    return found


def _identity(device: Device, plan: DevicePlan, observed: Observed) -> Iterator[str]:
    """Name and numbers are those of the plan."""
    announced = (plan.loopbacks, (*plan.loopbacks, *plan.hosts))
    for what, read, planned in (
        ("name", observed.hostname, (device.name,)),
        ("ASN", observed.asn, (plan.asn,)),
        ("router ID", observed.router_id, (plan.router_id,)),
        ("loopbacks", sorted(observed.loopbacks), (sorted(plan.loopbacks),)),
        ("announced prefixes", sorted(observed.announced), tuple(sorted(choice) for choice in announced)),
    ):
        if read not in planned:
            yield f"{device.name}: the {what} read back are {read}, and the plan has {planned[-1]}"
