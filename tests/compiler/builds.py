"""Whole compiles of small fabrics, and what they wrote as tables and lines: for rules that hold of the emitted bytes."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fabric_compiler import compiler
from fabric_compiler.compiler import Options
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit import manifest as manifests

Tree = dict[str, Any]
Row = tuple[str, ...]

# speed of the servers' NICs in one plane, and switches that have ports for it, as (name, operating system)
SWITCHES = (("sn5600", "sonic"), ("7060x6-64pe", "eos"), ("sn5400", "sonic"))


@dataclass(frozen=True, slots=True)
class Built:
    """Every file of a build by name, and the text of its lock."""

    files: Mapping[str, bytes]
    lock: str

    def table(self, name: str) -> list[dict[str, str]]:
        """The rows of plan/<name>.csv."""
        return list(csv.DictReader(io.StringIO(self.files[f"plan/{name}.csv"].decode(), newline="")))

    def rows(self, name: str) -> set[Row]:
        return {tuple(row.values()) for row in self.table(name)}

    def below(self, directory: str) -> dict[str, bytes]:
        """The files of one device."""
        return {name: content for name, content in self.files.items() if name.startswith(f"{directory}/")}

    def devices(self, role: str) -> list[str]:
        return [row["name"] for row in self.table("devices") if row["role"] == role]


class Desk:
    """An intent that is edited and compiled again, with the lock beside it."""

    def __init__(self, root: Path) -> None:
        self.intent, self.output = root / "x.yaml", root / "build"

    @property
    def lock(self) -> Path:
        return self.intent.with_suffix(".lock")

    def build(self, tree: Tree, jobs: int = 1) -> Built:
        """JSON is YAML. Raises CompileError."""
        self.intent.write_text(json.dumps(tree, indent=1))
        made = compiler.build(self.intent, self.output, Options(jobs=jobs))
        return Built(read_tree(made.path), self.lock.read_text())


@contextmanager
def desk() -> Iterator[Desk]:
    """For Hypothesis, whose examples cannot share a fixture's directory."""
    with tempfile.TemporaryDirectory() as root:
        yield Desk(Path(root))


def read_tree(path: Path) -> dict[str, bytes]:
    """All files of a build by name; the manifest must agree with them."""
    assert manifests.verify(path.resolve(), manifests.read(path)) == []
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def outputs(built: Built) -> dict[str, bytes]:
    """Without what tells from which inputs the build was made."""
    return {name: content for name, content in built.files.items() if not name.startswith("inputs/") and name != manifests.NAME}
