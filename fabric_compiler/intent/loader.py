"""An intent's files to a checked Intent, with the place of every value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from fabric_compiler.catalog.types import Catalog
from fabric_compiler.diagnostics import CompileError, Diagnostic, Report
from fabric_compiler.intent import errors, files, overrides, references
from fabric_compiler.intent.files import InputFile
from fabric_compiler.intent.merge import merge
from fabric_compiler.intent.positions import SourceMap
from fabric_compiler.intent.schema import Intent
from fabric_compiler.yamltree import MAX_FINDINGS, Node, parse


@dataclass(frozen=True, slots=True)
class Loaded:
    """`files` are what was read, the named one first; `warnings` are findings that do not stop the compiler."""

    intent: Intent
    source: SourceMap
    files: tuple[InputFile, ...]
    rules: tuple[overrides.Rule, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    inventory: InputFile | None = None  # of GUIDs; it is the last of `files`


class _Findings(Report):
    """A report that ends the run when it is full: a hostile intent could be wrong a million times."""

    def add(self, diagnostic: Diagnostic) -> None:
        if len(self.found) > MAX_FINDINGS:
            raise CompileError(self.found)
        super().add(diagnostic)


def load(path: Path, *, catalog: Catalog | None = None) -> Loaded:
    """The intent in a file and those that it includes; names of products are checked where a catalogue is given.

    Raises CompileError with every finding of the run.
    """
    report = _Findings()
    parts = files.read(path, report)
    report.raise_if_failed()
    found = _checked([part.tree for part in parts], tuple(part.file for part in parts), catalog, report)
    if found.intent.guids is None:
        return found
    inventory = files.read_beside(path, found.intent.guids, found.source.at("guids"), report)
    report.raise_if_failed()
    assert inventory
    if inventory.name in {file.name for file in found.files}:
        report.fatal("FC1006", f"{inventory.name} is a file of the intent", found.source.at("guids"))
    return replace(found, files=(*found.files, inventory), inventory=inventory)


def loads(text: str, name: str = "intent.yaml", *, catalog: Catalog | None = None) -> Loaded:
    """The intent in a text, as if it stood in the file `name`; it includes nothing."""
    tree = parse(text, name, files.LIMITS)
    return _checked([tree], (InputFile(name, text.encode()),), catalog, _Findings())


def _checked(trees: list[Node], read: tuple[InputFile, ...], catalog: Catalog | None, report: Report) -> Loaded:
    source = SourceMap(merge(trees, report))
    try:
        intent = Intent.model_validate(source.root.plain())
    except ValidationError as error:
        errors.explain(error, source, report)
        report.raise_if_failed()
        raise  # not reached: every finding is an error
    references.check(intent, source, catalog, report)
    rules = overrides.compile_overrides(intent, source, report)
    report.raise_if_failed()
    return Loaded(intent, source, read, rules, tuple(report))
