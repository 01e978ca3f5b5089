"""The files of an intent: the one that was named and those that it includes, nothing outside of its directory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from fabric_compiler.diagnostics import CompileError, Report, Span
from fabric_compiler.filenames import is_safe_name
from fabric_compiler.units import shorten
from fabric_compiler.yamltree import MAX_FINDINGS, Limits, Node, decode, parse, read_bytes

MAX_FILES = 256
MAX_TOTAL = 16 * 1024 * 1024
MAX_LISTED = 20_000  # directory entries that patterns may look at
MAX_PATTERNS = 256  # of one file
MAX_STEPS = 16  # of a path
MAX_LENGTH = 255  # of a pattern
TABLE = Limits("the table", depth=1, nodes=1, size=32 * 1024 * 1024)
LIMITS = Limits("the intent", depth=32, nodes=200_000, aliases=64)


@dataclass(frozen=True, slots=True)
class InputFile:
    """`name` is relative to the intent's directory, with slashes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """A file as read, without its own `include`."""

    file: InputFile
    tree: Node


def read(path: Path, report: Report) -> list[Part]:
    """The named file and then what it includes, in the order of the patterns, of their matches by name, depth first.

    A file is read once, however often it is included, so circles end. Findings go to `report`; what can be read is returned.
    """
    return _Files(path, report).read()


def read_beside(path: Path, name: str, span: Span, report: Report) -> InputFile | None:
    """A file that the intent at `path` names, relative to its directory; what is wrong is reported at `span` or in the file."""
    root = Path(os.path.realpath(path.parent))
    plain = os.path.normpath(name)
    if not is_safe_name(plain) or plain in (path.name, f"{path.stem}.lock") or name.startswith("/"):
        report.error("FC1006", f"{shorten(name, 120)} is no name for a file of an intent", span, "name a file in its directory")
        return None
    if not Path(os.path.realpath(root / plain)).is_relative_to(root):
        report.error("FC1006", f"{shorten(name, 120)} leads out of the directory of the intent", span)
        return None
    shown = str(path.parent / plain)
    try:
        content = read_bytes(root / plain, shown, TABLE)
        decode(content, shown, TABLE)
    except CompileError as error:
        report.found += [replace(d, related=(*d.related, ("it is named here", span))) for d in error.diagnostics]
        return None
    return InputFile(plain, content)


class _Files:
    def __init__(self, path: Path, report: Report) -> None:
        self.shown = path.parent  # as typed: messages name files as their reader knows them
        self.root = Path(os.path.realpath(path.parent))
        self.first = path.name
        self.lock = f"{path.stem}.lock"
        self.report = report
        self.seen: set[str] = set()
        self.parts: list[Part] = []
        self.nodes = self.total = self.listed = 0

    def read(self) -> list[Part]:
        self.add(self.first, None)
        return self.parts

    def add(self, name: str, cause: Span | None) -> None:
        """Reads one file and what it includes; `cause` is the place of the pattern that asked for it."""
        shown = str(self.shown / name)
        real = os.path.realpath(self.root / name)
        if not self.inside(real):
            where = cause or Span(shown, 1, 1)
            return self.report.error("FC1006", f"{shorten(name, 120)} leads out of the directory of the intent", where)
        if not is_safe_name(name) or name == self.lock:  # a build has a copy, and so it has of the lock
            where, hint = cause or Span(shown, 1, 1), "take a printable one without backslashes, no part with . or - in front"
            return self.report.error("FC1006", f"{shorten(name, 120)} is no name for a file of an intent", where, hint)
        if real in self.seen:
            return None
        self.seen.add(real)
        if len(self.seen) > MAX_FILES:
            self.report.fatal("FC1004", f"the intent has more than {MAX_FILES} files", cause)
        try:
            content = read_bytes(Path(real), shown, LIMITS)
            self.total += len(content)
            if self.total > MAX_TOTAL:
                self.report.fatal("FC1004", f"the files of the intent hold more than {MAX_TOTAL} bytes", cause)
            tree = parse(decode(content, shown, LIMITS), shown, replace(LIMITS, nodes=max(1, LIMITS.nodes - self.nodes)))
        except CompileError as error:
            self.report.found += [d for d in error.diagnostics if d not in self.report.found]
            if len(self.report.found) > MAX_FINDINGS:
                raise CompileError(self.report.found) from None
            return None
        self.nodes += _size(tree)
        includes = tree.child("include")
        if self.parts and isinstance(tree.value, dict):
            # the first file's stays, as part of what was stated
            tree.value.pop("include", None)
        self.parts.append(Part(InputFile(name, content), tree))
        patterns = _patterns(includes)
        if len(patterns) > MAX_PATTERNS:
            self.report.fatal("FC1004", f"include: more than {MAX_PATTERNS} patterns", patterns[MAX_PATTERNS].span)
        for pattern in patterns:
            self.include(name, pattern)
        return None

    def include(self, name: str, pattern: Node) -> None:
        text, span = pattern.value, pattern.span
        if not isinstance(text, str):
            return self.report.error("FC2003", "include: expected the names of files or patterns such as sites/*.yaml", span)
        if len(text) > MAX_LENGTH:
            message = f"include: {shorten(text)} is longer than {MAX_LENGTH} characters"
            return self.report.error("FC1004", message, span)
        if text.startswith(("/", "~")) or "\\" in text or re.match(r"[A-Za-z]:", text):
            return self.report.error("FC1006", f"include: {shorten(text)} is not relative to the file that includes it", span)
        if not text.isprintable():
            return self.report.error("FC1006", f"include: {shorten(text)} is no name of a file", span)
        wanted = os.path.normpath(os.path.join(os.path.dirname(name), text))  # noqa: PTH118, PTH120 pathlib keeps the dots
        steps = wanted.split("/")
        if steps[0] == "..":
            return self.report.error("FC1006", f"include: {shorten(text)} leads out of the directory of the intent", span)
        if len(steps) > MAX_STEPS:
            return self.report.error("FC1004", f"include: {shorten(text)} has more than {MAX_STEPS} steps", span)
        before = len(self.report.found)
        found = sorted(self.matches("", steps, span))
        if not found and len(self.report.found) == before:
            self.report.error("FC1001", f"include: {shorten(text)} matches no file", span, "paths are relative to this file")
        for one in found:
            self.add(one, span)
        return None

    def matches(self, base: str, steps: list[str], span: Span) -> Iterator[str]:
        """Names below `base` that fit the steps. A plain step is taken as it stands, so that what is wrong with it is told."""
        step, *rest = steps
        if not any(c in step for c in "*?["):
            names = [step] if os.path.lexists(self.root / base / step) else []
        else:
            names = [n for n in self.listing(base, span) if fnmatchcase(n, step) and n.startswith(".") == step.startswith(".")]
        for name in names:
            path = f"{base}/{name}" if base else name
            if not rest:
                yield path
            elif not (self.root / path).is_dir():
                continue
            elif not self.inside(os.path.realpath(self.root / path)):
                self.report.error("FC1006", f"{shorten(path, 120)} leads out of the directory of the intent", span)
            else:
                yield from self.matches(path, rest, span)

    def listing(self, base: str, span: Span) -> list[str]:
        try:
            with os.scandir(self.root / base) as entries:
                names: list[str] = []
                for entry in entries:
                    self.listed += 1
                    if self.listed > MAX_LISTED:
                        self.report.fatal("FC1004", f"the patterns look at more than {MAX_LISTED} files", span)
                    if entry.name.isprintable():
                        names.append(entry.name)
        except OSError as error:
            self.report.error("FC1001", f"the directory {shorten(base or '.')} cannot be read: {error.strerror}", span)
            return []
        return sorted(names)

    def inside(self, real: str) -> bool:
        return Path(real).is_relative_to(self.root)


def _patterns(includes: Node | None) -> list[Node]:
    if includes is None or includes.value is None:
        return []
    return includes.value if isinstance(includes.value, list) else [includes]


def _size(node: Node) -> int:
    if isinstance(node.value, dict):
        return 1 + sum(_size(child) for child in node.value.values())
    return 1 + (sum(_size(child) for child in node.value) if isinstance(node.value, list) else 0)
