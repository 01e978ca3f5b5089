"""The lock: `intents/x.lock` beside `intents/x.yaml` pins blocks and media, one entry a line, sorted, to be read in a diff.

A removed owner's block stays as a tombstone, so that adding the owner back restores its numbers, until it is pruned.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.ir.blocks import (
    MAX_PLACES,
    SEAT_PORTS,
    Block,
    Extents,
    management_block,
    network_block,
    site_rows,
)
from fabric_compiler.plan.pools import MAX_DEFAULTS
from fabric_compiler.topology.shape import Kept
from fabric_compiler.units import shorten, speed
from fabric_compiler.yamltree import Limits, Node, decode, parse, read_bytes

VERSION = "1"
MAX_BLOCKS = 400_000  # of all entries
# Numbers of a space: far above what a fabric within the compiler's limits takes, and few enough to be counted out
MAX_SWITCHES = 1 << 17  # rows, spines, cores and their ASNs
MAX_ADDRESSES = 1 << 24
MAX_KEYS = 0x7FFE  # P_Keys of tenants, from 1 on
_END = {
    "network": MAX_DEFAULTS,
    "management": MAX_ADDRESSES,
    "racks": MAX_PLACES,
    "switch-rows": MAX_PLACES,
    "tenant": MAX_KEYS,
}

_RESTORE = "take it from git as it was"
_LIMITS = Limits("the lock", depth=3, nodes=400_000, size=16 * 1024 * 1024)
_BLOCKS = re.compile(r"(removed )?(\d{1,10}\+\d{1,10}(?: \d{1,10}\+\d{1,10})*)", re.ASCII)
# see allocate.shape_text
_SHAPE = re.compile(
    r"([23]) tiers, [1-8] planes, (\d{1,2}) columns, (\d{1,4}) ports, "
    r"(\d{1,4}) down at ([\d.]{1,5}[GT]), \d{1,4} up at ([\d.]{1,5}[GT]).*",
    re.ASCII,
)
_OWNER = re.compile(r"(?!(racks|switch-rows)/[^/]*$)[a-z0-9-]+(/[a-z0-9-]+){1,7}", re.ASCII)


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
        return {network: _kept(*match.groups()) for network, match in found.items() if match}


def _kept(tiers: str, columns: str, ports: str, down: str, down_speed: str, up_speed: str) -> Kept:
    return Kept(int(tiers), int(columns), int(down), speed(down_speed), speed(up_speed), int(ports))


def _end(owner: str) -> int:
    """The numbers of an owner are below it."""
    kind = owner.split("/", 2)
    if kind[1] == "manager":
        return MAX_SWITCHES * SEAT_PORTS
    return _END.get(kind[0], MAX_SWITCHES)


def space(owner: str) -> str:
    """The number space of an owner: `backend/pod/gru1/su1` takes rows of `backend/pod`."""
    kind = owner.split("/", 2)
    if kind[0] in ("network", "management", "tenant"):
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
    """Raises CompileError with every entry that is wrong; see `check`."""
    report = Report()
    root = parse(text, shown, _LIMITS)
    top = root.value if isinstance(root.value, dict) else {}
    version = top.get("version")
    if version is None or version.value != VERSION:
        hint = "take it from git as it was, or compile with the version of fabricc that wrote it"
        report.fatal("FC4005", "the lock is not one that this version reads", root.span, hint)
    blocks: dict[str, Entry] = {}
    places: dict[str, Span] = {}
    count = racks = 0
    for owner, node in _section(top, "blocks", report).items():
        match = _BLOCKS.fullmatch(node.value) if isinstance(node.value, str) else None
        if not match or not _OWNER.fullmatch(owner):
            report.error("FC4005", f"the entry {shorten(owner)} of the lock is malformed", node.key_span, _RESTORE)
            continue
        count += match[2].count("+")
        if count > MAX_BLOCKS:
            report.fatal("FC4005", f"the lock has more than {MAX_BLOCKS} blocks", node.key_span, _RESTORE)
        spans = (Block(*map(int, part.split("+"))) for part in match[2].split(" "))
        blocks[owner] = Entry(Extents(tuple(spans)), bool(match[1]))
        places[owner] = node.key_span
        racks += len(blocks[owner].extents) if owner.startswith("racks/") else 0
        if racks > MAX_PLACES:
            report.fatal("FC4005", f"the lock has more than {MAX_PLACES} racks", node.key_span, _RESTORE)
        end = _end(owner)
        if any(start + size > end or not size for start, size in blocks[owner].extents.blocks):
            message = f"the entry {owner} of the lock is out of range: its numbers are below {end}"
            report.error("FC4005", message, node.key_span, _RESTORE)
    shapes = {key: str(node.value) for key, node in _section(top, "shapes", report).items()}
    media = {key: str(node.value) for key, node in _section(top, "media", report).items()}
    report.raise_if_failed()
    lock = Lock(blocks, shapes, media, places)
    if not overlaps:
        check(lock, shown)
    return lock


def check(lock: Lock, shown: str) -> None:
    """Raises CompileError with every two entries that claim the same numbers, else every pod outside of its site's rows."""
    report = Report()
    overlaps, strays = _overlaps(lock.blocks), _strays(lock.blocks)
    # one command for all of them, for what it leaves must be sound
    hint = _reassign(shown, dict.fromkeys([*(subject(other) for _, other in overlaps), *map(subject, strays)]))
    for one, other in overlaps:
        names = (subject(one), subject(other)) if subject(one) != subject(other) else (one, other)
        related = ((f"{names[0]} claims them here", lock.places[one]),)
        message = f"{names[0]} and {names[1]} claim the same numbers"
        report.error("FC4004", message, lock.places[other], hint, related)
    report.raise_if_failed()
    for owner in strays:
        network, _, site, pod = owner.split("/")
        message = f"the rows of {pod} are none of {network}'s at {site}"
        report.error("FC4005", message, lock.places[owner], f"{_RESTORE}, or {hint}")
    report.raise_if_failed()


def _section(top: Mapping[str, Node], name: str, report: Report) -> Mapping[str, Node]:
    node = top.get(name)
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        report.error("FC4005", f"{name} of the lock is no mapping", node.span, _RESTORE)
        return {}
    return node.value


def _reassign(shown: str, names: Iterable[str]) -> str:
    """The command that gives others new numbers; `shown` is the lock's path."""
    intents = (Path(shown).with_suffix(suffix) for suffix in (".yaml", ".yml"))
    intent = next((one for one in intents if one.exists()), Path(shown).with_suffix(".yaml"))
    command = shlex.join(["fabricc", "lock", "reassign", str(intent), *names])
    return f"give new numbers to what is not in use yet: `{command}`"


def subject(owner: str) -> str:
    """What to reassign to free an entry: the pod that it is of, else the entry itself."""
    entry = owner.removeprefix("management/")
    kind = entry.split("/")
    if kind[0] == "racks" and len(kind) in (3, 4):
        return kind[-1]
    # numbered, as pods are: what stands in no pod is `leafs`
    return kind[3] if len(kind) == 4 and kind[1] == "pod" and kind[3][-1].isdigit() else entry


def _overlaps(blocks: Mapping[str, Entry]) -> list[tuple[str, str]]:
    """Two branches that took the same numbers merge cleanly in git; here they meet. One of all entries of the same two."""
    taken: dict[str, list[tuple[Block, str]]] = {}
    for owner, entry in blocks.items():
        taken.setdefault(space(owner), []).extend((block, owner) for block in entry.extents.blocks)
    found: dict[frozenset[str], tuple[str, str]] = {}
    for claims in taken.values():
        claims.sort()
        end, last = 0, ""  # the claim that reaches furthest
        for (start, size), owner in claims:
            if start < end:
                found.setdefault(frozenset((subject(last), subject(owner))), (last, owner))
            if start + size > end:
                end, last = start + size, owner
    return list(found.values())


def _strays(blocks: Mapping[str, Entry]) -> list[str]:
    """Rows of pods that are none of their site's."""
    found = []
    for owner, entry in blocks.items():
        kind = owner.split("/")
        if len(kind) == 4 and kind[1] == "pod":
            rows = blocks.get(site_rows(kind[0], kind[2]), Entry(Extents(()))).extents
            if not all(_covered(block, rows) for block in entry.extents.blocks):
                found.append(owner)
    return found


def _covered(block: Block, rows: Extents) -> bool:
    """Whether rows hold all of a block, in one or several of theirs."""
    start, end = block.start, block.start + block.size
    for first, size in sorted(rows.blocks):
        if first <= start < first + size:
            start = first + size
    return start >= end


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
    """Without tombstones, and without shapes and media of networks that are gone: their numbers are free for others."""
    blocks = {owner: entry for owner, entry in lock.blocks.items() if not entry.removed}
    shapes = {network: shape for network, shape in lock.shapes.items() if network_block(network) in blocks}
    media = {link: medium for link, medium in lock.media.items() if network_block(link.split(" ")[0]) in blocks}
    return Lock(blocks, shapes, media, lock.places)


def without(lock: Lock, *names: str) -> Lock:
    """Without the entries of pods, or those that are named in full, so that they get others.

    Raises CompileError with the names that have none.
    """
    report = Report()
    gone: set[str] = set()
    for name in names:
        mine = {owner for owner in lock.blocks if owner == name or (subject(owner) == name and "/" not in name)}
        mine |= {management_block(owner) for owner in mine | {name}} & lock.blocks.keys()
        if not mine:
            hint = "name a pod, or an entry as the lock shows it"
            report.error("FC2005", f"the lock has no entry of {shorten(name)}", hint=hint)
        gone |= mine
    report.raise_if_failed()
    blocks = {owner: entry for owner, entry in lock.blocks.items() if owner not in gone}
    return Lock(blocks, lock.shapes, lock.media, lock.places)


def changes(old: Lock, new: Lock) -> list[str]:
    """The lines that differ, as `- ` and `+ ` lines."""
    before, after = dumps(old).splitlines(), dumps(new).splitlines()
    lost, won = set(before) - set(after), set(after) - set(before)
    return [f"- {line.strip()}" for line in before if line in lost] + [f"+ {line.strip()}" for line in after if line in won]
