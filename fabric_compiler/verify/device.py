"""Placeholder."""
from __future__ import annotations
from collections.abc import Mapping, Sequence
from typing import Any


def check_files(device: Any, plan: Any, switch: Any, files: Mapping[str, bytes], observed: Any, ports: Sequence[str]) -> list[str]:
    """Device-level read-back (hostname, ASN, loopbacks ... equal the plan; linked ports enabled) and platform checks, as sentences."""
    return []
