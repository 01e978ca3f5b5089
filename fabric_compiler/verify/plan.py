"""Placeholder."""
from __future__ import annotations
from typing import Any


def check_plan(graph: Any, plan: Any, intent: Any, report: Any) -> None:
    """FC7002."""
