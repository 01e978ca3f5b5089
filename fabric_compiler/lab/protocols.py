"""Which labs a build has: one for the networks of each protocol. This is the one place that tells protocols apart.

A lab is a module with the functions of `Laboratory`; a new one is registered in `LABS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from fabric_compiler.lab.build import Build
from fabric_compiler.lab.report import Check, Progress
from fabric_compiler.lab.slices import Slice
from fabric_compiler.lab.store import lab_error
from fabric_compiler.lab.trials import Shell, Trial

LABS: Final = {"ethernet": "fabric_compiler.lab.ethernet", "infiniband": "fabric_compiler.lab.infiniband.laboratory"}


class Laboratory(Protocol):
    """All raise CompileError."""

    def up(self, build: Build, part: Slice, catalog: Path | None, progress: Progress) -> list[str]:
        """Set the lab up; what it consists of, in sentences. What fails leaves nothing behind."""

    def test(self, build: Build, trial: Trial, catalog: Path | None, progress: Progress) -> Iterator[Check]:
        """A row a check, as soon as it is known."""

    def down(self, fabric: str) -> int:
        """Remove every trace of the fabric's lab, however it was left; how many devices there were."""

    def shell(self, build: Build, device: str) -> Shell:
        """What gives a prompt on the device."""


def labs(build: Build) -> list[Laboratory]:
    """Those of the build's networks. Raises CompileError (FC2008) where there is none for a protocol."""
    return [_lab(protocol) for protocol in sorted(set(build.protocols.values()))]


def up(build: Build, part: Slice, catalog: Path | None, progress: Progress) -> list[str]:
    """All of the build's labs; where one fails, none is left. Raises CompileError."""
    lines: list[str] = []
    with ExitStack() as undo:
        for lab in labs(build):
            lines += lab.up(build, part, catalog, progress)
            undo.callback(lab.down, build.fabric)
        undo.pop_all()
    return lines


def test(build: Build, trial: Trial, catalog: Path | None, progress: Progress) -> Iterator[Check]:
    """The rows of all of the build's labs. Raises CompileError."""
    for lab in labs(build):
        yield from lab.test(build, trial, catalog, progress)


def down(fabric: str) -> int:
    """Remove every trace of the fabric's labs; how many devices there were. Raises CompileError."""
    return sum(_lab(protocol).down(fabric) for protocol in LABS)


def lab_of(build: Build, device: str) -> Laboratory:
    """The one that has the device; a server of several networks is in the first."""
    row = build.devices.get(device)
    if row is None:
        raise lab_error("FC2005", f"{build.fabric} has no device {device}")
    protocol = build.protocols.get(row.network)
    return _lab(protocol) if protocol else labs(build)[0]


def _lab(protocol: str) -> Laboratory:
    if protocol not in LABS:
        raise lab_error("FC2008", f"there is no lab for {protocol} networks")
    return cast(Laboratory, import_module(LABS[protocol]))
