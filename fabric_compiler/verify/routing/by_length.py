"""The routing of meshes with more AS paths than can be followed one by one, held against what their topology promises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Graph
from fabric_compiler.targets.text import prefix
from fabric_compiler.verify.forwardings import ByLength
from fabric_compiler.verify.routing.lengths import Lengths, UnlikeError
from fabric_compiler.verify.routing.mesh import Mesh, meshes
from fabric_compiler.verify.routing.promise import Promise
from fabric_compiler.verify.routing.sessions import Sessions
from fabric_compiler.verify.routing.speakers import Speakers

MANY = 500_000  # pairs of a speaker and a kind of prefix, whose paths would take more memory than a build
_SHOWN = 5


def tables_by_length(speakers: Speakers, sessions: Sessions) -> list[ByLength] | None:
    """The meshes at rest, where one of them is too large for the whole decision process and lengths decide in all."""
    found = [mesh for version in (4, 6) for mesh in meshes(speakers, sessions.up, version)]
    if all(len(mesh.nodes) * mesh.kinds <= MANY for mesh in found):
        return None
    try:
        return [ByLength(Lengths(mesh)) for mesh in found]
    except UnlikeError:
        return None


def check_by_length(
    graph: Graph, sessions: Sessions, tables: Sequence[ByLength], promises: Sequence[Promise], report: Report
) -> str:
    """Report FC7010 and FC7012. Returns what was proven, in a sentence; empty where something is wrong."""
    for fault in sessions.faults[:_SHOWN]:
        report.error("FC7010", fault.sentence)
    wrong = list(sessions.faults)
    place = {int(device): (promise, n) for promise in promises for n, device in enumerate(promise.switches)}
    other = 0
    for table in tables:
        for n, node in enumerate(table.mesh.nodes):
            if node.device not in place:
                continue
            promise, own = place[node.device]
            columns, served = _columns(table.mesh, place, promise)
            promised = promise.used(own)[np.searchsorted(promise.ports(own), node.port)][:, columns]
            unlike = np.flatnonzero((promised != table.members[n][:, served]).any(axis=0))
            other += len(unlike)
            if len(unlike) and other == len(unlike):
                example = prefix(table.mesh.example(int(served[unlike[0]])))
                name = graph.devices[node.device].name
                report.error(
                    "FC7012", f"{name} sends to {example} over other links than the minimal ones, and others do so too"
                )
    if wrong or other:
        return ""
    prefixes = sum(len(table.mesh.prefixes) for table in tables)
    nodes = sum(len(table.mesh.nodes) for table in tables)
    held = "all minimal paths and no others" if place else "at rest"
    where = f"{prefixes:,} prefixes on {nodes:,} switches over {len(sessions.up):,} sessions"
    return f"routing: {where}: {held}: proven by the lengths of paths"


def _columns(mesh: Mesh, place: dict[int, tuple[Promise, int]], promise: Promise) -> tuple[np.ndarray, np.ndarray]:
    """Places of the destinations of a promise, and the kinds of prefixes that they have."""
    found = [
        (place[device][1], kind)
        for kind, origins in enumerate(mesh.origins)
        for device in (mesh.nodes[origins[0]].device,)
        if device in place and place[device][0] is promise
    ]
    columns = np.array(found, dtype=np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]
