"""Reads the files of one device back, where it is made or from a build: what the checks of a device and of all need of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fabric_compiler.control.decisions import Decisions
from fabric_compiler.control.ends import End
from fabric_compiler.verify.agreement import Facts, facts
from fabric_compiler.verify.device import check_files
from fabric_compiler.verify.observed import Observed
from fabric_compiler.verify.readback import reader

if TYPE_CHECKING:
    from fabric_compiler.verify.routing.speakers import Speaker

UNREADABLE = (ValueError, LookupError, TypeError)
"""What a reader raises on files that their operating system could not load either."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One device as its files are: what it must share with its neighbours, what is wrong with it by itself, its routing."""

    facts: Facts
    sentences: list[str]
    speaker: Speaker | None  # None: of a server, or not asked for


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads devices; `speaking`: their routing too. Keeps what devices of a shape share."""

    decisions: Decisions
    speaking: bool
    _ports: dict[int, dict[str, int]] = field(default_factory=dict)

    def observed(self, index: int, files: Mapping[str, bytes]) -> Observed:
        return reader(self.decisions.graph.devices[index].nos or "hosts")(files)

    def __call__(self, index: int, ends: Sequence[End], files: Mapping[str, bytes]) -> Reading:
        """Raises what a reader raises (see UNREADABLE)."""
        d = self.decisions
        device = d.graph.devices[index]
        observed = self.observed(index, files)
        ports = [device.layout.ports[end.port].name for end in ends]
        to_server = [device.kind == "server" or d.graph.devices[end.peer].kind == "server" for end in ends]
        switch = d.catalog.switches[device.model] if device.kind == "switch" else None
        sentences = check_files(device, d.plan.devices[index], switch, files, observed, ports)
        spoken = self._speaker(index, observed) if self.speaking and switch else None
        return Reading(facts(observed, ports, to_server), sentences, spoken)

    def _speaker(self, index: int, observed: Observed) -> Speaker:
        from fabric_compiler.verify.routing.speakers import port_numbers, speaker

        layout = self.decisions.graph.devices[index].layout  # layouts live as long as the graph
        if id(layout) not in self._ports:
            self._ports[id(layout)] = port_numbers(layout)
        return speaker(observed, self._ports[id(layout)])
