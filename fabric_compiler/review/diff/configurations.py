"""Configurations of devices that are there on both sides: what changed, and which devices changed alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from fabric_compiler.emit.manifest import owner
from fabric_compiler.review.diff.changes import ConfigurationChange, Part, Sign
from fabric_compiler.review.diff.disruption import disruptions
from fabric_compiler.review.diff.sides import Side
from fabric_compiler.review.diff.statements import Statement, statements
from fabric_compiler.review.folded_diff import Difference, natural

Objects = dict[tuple[str, str], dict[str, set[str]]]
"""(kind, object) -> attribute -> values."""

_DEVICES = ("device", "host")
_OF_A_PORT = frozenset({"port", "breakout", "cable length"})


def differences(old: Side, new: Side) -> list[Difference]:
    """Files of devices on both sides that differ, with their contents; by name."""
    before, after = old.manifest.files, new.manifest.files
    found = []
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name) or owner(name)[0] not in _DEVICES:
            continue
        kind = "added" if name not in before else "removed" if name not in after else "changed"
        one = old.read(name) if name in before else b""
        two = new.read(name) if name in after else b""
        found.append(Difference(name, kind, one, two))  # type: ignore[arg-type]  # one of the three
    return found


def configurations(found: Iterable[Difference], rows: Mapping[str, Mapping[str, str]]) -> Iterator[ConfigurationChange]:
    """Devices folded by what changed; `rows` are those of devices.csv, by name, of devices that both sides have."""
    by_device: dict[str, list[Difference]] = defaultdict(list)
    for difference in found:
        by_device[owner(difference.path)[1]].append(difference)
    alike: dict[tuple[str, str, str, tuple[Part, ...]], list[str]] = defaultdict(list)
    for name, changed in by_device.items():
        if name in rows and (parts := tuple(_parts(changed))):
            row = rows[name]
            alike[row["role"], row["network"], row["nos"], parts].append(name)
    for (role, network, nos, parts), names in sorted(alike.items(), key=lambda entry: natural(min(entry[1], key=natural))):
        yield ConfigurationChange(tuple(sorted(names, key=natural)), role, network, nos, parts, disruptions(parts))


def _parts(changed: Iterable[Difference]) -> Iterator[Part]:
    before, after = _objects(changed, old=True), _objects(changed, old=False)
    idle, still_idle = (
        {name for (kind, name), said in side.items() if kind == "port" and _is_shut(said)} for side in (before, after)
    )
    counts: dict[tuple[str, Sign], int] = defaultdict(int)
    attributes: dict[tuple[str, Sign], set[str]] = defaultdict(set)
    for key in before.keys() | after.keys():
        one, two = before.get(key), after.get(key)
        if one == two:
            continue
        kind, name = key
        if kind in _OF_A_PORT and name in idle:  # what is said of an unused port is a preset
            one, kind = (one, "unused port") if name in still_idle else (None, kind)
        sign: Sign = "+" if one is None else "-" if two is None else "~"
        counts[kind, sign] += 1
        if one and two:
            attributes[kind, sign] |= {a for a in one.keys() | two.keys() if one.get(a) != two.get(a)}
    for kind, sign in sorted(counts):
        yield Part(sign, kind, counts[kind, sign], tuple(sorted(attributes[kind, sign])))


def _is_shut(said: Mapping[str, set[str]]) -> bool:
    return said.get("admin_status") == {"down"} or "shutdown" in said


def _objects(changed: Iterable[Difference], *, old: bool) -> Objects:
    found: Objects = {}
    for difference in changed:
        content = difference.before if old else difference.after
        for statement in statements(difference.path, content or b""):
            _add(found, statement)
    return found


def _add(found: Objects, statement: Statement) -> None:
    found.setdefault((statement.kind, statement.object), {}).setdefault(statement.attribute, set()).add(statement.value)
