"""The interface of a target: a pure function from a device model to the files of its operating system; and the register."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

ENTRY_POINT = "fabric_compiler.targets"
_BUILT_IN = ("eos", "frr", "hosts", "sonic")


@dataclass(frozen=True, slots=True)
class Target:
    """`render` takes a SwitchModel, or a ServerModel where `directory` is hosts, and gives {path below the device's
    directory: content}; `directory` is devices or hosts."""

    name: str
    directory: str
    render: Callable[[Any], dict[str, bytes]]


@lru_cache(maxsize=32)
def target(name: str) -> Target:
    """The target of an operating system; `hosts` for servers. Raises KeyError when none is registered."""
    if name in _BUILT_IN:
        found = import_module(f"fabric_compiler.targets.{name}").TARGET
    else:
        found = next((entry.load() for entry in entry_points(group=ENTRY_POINT, name=name)), None)
    if not isinstance(found, Target):
        raise KeyError(name)
    return found
