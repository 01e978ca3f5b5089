"""InfiniBand fabrics for tests: intents as mappings, compiled, and what the lab needs of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fabrics import text

from fabric_compiler.compiler import Analysis, Options, analyse
from fabric_compiler.lab.infiniband.intended import Intended, intended
from fabric_compiler.targets import opensm


def intent(pods: int = 1, servers: int = 32, **network: Any) -> dict[str, Any]:
    """A rail-optimized InfiniBand network of QM9700; `network` replaces its keys, underscores for dashes."""
    base: dict[str, Any] = {
        "protocol": "infiniband",
        "topology": {"kind": "rail-optimized"},
        "leaf": {"switch": "qm9700"},
        "spine": {"switch": "qm9700"},
    }
    return {
        "version": 1,
        "fabric": "test",
        "sites": {"gru1": {"lengths": {"server-leaf": "10 m", "leaf-spine": "30 m", "spine-core": "30 m"}}},
        "networks": {"compute": base | {key.replace("_", "-"): value for key, value in network.items()}},
        "pods": [{"name": "su", "count": pods, "servers": servers, "server": "dgx-b200", "connect": {"compute": "gpu-nics"}}],
    }


def compiled(tree: dict[str, Any], directory: Path) -> Analysis:
    """Raises CompileError."""
    path = directory / "test.yaml"
    path.write_text(text(tree))
    return analyse(path, Options())


def files(found: Analysis) -> dict[str, bytes]:
    """Of the first subnet."""
    return opensm.render(found.subnets[0])


def meant(found: Analysis) -> Intended:
    return intended(found, found.subnets[0])
