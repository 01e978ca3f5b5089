"""InfiniBand intents as Python mappings, and what the compiler makes of them, for the tests of its parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fabric_compiler.compiler import Analysis, Options, analyse
from fabric_compiler.targets import opensm

Tree = dict[str, Any]


def intent(pods: int = 2, servers: int = 4, server: str = "dgx-b200", tenants: Tree | None = None, **network: Any) -> Tree:
    """A rail-optimized network of QM9700; `network` replaces its keys, underscores for dashes."""
    base: Tree = {
        "protocol": "infiniband",
        "topology": {"kind": "rail-optimized"},
        "leaf": {"switch": "qm9700"},
        "spine": {"switch": "qm9700"},
    }
    pod = {"name": "su", "count": pods, "servers": servers, "server": server, "connect": {"compute": "gpu-nics"}}
    return {
        "version": 1,
        "fabric": "test",
        "sites": {"gru1": {}},
        "networks": {"compute": base | {key.replace("_", "-"): value for key, value in network.items()}},
        "pods": [pod],
    } | ({"tenants": tenants} if tenants else {})


def analysed(tree: Tree, root: Path) -> Analysis:
    """Raises CompileError."""
    path = root / "x.yaml"
    path.write_text(json.dumps(tree, indent=1))
    return analyse(path, Options())


def files(analysis: Analysis, plane: int = 1) -> dict[str, bytes]:
    """What the subnet manager of the first InfiniBand network reads."""
    return opensm.render(next(subnet for subnet in analysis.subnets if subnet.plane == plane))
