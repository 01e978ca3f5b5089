"""The example intents, analysed once a process for all tests that give their files to real components."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from examples import Example


@pytest.fixture(scope="session")
def example() -> Callable[[str], Example]:
    """An example intent by name."""
    return cache(Example)
