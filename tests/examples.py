"""The example intents, compiled as far as single devices: for tests that give their files to the real components."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fabric_compiler.compiler import Analysis, Options, analyse, workshop
from fabric_compiler.ir.graph import Device
from fabric_compiler.model.device import ServerModel, SwitchModel
from fabric_compiler.workshop import Workshop

INTENTS = Path(__file__).resolve().parents[1] / "intents"
NAMES = sorted(file.stem for file in INTENTS.glob("*.yaml"))
INFINIBAND = [name for name in NAMES if "protocol: infiniband" in (INTENTS / f"{name}.yaml").read_text()]
ETHERNET = [name for name in NAMES if name not in INFINIBAND]


@dataclass(frozen=True)
class Example:
    """An example intent with the lock beside it; nothing is written."""

    name: str

    @cached_property
    def analysis(self) -> Analysis:
        return analyse(INTENTS / f"{self.name}.yaml", Options())

    @cached_property
    def _workshop(self) -> Workshop:
        return workshop(self.analysis, Options())

    @property
    def devices(self) -> tuple[Device, ...]:
        return self.analysis.graph.devices

    def files(self, index: int) -> dict[str, bytes]:
        """The device's files, as they stand in the build."""
        return self._workshop.files(index)[1]

    def model(self, index: int) -> SwitchModel | ServerModel:
        return self._workshop.model(index)

    def firsts(self, kind: str) -> Iterator[int]:
        """The first and last device of each network, role, product and operating system; for servers of each pod."""
        found: dict[tuple[str, ...], list[int]] = {}
        for index, d in enumerate(self.devices):
            if d.kind == kind:
                key = (d.network, d.role, d.model, d.nos) if kind == "switch" else (d.pod,)
                found.setdefault(key, []).append(index)
        for members in found.values():
            yield from sorted({members[0], members[-1]} if kind == "switch" else {members[0]})
