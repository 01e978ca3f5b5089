"""The large example is compiled and exported by one worker alone."""

from __future__ import annotations

from pathlib import Path

import pytest

LARGE = "three-tier-16384"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        own = getattr(item, "callspec", None)
        mine = Path(item.path).is_relative_to(Path(__file__).parent)
        if mine and ((own and LARGE in own.params.values()) or "large" in item.name):
            item.add_marker(pytest.mark.xdist_group("large"))
