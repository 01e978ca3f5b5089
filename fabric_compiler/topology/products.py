"""From a tier of the intent to a product of the catalogue, and how its cages are shared between down and up."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fabric_compiler.catalog.layout import LayoutError, Use, port_layout
from fabric_compiler.catalog.types import Catalog, Switch
from fabric_compiler.intent.schema import PodTier, Tier, Variant
from fabric_compiler.ir.ports import PortLayout
from fabric_compiler.units import format_ratio, format_speed


class PortsError(ValueError):
    """The product has not the ports that are asked of it; `hint` says what would do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Product:
    """A switch under an operating system; InfiniBand's have none. `hwsku` is empty where the layout selects it."""

    switch: Switch
    nos: str
    release: str
    hwsku: str


@dataclass(frozen=True, slots=True)
class Split:
    """A switch's ports by direction: `downlinks` from the first port on, `uplinks` from port `first_uplink` on."""

    product: Product
    layout: PortLayout
    downlinks: int
    down_speed: int
    uplinks: int
    up_speed: int
    first_uplink: int


def product(catalog: Catalog, tier: Tier | PodTier | Variant, base: Product | None = None) -> Product:
    """The tier's product; what it leaves out is `base`'s where the switch is the same, else SONiC and the newest release."""
    switch = catalog.switches[tier.switch] if tier.switch else _base(base).switch
    if switch.protocol == "infiniband":
        return Product(switch, "", "", "")
    if tier.nos:
        nos = tier.nos
    elif base and base.nos in switch.nos:
        nos = base.nos
    else:
        nos = "sonic" if "sonic" in switch.nos else next(iter(switch.nos))
    same = base is not None and base.nos == nos
    release = tier.release or (base.release if base and same else switch.nos[nos].releases[-1])
    return Product(switch, nos, release, tier.hwsku or "")


def _base(base: Product | None) -> Product:
    if base is None:
        raise ValueError("a variant without a switch needs a tier")
    return base


def ports_in_cage(product: Product, speed: int) -> int:
    """How many ports of `speed` a cage can be broken out to. Raises PortsError when it has no such mode."""
    for count in (16, 8, 4, 2, 1):
        try:
            port_layout(product.switch, product.nos, [(1, count, speed)])
        except LayoutError:
            continue
        return count
    name = product.switch.name
    known = sorted({b.speed for cage in product.switch.cages for b in cage.breakouts}, reverse=True)
    under = f" under {product.nos}" if product.nos else ""
    raise PortsError(f"{name}{under} has no port of {format_speed(speed)}", f"it has {', '.join(map(format_speed, known))}")


def split(
    product: Product,
    down_speed: int,
    up_speed: int,
    ratio: Fraction,
    downlinks: int | None = None,
    uplinks: int | None = None,
    multiple_of: int = 1,
) -> Split:
    """Share the cages so that capacity down is at most `ratio` times the capacity up, with as many downlinks as possible.

    `multiple_of`: the uplinks are a multiple of it, so that they spread evenly over a stated number of upper switches.
    Raises PortsError when stated numbers do not fit the panel or the ratio.
    """
    cages = len(product.switch.cages)
    down_ports, up_ports = ports_in_cage(product, down_speed), ports_in_cage(product, up_speed)
    # whole cages, unless the uplinks are stated: then as many ports as they carry
    for down in _downlink_choices(downlinks, cages * down_ports, 1 if uplinks else down_ports):
        up = uplinks or _multiple(-(-down * down_speed * ratio.denominator // (up_speed * ratio.numerator)), multiple_of)
        if uplinks and down * down_speed > ratio * up * up_speed and not downlinks:
            continue
        down_cages, up_cages = -(-down // down_ports), -(-up // up_ports)
        if down_cages + up_cages <= cages:
            break
    else:
        wanted = f"{downlinks or 'any'} downlinks of {format_speed(down_speed)} and {uplinks or 'enough'} uplinks"
        raise PortsError(
            f"{product.switch.name} has not the ports for {wanted} of {format_speed(up_speed)} at {format_ratio(ratio)}",
            f"its {cages} cages carry {cages * down_ports} ports of {format_speed(down_speed)} "
            f"or {cages * up_ports} of {format_speed(up_speed)}",
        )
    if down * down_speed > ratio * up * up_speed:
        stated = format_ratio(Fraction(down * down_speed, up * up_speed))
        raise PortsError(
            f"{down} downlinks of {format_speed(down_speed)} over {up} uplinks of {format_speed(up_speed)} are {stated}, "
            f"more than the oversubscription of {format_ratio(ratio)}",
            "state fewer downlinks, more uplinks or the higher ratio",
        )
    uses = [(down_cages, down_ports, down_speed), (up_cages, up_ports, up_speed)]
    return Split(product, _layout(product, uses), down, down_speed, up, up_speed, down_cages * down_ports)


def all_down(product: Product, speed: int, downlinks: int | None = None) -> Split:
    """The top tier: every port faces down. Raises PortsError."""
    cages, per_cage = len(product.switch.cages), ports_in_cage(product, speed)
    ports = downlinks or cages * per_cage
    if ports > cages * per_cage:
        raise PortsError(f"{product.switch.name} has {cages * per_cage} ports of {format_speed(speed)}, not {ports}")
    layout = _layout(product, [(cages, per_cage, speed)])
    return Split(product, layout, ports, speed, 0, speed, len(layout.ports))


def same_split(pattern: Split, other: Product) -> Split:
    """`other` in the place of `pattern`: as many ports of the same speeds in each direction. Raises PortsError."""
    if not pattern.uplinks:
        return all_down(other, pattern.down_speed, pattern.downlinks)
    return split(
        other, pattern.down_speed, pattern.up_speed, Fraction(1 << 20), downlinks=pattern.downlinks, uplinks=pattern.uplinks
    )


def _downlink_choices(stated: int | None, most: int, step: int) -> range:
    return range(stated, stated + 1) if stated else range(most, 0, -step)


def _multiple(value: int, of: int) -> int:
    return -(-value // of) * of


def _layout(product: Product, uses: list[Use]) -> PortLayout:
    try:
        return port_layout(product.switch, product.nos, uses)
    except LayoutError as error:
        raise PortsError(str(error), error.hint) from None
