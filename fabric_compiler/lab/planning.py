"""From a build to the layout of its lab. Nothing here touches the kernel."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit.manifest import some
from fabric_compiler.lab import hosts, intended, slices, store, switches
from fabric_compiler.lab.build import Build, Device, Link
from fabric_compiler.lab.intended import Intended
from fabric_compiler.lab.layout import Layout, Node, Routing
from fabric_compiler.lab.report import Progress
from fabric_compiler.lab.slices import Slice
from fabric_compiler.lab.store import lab_error
from fabric_compiler.targets.hosts import NETPLAN

# what a distribution sets for all of its NICs is not the build's; addresses are there at once
_SERVER_EARLY = (("net/ipv4/conf/all/rp_filter", "0"), ("net/ipv6/conf/default/accept_dad", "0"))


@dataclass(frozen=True, slots=True)
class Planned:
    """`build` is cut to the devices of the slice."""

    build: Build
    intended: Intended
    layout: Layout


def plan(
    build: Build,
    part: Slice,
    catalog: Path | None = None,
    cabling: Sequence[Link] | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Planned:
    """`cabling`: how the cables really lie, where it is not as in the plan; the checks hold it against the plan.

    Raises CompileError: FC8102 for a device's file that the lab does not run.
    """
    names = slices.choose(build, part, "ethernet")
    own = {name: device for name, device in build.devices.items() if name in names}
    cut = _cut(build, own)
    chosen = {name for name, device in own.items() if device.kind == "switch"}
    meant = intended.read(build, chosen, catalog, progress)
    if unknown := chosen - meant.models.keys():
        raise lab_error("FC8101", f"the inputs of {build.path} make no {min(unknown)}", "compile the intent again")
    wires = cut.links if cabling is None else _between(cabling, own)
    ports: dict[str, list[str]] = {name: [] for name in own}
    for wire in wires:
        for end in (wire.a, wire.b):
            ports[end.device].append(end.port)
    nodes, left_out = {}, set()
    for number, device in enumerate(own.values(), start=1):
        try:
            nodes[device.name], dropped = _node(cut, device, ports[device.name], meant)
        except CompileError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            why = str(error) if isinstance(error, ValueError) else "its files are not as its operating system takes them"
            raise lab_error("FC8102", f"{device.name}: {why}") from error
        left_out |= dropped
        progress("devices", number, len(own))
    return Planned(cut, meant, Layout(build.fabric, nodes, wires, tuple(_notes(cut, left_out))))


def _cut(build: Build, own: dict[str, Device]) -> Build:
    return replace(
        build,
        devices=own,
        links=_between(build.links, own),
        sessions=tuple(session for session in build.sessions if session.a.device in own and session.b.device in own),
        addresses=tuple(row for row in build.addresses if row.device in own),
    )


def _between(links: Sequence[Link], own: Container[str]) -> tuple[Link, ...]:
    return tuple(link for link in links if link.a.device in own and link.b.device in own)


def _node(build: Build, device: Device, wired: Sequence[str], meant: Intended) -> tuple[Node, set[str]]:
    """With the sysctls that are left out."""
    files = build.files(device.name)
    namespace = store.name(build.fabric, device.name)
    if device.kind == "server":
        found = hosts.read(files)
        mine = tuple(port for port in found.ports if port.name in wired)
        if missing := sorted(set(wired) - {port.name for port in mine}):
            raise ValueError(f"{NETPLAN} does not have {missing[0]}, which has a cable")
        links = {port.linux for port in mine}
        dual = [(f"net/ipv6/conf/{port.linux}/disable_ipv6", "1") for port in mine if not port.link_local]
        late = [(key, value) for key, value in found.sysctls if _of(key, links)]
        node = Node(
            device.name, namespace, device.role, mine,
            routes=tuple(route for route in found.routes if route.link in links),
            rules=found.rules,
            early=_SERVER_EARLY,
            late=(*dual, *late),
        )  # fmt: skip
        return node, set(found.left_out)
    if device.nos not in ("sonic", "eos"):
        raise ValueError(f"the lab does not know the operating system {device.nos[:40]!r}")
    eos = device.nos == "eos"
    seen = switches.observed(device.nos, files)
    ports = switches.ports(seen, wired, eos)
    routing: Routing = switches.eos_routing(meant.models[device.name]) if eos else switches.routing(files["frr.conf"])
    node = Node(
        device.name, namespace, device.role, ports,
        loopbacks=() if eos else seen.loopbacks,
        bridges=switches.bridges(seen, ports, eos),
        early=switches.EARLY,
        late=switches.late_sysctls(ports),
        routing=routing,
    )  # fmt: skip
    return node, set()


def _of(key: str, links: set[str]) -> bool:
    """A setting of a NIC whose other end is not there has no place to go to."""
    steps = key.split("/")
    return len(steps) < 5 or steps[2] not in ("conf", "neigh") or steps[3] in links or steps[3] in ("all", "default")


def _notes(build: Build, left_out: set[str]) -> list[str]:
    notes = []
    eos = [device.name for device in build.devices.values() if device.nos == "eos"]
    if eos:
        notes.append(f"{len(eos)} EOS switches run the FRR rendering of their device models: {some(eos)}")
    edited = [name for name in build.edited if name.endswith(".cfg")]
    if edited:
        notes.append(f"of edited EOS configurations the lab takes MTU and state of the ports alone: {some(edited)}")
    if left_out:
        notes.append(f"settings of the servers that are not the network's are left out: {some(sorted(left_out))}")
    return notes
