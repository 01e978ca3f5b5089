"""The interface of an export: a function from a build to the files that a tool reads; and the register."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from fabric_compiler.diagnostics import Report
from fabric_compiler.export.source import Source

ENTRY_POINT = "fabric_compiler.exports"
BUILT_IN = (
    "ansible", "avd", "batfish", "cabling", "containerlab", "csv", "gexf", "graphml", "kubernetes", "netbox", "nornir",
    "parquet", "slurm", "telemetry", "ztp",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the command line says besides the build; each export names those that it takes."""

    networks: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()  # patterns of names
    images: Mapping[str, str] = field(default_factory=dict)  # by operating system; `host` for servers
    inventory: Path | None = None  # serial numbers and MAC addresses
    url: str = ""  # where the management network fetches files
    catalog: Path | None = None  # products of the user's own, as the build was compiled with
    templates: Path | None = None
    jobs: int | None = None

    def given(self) -> set[str]:
        return {own.name for own in fields(self) if getattr(self, own.name)}


Files = Iterator[tuple[str, bytes]]
"""Names below the export's directory, each once, and contents."""


@dataclass(frozen=True, slots=True)
class Export:
    """`files` may report warnings, and raises CompileError; `takes` names the Parameters that it looks at."""

    summary: str
    files: Callable[[Source, Parameters, Report], Files]
    takes: frozenset[str] = frozenset()


@lru_cache(maxsize=32)
def export(kind: str) -> Export:
    """The export of this kind. Raises KeyError when none is registered."""
    if kind in BUILT_IN:
        found = import_module(f"fabric_compiler.export.{_MODULES.get(kind, kind)}")
        return getattr(found, kind.upper() if kind in _MODULES else "EXPORT")  # type: ignore[no-any-return]
    for entry in entry_points(group=ENTRY_POINT, name=kind):
        loaded = entry.load()
        if isinstance(loaded, Export):
            return loaded
    raise KeyError(kind)


# names of modules that two exports share, or that the standard library has
_MODULES = {"csv": "tables", "parquet": "tables", "graphml": "graph_files", "gexf": "graph_files"}


def kinds() -> list[str]:
    """Names of all exports, those of plug-ins too."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=ENTRY_POINT))})
