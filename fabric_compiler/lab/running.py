"""A lab that runs, as its checks see it: what was planned, and the kernel's tables of each device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from fabric_compiler.lab import namespaces
from fabric_compiler.lab.layout import Node
from fabric_compiler.lab.netlink import Socket
from fabric_compiler.lab.planning import Planned


@dataclass(frozen=True, slots=True)
class Lab:
    planned: Planned
    kernels: Mapping[str, Socket]  # by device
    links: Mapping[str, Mapping[int, str]]  # names by index, a port's being the device's own

    def node(self, device: str) -> Node:
        return self.planned.layout.nodes[device]


@contextmanager
def attached(planned: Planned) -> Iterator[Lab]:
    """Raises OSError where a namespace is not there."""
    with ExitStack() as stack:
        nodes = planned.layout.nodes
        kernels = {name: stack.enter_context(namespaces.kernel_of(node.namespace)) for name, node in nodes.items()}
        names = {}
        for name, node in nodes.items():
            own = {port.linux: port.name for port in node.ports}
            names[name] = {link.index: own.get(link.name, link.name) for link in kernels[name].links().values()}
        yield Lab(planned, kernels, names)
