"""Kubernetes: labels of nodes that tell where their servers are in the network, and Kueue's Topology over them.

The labels are those that NVIDIA's Topograph sets from discovery (docs.nvidia.com/topograph, Kubernetes engine); here they are
known before the first node boots. A label's value is a name of at most 63 characters, as device names are.
"""

from __future__ import annotations

from typing import Any, Final

from fabric_compiler.diagnostics import Report
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.placement import LEVELS, Part, fabric_of_jobs, parts
from fabric_compiler.export.source import Source
from fabric_compiler.export.yaml_text import dump

PREFIX: Final = "network.topology.nvidia.com/"
_LONGEST: Final = 63  # kubernetes.io, "Labels and Selectors"


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """nodes.yaml, to be applied with --server-side, and topology.yaml."""
    network = fabric_of_jobs(source, parameters.networks)
    levels = parts(source, network)
    labels: dict[str, dict[str, str]] = {}
    for level in levels:
        for part in level:
            value = _value(part)
            for server in part.servers:
                labels.setdefault(server, {})[f"{PREFIX}{LEVELS[part.level]}"] = value
    nodes = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": server, "labels": own}} for server, own in labels.items()
    ]
    yield "nodes.yaml", dump({"apiVersion": "v1", "kind": "List", "items": nodes}).encode()
    yield "topology.yaml", dump(_topology(source.fabric, len(levels))).encode()


def _value(part: Part) -> str:
    """The part's name, cut to the length of a label where it was made from two."""
    return part.name if len(part.name) <= _LONGEST else f"{part.name[: _LONGEST - 9].rstrip('-.')}-{_short(part.name)}"


def _short(name: str) -> str:
    from hashlib import sha256

    return sha256(name.encode()).hexdigest()[:8]


def _topology(fabric: str, levels: int) -> dict[str, Any]:
    """Kueue's levels from the top down, the last of them the node itself (kueue.sigs.k8s.io, "Topology Aware Scheduling")."""
    named = [{"nodeLabel": f"{PREFIX}{name}"} for name in reversed(LEVELS[:levels])]
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "Topology",
        "metadata": {"name": fabric},
        "spec": {"levels": [*named, {"nodeLabel": "kubernetes.io/hostname"}]},
    }


EXPORT = Export("labels of nodes after their place in the network", files, frozenset({"networks"}))
