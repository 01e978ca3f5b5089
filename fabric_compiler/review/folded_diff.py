"""A diff of many files for people: unified hunks, the same hunk on many devices once, sizes bounded, safe on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fabric_compiler.emit.manifest import owner, some
from fabric_compiler.review.lines import Block, blocks

CONTEXT = 3  # lines around a change, as diff -u
MAX_HUNK_LINES = 120
MAX_LINE = 400
MAX_LINES = 4000  # of the whole text
MAX_FILE = 8 << 20  # bytes of a file that is compared by lines

_DIGITS = re.compile(r"(\d+)")
_NO_END = "\n"  # stands after a last line without a line end; no line holds one


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that differs. Contents are None where the file is not there, or where only its digest is known."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: bytes | None = None
    after: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Hunk:
    file: str  # with `*` for the device's name
    lines: tuple[str, ...]  # each with its sign


@dataclass(frozen=True, slots=True)
class _Place:
    device: str
    path: str
    line_before: int
    line_after: int


def render(differences: Iterable[Difference]) -> str:
    """The text of all differences, the most readable first: hunks, then files that are only named. Ends with a line end.

    Deterministic: files in natural order (r2 before r10), a hunk where its first file stands.
    """
    ordered = sorted(differences, key=lambda d: natural(d.path))
    folded: dict[_Hunk, list[_Place]] = {}
    named: list[Difference] = []
    for difference in ordered:
        hunks = _hunks(difference)
        if not hunks:
            named.append(difference)
        for hunk, place in hunks:
            folded.setdefault(hunk, []).append(place)
    lines: list[str] = []
    for number, (hunk, places) in enumerate(folded.items()):
        if len(lines) > MAX_LINES:
            lines.append(f"... and {len(folded) - number} more hunks")
            break
        lines += [*_header(hunk, places), *_body(hunk), ""]
    lines += _listing(named)
    lines.append(_total(ordered))
    return "\n".join(lines) + "\n"


def natural(path: str) -> tuple[tuple[bool, int, str], ...]:
    """Sort key: runs of digits by their value."""
    return tuple((part.isdecimal(), int(part[:18]) if part.isdecimal() else 0, part) for part in _DIGITS.split(path) if part)


def printable(text: str, limit: int = MAX_LINE) -> str:
    """One line for a terminal: what is not printable, such as ESC or a direction override, as an escape; cut at `limit`."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: limit + 1])
    return text if len(text) <= limit else text[:limit] + f"... ({len(text)} characters)"


def _hunks(difference: Difference) -> list[tuple[_Hunk, _Place]]:
    before, after = difference.before, difference.after
    if before is None or after is None or max(len(before), len(after)) > MAX_FILE or b"\0" in before[:8192] + after[:8192]:
        return []
    old, new = _lines(before, after)
    _, device = owner(difference.path)
    file = _generic(difference.path, device)
    found = []
    for group in _grouped(blocks(old, new)):
        above = min(CONTEXT, group[0].old, group[0].new)
        start = at = group[0].old - above
        lines: list[str] = []
        for block in group:
            lines += [" " + line for line in old[at : block.old]]
            lines += ["-" + line for line in old[block.old : block.old_end]]
            lines += ["+" + line for line in new[block.new : block.new_end]]
            at = block.old_end
        lines += [" " + line for line in old[at : at + CONTEXT]]
        found.append((_Hunk(file, tuple(lines)), _Place(device, difference.path, start + 1, group[0].new - above + 1)))
    return found


def _grouped(found: Sequence[Block]) -> list[list[Block]]:
    """Blocks whose contexts touch make one hunk."""
    groups: list[list[Block]] = []
    for block in found:
        if groups and block.old - groups[-1][-1].old_end <= 2 * CONTEXT:
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


def _lines(before: bytes, after: bytes) -> tuple[list[str], list[str]]:
    """Lines without their ends. CRLF counts as one end where every line of both files has it (CSV)."""
    crlf = all(content.count(b"\n") == content.count(b"\r\n") for content in (before, after))
    texts = [content.replace(b"\r\n", b"\n") if crlf else content for content in (before, after)]
    old, new = (_split(text.decode("utf-8", "backslashreplace")) for text in texts)
    return old, new


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += _NO_END
    else:
        lines.pop()
    return lines


def _generic(path: str, device: str) -> str:
    """`devices/leaf-1/leaf-1.cfg` -> `devices/*/*.cfg`: files that stand in the same place on every device."""
    parts = path.split("/")
    if len(parts) < 3 or parts[1] != device:
        return path
    rest = ["*" + part[len(device) :] if part.startswith(device + ".") else part for part in parts[2:]]
    return "/".join([parts[0], "*", *rest])


def _header(hunk: _Hunk, places: Sequence[_Place]) -> list[str]:
    first = places[0]
    where = f"@@ -{first.line_before} +{first.line_after} @@"
    if len(places) == 1:
        return [f"--- {printable(first.path)}", where]
    devices = list(dict.fromkeys(place.device for place in places))
    files = f"{len(devices)} devices" if len(devices) > 1 else printable(devices[0])
    repeated = f", {len(places)} places" if len(places) > len(devices) else ""
    listed = f": {printable(some(devices))}" if len(devices) > 1 else ""
    return [f"--- {printable(hunk.file)} on {files}{repeated}{listed}", f"{where} in {printable(first.device)}"]


def _body(hunk: _Hunk) -> list[str]:
    shown: list[str] = []
    for line in hunk.lines[:MAX_HUNK_LINES]:
        shown.append(printable(line.removesuffix(_NO_END)))
        if line.endswith(_NO_END):
            shown.append("\\ No newline at end of file")
    rest = hunk.lines[MAX_HUNK_LINES:]
    if rest:
        plus, minus = (sum(line.startswith(sign) for line in rest) for sign in "+-")
        shown.append(f"... and {len(rest)} more lines (+{plus} -{minus})")
    return shown


def _listing(named: Sequence[Difference]) -> list[str]:
    """Files without hunks, a line for each kind of change and place in the tree."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for difference in named:
        _, device = owner(difference.path)
        file = _generic(difference.path, device)
        known = difference.before is not None or difference.after is not None
        how: str = (
            difference.kind if difference.kind != "changed" else "changed (not shown)" if known else "changed (by digest)"
        )
        groups.setdefault((how, file, "" if file == difference.path else "*"), []).append(device)
    lines = []
    for (how, file, many), devices in groups.items():
        on = f" on {len(devices)} device{'s' if len(devices) > 1 else ''}: {printable(some(devices))}" if many else ""
        lines.append(f"{how}: {printable(file)}{on}")
    cut = lines[:MAX_LINES]
    return [*cut, *([f"... and {len(lines) - len(cut)} more"] if len(lines) > len(cut) else []), *([""] if lines else [])]


def _total(differences: Sequence[Difference]) -> str:
    count = {kind: sum(d.kind == kind for d in differences) for kind in ("added", "removed", "changed")}
    files = "1 file differs" if len(differences) == 1 else f"{len(differences)} files differ"
    return f"{files}: " + ", ".join(f"{n} {kind}" for kind, n in count.items())
