"""Reads a switch's files as its operating system would apply them to Linux: ports, addresses, and FRR's configuration.

SONiC: addresses, MTU and state from CONFIG_DB, routing from the very frr.conf. EOS: MTU and state of the ports from its .cfg,
addresses and routing are the FRR rendering of the same device model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from fabric_compiler.lab import frr_lines
from fabric_compiler.lab.hosts import LINK
from fabric_compiler.lab.layout import Bridge, Port, Routing
from fabric_compiler.model.device import SwitchModel
from fabric_compiler.targets import frr
from fabric_compiler.verify.observed import Observed, ObservedInterface
from fabric_compiler.verify.readback import reader

# sonic-buildimage, files/image_config/sysctl/sysctl-net.conf: what of it concerns forwarding
_SONIC_SYSCTLS: Final = (
    ("net/ipv4/conf/all/forwarding", "1"),
    ("net/ipv4/conf/default/forwarding", "1"),
    ("net/ipv4/conf/all/arp_announce", "1"),
    ("net/ipv4/conf/all/arp_notify", "1"),
    ("net/ipv4/conf/all/arp_ignore", "2"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/default/forwarding", "1"),
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/all/keep_addr_on_down", "1"),
    ("net/ipv6/conf/default/keep_addr_on_down", "1"),
    ("net/ipv4/fib_multipath_use_neigh", "1"),
    ("net/ipv4/conf/all/ignore_routes_with_linkdown", "1"),
    ("net/ipv6/conf/all/ignore_routes_with_linkdown", "1"),
)
# in place of the ASIC: it spreads by addresses and ports (ip-sysctl.rst: 1 is layer 4)
_HASHING: Final = (("net/ipv4/fib_multipath_hash_policy", "1"), ("net/ipv6/fib_multipath_hash_policy", "1"))
# loose, as FRR needs where the way back differs; what a distribution's default may be is no matter
_LOOSE: Final = (("net/ipv4/conf/all/rp_filter", "0"), ("net/ipv4/conf/default/rp_filter", "0"))
EARLY: Final = (*_SONIC_SYSCTLS, *_HASHING, *_LOOSE)


def observed(nos: str, files: Mapping[str, bytes]) -> Observed:
    """Raises ValueError, KeyError or IndexError for what its operating system could not load either."""
    return reader(nos)(files)


def ports(found: Observed, wired: Iterable[str], eos: bool) -> tuple[Port, ...]:
    """Those with a wire; one that the files do not have stays down. Raises ValueError for a name that Linux does not take."""
    made = []
    for name in wired:
        linux = frr.linux_name(name) if eos else name
        if not LINK.fullmatch(linux):
            raise ValueError(f"{name} is no name that a port can have in Linux")
        port = found.interfaces.get(name)
        made.append(_port(name, linux, port, eos) if port else Port(name, linux, False, 0, (), False))
    if len({port.linux for port in made}) != len(made):
        raise ValueError("two of its ports would have one name in Linux")
    return tuple(made)


def _port(name: str, linux: str, port: ObservedInterface, eos: bool) -> Port:
    # A Linux port always has IPv6. SONiC's ASIC routes it where a row says so, EOS where `ipv6 enable` does: so here too.
    link_local = port.unnumbered or any(own.version == 6 for own in port.addresses)
    bridge = vlan_name(port.vlan, eos) if port.vlan else ""
    return Port(name, linux, port.enabled, port.mtu, () if eos else port.addresses, link_local and not bridge, bridge)


def bridges(found: Observed, eos: bool) -> tuple[Bridge, ...]:
    return tuple(Bridge(vlan_name(number, eos), () if eos else own) for number, own in sorted(found.vlans.items()))


def vlan_name(number: int, eos: bool) -> str:
    """As frr.conf calls it: SONiC's own is SONiC's netdev, ours for EOS in small letters."""
    return f"vlan{number}" if eos else f"Vlan{number}"


def late_sysctls(made: Iterable[Port]) -> tuple[tuple[str, str], ...]:
    return tuple((f"net/ipv6/conf/{port.linux}/disable_ipv6", "1") for port in made if not port.link_local)


def routing(configuration: bytes) -> Routing:
    """Raises ValueError at a line that no daemon of ours is given."""
    text = configuration.decode("ascii")
    if refused := frr_lines.refused(text):
        number, line = refused[0]
        more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
        raise ValueError(f"frr.conf, line {number}: {line!r} is not among the lines that a lab runs{more}")
    return Routing(configuration, frr_lines.daemons(text))


def eos_routing(model: SwitchModel) -> Routing:
    return routing(frr.render(model)["frr.conf"])
