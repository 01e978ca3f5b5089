"""The shape of a dragonfly: how many hosts, switches and global links a group has, and what its pods make of it.

What is left out is balanced (Kim et al. 2008: a = 2p = 2h; dragonfly-plus: as many leafs, spines, hosts a leaf and global links
a spine, so that no tier is the narrower) and the smallest that carries the servers within the switch's ports.
A row, as the plan counts, is one router (or leaf) in each plane and rail; a pod takes whole groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fabric_compiler.catalog.layout import LayoutError, port_layout
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.intent.schema import Intent, NetworkIntent
from fabric_compiler.topology.global_cables import most_groups
from fabric_compiler.topology.products import PortsError, Product, Split, ports_in_cage, product
from fabric_compiler.topology.shape import (
    Attachment,
    GroupShape,
    Kept,
    MismatchError,
    Shape,
    Unit,
    manager_host,
    native_speed,
    nic_speed,
)

_WIDEST = 512  # see intent.schema


def fitted(name: str, network: NetworkIntent, intent: Intent, members: list[Unit], kept: Kept, catalog: Catalog) -> Shape:
    """The shape of a dragonfly or dragonfly-plus. Raises MismatchError."""
    return _Fitting(name, network, intent, members, kept, catalog).shape()


class _Fitting:
    """One network while its group is being found."""

    def __init__(
        self, name: str, network: NetworkIntent, intent: Intent, members: list[Unit], kept: Kept, catalog: Catalog
    ) -> None:
        self.name, self.network, self.members, self.kept, self.catalog = name, network, members, kept, catalog
        self.topology = network.topology
        self.here: tuple[str | int, ...] = ("networks", name, "topology")
        self.plus = self.topology.kind == "dragonfly-plus"
        self.lower = "leaf" if self.plus else "router"
        self.low = product(catalog, network.tier("leaf" if self.plus else "router"))
        self.high = product(catalog, network.tier("spine")) if self.plus else self.low
        sites = list(dict.fromkeys(unit.site for unit in members)) or [next(iter(intent.sites))]
        if len(sites) > 1:
            message = f"the pods of {name} stand at {' and '.join(sites)}, and a dragonfly stands at one site"
            raise MismatchError("FC2007", message, "make a network for each site", self.here)
        self.site = sites[0]
        speeds = {nic_speed(name, unit, self.topology.planes, ("networks", name)): unit for unit in members}
        if len(speeds) > 1:
            message = f"the NICs on {name} have several speeds, and all routers of a dragonfly are alike"
            raise MismatchError("FC3002", message, "make a network for each speed", self.here)
        fastest = max(speeds, default=0)
        self.up_speed = self.topology.uplink_speed or kept.up_speed or fastest or native_speed(self.low)
        self.down_speed = fastest or kept.down_speed or self.up_speed
        self.rails = self._rails()
        nics = max((_nics(unit, name) for unit in members), default=0)
        self.nics = -(-nics // self.rails)  # of a server, in one dragonfly

    def shape(self) -> Shape:
        group = self._group()
        low, high = self._low(group), self._high(group)
        if not self.plus:
            group = replace(group, first_global=low.uplinks - group.global_links)
        else:
            group = replace(group, first_global=0)
        attachments = [self._attach(unit, group, low) for unit in self.members] or [self._alone(group, low)]
        used = sum(a.rows for a in attachments) // group.switches
        reserved = max(sum(a.reserved_rows for a in attachments) // group.switches, self.topology.reserve.groups or 0)
        if self.topology.groups and self.topology.groups != used:
            message = f"{self.topology.groups} groups are stated, and the pods fill {used}"
            raise MismatchError("FC3003", message, f"state {used}, or leave it out", (*self.here, "groups"))
        if (self.topology.reserve.groups or used) < used:
            message = f"groups are reserved for {self.topology.reserve.groups}, and the pods fill {used}"
            raise MismatchError("FC3003", message, f"reserve {used} at least", (*self.here, "reserve", "groups"))
        most = most_groups(group.global_ports)
        if reserved > most:
            message = f"{reserved} groups are laid out for, and {group.global_ports} global cables of a group reach {most}"
            raise MismatchError("FC3004", message, "state more global links or larger groups", self.here)
        return Shape(
            network=self.name,
            intent=self.network,
            tiers=2 if self.plus else 1,
            planes=self.topology.planes,
            columns=self.rails,
            leaf=low,
            spine=high,
            core=None,
            attachments=tuple(attachments),
            reserved_rows={self.site: reserved * group.switches},
            ports=self.kept.ports or 1 << (low.downlinks - 1).bit_length(),
            group=group,
            host=manager_host(self.network, self.topology.planes, self.down_speed, self.catalog, ("networks", self.name)),
        )

    def _rails(self) -> int:
        """A dragonfly a rail where rails are stated."""
        rails = self.topology.rails or self.kept.columns or 1
        for unit in self.members:
            if _nics(unit, self.name) % rails:
                message = f"{_nics(unit, self.name)} NICs do not spread evenly over {rails} rails"
                raise MismatchError("FC3003", message, "state a divisor", (*self.here, "rails"))
        return rails

    def _group(self) -> GroupShape:
        """The group as stated, as the lock has it, or the smallest balanced one that carries the servers."""
        tried = None
        for candidate in self._candidates():
            homing = self._homing(candidate)
            if not homing:
                continue
            tried = replace(candidate, homing=homing)
            if not self._derived:
                return tried
            needed = max(self._needed(tried), self.topology.reserve.groups or 0, self.topology.groups or 0)
            idle = tried.hosts % -(-self.nics // homing) if self.nics else 0
            exact = not self.topology.groups or not self.members or self._needed(tried) == self.topology.groups
            if needed <= most_groups(tried.global_ports) and not idle and exact:
                return tried
        if not self._derived:
            self._refuse()
        switch = self.low.switch.name
        message = f"no balanced group of {switch} fits what is stated" if tried else f"{switch} has not the ports for a group"
        raise MismatchError(
            "FC3004", message, "state the sizes of the group, take a larger switch, or fewer servers", self.here
        )

    def _refuse(self) -> None:
        """Why the stated group is none."""
        group = next(self._candidates(), None)
        if group is None:
            return
        self._low(group)  # raises where it is for lack of ports
        self._high(group)
        stated = self.topology.homing
        if stated:
            message = (
                f"servers of {self.nics} NICs, homed to {stated} of a group's {group.switches}, do not fit {group.hosts} ports"
            )
            raise MismatchError("FC3003", message, "leave homing out", (*self.here, "homing"))
        message = f"a server has {self.nics} NICs on {self.name}, and its group has {group.switches} times {group.hosts} ports"
        raise MismatchError("FC3003", message, "state more hosts or larger groups", self.here)

    @property
    def _derived(self) -> bool:
        """Whether the sizes are ours to choose."""
        t = self.topology
        stated = (t.leafs_per_group, t.spines_per_group) if self.plus else (t.hosts_per_router, t.routers_per_group)
        leaf = self.network.leaf.downlinks if self.plus and self.network.leaf else None
        return not any((*stated, t.global_links, leaf)) and not self.kept.group

    def _candidates(self) -> Iterator[GroupShape]:
        """Groups that the switches have ports for, smallest first; the one that is stated or locked."""
        for size in range(1, _WIDEST) if self._derived else (0,):
            found = self._plus(size) if self.plus else self._dragonfly(size)
            if not self._derived:
                yield found
                return
            try:
                self._low(found)
                self._high(found)
            except MismatchError:
                return
            yield found

    def _dragonfly(self, size: int) -> GroupShape:
        t, kept = self.topology, self.kept.group
        hosts = t.hosts_per_router or (kept.hosts if kept else 0) or size
        routers = t.routers_per_group or (kept.switches if kept else 0)
        links = t.global_links or (kept.global_links if kept else 0)
        hosts = hosts or links or -(-routers // 2)
        return GroupShape(
            hosts=hosts,
            switches=routers or 2 * hosts,
            spines=0,
            global_links=links or hosts,
            width=0,
            arrangement=t.arrangement,
        )

    def _plus(self, size: int) -> GroupShape:
        t, kept, leaf = self.topology, self.kept.group, self.network.tier("leaf")
        hosts = leaf.downlinks or (kept.hosts if kept else 0) or size
        leafs = t.leafs_per_group or (kept.switches if kept else 0) or size
        spines = t.spines_per_group or (kept.spines if kept else 0) or size
        balanced = spines or leafs or hosts or t.global_links or 0
        spines, leafs = spines or balanced, leafs or balanced
        if leaf.uplinks and leaf.uplinks % spines:
            message = f"{leaf.uplinks} uplinks of a leaf do not spread evenly over {spines} spines"
            raise MismatchError("FC3003", message, "state a multiple", ("networks", self.name, "leaf", "uplinks"))
        width = leaf.uplinks // spines if leaf.uplinks else (kept.width if kept else 0) or 1
        links = t.global_links or (kept.global_links if kept else 0) or leafs * width
        return GroupShape(
            hosts=hosts or spines * width, switches=leafs, spines=spines, global_links=links, width=width,
            arrangement=t.arrangement,
        )  # fmt: skip

    def _homing(self, group: GroupShape) -> int:
        """Over how many switches of its group a server's NICs are spread: as stated, or the fewest; 0: it does not fit."""
        stated = self.topology.homing or (self.kept.group.homing if self.kept.group else 0)
        if not self.nics:
            return stated or 1
        choices = (stated,) if stated else range(1, group.switches + 1)
        fits = (n for n in choices if n <= group.switches and group.switches % n == 0 and n <= self.nics)
        return next((n for n in fits if -(-self.nics // n) <= group.hosts and (stated or self.nics % n == 0)), 0)

    def _needed(self, group: GroupShape) -> int:
        """Groups that the pods and their reserves take."""
        each = self._servers(group)
        return sum(-(-max(u.pod.servers, u.pod.reserve.servers or 0) // each) for u in self.members)

    def _servers(self, group: GroupShape) -> int:
        """Servers of a group."""
        return group.switches // group.homing * (group.hosts // -(-self.nics // group.homing))

    def _attach(self, unit: Unit, group: GroupShape, low: Split) -> Attachment:
        nics = _nics(unit, self.name)
        each = self._servers(group)
        reserve = max(unit.pod.servers, unit.pod.reserve.servers or 0)
        return Attachment(
            unit, unit.site, nics, -(-nics // self.rails), low, each,
            -(-unit.pod.servers // each) * group.switches, -(-reserve // each) * group.switches, 0,
        )  # fmt: skip

    def _alone(self, group: GroupShape, low: Split) -> Attachment:
        rows = (self.topology.groups or 1) * group.switches
        return Attachment(None, self.site, 0, 0, low, 0, rows, rows, 0)

    def _low(self, group: GroupShape) -> Split:
        if self.plus:
            return self._split(self.low, "leaf", group.hosts, (group.spines * group.width,))
        # global ports begin with a cage of their own, so that long cables and short ones share none
        return self._split(self.low, "router", group.hosts, (group.switches - 1, group.global_links))

    def _high(self, group: GroupShape) -> Split:
        if not self.plus:
            return self._low(group)
        return self._split(self.high, "spine", group.switches * group.width, (group.global_links,), self.up_speed)

    def _split(self, chosen: Product, role: str, down: int, upwards: tuple[int, ...], down_speed: int = 0) -> Split:
        """Ports downwards, then each kind of those upwards, all in whole cages."""
        down_speed = down_speed or self.down_speed
        try:
            per_down, per_up = ports_in_cage(chosen, down_speed), ports_in_cage(chosen, self.up_speed)
            down_cages, up_cages = -(-down // per_down), [-(-count // per_up) for count in upwards]
            if down_cages + sum(up_cages) > len(chosen.switch.cages):
                needed = (
                    f"{down_cages + sum(up_cages)} cages for {down} ports down and {' and '.join(map(str, upwards))} others"
                )
                raise PortsError(f"{chosen.switch.name} has {len(chosen.switch.cages)} cages, and a {role} needs {needed}")
            layout = port_layout(
                chosen.switch, chosen.nos, [(down_cages, per_down, down_speed), (sum(up_cages), per_up, self.up_speed)]
            )
        except (PortsError, LayoutError) as error:
            hint = error.hint or "take a larger switch, or state a smaller group"
            raise MismatchError("FC3001", f"{role}: {error}", hint, ("networks", self.name, role)) from None
        uplinks = sum(up_cages[:-1]) * per_up + upwards[-1]
        return Split(chosen, layout, down, down_speed, uplinks, self.up_speed, down_cages * per_down)


def _nics(unit: Unit, network: str) -> int:
    return unit.server.nic_groups[unit.pod.connect[network]].count
