"""What a diff compares: a build, an intent compiled aside, or an intent of a commit compiled aside."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fabric_compiler.compiler import Options, build
from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity, Span
from fabric_compiler.emit import files, manifest
from fabric_compiler.emit.manifest import Manifest
from fabric_compiler.review.diff import revisions
from fabric_compiler.review.diff.revisions import Revision

_MAX_FILE = 1 << 30


@dataclass(frozen=True, slots=True)
class Side:
    """A build on disk; `label` is what the reader typed."""

    label: str
    tree: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """Raises CompileError (FC1001) where the file is not what the manifest says it is."""
        try:
            content = files.read(self.tree / name, _MAX_FILE)
        except OSError as error:
            raise _unusable(self.label, f"{name}: {error.strerror}") from error
        if manifest.digest(content) != self.manifest.files[name]:
            raise _unusable(self.label, f"{name} was changed after it was compiled")
        return content

    def table(self, name: str) -> list[dict[str, str]]:
        """Rows of plan/<name>.csv; none where the build has no such table."""
        path = f"plan/{name}.csv"
        if path not in self.manifest.files:
            return []
        return list(csv.DictReader(io.StringIO(self.read(path).decode("utf-8", "replace"), newline="")))


@contextmanager
def opened(spec: str, options: Options) -> Iterator[Side]:
    """The side that `spec` names: `build/x`, `intents/x.yaml`, or `REV:intents/x.yaml`. Raises CompileError."""
    path = Path(spec)
    if path.is_dir():
        yield Side(spec, path.resolve(), manifest.read(path.resolve()))
        return
    revision = None if path.exists() else revisions.parse(spec)
    with tempfile.TemporaryDirectory(prefix="fabricc-diff-") as aside:
        if revision is None:
            yield _compiled(spec, path, Path(aside), options)
        else:
            yield _of_revision(spec, revision, Path(aside), options)


def _of_revision(spec: str, revision: Revision, aside: Path, options: Options) -> Side:
    """The lock is the commit's: one that would change there is that commit's mistake, and no reason not to show the diff."""
    sha = revisions.commit(revision.revision)
    inputs = aside / "inputs"
    inputs.mkdir()
    revisions.extract(sha, revision.path.parent, inputs)
    if options.catalog and not options.catalog.is_absolute() and ".." not in options.catalog.parts:
        catalog = aside / "catalog"
        catalog.mkdir()
        revisions.extract(sha, options.catalog, catalog)
        options = replace(options, catalog=catalog)
    try:
        return _compiled(spec, inputs / revision.path.name, aside, options)
    except CompileError as error:
        shown = f"{revision.revision}:{revision.path.parent}"
        raise CompileError([_renamed(found, str(inputs), shown) for found in error.diagnostics]) from error


def _compiled(label: str, intent: Path, aside: Path, options: Options) -> Side:
    """Compiled without touching the lock beside the intent: what it would be is part of what is compared."""
    made = build(intent, aside / "build", replace(options, locked=False, keep_lock=True))
    return Side(label, made.path.resolve(), made.manifest)


def _renamed(found: Diagnostic, aside: str, shown: str) -> Diagnostic:
    """The finding with the file's name in the commit, in place of that of its copy."""

    def text(value: str) -> str:
        return value.replace(aside, shown)

    def span(place: Span) -> Span:
        return replace(place, file=text(place.file))

    return Diagnostic(
        found.code, found.severity, text(found.message), span(found.span) if found.span else None, text(found.hint),
        tuple((text(what), span(place)) for what, place in found.related),
    )  # fmt: skip


def _unusable(label: str, why: str) -> CompileError:
    message = f"the build {label} cannot be used: {why}"
    return CompileError([Diagnostic("FC1001", Severity.ERROR, message, hint="compile it again")])
