"""EOS: the ports, which make most of a configuration, the loopback, the management port and the SVIs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from fabric_compiler.model.device import Interface, Prefix, Qos, SwitchModel
from fabric_compiler.targets.eos_qos import profile_name
from fabric_compiler.targets.eos_text import block, marked, marked_list, numbered, rest_of_line, word
from fabric_compiler.targets.text import prefix

# speeds of one lane of NRZ are written without the lane (Arista EOS manual, `speed`)
_SINGLE_LANE: Final = (1000, 10000, 25000)


class PortShape(NamedTuple):
    """All that a port's lines depend on, apart from the values that they hold."""

    speed: int
    lanes: int
    fec: str
    mtu: int  # 0: not stated, the SVI has it
    enabled: bool
    described: bool
    vlan: int
    addresses4: int
    addresses6: int
    ipv6: bool
    profile: str


def speed_word(speed: int, lanes: int) -> str:
    """400000 on 4 lanes -> '400g-4'; 1600000 on 8 -> '1.6t-8'."""
    if speed in _SINGLE_LANE:
        return f"{speed // 1000}g"
    return f"{speed / 1_000_000:g}t-{lanes}" if speed > 1_000_000 else f"{speed // 1000}g-{lanes}"


@lru_cache(maxsize=512)
def port_format(shape: PortShape) -> str:
    """The %-format of a port of this shape: fields name, description, address4_N, address6_N."""
    return block(
        "ethernet",
        ("name", "description"),
        enabled=shape.enabled,
        described=shape.described,
        mtu=shape.mtu,
        speed=speed_word(shape.speed, shape.lanes),
        fec=shape.fec,
        vlan=shape.vlan,
        addresses4=marked_list("address4_", shape.addresses4),
        addresses6=marked_list("address6_", shape.addresses6),
        ipv6=shape.ipv6,
        profile=shape.profile,
    )


def ports(interfaces: Iterable[Interface], qos: Qos | None) -> str:
    """The lines of all ports, in the order of the front panel."""
    made = []
    for port in interfaces:
        used = port.enabled
        values = {"name": word(port.name), "description": rest_of_line(port.description)}
        count4 = count6 = 0
        for own in port.addresses if used else ():
            if own.version == 4:
                values[f"address4_{count4}"] = prefix(own)
                count4 += 1
            else:
                values[f"address6_{count6}"] = prefix(own)
                count6 += 1
        shape = PortShape(
            port.speed,
            len(port.lanes),
            port.fec,
            # EOS's `mtu` is that of IP, on routed ports and SVIs; a switched port passes what the SVI sends
            port.mtu if used and not port.vlan else 0,
            used,
            bool(values["description"]),
            port.vlan if used else 0,
            count4,
            count6,
            bool(count6) or (used and port.unnumbered),
            profile_name(port) if qos is not None and used else "",
        )
        made.append(port_format(shape) % values)
    return "".join(made)


class LogicalShape(NamedTuple):
    """What the loopback, the management port and the SVIs depend on, apart from the addresses."""

    loopbacks: tuple[int, int]
    management: tuple[str, str, int] | None  # interface, VRF, version
    vlans: tuple[tuple[int, int, int, int], ...]  # id, MTU, addresses of each version


@lru_cache(maxsize=256)
def _logical_format(shape: LogicalShape) -> str:
    management = None
    if shape.management:
        management = dict(zip(("interface", "vrf", "version"), shape.management, strict=True))
    return block(
        "logical_interfaces",
        loopbacks4=marked_list("loopback4_", shape.loopbacks[0]),
        loopbacks6=marked_list("loopback6_", shape.loopbacks[1]),
        management=management,
        management_address=marked("management"),
        vlans=[
            {
                "id": number,
                "mtu": mtu,
                "addresses4": marked_list(f"vlan{number}_4_", count4),
                "addresses6": marked_list(f"vlan{number}_6_", count6),
            }
            for number, mtu, count4, count6 in shape.vlans
        ],
    )


def logical(model: SwitchModel) -> str:
    """Loopback0, the management port and the SVIs."""
    management = model.management
    loopbacks4, loopbacks6 = by_version(model.loopbacks)
    values = numbered("loopback4_", loopbacks4) | numbered("loopback6_", loopbacks6)
    named = None
    if management.address is not None:
        named = (word(management.interface), word(management.vrf), management.address.version)
        values["management"] = prefix(management.address)
    vlans = []
    for vlan in sorted(model.vlans, key=lambda vlan: vlan.id):
        addresses4, addresses6 = by_version(vlan.addresses)
        values |= numbered(f"vlan{vlan.id}_4_", addresses4) | numbered(f"vlan{vlan.id}_6_", addresses6)
        vlans.append((vlan.id, vlan.mtu, len(addresses4), len(addresses6)))
    return _logical_format(LogicalShape((len(loopbacks4), len(loopbacks6)), named, tuple(vlans))) % values


@lru_cache(maxsize=256)
def vlans(named: tuple[tuple[int, str], ...]) -> str:
    """The VLANs, by number."""
    return block("vlans", vlans=[(number, word(name)) for number, name in sorted(named)]) % {}


def by_version(prefixes: Iterable[Prefix]) -> tuple[list[str], list[str]]:
    """The text of IPv4 prefixes and that of IPv6 prefixes, in their order."""
    held: tuple[list[str], list[str]] = ([], [])
    for own in prefixes:
        held[own.version == 6].append(prefix(own))
    return held
