"""The lock: `intents/x.lock` beside `intents/x.yaml` pins blocks and media, one entry a line, sorted, to be read in a diff.

A removed owner's block stays as a tombstone, so that adding the owner back restores its numbers, until it is pruned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from fabric_compiler.diagnostics import CompileError, Report, Span
from fabric_compiler.ir.blocks import Block, Extents
from fabric_compiler.topology.shape import Kept
from fabric_compiler.units import shorten
from fabric_compiler.yamltree import Limits, Node, decode, parse, read_bytes

VERSION = "1"
MAX_NUMBER = 1 << 32

_LIMITS = Limits("the lock", depth=3, nodes=400_000, size=16 * 1024 * 1024)
_BLOCKS = re.compile(r"(removed )?(\d{1,10}\+\d{1,10}(?: \d{1,10}\+\d{1,10})*)", re.ASCII)
_SHAPE = re.compile(r"(\d) tiers, .*?(\d{1,4}) down, .*", re.ASCII)  # see allocate.shape_text
_OWNER = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+){1,7}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """The extents of an owner; a removed one keeps them."""

    extents: Extents
    removed: bool = False

    def __str__(self) -> str:
        return ("removed " if self.removed else "") + " ".join(f"{start}+{size}" for start, size in self.extents.blocks)


@dataclass(frozen=True, slots=True)
class Lock:
    """`blocks` by owner (see ir.blocks); `shapes` by network: what its numbers are computed from; `media` by shape of link."""

    blocks: Mapping[str, Entry] = field(default_factory=dict)
    shapes: Mapping[str, str] = field(default_factory=dict)
    media: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)  # of the owners, in the file

    @property
    def extents(self) -> dict[str, Extents]:
        """Those of the owners that exist."""
        return {owner: entry.extents for owner, entry in self.blocks.items() if not entry.removed}

    @property
    def kept(self) -> dict[str, Kept]:
        """What each network keeps of its shape."""
        found = {network: _SHAPE.fullmatch(shape) for network, shape in self.shapes.items()}
        return {network: Kept(int(match[1]), int(match[2])) for network, match in found.items() if match}


def space(owner: str) -> str:
    """The number space of an owner: `backend/pod/gru1/su1` takes rows of `backend/pod`."""
    kind = owner.split("/", 2)
    if kind[0] in ("network", "management"):
        return kind[0]
    return f"{kind[0]}/{kind[1]}"


def read(path: Path, shown: str, *, overlaps: bool = False) -> Lock:
    """The lock at `path`; an empty one when there is no file. `overlaps`: two owners of one block are let pass.

    Raises CompileError (FC1001-FC1006, FC4004, FC4005).
    """
    if not path.exists() and not path.is_symlink():
        return Lock()
    return loads(decode(read_bytes(path, shown, _LIMITS), shown, _LIMITS), shown, overlaps=overlaps)


def loads(text: str, shown: str, *, overlaps: bool = False) -> Lock:
    """Raises CompileError with every entry that is wrong, and every two that claim the same numbers."""
    report = Report()
    root = parse(text, shown, _LIMITS)
    top = root.value if isinstance(root.value, dict) else {}
    version = top.get("version")
    if version is None or version.value != VERSION:
        hint = "take it from git as it was, or compile with the version of fabricc that wrote it"
        report.fatal("FC4005", "the lock is not one that this version reads", root.span, hint)
    blocks: dict[str, Entry] = {}
    places: dict[str, Span] = {}
    for owner, node in _section(top, "blocks", report).items():
        match = _BLOCKS.fullmatch(node.value) if isinstance(node.value, str) else None
        if not match or not _OWNER.fullmatch(owner):
            report.error(
                "FC4005", f"the entry {shorten(owner)} of the lock is malformed", node.key_span, "take it from git as it was"
            )
            continue
        spans = (Block(*map(int, part.split("+"))) for part in match[2].split(" "))
        blocks[owner] = Entry(Extents(tuple(spans)), bool(match[1]))
        places[owner] = node.key_span
        if any(start + size > MAX_NUMBER or not size for start, size in blocks[owner].extents.blocks):
            report.error("FC4005", f"the entry {owner} of the lock is out of range", node.key_span)
    if not overlaps:
        _report_overlaps(blocks, places, report)
    shapes = {key: str(node.value) for key, node in _section(top, "shapes", report).items()}
    media = {key: str(node.value) for key, node in _section(top, "media", report).items()}
    report.raise_if_failed()
    return Lock(blocks, shapes, media, places)


def _section(top: Mapping[str, Node], name: str, report: Report) -> Mapping[str, Node]:
    node = top.get(name)
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        report.error("FC4005", f"{name} of the lock is no mapping", node.span, "take it from git as it was")
        return {}
    return node.value


def _report_overlaps(blocks: Mapping[str, Entry], places: Mapping[str, Span], report: Report) -> None:
    """Two branches that took the same numbers merge cleanly in git; here they meet."""
    taken: dict[str, list[tuple[Block, str]]] = {}
    for owner, entry in blocks.items():
        taken.setdefault(space(owner), []).extend((block, owner) for block in entry.extents.blocks)
    for claims in taken.values():
        claims.sort()
        for (first, one), (second, other) in pairwise(claims):
            if second.start < first.start + first.size:
                report.error(
                    "FC4004",
                    f"{one} and {other} claim the same numbers",
                    places[other],
                    f"give one of them new numbers with `fabricc lock reassign {other}`; its devices must not be in use yet",
                    ((f"{one} claims them here", places[one]),),
                )


def dumps(lock: Lock) -> str:
    """The file's text; the same for the same lock."""
    lines = [
        "# Numbers and media that are in use. Written by fabricc; keep it in git beside the intent.",
        f"version: {VERSION}",
    ]
    sections: tuple[tuple[str, Iterable[tuple[str, object]]], ...] = (
        ("shapes", lock.shapes.items()),
        ("blocks", lock.blocks.items()),
        ("media", lock.media.items()),
    )
    for name, entries in sections:
        found = sorted(entries, key=lambda entry: _natural(entry[0]))
        if found:
            lines += [f"{name}:", *(f"  {key}: {value}" for key, value in found)]
    return "\n".join(lines) + "\n"


def _natural(key: str) -> list[tuple[int, str]]:
    """su2 before su10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", key)]


def prune(lock: Lock) -> Lock:
    """Without tombstones: their numbers are free for others."""
    return Lock({owner: entry for owner, entry in lock.blocks.items() if not entry.removed}, lock.shapes, lock.media)


def without(lock: Lock, name: str) -> Lock:
    """Without the blocks of a pod, so that it gets others. Raises CompileError when it has none."""
    mine = {owner for owner in lock.blocks if owner == name or owner.split("/")[-1] == name}
    mine |= {f"management/{owner}" for owner in mine} & lock.blocks.keys()
    if not mine:
        report = Report()
        report.error("FC2005", f"the lock has no entry of {shorten(name)}", hint="name a pod, or an entry as the lock shows it")
        raise CompileError(report)
    return Lock({owner: entry for owner, entry in lock.blocks.items() if owner not in mine}, lock.shapes, lock.media)


def changes(old: Lock, new: Lock) -> list[str]:
    """The lines that differ, as `- ` and `+ ` lines."""
    before, after = dumps(old).splitlines(), dumps(new).splitlines()
    lost, won = set(before) - set(after), set(after) - set(before)
    return [f"- {line.strip()}" for line in before if line in lost] + [f"+ {line.strip()}" for line in after if line in won]
