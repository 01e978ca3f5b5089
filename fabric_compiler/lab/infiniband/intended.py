"""What a subnet promises: from the intent that the build keeps, compiled again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from fabric_compiler.compiler import Analysis
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.graph import Device
from fabric_compiler.model.subnet import Subnet
from fabric_compiler.verify import identity
from fabric_compiler.verify.identity import Place
from fabric_compiler.verify.partitions import Pairs
from fabric_compiler.verify.wiring import Wire

TIERS: Final = ("leaf", "spine", "core")  # of a folded Clos, from below
# Engines whose ways are the shortest that there are; the others' ways may go around (opensm(8), ROUTING)
SHORTEST: Final = frozenset({"minhop", "updn", "dnup", "ftree", "sssp", "dfsssp", "lash"})


@dataclass(frozen=True, slots=True)
class Intended:
    """`engine` is OpenSM's for routing, `even` whether it promises even loads. `tier` is by the name of a switch; empty where
    the topology has no tiers. `tenants` are empty where all may talk."""

    engine: str
    even: bool
    places: Sequence[Place]
    wires: Sequence[Wire]
    tier: Mapping[str, int]
    managers: frozenset[str]  # hosts of the subnet manager
    tenants: tuple[Tenant, ...]

    @property
    def tiers(self) -> int:
        return max(self.tier.values(), default=-1) + 1


@dataclass(frozen=True, slots=True)
class Tenant:
    """Servers by name; a limited one reaches those that are not."""

    full: frozenset[str]
    limited: frozenset[str]


def intended(found: Analysis, subnet: Subnet) -> Intended:
    intent, devices = found.loaded.intent, found.graph.devices
    mine = [device for device in devices if device.network == subnet.network and device.plane == subnet.plane]
    roles = {device.name: device.role for device in mine if device.kind == "switch"}
    clos = set(roles.values()) <= set(TIERS)
    engine = subnet.engine.name
    # seen with OpenSM 3.3.23: in two tiers every engine of shortest ways, in three ftree alone; with an LID an adapter
    even = clos and subnet.lmc == 0 and (engine == "ftree" or ("core" not in roles.values() and engine in ("minhop", "updn")))
    return Intended(
        engine,
        even,
        identity.places(found.graph, subnet),
        identity.wires(found.graph, subnet),
        {name: TIERS.index(role) for name, role in roles.items()} if clos else {},
        frozenset(host.name for host in subnet.hosts),
        tuple(_tenants(intent, subnet.network, [device for device in devices if device.role == "server"])),
    )


class _Named(Protocol):
    @property
    def pods(self) -> tuple[str, ...]: ...
    @property
    def servers(self) -> tuple[str, ...]: ...


def _tenants(intent: Intent, network: str, servers: Sequence[Device]) -> list[Tenant]:
    found = []
    for tenant in intent.tenants.values():
        if tenant.networks is None or network in tenant.networks:
            full = _named(tenant, servers)
            found.append(Tenant(full, _named(tenant.limited, servers) - full))
    return found


def _named(part: _Named, servers: Sequence[Device]) -> frozenset[str]:
    return frozenset(
        d.name for d in servers if d.pod in part.pods or any(fnmatchcase(d.name, pattern) for pattern in part.servers)
    )


def talk(meant: Intended, owners: Sequence[str], master: npt.NDArray[np.bool_]) -> Pairs:
    """Which end ports may talk, by the devices that they are of: the members of a tenant, and all with the subnet manager.

    `master` tells the port where the subnet manager runs. A port's place with itself is true.
    """
    allowed: npt.NDArray[np.bool_] = np.eye(len(owners), dtype=bool)
    manager = master | np.array([owner in meant.managers for owner in owners], dtype=bool)
    allowed |= manager[:, None] | manager[None, :] | (not meant.tenants)
    for tenant in meant.tenants:
        full = np.array([owner in tenant.full for owner in owners], dtype=bool)
        member = full | np.array([owner in tenant.limited for owner in owners], dtype=bool)
        allowed |= (full[:, None] & member[None, :]) | (member[:, None] & full[None, :])
    return allowed
