"""Where the intent says what a field of a device's model follows from."""

from __future__ import annotations

from dataclasses import dataclass

from fabric_compiler.diagnostics import Span
from fabric_compiler.intent.loader import Loaded
from fabric_compiler.intent.schema import Pod
from fabric_compiler.ir.graph import Device
from fabric_compiler.model.device import Declared


@dataclass(frozen=True, slots=True)
class Place:
    """`path` in the intent's words; `stated` false where the intent leaves it out: then `span` is the nearest that holds it."""

    path: str
    span: Span
    stated: bool


def place(loaded: Loaded, device: Device, declared: Declared, network: str = "") -> Place:
    """`network` is that of a server's NIC; a switch has its own."""
    steps = list(_resolved(loaded, device, declared.path, network or device.network))
    node, depth = loaded.source.nearest(*steps)
    path = ".".join(map(str, steps))
    return Place(path, node.key_span if depth and depth == len(steps) else node.span, depth == len(steps))


def _resolved(loaded: Loaded, device: Device, path: str, network: str) -> list[str | int]:
    steps: list[str | int] = []
    for step in path.split("."):
        if step == "*":
            steps.append(network if steps == ["networks"] else device.site)
        else:
            steps.append(step.format(role=device.role))
    if steps == ["pods"] and device.pod:
        steps += [number for number, pod in enumerate(loaded.intent.pods) if _is_one_of(device.pod, pod)][:1]
    return steps


def _is_one_of(name: str, pod: Pod) -> bool:
    """su3 is one of `su` with a count of 4."""
    number = name.removeprefix(pod.name)
    return name != number and number.isdecimal() and 1 <= int(number) <= pod.count
