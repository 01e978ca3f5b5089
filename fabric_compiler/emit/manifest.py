"""manifest.json: what a build holds, from what it was made, and how much of everything there is.

A msgspec struct, not a pydantic model: it is written and read where nothing else needs pydantic (diff, push, golden), holds an
entry for each of up to 100,000 files, and msgspec checks types while it decodes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.emit import files
from fabric_compiler.filenames import is_safe_name

NAME = "manifest.json"
SCHEMA = 1
MAX_BYTES = 64 << 20

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Word = Annotated[str, msgspec.Meta(max_length=256)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    servers: Count = 0
    gpus: Count = 0
    switches: dict[Word, dict[Word, Count]] = {}
    """By network and role."""
    links: dict[Word, dict[Word, Count]] = {}
    """By network and tier pair."""
    cables: dict[Word, Count] = {}
    """By medium."""
    modules: dict[Word, Count] = {}
    """By medium."""
    sessions: Count = 0
    prefixes: Count = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`inputs` and `files`: sha256 by name; the manifest itself is not among `files`, whose names are below the build."""

    schema: Annotated[int, msgspec.Meta(ge=1)] = SCHEMA
    compiler: Word = ""
    fabric: Word
    inputs: dict[Annotated[str, msgspec.Meta(max_length=1024)], Sha256] = {}
    counts: Counts
    files: dict[Annotated[str, msgspec.Meta(max_length=1024)], Sha256] = {}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """The bytes of manifest.json: keys sorted at every level below the top, two spaces."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"


def decode(content: bytes, file: str = NAME) -> Manifest:
    """Raises CompileError (FC1001) at anything but a manifest of this schema whose files are below the build."""
    try:
        found = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, msgspec.ValidationError) else "it is not well-formed"
        raise _unreadable(file, why) from error
    if found.schema > SCHEMA:
        raise _unreadable(file, f"its schema {found.schema} is newer than this compiler, which knows {SCHEMA}")
    for name in found.files:
        if not is_safe_name(name):
            raise _unreadable(file, f"it names {name!r}, which is no file of a build")
    return found


def read(tree: Path) -> Manifest:
    """The manifest of a build; it may come from anywhere, so its size is bounded and a link is not followed. Raises FC1001."""
    path = tree / NAME
    try:
        content = files.read(path, MAX_BYTES)
    except OSError as error:
        raise _unreadable(str(path), error.strerror or "it cannot be read") from error
    return decode(content, str(path))


def read_if_any(tree: Path | None) -> Manifest | None:
    """The manifest of the former build, None where there is none or one that says nothing: compiling goes on without."""
    try:
        return read(tree) if tree else None
    except CompileError:
        return None


def verify(tree: Path, manifest: Manifest) -> list[str]:
    """Names of files whose bytes are not those of the manifest, that are missing, or that it does not know; sorted."""
    limit = 1 << 30
    wrong = {name for name, _ in files.walk(tree)} ^ (manifest.files.keys() | {NAME})
    for name, expected in manifest.files.items():
        if name not in wrong and digest(files.read(tree / name, limit)) != expected:
            wrong.add(name)
    return sorted(wrong)


def _unreadable(file: str, why: str) -> CompileError:
    message = f"{file} cannot be used: {why}"
    return CompileError([Diagnostic("FC1001", Severity.ERROR, message, hint="compile the intent again")])


@dataclass(frozen=True, slots=True)
class Change:
    """What changed below one place of the tree: a device, a network, or a part such as `plan`. `kind` says which."""

    kind: str  # device, host, network, or empty
    name: str
    sign: str  # +: new altogether; -: gone altogether; ~: some of its files differ
    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What changed against the build that this one replaces; the copies of the inputs are left out."""

    changes: tuple[Change, ...]  # by kind and name
    files: int  # of the new build

    @property
    def touched(self) -> int:
        return sum(c.added + c.removed + c.changed for c in self.changes)


_KINDS = {"devices": "device", "hosts": "host", "networks": "network"}


def owner(file: str) -> tuple[str, str]:
    """(kind, name) of the place that a file belongs to: `devices/leaf-1/frr.conf` -> (device, leaf-1)."""
    first, _, rest = file.partition("/")
    name, slash, _ = rest.partition("/")
    return (_KINDS[first], name) if first in _KINDS and slash else ("", first)


def summary(previous: Manifest | None, new: Manifest) -> Summary:
    """Counts by device of the files added, removed and changed; without a former build everything is added."""
    before = {} if previous is None else _without_inputs(previous.files)
    after = _without_inputs(new.files)
    counts: dict[tuple[str, str], list[int]] = {}
    for which, names in enumerate((after.keys() - before.keys(), before.keys() - after.keys())):
        for name in names:
            counts.setdefault(owner(name), [0, 0, 0])[which] += 1
    for name in after.keys() & before.keys():
        if after[name] != before[name]:
            counts.setdefault(owner(name), [0, 0, 0])[2] += 1
    known, still = {owner(name) for name in before}, {owner(name) for name in after}
    changes = [Change(*place, _sign(place in known, place in still), *count) for place, count in sorted(counts.items())]
    return Summary(tuple(changes), len(after))


def _without_inputs(named: Mapping[str, str]) -> dict[str, str]:
    return {name: sha for name, sha in named.items() if not name.startswith("inputs/")}


def _sign(was: bool, still: bool) -> str:
    return "~" if was and still else "+" if still else "-"


def render(found: Summary) -> list[str]:
    """Lines for people: a line a kind and sign, with the first names."""
    if not found.changes:
        return ["nothing changed"]
    removed = sum(change.removed for change in found.changes)  # not among the files of the new build
    gone = f", and {removed} more {'are' if removed > 1 else 'is'} gone" if removed else ""
    lines = [f"{found.touched - removed} of {found.files} files differ from the build before{gone}"]
    groups: dict[tuple[str, str], list[str]] = {}
    for change in found.changes:
        groups.setdefault((change.kind, change.sign), []).append(change.name)
    for (kind, sign), names in sorted(groups.items(), key=lambda group: (group[0][0] == "", group[0])):
        what = f"{len(names)} {kind}{'s' if len(names) > 1 else ''}: " if kind else ""
        lines.append(f"  {sign} {what}{some(names, 8 if not kind else 3)}")
    return lines


def some(names: Iterable[str], limit: int = 3) -> str:
    """`a, b, c and 61 more`."""
    listed = list(names)
    rest = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" and {rest} more" if rest > 0 else "")
