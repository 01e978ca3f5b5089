"""A switch as BGP knows it, made from its files as read back: small, so that those of a fabric travel between processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fabric_compiler.ir.graph import Graph
from fabric_compiler.ir.plan import Prefix, Prefixes
from fabric_compiler.ir.ports import PortLayout
from fabric_compiler.verify.observed import Observed, ObservedInterface, ObservedRouting, ObservedSession, Peering
from fabric_compiler.verify.readback.policies import network_of

_WIDTH = {4: 32, 6: 128}


class SessionEnd(NamedTuple):
    """A session as one end states it. `fault` says why it cannot come up, whatever stands at the other end."""

    port: int  # index into the ports of the layout; -1: none
    own: Prefix | None  # our address in the neighbour's subnet
    neighbour: Prefix | None  # None: whoever is at the other end of the port
    asn: int  # expected, or EXTERNAL
    peering: Peering
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Speaker:
    """BGP in one VRF of one switch. `local` are prefixes that it has without BGP, but for those inside its own networks."""

    asn: int
    router_id: int
    routing: ObservedRouting
    sessions: tuple[SessionEnd, ...]
    networks: Prefixes  # announced as its own
    unbacked: Prefixes  # of network statements without a route, which are not announced
    local: Prefixes
    vrf: str = ""


Speakers = Sequence[Speaker | None]
"""Beside Graph.devices; None for a server."""


def speaker(observed: Observed, ports: Mapping[str, int]) -> Speaker:
    """The switch whose files were read; `ports` are its layout's by name (see `port_numbers`)."""
    assert observed.routing
    subnets = _subnets(observed)
    held = set(_local(observed))
    networks = tuple(sorted(p for p in set(observed.announced) if p in held))
    return Speaker(
        asn=observed.asn,
        router_id=observed.router_id,
        routing=observed.routing,
        sessions=tuple(_end(observed, session, ports, subnets) for session in observed.sessions),
        networks=networks,
        unbacked=tuple(sorted(set(observed.announced) - held)),
        local=tuple(sorted(p for p in held if not any(p != own and inside(p, own) for own in networks))),
    )


def port_numbers(layout: PortLayout) -> dict[str, int]:
    return {port.name: number for number, port in enumerate(layout.ports)}


def inside(prefix: Prefix, other: Prefix) -> bool:
    """Whether every address of `prefix` is one of `other`."""
    shift = _WIDTH[other.version] - other.length
    return prefix.version == other.version and prefix.length >= other.length and prefix.value >> shift == other.value >> shift


def _local(observed: Observed) -> list[Prefix]:
    """Connected subnets of what is up, and routes that drop."""
    assert observed.routing
    found = [network_of(address) for address in observed.loopbacks]
    vlans = set()
    for port in observed.interfaces.values():
        if port.enabled:
            found += [network_of(address) for address in port.addresses]
            vlans.add(port.vlan)
    found += [network_of(address) for vlan, own in observed.vlans.items() if vlan in vlans for address in own]
    return [*found, *observed.routing.discards]


class _Subnets(NamedTuple):
    """Ports and our addresses on them, by version, length and network; the lengths that there are, longest first."""

    ports: Mapping[tuple[int, int, int], tuple[str, Prefix]]
    lengths: Sequence[tuple[int, int]]  # version, length

    def beside(self, other: Prefix) -> tuple[str, Prefix | None]:
        """The port whose subnet holds the address."""
        for version, length in self.lengths:
            if version == other.version:
                found = self.ports.get((version, length, other.value >> _WIDTH[version] - length))
                if found:
                    return found
        return "", None


def _subnets(observed: Observed) -> _Subnets:
    found = {
        (own.version, own.length, own.value >> _WIDTH[own.version] - own.length): (name, own)
        for name, port in observed.interfaces.items()
        for own in port.addresses
    }
    return _Subnets(found, sorted({key[:2] for key in found}, reverse=True))


def _end(observed: Observed, session: ObservedSession, ports: Mapping[str, int], subnets: _Subnets) -> SessionEnd:
    name, own = subnets.beside(session.address) if session.address else (session.interface, None)
    port = observed.interfaces.get(name)
    fault = _fault(observed, session, name, port)
    return SessionEnd(ports.get(name, -1), own, session.address, session.asn, session.peering, fault)


def _fault(observed: Observed, session: ObservedSession, name: str, port: ObservedInterface | None) -> str:
    if session.peering.shut:
        return "the neighbour is shut"
    if port is None:
        return "no port has an address beside it" if session.address else f"there is no {name}"
    if not port.enabled:
        return f"{name} is shut"
    if session.asn == observed.asn:
        return "it expects its own AS, and internal BGP is not modelled"
    if session.interface and not (port.unnumbered or any(own.version == 6 for own in port.addresses)):
        return f"{name} has no IPv6 link-local address"
    return ""


def carried(speaker: Speaker, end: SessionEnd) -> tuple[frozenset[int], str]:
    """The families that this end exchanges over the session, and why not more of those that it activates."""
    over = end.neighbour.version if end.neighbour else 6
    families, lacking = set(), []
    for version in (4, 6):
        if end.peering.family(version) is None:
            continue
        if version == 6 and over == 4:
            lacking.append("IPv6 does not travel over an IPv4 session")
        elif version == 4 and over == 6 and not end.peering.extended_next_hop:
            lacking.append("IPv4 needs extended next hops over an IPv6 session")
        elif version not in speaker.routing.forwards:
            lacking.append(f"it does not route IPv{version}")
        elif version == 4 and over == 6 and not speaker.routing.forwards_over_ipv6:
            lacking.append("it does not route IPv4 on ports without IPv4 addresses")
        else:
            families.add(version)
    return frozenset(families), "; ".join(lacking)


def unread(graph: Graph, speakers: Speakers) -> list[tuple[int, tuple[str, ...]]]:
    """Devices with lines that bear on routing and that the readers do not know."""
    return [(n, s.routing.unread) for n, s in enumerate(speakers) if s and s.routing.unread]
