"""The diff for a terminal: what is shouted first, then what is to be done with hands, then what changes inside devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fabric_compiler.emit.manifest import some
from fabric_compiler.review.diff.changes import CableChange, CablePlace, Changes, ConfigurationChange, Part, Renumbering
from fabric_compiler.review.folded_diff import printable

SHOWN = 12  # rows of a table of single cables or numbers

_WORK = {"lay": "to lay", "move": "to move", "replace": "to replace", "pull": "to pull"}
_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "~": "\x1b[33m", "!": "\x1b[1;31m"}


def render(changes: Changes, *, colour: bool = False, limit: int = SHOWN) -> list[str]:
    """Lines. A line's first character says what it tells: + - ~ or !, which is what nobody may overlook."""
    lines = [printable(f"{changes.old} -> {changes.new}"), *(line for part in _parts(changes, limit) for line in part)]
    return [_coloured(line) for line in lines] if colour else lines


def _parts(changes: Changes, limit: int) -> Iterator[list[str]]:
    if changes.same:
        yield ["nothing changed"]
        return
    yield alarms(changes)
    yield [f"  {what}: {before} -> {after}" for what, before, after in changes.counts]
    yield _titled("devices", devices(changes))
    yield _titled("renumbered", _cut([renumbering(r) for r in changes.renumbered], limit))
    for work, heading in _WORK.items():
        chosen = [c for c in changes.cables if c.work == work]
        yield _titled(f"cables {heading}: {cables(chosen)}", _cut([cable(c) for c in chosen], limit)) if chosen else []
    yield _titled("sessions", sessions(changes, limit))
    yield _titled("configurations", [line for c in changes.configurations for line in configuration(c)])
    yield _titled("other files", [f"~ {printable(name)}" for name in changes.others])


def alarms(changes: Changes) -> list[str]:
    """What a reviewer must not overlook, a line each."""
    found = []
    for kind in dict.fromkeys(r.kind for r in changes.renumbered):
        owners = [r.device for r in changes.renumbered if r.kind == kind]
        those = list(dict.fromkeys(owners))
        found.append(f"! RENUMBERED: {plural(len(owners), kind)} of {plural(len(those), 'device')}: {printable(some(those))}")
    gone = [d for d in changes.devices if d.sign == "-"]
    for network, role in dict.fromkeys((d.network, d.role) for d in gone):
        those = [d.name for d in gone if (d.network, d.role) == (network, role)]
        found.append(f"! REMOVED: {plural(len(those), role)}{f' of {network}' if network else ''}: {printable(some(those))}")
    moved = [c for c in changes.cables if c.work == "move"]
    if moved:
        found.append(f"! MOVED: {plural(len(moved), 'cable')} in use must be plugged elsewhere")
    reasons: dict[str, list[str]] = {}
    for change in changes.disruptive:
        for reason in change.disrupts:
            reasons.setdefault(reason, []).extend(change.devices)
    for reason, names in reasons.items():
        found.append(f"! DISRUPTS TRAFFIC on {plural(len(names), 'device')}: {reason} ({printable(some(names))})")
    return found


def devices(changes: Changes) -> list[str]:
    """A line for each sign, network and role; changed fields beside the names."""
    lines = []
    by = {"+": "new", "-": "removed", "~": "changed"}
    for sign, word in by.items():
        chosen = [d for d in changes.devices if d.sign == sign]
        keys = dict.fromkeys((d.network, d.role, tuple(name for name, _, _ in d.fields)) for d in chosen)
        for network, role, fields in keys:
            names = [d.name for d in chosen if (d.network, d.role, tuple(n for n, _, _ in d.fields)) == (network, role, fields)]
            what = f" ({', '.join(fields)})" if fields else ""
            of = f" of {network}" if network else ""
            lines.append(f"{sign} {plural(len(names), role)}{of} {word}{what}: {printable(some(names))}")
    return lines


def renumbering(found: Renumbering) -> str:
    where = f"{found.device}{f' {found.interface}' if found.interface else ''}"
    return printable(f"~ {where}: {found.kind} {found.before} -> {found.after}")


def cables(chosen: Sequence[CableChange]) -> str:
    """`16 (4 x 400g-dr4 of 30 m, 12 x 400g-sr4 of 5 m)`: a cable of several links counts once."""
    kinds: dict[tuple[str, str], set[str]] = {}
    for change in chosen:
        place = _place(change)
        kinds.setdefault((place.medium, place.length), set()).add(place.cable)
    total = sum(len(names) for names in kinds.values())
    parts = [f"{len(names)} x {medium} of {length} m" for (medium, length), names in sorted(kinds.items())]
    return f"{total} ({some(parts, 4)})"


def cable(change: CableChange) -> str:
    """Both ends, as a technician needs them."""
    place, was = _place(change), change.before
    if change.work == "move" and was:
        return printable(f"~ {place.a}: from {was.b} to {place.b}, {place.medium} of {place.length} m")
    if change.work == "replace" and was:
        return printable(f"~ {place.a} - {place.b}: {was.medium} of {was.length} m -> {place.medium} of {place.length} m")
    sign = "-" if change.work == "pull" else "+"
    return printable(f"{sign} {place.a} - {place.b}: {place.medium} of {place.length} m")


def _place(change: CableChange) -> CablePlace:
    place = change.after or change.before
    assert place
    return place


def sessions(changes: Changes, limit: int) -> list[str]:
    """New and ended ones are counted, for they go with cables; those whose ASNs change are named."""
    lines = []
    for sign, word in (("+", "new"), ("-", "gone")):
        count = sum(s.sign == sign for s in changes.sessions)
        if count:
            lines.append(f"{sign} {plural(count, 'BGP session')} {word}")
    changed = [s for s in changes.sessions if s.sign == "~"]
    return lines + _cut([printable(f"~ {s.a} - {s.b}: {s.before} -> {s.after}") for s in changed], limit)


def configuration(change: ConfigurationChange) -> list[str]:
    """`~ 4 spines of backend (sonic): +16 neighbors, +16 ports`, with `!` where traffic is hit, and the devices below."""
    names = some(change.devices)
    system = f" ({change.nos})" if change.nos else ""
    of = f" of {change.network}" if change.network else ""
    sign = "!" if change.disrupts else "~"
    head = f"{sign} {plural(len(change.devices), change.role)}{of}{system}: {', '.join(map(part, change.parts))}"
    return [head, f"    {printable(names)}"]


def part(found: Part) -> str:
    attributes = f" ({printable(some(found.attributes, 4))})" if found.attributes else ""
    return f"{found.sign}{plural(found.count, found.kind)}{attributes}"


def plural(count: int, word: str) -> str:
    """`1 policy`, `2 policies`."""
    if count == 1:
        return f"1 {word}"
    if word.endswith(("s", "x", "ch")):
        return f"{count} {word}es"
    return f"{count} {word[:-1]}ies" if word.endswith("y") and word[-2] not in "aeiou" else f"{count} {word}s"


def _titled(title: str, lines: list[str]) -> list[str]:
    return ["", f"{title}:" if not title.endswith(")") else title, *(f"  {line}" for line in lines)] if lines else []


def _cut(lines: list[str], limit: int) -> list[str]:
    return lines if len(lines) <= limit + 1 else [*lines[:limit], f"  and {len(lines) - limit} more"]


def _coloured(line: str) -> str:
    sign = line.lstrip()[:1]
    return f"{_COLOURS[sign]}{line}\x1b[0m" if sign in _COLOURS else line


def joined(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
