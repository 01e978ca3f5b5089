"""Which devices of a fabric a lab takes: all, those of some pods, those of some names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fabric_compiler.lab.build import Build, Device
from fabric_compiler.lab.store import lab_error


@dataclass(frozen=True, slots=True)
class Slice:
    """`pods`: their servers and leafs, and every switch above these. `devices`: patterns of names; of the switches only those
    that match one, and of the servers those that have a link to one of them. Empty: all.
    """

    pods: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


def choose(build: Build, wanted: Slice, protocol: str) -> frozenset[str]:
    """Names of the devices in networks of the protocol. Raises CompileError (FC2005) where a word matches nothing."""
    devices = build.devices
    networks = {network for network, spoken in build.protocols.items() if spoken == protocol}
    names = {name for name, device in devices.items() if device.network in networks}
    names |= {link.a.device for link in build.links if link.network in networks}
    if wanted.pods:
        known = {device.pod for device in devices.values() if device.pod}
        if unknown := sorted(set(wanted.pods) - known):
            raise lab_error("FC2005", f"{build.fabric} has no pod {unknown[0]}", f"it has {', '.join(sorted(known)[:8])}")
        names &= _with_those_above(build, {name for name in names if devices[name].pod in wanted.pods})
    if wanted.devices:
        for pattern in wanted.devices:
            if not any(fnmatchcase(name, pattern) for name in devices):
                raise lab_error("FC2005", f"no device of {build.fabric} is called {pattern}")
        names = _narrowed(build, names, devices, wanted.devices)
    return frozenset(names)


def _with_those_above(build: Build, names: set[str]) -> set[str]:
    """Links look up from `a` to `b`; a fabric has few tiers, and each round climbs one."""
    while higher := {link.b.device for link in build.links if link.a.device in names} - names:
        names = names | higher
    return names


def _narrowed(build: Build, names: set[str], devices: Mapping[str, Device], patterns: Sequence[str]) -> set[str]:
    switches = {
        name for name in names if devices[name].kind == "switch" and any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    servers = {link.a.device for link in build.links if link.b.device in switches and link.tiers == "server-leaf"}
    return switches | (servers & names)
