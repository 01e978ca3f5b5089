"""The interface of a target: a pure function from a device model to the files of its operating system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fabric_compiler.model.device import ServerModel, SwitchModel


@dataclass(frozen=True, slots=True)
class Target:
    """`render` gives {path below the device's directory: content}; `directory` is devices or hosts."""

    name: str
    directory: str
    render: Callable[[SwitchModel], dict[str, bytes]] | Callable[[ServerModel], dict[str, bytes]]
