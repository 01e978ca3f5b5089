"""Blocks for everything that needs numbers: kept from the lock where it has them, else taken from what is free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.schema import Intent
from fabric_compiler.ir.blocks import (
    Block,
    Extents,
    asn_block,
    management_block,
    manager_block,
    network_block,
    pod_rows,
    site_rows,
    tenant_block,
)
from fabric_compiler.plan.lock import Entry, Lock, space
from fabric_compiler.topology.base import Topology, topology
from fabric_compiler.topology.seats import NoSeatError, seats
from fabric_compiler.topology.shape import Places, Shape
from fabric_compiler.units import format_speed


@dataclass(slots=True)
class Allocator:
    """Hands out blocks over a lock, and remembers who asked: who does not becomes a tombstone."""

    entries: dict[str, Entry]
    asked: set[str] = field(default_factory=set)
    _taken: dict[str, list[Block]] = field(default_factory=dict)  # by space, sorted

    @classmethod
    def over(cls, lock: Lock) -> Allocator:
        allocator = cls(dict(lock.blocks))
        for owner, entry in lock.blocks.items():
            allocator._taken.setdefault(space(owner), []).extend(entry.extents.blocks)
        for blocks in allocator._taken.values():
            blocks.sort()
        return allocator

    def take(self, owner: str, size: int, within: Extents | None = None) -> Extents:
        """The owner's extents, `size` numbers at least; what it lacks comes first-fit from the space, or from `within`."""
        held = self.entries.get(owner, Entry(Extents(())))
        blocks = list(held.extents.blocks)
        lacking = size - len(held.extents)
        while lacking > 0:
            block = self._free(space(owner), lacking, within)
            blocks.append(block)
            lacking -= block.size
        self.asked.add(owner)
        self.entries[owner] = Entry(Extents(tuple(_joined(blocks))))
        return self.entries[owner].extents

    def pin(self, owner: str, extents: Extents) -> None:
        """Numbers that a stage chose by itself."""
        self.asked.add(owner)
        taken = self._taken.setdefault(space(owner), [])
        for block in self.entries.get(owner, Entry(Extents(()))).extents.blocks:
            if block in taken:
                taken.remove(block)
        for block in extents.blocks:
            self._insert(taken, block)
        self.entries[owner] = Entry(extents)

    def held(self, prefix: str) -> Iterable[tuple[str, Entry]]:
        """The entries of owners that begin so, tombstones too."""
        return [(owner, entry) for owner, entry in self.entries.items() if owner.startswith(prefix)]

    def extents(self) -> dict[str, Extents]:
        return {owner: self.entries[owner].extents for owner in self.asked}

    def lock(self, shapes: Mapping[str, str], media: Mapping[str, str]) -> Lock:
        """What is pinned from now on."""
        blocks = {owner: Entry(entry.extents, owner not in self.asked) for owner, entry in self.entries.items()}
        return Lock(blocks, dict(shapes), dict(media))

    def _free(self, name: str, size: int, within: Extents | None) -> Block:
        """The first gap of `size`; with `within`, the first gap there, whatever its size."""
        taken = self._taken.setdefault(name, [])
        if within is None:
            start = 0
            for block in taken:
                if block.start - start >= size:
                    break
                start = max(start, block.start + block.size)
            return self._insert(taken, Block(start, size))
        for first, length in within.blocks:
            start, end = first, first + length
            for block in taken:
                if block.start + block.size <= start or block.start >= end:
                    continue
                if block.start > start:
                    return self._insert(taken, Block(start, min(size, block.start - start)))
                start = block.start + block.size
            if start < end:
                return self._insert(taken, Block(start, min(size, end - start)))
        raise ValueError(f"{name} has no {size} numbers left")

    def _insert(self, taken: list[Block], block: Block) -> Block:
        taken.append(block)
        taken.sort()
        return block


def _joined(blocks: list[Block]) -> list[Block]:
    """Neighbouring blocks as one, so that the file does not tell in how many steps they came."""
    out: list[Block] = []
    for block in blocks:
        if out and out[-1].start + out[-1].size == block.start:
            out[-1] = Block(out[-1].start, out[-1].size + block.size)
        else:
            out.append(block)
    return out


def allocate(intent: Intent, shapes: tuple[Shape, ...], lock: Lock, places: Places, report: Report) -> Allocator:
    """Blocks of all networks: rows of leafs, spines, cores, their ASNs and management addresses.

    What the tiers cannot carry is reported at the network's topology, a changed shape as a warning.
    """
    allocator = Allocator.over(lock)
    for name in intent.networks:
        allocator.take(network_block(name), 1)
    _take_keys(intent, allocator, places, report)
    for shape in shapes:
        _warn_of_new_shape(shape, lock, places, report)
        _take_rows(shape, allocator, places, report)
        kind = topology(shape.intent.topology.kind)
        _take_seats(shape, kind, allocator, places, report)
        above = kind.blocks(shape, allocator.extents(), places, report)
        for owner, size in above.items():
            allocator.take(owner, size)
            if not shape.infiniband:
                allocator.take(asn_block(owner), 1)
        if intent.management:
            for attachment in shape.attachments:
                pod = pod_rows(shape.network, attachment.site, attachment.name)
                leafs = max(attachment.reserved_rows, attachment.rows) * shape.columns * shape.planes
                allocator.take(management_block(pod), leafs)
            for owner, size in above.items():
                allocator.take(management_block(owner), size)
    return allocator


def _take_keys(intent: Intent, allocator: Allocator, places: Places, report: Report) -> None:
    """P_Keys of tenants: the stated ones, and numbers that are free for the others."""
    held = {block.start: owner for owner, entry in allocator.held("tenant/") for block in entry.extents.blocks}
    for name, tenant in intent.tenants.items():
        owner = tenant_block(name)
        if tenant.p_key is None:
            continue
        other = held.get(tenant.p_key - 1, owner)
        stated = intent.tenants.get(other.removeprefix("tenant/"))
        if other != owner and (stated is None or stated.p_key is None):
            report.error(
                "FC4002",
                f"the P_Key {tenant.p_key:#06x} of the tenant {name} is that of {other.removeprefix('tenant/')} in the lock",
                places.at("tenants", name, "p-key"),
                "state another one, or leave it out",
            )
            continue
        allocator.pin(owner, Extents((Block(tenant.p_key - 1, 1),)))
    for name, tenant in intent.tenants.items():
        if tenant.p_key is None:
            allocator.take(tenant_block(name), 1)


def _take_seats(shape: Shape, kind: Topology, allocator: Allocator, places: Places, report: Report) -> None:
    """Free ports of leafs for the hosts of the subnet manager."""
    hosts, at = shape.intent.subnet_manager.hosts, ("networks", shape.network, "subnet-manager", "hosts")
    nics = shape.host_nics
    if nics is None:
        return
    held = {host: allocator.entries.get(manager_block(shape.network, host), Entry(Extents(()))).extents for host in hosts}
    free = list(kind.seats(shape, allocator.extents()))
    try:
        found = seats(hosts, nics.count, shape.planes, free, held)
    except NoSeatError as error:
        host = str(error)
        report.error(
            "FC3001",
            f"{shape.network} has no leaf port free for {host}, a host of the subnet manager: its {len(hosts)} hosts take "
            f"{len(hosts) * nics.count * shape.planes} ports, and the pods leave {len(free)}",
            places.at(*at, hosts.index(host)),
            "give a pod of its own a server less (31 of 32, as NVIDIA's SuperPOD does), or a reserve of its servers less",
        )
        return
    for host, extents in found.items():
        if held[host].blocks and held[host] != extents:
            report.warning(
                "FC4005",
                f"the ports of {host} on {shape.network} are taken by servers, or gone: its cables move",
                places.at(*at, hosts.index(host)),
            )
        allocator.pin(manager_block(shape.network, host), extents)


def shape_text(shape: Shape) -> str:
    """What the numbers of a network are computed from, as the lock shows it; plan.lock reads it."""
    down, up = format_speed(shape.leaf.down_speed), format_speed(shape.leaf.up_speed)
    text = f"{shape.tiers} tiers, {shape.planes} planes, {shape.columns} columns, {shape.ports} ports"
    text += f", {shape.leaf.downlinks} down at {down}, {shape.leaf.uplinks} up at {up}"
    return text + (f", {shape.spine.uplinks} up" if shape.tiers == 3 else "")


def _warn_of_new_shape(shape: Shape, lock: Lock, places: Places, report: Report) -> None:
    before, now = lock.shapes.get(shape.network), shape_text(shape)
    if before and before != now:
        report.warning(
            "FC4005",
            f"the shape of {shape.network} was {before} and is {now}: addresses, ASNs and cables of its devices move",
            places.at("networks", shape.network, "topology"),
        )


def _take_rows(shape: Shape, allocator: Allocator, places: Places, report: Report) -> None:
    """Rows for each site, then for each pod out of its site's; tombstones keep theirs.

    A removed pod counts as one of the reserve's, so that removing it and adding it back leaves the site's rows alone.
    """
    for site in shape.reserved_rows:
        wanted = {pod_rows(shape.network, a.site, a.name): a.reserved_rows for a in shape.attachments if a.site == site}
        sizes = {owner: len(entry.extents) for owner, entry in allocator.held(f"{shape.network}/pod/{site}/")}
        sizes |= {owner: max(size, sizes.get(owner, 0)) for owner, size in wanted.items()}
        more = max(0, (shape.intent.topology.reserve.pods or 0) - len(sizes))
        rows = allocator.take(site_rows(shape.network, site), sum(sizes.values()) + more * max(sizes.values()))
        for pod, size in wanted.items():
            allocator.take(pod, size, rows)
