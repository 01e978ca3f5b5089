"""Intents as Python mappings, and the compiler's first stages over them, for the tests of the stages in between."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fabric_compiler.catalog.loader import load
from fabric_compiler.diagnostics import Report
from fabric_compiler.intent.loader import Loaded, loads
from fabric_compiler.ir.graph import Graph
from fabric_compiler.ir.plan import Plan
from fabric_compiler.plan.allocate import allocate, shape_text
from fabric_compiler.plan.lock import Lock
from fabric_compiler.plan.numbers import number
from fabric_compiler.topology.fabric import build
from fabric_compiler.topology.shape import Shape, shapes

CATALOG = load()


@dataclass(frozen=True, slots=True)
class Fabric:
    """What the stages up to the plan made; `report` holds what they found."""

    loaded: Loaded
    shapes: tuple[Shape, ...]
    graph: Graph
    plan: Plan
    lock: Lock
    report: Report


def intent(pods: int = 2, servers: int = 32, **network: Any) -> dict[str, Any]:
    """A rail-optimized network of 64-port 400G switches; `network` replaces its keys, underscores for dashes."""
    base: dict[str, Any] = {
        "topology": {"kind": "rail-optimized"},
        "leaf": {"switch": "sn5400"},
        "spine": {"switch": "sn5400"},
        "addressing": {"loopbacks": "10.254.0.0/16", "hosts": "10.0.0.0/10"},
    }
    pod = {"name": "su", "count": pods, "servers": servers, "server": "dgx-b200", "connect": {"compute": "gpu-nics"}}
    return {
        "version": 1,
        "fabric": "test",
        "sites": {"gru1": {}},
        "networks": {"compute": base | {key.replace("_", "-"): value for key, value in network.items()}},
        "pods": [pod],
    }


def text(tree: dict[str, Any]) -> str:
    """JSON is YAML."""
    return json.dumps(tree, indent=1)


def compiled(tree: dict[str, Any], lock: Lock | None = None) -> Fabric:
    """Raises CompileError."""
    loaded = loads(text(tree), catalog=CATALOG)
    report = Report()
    made = shapes(loaded.intent, loaded.source, CATALOG, report, lock.kept if lock else {})
    report.raise_if_failed()
    allocator = allocate(loaded.intent, made, lock or Lock(), loaded.source, report)
    report.raise_if_failed()
    graph = build(loaded.intent, made, allocator.extents(), CATALOG, loaded.source, report)
    plan = number(loaded.intent, made, graph, allocator.extents(), loaded.source, report)
    report.raise_if_failed()
    return Fabric(loaded, made, graph, plan, allocator.lock({s.network: shape_text(s) for s in made}, {}), report)
