"""Both ends of every link agree, as read back from the rendered files.

What the ends must share is made into one number a port, in the process that has the files; the numbers of all links are then
compared as arrays. Only where they differ are the files read again, to say what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from fabric_compiler.control.ends import Ends
from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Graph
from fabric_compiler.ir.plan import Prefix, Prefixes
from fabric_compiler.verify.observed import Observed, ObservedInterface, ObservedSession

Numbers = npt.NDArray[np.int64]

_SHOWN = 10
_SERVER_LEAF = 0
_WIDTH = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a device's cabled ports in their order, a row a port; digests are the same in every process and on every machine.

    `key` is equal at both ends. `own` has a column for IPv4 and one for IPv6, which differ at the two ends, or are 0 without
    an address of the family. `peered` tells whether a BGP session runs over the port.
    """

    key: Numbers
    own: Numbers
    peered: npt.NDArray[np.bool_]


NO_FACTS = Facts(np.empty(0, dtype=np.int64), np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.bool_))
"""Of a device that has no files."""


def facts(observed: Observed, ports: Sequence[str], server_link: Sequence[bool]) -> Facts:
    """What the files of a device say of its cabled `ports`; `server_link` tells those between a server and a leaf."""
    by_interface, by_address = _sessions(observed)
    # most ports of a device have the same speed, classes ...: their text is made once
    commons: dict[tuple[object, ...], bytes] = {}
    key, own, peered = [], [], []
    for name, to_server in zip(ports, server_link, strict=True):
        port = observed.interfaces.get(name)
        if port is None:
            key.append(bytes(8))
            own.append(bytes(16))
            peered.append(False)
            continue
        addresses = _addresses(observed, port)
        common: tuple[object, ...] = (port.mtu, port.lossless)
        pairs: tuple[tuple[int, ...], ...] = ()
        if not to_server:
            pairs = _pairs(observed.asn, name, addresses, by_interface, by_address)
            common = (*common, port.speed, port.fec, port.unnumbered)
        text = commons.get(common)
        if text is None:
            text = commons[common] = repr(common).encode()
        key.append(_digest(b"%s %s %s" % (text, _subnets_text(addresses), _pairs_text(pairs))))
        own.append(_own(addresses))
        peered.append(bool(pairs))
    return Facts(_numbers(key), _numbers(own).reshape(-1, 2), np.array(peered, dtype=np.bool_))


def _subnets_text(addresses: Prefixes) -> bytes:
    """As `_subnets`, for the digest alone: this is done for every port of the fabric."""
    return b" ".join(b"%d/%x/%d" % (v, value >> _WIDTH[v] - length, length) for v, value, length in addresses)


def _pairs_text(pairs: Sequence[tuple[int, ...]]) -> bytes:
    """Decimal digits of an IPv6 address cost more than all the rest."""
    return b" ".join(b"%d/%x/%x/%d/%d" % pair for pair in pairs)


def _own(addresses: Prefixes) -> bytes:
    """Digests of the IPv4 and of the IPv6 addresses."""
    if not addresses:
        return bytes(16)
    values: dict[int, bytes] = {4: b"", 6: b""}
    for address in addresses:
        values[address.version] += address.value.to_bytes(16, "big")
    return b"".join(_digest(own) if own else bytes(8) for own in values.values())


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=8).digest()


def _numbers(digests: Sequence[bytes]) -> Numbers:
    return np.frombuffer(b"".join(digests), dtype="<i8").astype(np.int64)


def disagreements(graph: Graph, ends: Ends, found: Sequence[Facts]) -> Numbers:
    """Numbers of the links whose ends differ; `found` stands beside Graph.devices."""
    if not len(graph.links):
        return np.empty(0, dtype=np.int64)
    key_a, key_b = ends.by_link(np.concatenate([fact.key for fact in found]))
    own_a, own_b = ends.by_link(np.concatenate([fact.own for fact in found]))
    same = ((own_a == own_b) & (own_a != 0)).any(axis=1)
    alone = ((own_a == 0) != (own_b == 0)).any(axis=1)
    return np.flatnonzero((key_a != key_b) | same | alone)


def unpeered(graph: Graph, ends: Ends, found: Sequence[Facts]) -> Numbers:
    """Numbers of the links between switches that neither end has a BGP session over: they agree, and carry nothing."""
    if not len(graph.links):
        return np.empty(0, dtype=np.int64)
    a, b = ends.by_link(np.concatenate([fact.peered for fact in found]).astype(np.int64))
    return np.flatnonzero((a == 0) & (b == 0) & (graph.links.tiers != _SERVER_LEAF))


def report_disagreements(
    graph: Graph, ends: Ends, found: Sequence[Facts], observed: Callable[[int], Observed], report: Report
) -> frozenset[int]:
    """Report FC7004 for the first links whose ends differ. `found` stands by device; `observed` reads files again.

    Returns the numbers of all those links.
    """
    links = graph.links
    hint = "an override may have changed one end alone; else it is a bug of the compiler"
    wrong = disagreements(graph, ends, found)
    for place, link in enumerate(wrong[:_SHOWN].tolist(), 1):
        a, b = graph.devices[links.a_device[link]], graph.devices[links.b_device[link]]
        a_port, b_port = _port_names(graph, link)
        one, two = observed(int(links.a_device[link])), observed(int(links.b_device[link]))
        what = "; ".join(explain(one, a_port, two, b_port, a.kind == "server"))
        report.error("FC7004", f"{a.name} {a_port} and {b.name} {b_port} disagree: {what}{_rest(place, len(wrong))}", hint=hint)
    silent = np.setdiff1d(unpeered(graph, ends, found), wrong)
    for place, link in enumerate(silent[:_SHOWN].tolist(), 1):
        a, b = graph.devices[links.a_device[link]], graph.devices[links.b_device[link]]
        a_port, b_port = _port_names(graph, link)
        sentence = f"{a.name} {a_port} and {b.name} {b_port} have no BGP session over their link{_rest(place, len(silent))}"
        report.error("FC7004", sentence, hint="it is a bug of the compiler, or of a template")
    return frozenset((*wrong.tolist(), *silent.tolist()))


def _port_names(graph: Graph, link: int) -> tuple[str, str]:
    links = graph.links
    a, b = graph.devices[links.a_device[link]], graph.devices[links.b_device[link]]
    return a.layout.ports[links.a_port[link]].name, b.layout.ports[links.b_port[link]].name


def _rest(place: int, count: int) -> str:
    """After the last that is shown: how many are not."""
    return f", as on {count - _SHOWN} more links" if place == _SHOWN and count > _SHOWN else ""


def explain(one: Observed, one_port: str, two: Observed, two_port: str, server_link: bool) -> list[str]:
    """What differs between the two ends of a link, in words."""
    first, second = one.interfaces.get(one_port), two.interfaces.get(two_port)
    if first is None or second is None:
        return [f"{one_port if first is None else two_port} is not configured"]
    return list(_differences(one, one_port, first, two, two_port, second, server_link))


def _differences(
    one: Observed,
    one_port: str,
    first: ObservedInterface,
    two: Observed,
    two_port: str,
    second: ObservedInterface,
    server_link: bool,
) -> Iterator[str]:
    own, other = _addresses(one, first), _addresses(two, second)
    if first.mtu != second.mtu:
        yield f"MTU {first.mtu} and {second.mtu}"
    if _subnets(own) != _subnets(other):
        yield f"addresses {_shown(own)} and {_shown(other)}"
    elif both := tuple(address for address in own if address in other):
        yield f"both have the address {_shown(both)}"
    if first.lossless != second.lossless:
        yield f"lossless classes {_classes(first)} and {_classes(second)}"
    if server_link:
        return
    if first.speed != second.speed:
        yield f"speeds of {first.speed} and {second.speed} Mb/s"
    if first.fec != second.fec:
        yield f"FEC {first.fec or 'unstated'} and {second.fec or 'unstated'}"
    if first.unnumbered != second.unnumbered:
        yield "one end is unnumbered"
    if _pairs(one.asn, one_port, own, *_sessions(one)) != _pairs(two.asn, two_port, other, *_sessions(two)):
        yield f"BGP: {_peering(one, one_port, own)}, and {_peering(two, two_port, other)}"


def _sessions(observed: Observed) -> tuple[dict[str, ObservedSession], dict[tuple[int, int], ObservedSession]]:
    """By interface, and by the neighbour's address."""
    by_interface = {s.interface: s for s in observed.sessions if s.interface}
    return by_interface, {(s.address.version, s.address.value): s for s in observed.sessions if s.address}


def _pairs(
    asn: int,
    port: str,
    addresses: Prefixes,
    by_interface: dict[str, ObservedSession],
    by_address: dict[tuple[int, int], ObservedSession],
) -> tuple[tuple[int, ...], ...]:
    """The sessions over a link as either end sees them: lower address, higher address, lower ASN, higher ASN."""
    found = []
    if port in by_interface:
        peer = by_interface[port].asn
        found.append((0, 0, 0, min(asn, peer), max(asn, peer)))
    for own in addresses:
        # the other address of a /31 or /127
        session = by_address.get((own.version, own.value ^ 1))
        if session:
            low = own.value & ~1
            found.append((own.version, low, low + 1, min(asn, session.asn), max(asn, session.asn)))
    return tuple(sorted(found))


def _addresses(observed: Observed, port: ObservedInterface) -> Prefixes:
    found = observed.vlans.get(port.vlan, ()) if port.vlan else port.addresses
    return tuple(sorted(found))


def _subnets(addresses: Prefixes) -> Prefixes:
    return tuple(_subnet(address) for address in addresses)


def _subnet(address: Prefix) -> Prefix:
    shift = _WIDTH[address.version] - address.length
    return Prefix(address.version, address.value >> shift << shift, address.length)


def _shown(addresses: Prefixes) -> str:
    from fabric_compiler.targets.text import prefix

    return ", ".join(prefix(address) for address in addresses) or "none"


def _classes(port: ObservedInterface) -> str:
    return "; ".join(f"DSCP {', '.join(map(str, dscps))} on priority {p}" for dscps, p in port.lossless) or "none"


def _peering(observed: Observed, port: str, addresses: Prefixes) -> str:
    pairs = _pairs(observed.asn, port, addresses, *_sessions(observed))
    asns = [next((asn for asn in pair[3:] if asn != observed.asn), observed.asn) for pair in pairs]
    return f"AS {observed.asn} expects AS {', '.join(map(str, asns))}" if asns else f"AS {observed.asn} has no neighbour"
