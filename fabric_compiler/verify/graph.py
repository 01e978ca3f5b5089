"""Placeholder."""
from __future__ import annotations
from typing import Any


def check_graph(graph: Any, shapes: Any, report: Any) -> None:
    """FC7001."""
