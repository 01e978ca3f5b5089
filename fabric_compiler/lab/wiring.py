"""Sets up what a layout says: namespaces, wires, and each device's ports, addresses, routes and sysctls."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from fabric_compiler.lab import namespaces
from fabric_compiler.lab.layout import Layout, Node
from fabric_compiler.lab.netlink import Socket
from fabric_compiler.lab.report import Progress

_SYSCTLS = Path("/proc/sys")


def set_up(layout: Layout, progress: Progress) -> None:
    """Raises OSError at what the kernel refuses. What there is by then is for `store.remove`."""
    nodes = layout.nodes
    namespaces.create(node.namespace for node in nodes.values())
    for node in nodes.values():
        _set(node.namespace, node.early)
    with ExitStack() as stack:
        _connect(layout, stack, progress)
        kernels = {name: stack.enter_context(namespaces.kernel_of(node.namespace)) for name, node in nodes.items()}
        for name, node in nodes.items():
            _ports(node, kernels[name])
        for name, node in nodes.items():  # once all are up: a route over a link that is down is refused
            _routes(node, kernels[name])


def _connect(layout: Layout, stack: ExitStack, progress: Progress) -> None:
    places = {}
    for name, node in layout.nodes.items():
        places[name] = namespaces.descriptor(node.namespace)
        stack.callback(os.close, places[name])
    linux = {(name, port.name): port.linux for name, node in layout.nodes.items() for port in node.ports}
    kernel = stack.enter_context(Socket())
    for number, wire in enumerate(layout.wires, start=1):
        kernel.add_veth(linux[wire.a], places[wire.a.device], linux[wire.b], places[wire.b.device])
        progress("wires", number, len(layout.wires))


def _ports(node: Node, kernel: Socket) -> None:
    for bridge in node.bridges:
        kernel.add_bridge(bridge.linux)
    index = {name: link.index for name, link in kernel.links().items()}
    for port in node.ports:
        kernel.set_link(index[port.linux], mtu=port.mtu, master=index[port.bridge] if port.bridge else 0)
    _set(node.namespace, node.late)
    for port in node.ports:
        if port.up:
            kernel.set_link(index[port.linux], up=True)
    for bridge in node.bridges:
        kernel.set_link(index[bridge.linux], up=True)
    for link, addresses in (
        ("lo", node.loopbacks),
        *((port.linux, port.addresses) for port in node.ports),
        *((bridge.linux, bridge.addresses) for bridge in node.bridges),
    ):
        for own in addresses:
            kernel.add_address(index[link], own)


def _routes(node: Node, kernel: Socket) -> None:
    if not node.routes:
        return
    index = {name: link.index for name, link in kernel.links().items()}
    for route in node.routes:
        kernel.add_route(
            route.to, index[route.link], via=route.via, table=route.table, metric=route.metric, on_link=route.on_link
        )  # fmt: skip
    for rule in node.rules:
        kernel.add_rule(rule.source, rule.table)


def _set(namespace: str, sysctls: Iterable[tuple[str, str]]) -> None:
    with namespaces.inside(namespace):
        for key, value in sysctls:
            (_SYSCTLS / key).write_text(value)


def peers(layout: Layout, kernels: Mapping[str, Socket]) -> dict[tuple[str, str], tuple[str, str] | None]:
    """Where each wired port of the layout ends, by device and name of the link, as the kernel has it; None: nowhere."""
    places = {name: namespaces.descriptor(node.namespace) for name, node in layout.nodes.items()}
    try:
        links = {name: kernel.links() for name, kernel in kernels.items()}
        by_index = {name: {link.index: link.name for link in own.values()} for name, own in links.items()}
        neighbours: dict[str, set[str]] = {name: set() for name in layout.nodes}
        for wire in layout.wires:
            neighbours[wire.a.device].add(wire.b.device)
            neighbours[wire.b.device].add(wire.a.device)
        found: dict[tuple[str, str], tuple[str, str] | None] = {}
        for name, node in layout.nodes.items():
            numbers = {kernels[name].namespace_number(places[other]): other for other in neighbours[name]}
            for port in node.ports:
                link = links[name].get(port.linux)
                other = numbers.get(link.peer_namespace) if link else None
                far = by_index[other].get(link.peer) if link and other else None
                found[name, port.linux] = (other, far) if other and far else None
        return found
    finally:
        for place in places.values():
            os.close(place)
