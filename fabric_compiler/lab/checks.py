"""What a lab is held to: the plan, device by device."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fabric_compiler.ir.plan import Prefix
from fabric_compiler.lab import routers, tables, wiring
from fabric_compiler.lab.build import Session
from fabric_compiler.lab.netlink import BGP, BLACKHOLE, FRR_STATIC, KERNEL
from fabric_compiler.lab.pairs import Pairs
from fabric_compiler.lab.probes import Post, volley
from fabric_compiler.lab.promise import Promise
from fabric_compiler.lab.report import Check, Progress, check
from fabric_compiler.lab.running import Lab
from fabric_compiler.lab.tables import Entry, Tables
from fabric_compiler.targets.frr import linux_name
from fabric_compiler.targets.text import address, prefix

_KINDS: Final = {BGP: "BGP", FRR_STATIC: "static", KERNEL: "connected"}


def check_wires(lab: Lab) -> Check:
    """Each port ends where links.csv says, is up as its other end is, and both have the same MTU."""
    layout = lab.planned.layout
    found = wiring.peers(layout, lab.kernels)
    now = {name: kernel.links() for name, kernel in lab.kernels.items()}
    linux = {(node.name, port.name): port.linux for node in layout.nodes.values() for port in node.ports}
    own = {(node.name, port.linux): port.name for node in layout.nodes.values() for port in node.ports}
    wrong = []
    for link in lab.planned.build.links:
        here, there = linux.get(link.a), linux.get(link.b)
        ends = found.get((link.a.device, here or ""))
        if here is None or there is None or ends != (link.b.device, there):
            real = f"{ends[0]} {own.get(ends, ends[1])}" if ends else "nothing"
            wrong.append(f"{link.a} ends at {real}, by links.csv at {link.b}")
            continue
        one, other = now[link.a.device][here], now[link.b.device][there]
        if not (one.running and other.running):
            wrong.append(f"{link.a} and {link.b} are not both up")
        elif one.mtu != other.mtu:
            wrong.append(f"{link.a} has MTU {one.mtu}, {link.b} has {other.mtu}")
    return check("links", f"{len(lab.planned.build.links)} links end as in links.csv, up at both ends, of one MTU", wrong)


def check_sessions(lab: Lab) -> Check:
    """Every session of the plan is established, seen from both ends, and no other is."""
    wrong = list(session_faults(lab))
    watched = sum(len(own) for own in _watched(lab).values()) // 2
    bfd = f"; BFD is up on {watched}" if watched else ""
    return check("sessions", f"{len(lab.planned.build.sessions)} BGP sessions are established, and no other{bfd}", wrong)


def session_faults(lab: Lab) -> Iterator[str]:
    expected: dict[str, dict[str, tuple[Session, int]]] = {node.name: {} for node in lab.planned.layout.switches}
    for session in lab.planned.build.sessions:
        expected[session.a.device][_peer_name(lab, session.a.device, session.a.port, session.b_address)] = (
            session,
            session.b_asn,
        )
        expected[session.b.device][_peer_name(lab, session.b.device, session.b.port, session.a_address)] = (
            session,
            session.a_asn,
        )
    for node in lab.planned.layout.switches:
        said = routers.ask(node, "bgpd", "show bgp summary json")
        if said is None:
            yield f"bgpd of {node.name} does not answer"
            continue
        peers = _peers(said)
        for name, (session, asn) in expected[node.name].items():
            peer = peers.pop(name, {})
            state = peer.get("state", "not configured")
            if state != "Established":
                yield f"{node.name}: the session of {session.a} and {session.b} is {state}"
            elif peer.get("remoteAs") != asn:
                yield f"{node.name}: the session of {session.a} and {session.b} is with AS {peer.get('remoteAs')}, not {asn}"
        for name, peer in peers.items():
            if peer.get("state") == "Established":
                yield f"{node.name}: a session with {name} that the plan does not have"
    for device, sessions in _watched(lab).items():
        up = _bfd_peers(routers.ask(lab.node(device), "bfdd", "show bfd peers json"))
        for name, session in sessions.items():
            if name not in up:
                yield f"{device}: BFD of the session of {session.a} and {session.b} is not up"


def _watched(lab: Lab) -> dict[str, dict[str, Session]]:
    """By switch and neighbour: the sessions of the plan that BFD watches."""
    found: dict[str, dict[str, Session]] = {}
    for session in lab.planned.build.sessions:
        for own, far in ((session.a, session.b_address), (session.b, session.a_address)):
            group = lab.planned.intended.group(own, far)
            if group and group.bfd and lab.planned.intended.models[own.device].routing.bgp.bfd:
                found.setdefault(own.device, {})[_peer_name(lab, own.device, own.port, far)] = session
    return found


def _bfd_peers(said: Any) -> set[str]:
    """Those that are up: by address and by port."""
    up = [peer for peer in said or [] if peer.get("status") == "up"]
    return {peer["peer"] for peer in up} | {peer.get("interface", "") for peer in up}


def _peer_name(lab: Lab, device: str, port: str, far: Prefix | None) -> str:
    """As FRR calls the neighbour: by its address, or by the port."""
    if far is not None:
        return address(far)
    return linux_name(port) if lab.planned.build.devices[device].nos == "eos" else port


def _peers(said: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Of all families."""
    return {name: peer for family in said.values() for name, peer in family.get("peers", {}).items()}


def check_routes(lab: Lab, now: Tables, promise: Promise) -> Check:
    """No route that the plan does not explain, and none missing."""
    wrong = list(_route_faults(now, promise))
    count = sum(map(len, now.values()))
    return check("routes", f"{count} routes of {len(now)} switches, all of the plan, and none missing", wrong)


def _route_faults(now: Tables, promise: Promise) -> Iterator[str]:
    for device, entries in now.items():
        expected = _expected(device, promise)
        seen = {(entry.destination, _kind(entry)) for entry in entries}
        for destination, kind in sorted(expected - seen):
            yield f"{device} has no {kind} route to {prefix(destination)}"
        for destination, kind in sorted(seen - expected):
            yield f"{device} has a {kind} route to {prefix(destination)} that the plan does not explain"


def _expected(device: str, promise: Promise) -> set[tuple[Prefix, str]]:
    return (
        {(destination, "BGP") for destination in promise.bgp[device]}
        | {(destination, "discard") for destination in promise.discards[device]}
        | {(destination, "connected") for destination in promise.connected[device]}
    )


def _kind(entry: Entry) -> str:
    if entry.kind == BLACKHOLE:
        return "discard"
    return _KINDS.get(entry.protocol, f"protocol-{entry.protocol}")


def check_paths(lab: Lab, now: Tables, promise: Promise) -> Check:
    """Each route of BGP goes over the ports that the topology promises."""
    wrong, widths = [], set()
    models = lab.planned.intended.models
    for device, entries in now.items():
        for entry in entries:
            wanted = promise.bgp[device].get(entry.destination)
            if entry.protocol != BGP or wanted is None:
                continue
            if models[device].role == "leaf":
                widths.add(len(entry.ways))
            width = min(len(wanted), promise.paths[device])
            if len(entry.ports) != width or not wanted.issuperset(entry.ports):
                wrong.append(f"{device} to {prefix(entry.destination)}: {_difference(entry.ports, wanted, width)}")
    shown = ", ".join(map(str, sorted(widths))) or "0"
    return check("ECMP", f"every route has its paths; the leafs' are {shown} wide", wrong)


def _difference(ports: tuple[str, ...], wanted: frozenset[str], width: int) -> str:
    lacking, beyond = sorted(wanted.difference(ports)), sorted(set(ports) - wanted)
    said = f"{len(ports)} paths in place of {width}"
    said += f"; not over {', '.join(lacking[:4])}" if lacking and len(ports) < width else ""
    return said + (f"; over {', '.join(beyond[:4])}, which the plan does not have" if beyond else "")


def check_reach(lab: Lab, post: Post, chosen: Pairs, patience: float, progress: Progress) -> Check:
    """Every chosen pair of NICs carries a packet as large as the MTU, unfragmented."""
    start = time.monotonic()
    lost = volley(post, chosen.chosen, patience, progress)
    wrong = [f"{chosen.chosen[n][0]} does not reach {chosen.chosen[n][1]}: {why}" for n, why in sorted(lost.items())]
    sizes = sorted({one.mtu for one, _ in chosen.chosen})
    of_size = f"with {' and '.join(map(str, sizes))} bytes unfragmented" if sizes else "there are no servers"
    return check("reachability", f"{chosen.extent}, {of_size}", wrong, time.monotonic() - start, len(lost))


def is_settled(lab: Lab, promise: Promise) -> bool:
    """Whether tables and sessions are as promised; the cheaper first."""
    now = tables.read(lab)
    return (
        not any(True for _ in _route_faults(now, promise))
        and check_paths(lab, now, promise).passed
        and not any(True for _ in session_faults(lab))
    )
