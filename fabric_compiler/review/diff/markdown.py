"""The diff as a comment of a pull request: what matters open, the rest folded, within the size that code hosts take."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence

from fabric_compiler.review import folded_diff
from fabric_compiler.review.diff import text
from fabric_compiler.review.diff.changes import Changes
from fabric_compiler.review.folded_diff import Difference, printable

MAX_CHARACTERS = 60_000  # a comment on GitHub holds 65,536
_ROWS = 200
_FENCE = "~~~~"


def render(changes: Changes, differences: Sequence[Difference]) -> str:
    """Markdown (CommonMark with GitHub's tables and details). What does not fit is counted, with the command that shows it."""
    out = _Page(f"fabricc diff {changes.old} {changes.new} --lines")
    out.add(f"### Fabric diff: {_code(changes.old)} → {_code(changes.new)}\n")
    if changes.same:
        out.add("\nNothing changes.\n")
        return out.text()
    for line in text.alarms(changes):
        out.add(f"\n> **{_escape(line[2:])}**\n")
    if not changes.disruptive:
        out.add("\nNo change that is known to disrupt traffic.\n")
    if changes.counts:
        rows = ((what, str(before), str(after)) for what, before, after in changes.counts)
        out.add("\n" + _table(("", "before", "after"), rows))
    out.bullets("Devices", text.devices(changes))
    out.bullets("Configurations", list(_configurations(changes)))
    out.details(f"{len(changes.renumbered)} renumbered", [text.renumbering(r) for r in changes.renumbered])
    for work in ("lay", "move", "replace", "pull"):
        chosen = [c for c in changes.cables if c.work == work]
        out.details(f"Cables to {work}: {text.cables(chosen)}" if chosen else "", [text.cable(c) for c in chosen])
    out.details(f"{len(changes.sessions)} BGP sessions", text.sessions(changes, _ROWS) if changes.sessions else [])
    out.details("Other files", list(changes.others))
    out.details("Lines", folded_diff.render(differences).splitlines() if differences else [], language="diff")
    return out.text()


class _Page:
    """A text that stops growing in time."""

    def __init__(self, command: str) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._left_out = 0
        self._command = command

    def add(self, part: str) -> bool:
        if self._size + len(part) > MAX_CHARACTERS:
            self._left_out += 1
            return False
        self._parts.append(part)
        self._size += len(part)
        return True

    def bullets(self, title: str, lines: Sequence[str]) -> None:
        if lines:
            self.add(
                f"\n#### {title}\n\n" + "".join(f"- {_escape(line)}\n" for line in lines[:_ROWS]) + _rest(len(lines), _ROWS)
            )

    def details(self, title: str, lines: Sequence[str], language: str = "text") -> None:
        """A block that opens on a click; shortened until it fits."""
        if not lines:
            return
        shown = len(lines)
        while shown:
            block = "\n".join(map(_unfenced, lines[:shown]))
            more = f"\n... and {len(lines) - shown} more lines" if shown < len(lines) else ""
            head = f"\n<details><summary>{html.escape(title)}</summary>\n\n{_FENCE}{language}\n"
            whole = f"{head}{block}{more}\n{_FENCE}\n\n</details>\n"
            if self._size + len(whole) <= MAX_CHARACTERS:
                self.add(whole)
                return
            shown //= 2
        self._left_out += 1

    def text(self) -> str:
        if self._left_out:
            self._parts.append(f"\n{self._left_out} parts do not fit here; all of it: {_code(self._command)}\n")
        return "".join(self._parts)


def _configurations(changes: Changes) -> Iterator[str]:
    for change in changes.configurations:
        head, names = text.configuration(change)
        yield f"{head} — {names.strip()}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join("| " + " | ".join(_escape(cell) if cell != "---" else cell for cell in row) + " |\n" for row in lines)


def _rest(count: int, limit: int) -> str:
    return f"- and {count - limit} more\n" if count > limit else ""


_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}  # what HTML and mentions begin with
_ESCAPED = str.maketrans(_ENTITIES | {c: f"\\{c}" for c in "\\`*_{}[]#|~!"})


def _escape(value: str) -> str:
    """Text of an intent that Markdown shows as it is: no link, image, mention or HTML."""
    return printable(value).translate(_ESCAPED)


def _code(value: str) -> str:
    return "`" + printable(value).replace("`", "'") + "`"


def _unfenced(line: str) -> str:
    """A line of text is one line, and cannot end the block."""
    line = printable(line)
    return line.replace(_FENCE[:3], "~\u200b~~") if line.lstrip().startswith(_FENCE[:3]) else line
