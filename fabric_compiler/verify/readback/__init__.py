"""Independent readers: from the files of one device to what its operating system would understand of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from fabric_compiler.verify.observed import Observed

Reader = Callable[[Mapping[str, bytes]], Observed]


def reader(target: str) -> Reader:
    """The reader of a target's files. Raises ModuleNotFoundError when there is none."""
    read: Reader = import_module(f"fabric_compiler.verify.readback.{target}").read
    return read
