"""The diff of two sides, in one piece."""

from __future__ import annotations

from fabric_compiler.emit.manifest import owner
from fabric_compiler.review.diff import configurations, tables
from fabric_compiler.review.diff.changes import Changes
from fabric_compiler.review.diff.sides import Side
from fabric_compiler.review.folded_diff import Difference

_TOLD = ("inputs", "plan", "graph.json")  # by the tables, or because everything else follows from them


def compare(old: Side, new: Side) -> tuple[Changes, list[Difference]]:
    """What changed, and the differing files of devices for who wants the lines. Raises CompileError at a build that was
    tampered with."""
    files = configurations.differences(old, new)
    before, after = ({row["name"]: row for row in side.table("devices")} for side in (old, new))
    common = {name: after[name] for name in before.keys() & after.keys()}
    changed = [d for d in files if owner(d.path)[1] in common]
    names = old.manifest.files.keys() | new.manifest.files.keys()
    others = sorted(
        name for name in names
        if old.manifest.files.get(name) != new.manifest.files.get(name)
        and owner(name)[0] not in ("device", "host")
        and owner(name)[1] not in _TOLD
    )  # fmt: skip
    return (
        Changes(
            old=old.label,
            new=new.label,
            counts=tuple(tables.counts(old.manifest.counts, new.manifest.counts)),
            devices=tuple(tables.devices(old, new)),
            cables=tuple(tables.cables(old, new)),
            renumbered=tuple(tables.renumbered(old, new)),
            sessions=tuple(tables.sessions(old, new)),
            configurations=tuple(configurations.configurations(changed, common)),
            others=tuple(others),
        ),
        changed,
    )
