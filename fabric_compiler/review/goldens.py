"""The goldens of all intents: each intent compiled aside, and compared with what was reviewed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fabric_compiler.compiler import Build, Options, build
from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity, Span
from fabric_compiler.review import golden
from fabric_compiler.review.folded_diff import Difference


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one intent: findings of its compile, and differences from its golden."""

    intent: Path
    found: tuple[Diagnostic, ...]
    differences: tuple[Difference, ...] = ()
    new: bool = False  # there was no golden that could be read


def selected(intents: Sequence[Path], directory: Path) -> list[Path]:
    """The intents that are named, or all of the directory. Raises CompileError (FC1001) when there is none."""
    found = list(intents) or sorted(directory.glob("*.yaml"))
    if not found:
        raise CompileError([Diagnostic("FC1001", Severity.ERROR, f"there is no intent in {directory}")])
    return found


def check(intents: Sequence[Path], goldens: Path, options: Options) -> Iterator[Verdict]:
    """Compare each intent's output with its golden; an intent without one is wrong."""
    for intent in intents:
        try:
            with _compiled(intent, replace(options, locked=True)) as made:
                different = golden.compare(made.path, goldens / intent.stem)
                yield Verdict(intent, made.analysis.warnings, tuple(different))
        except CompileError as error:
            yield Verdict(intent, tuple(error.diagnostics))


def update(intents: Sequence[Path], goldens: Path, options: Options) -> Iterator[Verdict]:
    """Make each intent's output its golden; the verdict says what that changed."""
    for intent in intents:
        try:
            with _compiled(intent, options) as made:
                place = goldens / intent.stem
                different = _against(made.path, place)
                golden.write(made.path, place)
                yield Verdict(intent, made.analysis.warnings, tuple(different or ()), different is None)
        except CompileError as error:
            yield Verdict(intent, tuple(error.diagnostics))


def _against(tree: Path, place: Path) -> list[Difference] | None:
    """None where there is no golden, or none that can be read: whether it may be replaced is judged where that happens."""
    try:
        return golden.compare(tree, place)
    except CompileError as error:
        if any(found.code != "FC8002" for found in error.diagnostics):
            raise
        return None


def orphans(intents: Path, goldens: Path) -> list[Diagnostic]:
    """Goldens whose intent is gone."""
    stems = {path.stem for path in intents.glob("*.yaml")}
    left = sorted(path for path in goldens.iterdir() if path.is_dir() and path.stem not in stems) if goldens.is_dir() else []
    hint = "remove it, or bring the intent back"
    return [
        Diagnostic("FC8002", Severity.ERROR, f"there is no intent for the golden {path.name}", Span(str(path), 1, 1), hint)
        for path in left
        if not path.name.startswith(".")
    ]


@contextmanager
def _compiled(intent: Path, options: Options) -> Iterator[Build]:
    with tempfile.TemporaryDirectory(prefix="fabricc-golden-") as aside:
        yield build(intent, Path(aside), options)
