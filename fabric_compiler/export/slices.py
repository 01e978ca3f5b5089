"""A part of a build: pods with the switches above them, or devices by name; or all of it."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.export.base import Parameters
from fabric_compiler.export.source import Device, Link, Source

_UPWARDS = frozenset({"server-leaf", "server-router", "leaf-spine", "spine-core"})
TAKES = frozenset({"networks", "pods", "devices"})


def chosen(source: Source, parameters: Parameters) -> list[Device]:
    """The devices of the slice in the order of the build. Raises CompileError (FC2005) for a name that fits none.

    A pod brings its servers, its leafs, and whatever stands above them; devices named besides come as they are.
    """
    _check("pod", parameters.pods, {device.pod for device in source.devices})
    _check("network", parameters.networks, source.networks)
    named = {device.name for device in source.devices for pattern in parameters.devices if fnmatchcase(device.name, pattern)}
    if parameters.devices and not named:
        raise _nothing(f"no device is named like {', '.join(parameters.devices)}"[:200], "patterns have * and ?")
    wanted = named | _upwards(source, parameters.pods)
    if not (parameters.pods or parameters.devices):
        wanted = set(source.device)
    return [
        device
        for device in source.devices
        if device.name in wanted and (not parameters.networks or device.network in (*parameters.networks, ""))
    ]


def between(source: Source, devices: Iterable[Device], networks: tuple[str, ...] = ()) -> list[Link]:
    """The links that have both ends among the devices."""
    inside = {device.name for device in devices}
    return [
        link
        for link in source.links
        if link.a_device in inside and link.b_device in inside and (not networks or link.network in networks)
    ]


def _upwards(source: Source, pods: tuple[str, ...]) -> set[str]:
    """Devices of the pods, and all that a way up from them leads to; end a of these links is the lower one."""
    reached = {device.name for device in source.devices if device.pod in pods}
    above: dict[str, set[str]] = {}
    for link in source.links:
        if link.tiers in _UPWARDS:
            above.setdefault(link.a_device, set()).add(link.b_device)
    new = set(reached)
    while new := {up for name in new for up in above.get(name, ())} - reached:
        reached |= new
    return reached


def _check(what: str, wanted: Iterable[str], known: Iterable[str]) -> None:
    for name in wanted:
        if name not in known:
            raise _nothing(
                f"the build has no {what} {name[:80]!r}", f"there are {', '.join(sorted(filter(None, known)))[:200]}"
            )


def _nothing(message: str, hint: str) -> CompileError:
    return CompileError([Diagnostic("FC2005", Severity.ERROR, message, hint=hint)])
