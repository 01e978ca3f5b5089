"""A compiled fabric with its files in hand, to be edited, and its cables, to be plugged elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from fabrics import text
from verify.routing_reference import tables

from fabric_compiler import compiler
from fabric_compiler.compiler import Analysis, Options
from fabric_compiler.diagnostics import Diagnostic, Report
from fabric_compiler.ir.graph import Links
from fabric_compiler.verify.observed import Observed
from fabric_compiler.verify.proof import Proven, prove
from fabric_compiler.verify.reading import Reader
from fabric_compiler.verify.routing.speakers import Speaker
from fabric_compiler.verify.routing.tables import Routing, routing

Files = dict[str, dict[str, bytes]]


class Bench:
    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.analysis, files = _compiled(text(dict(tree)))
        self.files = {name: dict(own) for name, own in files.items()}
        self.links = self.analysis.graph.links
        self.graph = self.analysis.graph
        self.report = Report()

    def names(self, role: str) -> list[str]:
        return [device.name for device in self.graph.devices if device.role == role]

    def number(self, name: str) -> int:
        return next(n for n, device in enumerate(self.graph.devices) if device.name == name)

    def edit(self, name: str, file: str, old: str, new: str, count: int = -1) -> None:
        """Replace text in a file of a device; it must be there."""
        content = self.files[name][file].decode()
        assert old in content, content
        self.files[name][file] = content.replace(old, new, count).encode()

    def change(self, name: str, file: str, how: Callable[[str], str]) -> None:
        before = self.files[name][file].decode()
        after = how(before)
        assert after != before
        self.files[name][file] = after.encode()

    def swap(self, one: int, two: int) -> None:
        """Plug the upper ends of two cables into one another's ports."""
        columns = {name: getattr(self.links, name).copy() for name in ("b_device", "b_port")}
        for column in columns.values():
            column[[one, two]] = column[[two, one]]
        self.links = replace(self.links, **columns)

    def without(self, link: int) -> None:
        """Pull a cable."""
        keep = np.arange(len(self.links)) != link
        self.links = Links(*(getattr(self.links, name)[keep] for name in Links.__slots__))

    def link(self, lower: str, upper: str, nth: int = 0) -> int:
        a, b = self.number(lower), self.number(upper)
        return int(np.flatnonzero((self.links.a_device == a) & (self.links.b_device == b))[nth])

    def port(self, name: str, link: int) -> str:
        n = self.number(name)
        at = self.links.a_port if self.links.a_device[link] == n else self.links.b_port
        return self.graph.devices[n].layout.ports[int(at[link])].name

    def observed(self) -> dict[int, Observed]:
        """Of the switches, by number."""
        read = Reader(self.analysis.decisions, True)
        return {
            n: read.observed(n, self.files[device.name])
            for n, device in enumerate(self.graph.devices)
            if device.kind == "switch"
        }

    def speakers(self) -> list[Speaker | None]:
        read = Reader(self.analysis.decisions, True)
        ends = self.analysis.decisions.ends
        return [read(n, ends[n], self.files[device.name]).speaker for n, device in enumerate(self.graph.devices)]

    def routing(self) -> Routing:
        return routing(self.graph, self.speakers(), self.links)

    def tables(self) -> dict[str, dict[str, tuple[str, ...]]]:
        at_rest = self.routing()
        return {device.name: at_rest.table(device.name) for device in self.graph.devices if device.kind == "switch"}

    def reference(self) -> dict[str, dict[str, tuple[str, ...]]]:
        return tables(self.graph, self.links, self.observed())

    def prove(self) -> Proven | None:
        self.report = Report()
        same = self.links is self.graph.links
        return prove(self.analysis.decisions, self.files, self.report, None if same else self.links)

    def found(self, *codes: str) -> list[Diagnostic]:
        """The findings of a proof that failed; of these codes alone, where some are given."""
        proven = self.prove()
        assert proven is None or not proven.sentences
        return [d for d in self.report if not codes or d.code in codes]


@lru_cache(maxsize=16)
def _compiled(intent: str) -> tuple[Analysis, Files]:
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "x.yaml")
        source.write_text(intent)
        analysis = compiler.analyse(source, Options())
        shop = compiler.workshop(analysis, Options())
        return analysis, {device.name: shop.files(n)[1] for n, device in enumerate(analysis.graph.devices)}
