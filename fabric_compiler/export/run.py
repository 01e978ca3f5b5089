"""An export, from a build's directory to files in a directory of its own: all of them or none."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity
from fabric_compiler.emit.tree import transaction, write
from fabric_compiler.export.base import Export, Parameters, export, kinds
from fabric_compiler.export.source import open_build

_ALWAYS = {"catalog", "templates", "jobs"}  # of no account where nothing is compiled again
_OPTIONS = {"networks": "--network", "pods": "--pod", "devices": "--device", "images": "--image"}


@dataclass(frozen=True, slots=True)
class Exported:
    """`files` is their number, `size` their bytes together."""

    path: Path
    files: int
    size: int
    warnings: tuple[Diagnostic, ...]


def run(build: Path, kind: str, output: Path, parameters: Parameters) -> Exported:
    """Export a build to `output/<kind>`; what was exported there before is replaced in one step. Raises CompileError."""
    chosen = find(kind)
    report = Report()
    for name in sorted(parameters.given() - chosen.takes - _ALWAYS):
        report.error("FC2008", f"the export {kind} has no use for {_OPTIONS.get(name, f'--{name}')}", hint="leave it out")
    report.raise_if_failed()
    source = open_build(build)
    count = size = 0
    with transaction(output, kind) as staging:
        for name, content in chosen.files(source, parameters, report):
            write(staging.path, name, content)
            count += 1
            size += len(content)
        report.raise_if_failed()
    return Exported(output / kind, count, size, tuple(report))


def find(kind: str) -> Export:
    """Raises CompileError (FC2005) where there is none of the kind."""
    try:
        return export(kind)
    except KeyError:
        close = get_close_matches(kind, kinds(), 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(kinds())}"
        raise CompileError([Diagnostic("FC2005", Severity.ERROR, f"there is no export {kind[:80]!r}", hint=hint)]) from None
