"""Tenants as partitions: who is a member of which P_Key, and on which service level.

A member of a partition reaches its full members; two limited ones do not reach each other (IBA 10.9). Where there are tenants,
all ports are limited members of the default partition: they reach the subnet manager there, a full one, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent, Tenant
from fabric_compiler.ir.blocks import Blocks, tenant_block
from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.topology.shape import Places, Shape

_SHOWN = 5


class Named(Protocol):
    @property
    def pods(self) -> tuple[str, ...]: ...
    @property
    def servers(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A tenant on a network: which servers (indices of devices) are full members of its partition, and which limited."""

    name: str
    tenant: Tenant
    p_key: int
    full: frozenset[int]
    limited: frozenset[int]


def tenancies(
    intent: Intent, shapes: Sequence[Shape], graph: Graph, blocks: Blocks, places: Places, report: Report
) -> Mapping[str, tuple[Tenancy, ...]]:
    """The tenants of each InfiniBand network.

    Reports names that match nothing (FC2005), servers in two exclusive tenants (FC2007), and warns of servers that are in none
    (FC6020).
    """
    found: dict[str, list[Tenancy]] = {shape.network: [] for shape in shapes if shape.infiniband}
    members = {network: _servers(intent, network, graph) for network in found}
    everyone = {n: d for n, d in enumerate(graph.devices) if d.role == "server"}
    for name, tenant in intent.tenants.items():
        full = _named(name, (), tenant, everyone, places, report)
        limited = _named(name, ("limited",), tenant.limited, everyone, places, report) - full
        for network in tenant.networks or tuple(found):
            if network not in found:
                continue  # Ethernet, which was reported
            here = members[network]
            one = Tenancy(name, tenant, _p_key(tenant, name, blocks), full & here, limited & here)
            if one.full or one.limited:
                found[network].append(one)
            elif tenant.networks:
                place = places.at("tenants", name, "networks", tenant.networks.index(network))
                report.error("FC2005", f"no server of the tenant {name} is on {network}", place, "leave the network out")
    for network, those in found.items():
        _exclusive(network, those, graph, places, report)
        _left_out(network, those, members[network], graph, places, report)
    return {network: tuple(those) for network, those in found.items()}


def _p_key(tenant: Tenant, name: str, blocks: Blocks) -> int:
    return tenant.p_key or blocks[tenant_block(name)].slot(0) + 1


def _servers(intent: Intent, network: str, graph: Graph) -> frozenset[int]:
    pods = {f"{pod.name}{n}" for pod in intent.pods if network in pod.connect for n in range(1, pod.count + 1)}
    return frozenset(n for n, d in enumerate(graph.devices) if d.role == "server" and d.pod in pods)


def _named(
    name: str, below: tuple[str, ...], part: Named, everyone: Mapping[int, Device], places: Places, report: Report
) -> frozenset[int]:
    pods = set(part.pods)
    found = {n for n, d in everyone.items() if d.pod in pods}
    names = {d.name: n for n, d in everyone.items()} if part.servers else {}
    for index, pattern in enumerate(part.servers):
        plain = not any(c in pattern for c in "*?[")
        those = {names[pattern]} & everyone.keys() if plain and pattern in names else set()
        if not plain:
            those = {n for server, n in names.items() if fnmatchcase(server, pattern)}
        if not those:
            place = places.at("tenants", name, *below, "servers", index)
            report.error("FC2005", f"tenants.{name}: no server is named {pattern}", place, "servers are named su1-server-1 ...")
        found |= those
    return frozenset(found)


def _exclusive(network: str, those: Sequence[Tenancy], graph: Graph, places: Places, report: Report) -> None:
    """A server is in one tenant, unless others are shared."""
    owner: dict[int, Tenancy] = {}
    told: set[tuple[str, str]] = set()
    for one in those:
        if one.tenant.shared:
            continue
        for n in sorted(one.full | one.limited):
            first = owner.setdefault(n, one)
            if first is not one and (first.name, one.name) not in told:
                told.add((first.name, one.name))
                report.error(
                    "FC2007",
                    f"{graph.devices[n].name} is in two exclusive tenants of {network}, {first.name} and {one.name}",
                    places.at("tenants", one.name),
                    "take it out of one, or state shared: yes for one that others use too",
                    ((f"the tenant {first.name}", places.at("tenants", first.name)),),
                )


def _left_out(
    network: str, those: Sequence[Tenancy], members: frozenset[int], graph: Graph, places: Places, report: Report
) -> None:
    if not those:
        return
    alone = sorted(members.difference(*(one.full | one.limited for one in those)))
    if alone:
        names = ", ".join(graph.devices[n].name for n in alone[:_SHOWN]) + (" ..." if len(alone) > _SHOWN else "")
        report.warning(
            "FC6020",
            f"{len(alone)} servers on {network} are in no tenant and reach nobody there: {names}",
            places.at("tenants"),
            "add them to a tenant",
        )


def levels(those: Sequence[Tenancy]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Service levels in use, 0 always, with the P_Keys that ride them."""
    numbers = sorted({0, *(one.tenant.service_level for one in those)})
    for number in numbers:
        yield number, tuple(sorted(one.p_key for one in those if one.tenant.service_level == number))
