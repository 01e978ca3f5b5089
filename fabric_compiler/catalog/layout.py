"""From the use of a switch's cages to its ports: names, lanes and speeds as the operating system has them.

A layout is shared by all devices of a role, so each function keeps the results of its last calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from fabric_compiler.catalog.breakouts import eos_mode
from fabric_compiler.catalog.types import Breakout, Cage, Hwsku, Server, Switch
from fabric_compiler.ir.ports import CageUse, Port, PortLayout
from fabric_compiler.units import format_speed

Use = tuple[int, int, int]  # how many cages, ports in each, speed of a port in Mb/s

_T = TypeVar("_T")


class LayoutError(ValueError):
    """The product cannot be used so; `hint` says what it can."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class UnknownNosError(LayoutError):
    """The catalogue does not know the product under this operating system."""


class NotEnoughCagesError(LayoutError):
    """More cages are used than the product has."""


class NoBreakoutError(LayoutError):
    """The platform has no mode for this number of ports at this speed."""


class UnknownNicGroupError(LayoutError):
    """The server has no such group of NICs."""


def port_layout(switch: Switch, nos: str, uses: Sequence[Use]) -> PortLayout:
    """The ports of `switch` when its cages are used, in the order of the panel, as `uses` says; the rest stay unsplit.

    Raises LayoutError (UnknownNosError, NotEnoughCagesError, NoBreakoutError).
    """
    return _port_layout(_Same(switch), nos, tuple(uses))


def server_layout(server: Server, groups: Mapping[str, int], infiniband: Collection[str] = ()) -> PortLayout:
    """The ports of `server`: those of the NICs in `groups`, each NIC split into as many ports as its group says.

    The groups come in the catalogue's order, whatever the order of `groups`; the ports of those in `infiniband` are HCAs.
    Raises LayoutError (UnknownNicGroupError, NoBreakoutError).
    """
    return _server_layout(_Same(server), tuple(sorted(groups.items())), frozenset(infiniband))


def choose_hwsku(switch: Switch, layout: PortLayout, lossless: bool, speeds: Collection[int] | None = None) -> Hwsku:
    """The SKU of a SONiC switch that fits `layout` best.

    The one whose native ports are those of the layout; failing that, for a lossless fabric, the first that has headroom rows
    for every speed (of `speeds`, if given: those of the ports in use); else the default. An exact match wins even without
    headroom, for its lanes are right: that it cannot be lossless is then for the checks to say. Raises UnknownNosError.
    """
    used = frozenset(speeds) if speeds is not None else frozenset(port.speed for port in layout.ports)
    native = Counter(port.speed for port in layout.ports)
    sonic = switch.nos.get("sonic")
    if sonic is None or not sonic.hwskus:
        raise UnknownNosError(f"{switch.name} has no SONiC hardware SKU", f"{switch.name} runs {', '.join(switch.nos)}")
    exact = [sku for sku in sonic.hwskus if sku.speeds == native]
    lossless_ones = [sku for sku in sonic.hwskus if used <= {row.speed for row in sku.headroom}] if lossless else []
    both = [sku for sku in exact if sku in lossless_ones]
    return (both or exact or lossless_ones or list(sonic.hwskus))[0]


class _Same:
    """A key for caches: a product is itself, and two of one name need not be equal. It holds what it stands for, so that an
    identity in a cache is never taken over by another object."""

    __slots__ = ("product",)

    def __init__(self, product: Any) -> None:
        self.product = product

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.product is other.product

    def __hash__(self) -> int:
        return id(self.product)


@lru_cache(maxsize=512)
def _port_layout(key: _Same, nos: str, uses: tuple[Use, ...]) -> PortLayout:
    switch: Switch = key.product
    if nos not in switch.nos and switch.protocol == "ethernet":
        raise UnknownNosError(f"{switch.name} is not known to run {nos}", f"it runs {', '.join(switch.nos)}")
    wanted = [(ports, speed) for count, ports, speed in uses for _ in range(count)]
    if len(wanted) > len(switch.cages):
        raise NotEnoughCagesError(f"{len(wanted)} cages of {switch.name} are used", f"it has {len(switch.cages)}")
    ports: list[Port] = []
    cages: list[CageUse] = []
    for index, cage in enumerate(switch.cages):
        breakout = _breakout(switch, cage, nos, *wanted[index]) if index < len(wanted) else _unsplit(cage, nos)
        cages.append(CageUse(cage.label, cage.form_factor, breakout.ports))
        if switch.protocol == "infiniband":
            ports += _infiniband_ports(cage, index, breakout, len(ports))
        else:
            ports += (_port(cage, index, nos, breakout, number) for number in range(breakout.ports))
    return PortLayout(tuple(ports), tuple(cages))


def _modes(cage: Cage, nos: str) -> list[Breakout]:
    return [b for b in cage.breakouts if eos_mode(b)] if nos == "eos" else list(cage.breakouts)


def _breakout(switch: Switch, cage: Cage, nos: str, ports: int, speed: int) -> Breakout:
    modes = _modes(cage, nos)
    for breakout in modes:
        if (breakout.ports, breakout.speed) == (ports, speed):
            return breakout
    known = ", ".join(dict.fromkeys(f"{b.ports}x{format_speed(b.speed)}" for b in modes))
    under = f" under {nos}" if nos else ""
    raise NoBreakoutError(
        f"cage {cage.label} of {switch.name} has no mode {ports}x{format_speed(speed)}{under}", f"it has {known}"
    )


def _unsplit(cage: Cage, nos: str) -> Breakout:
    """The mode of a cage that nothing uses: one port at its highest speed; InfiniBand's cages have a single mode."""
    if not nos:
        return cage.breakouts[0]
    return max((b for b in _modes(cage, nos) if b.ports == 1), key=lambda b: b.speed)


def _port(cage: Cage, index: int, nos: str, breakout: Breakout, number: int) -> Port:
    first = number * breakout.lanes
    lanes = cage.lanes[first : first + breakout.lanes]
    subport = number + 1 if breakout.ports > 1 else 0
    if nos == "eos":
        # EOS: Ethernet<cage>/<first lane>, lanes from 1; a cage for itself is /1.
        name = f"Ethernet{cage.label}/{first + 1}"
        return Port(name, name, index, subport, lanes, breakout.speed, eos_mode(breakout) or "")
    # SONiC counts lanes: portconfig.py adds a port's lanes to the number of the cage's first port.
    name = f"Ethernet{int(cage.port.removeprefix('Ethernet')) + first}"
    aliases = cage.aliases.get(breakout.ports)
    return Port(name, aliases[number] if aliases else name, index, subport, lanes, breakout.speed, breakout.mode)


def _infiniband_ports(cage: Cage, index: int, breakout: Breakout, before: int) -> Iterator[Port]:
    """InfiniBand numbers the ports of a switch from 1 through all cages."""
    for number, name in enumerate(cage.aliases[breakout.ports]):
        subport = number + 1 if breakout.ports > 1 else 0
        yield Port(name, name, index, subport, (), breakout.speed, "", before + number + 1)


@lru_cache(maxsize=512)
def _server_layout(key: _Same, groups: tuple[tuple[str, int], ...], infiniband: frozenset[str]) -> PortLayout:
    server: Server = key.product
    split = dict(groups)
    for name in split:
        if name not in server.nic_groups:
            raise UnknownNicGroupError(f"{server.name} has no NIC group {name}", f"it has {', '.join(server.nic_groups)}")
    ports: list[tuple[str, str, str, int, int]] = []  # cage, name, netdev, speed, InfiniBand's number
    form_factors: dict[str, str] = {}
    for group in server.nic_groups.values():
        if group.name not in split:
            continue
        count = split[group.name]
        if count not in group.breakouts:
            known = ", ".join(f"{n} x {format_speed(speed)}" for n, speed in group.breakouts.items())
            raise NoBreakoutError(f"a NIC of {group.name} of {server.name} cannot have {count} ports", f"it can have {known}")
        for nic in range(group.count):
            label = group.cages[nic] if group.cages else f"{group.name}-{nic + 1}"
            form_factors[label] = group.form_factor
            for at in range(nic * count, (nic + 1) * count):
                netdev, speed = group.netdevs[count][at], group.breakouts[count]
                # each port of a ConnectX is a PCI function, and so an HCA, of its own: its port is number 1
                hca = group.hcas[count][at] if group.name in infiniband else ""
                ports.append((label, hca or netdev, netdev, speed, 1 if hca else 0))
    in_cage = Counter(label for label, *_ in ports)
    position = {label: index for index, label in enumerate(form_factors)}
    seen: Counter[str] = Counter()
    made: list[Port] = []
    for label, name, netdev, speed, number in ports:
        seen[label] += 1
        made.append(Port(name, netdev, position[label], seen[label] if in_cage[label] > 1 else 0, (), speed, "", number))
    return PortLayout(tuple(made), tuple(CageUse(label, form, in_cage[label]) for label, form in form_factors.items()))
