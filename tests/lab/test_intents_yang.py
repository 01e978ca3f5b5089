"""SONiC's own YANG models accept what every example intent gives its SONiC switches."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from examples import ETHERNET, Example
from lab.test_sonic_yang import CHECKER, YANG, pytestmark

__all__ = ["pytestmark"]


@pytest.fixture(scope="module")
def models() -> tuple[ModuleType, Any]:
    """The checker and the tables that it knows."""
    spec = importlib.util.spec_from_file_location("sonic_yang_check", CHECKER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.read_tree(str(YANG))


@pytest.mark.parametrize("name", ETHERNET)
@pytest.mark.xdist_group("sonic-yang")
def test_sonics_models_accept_every_switch_of_the_examples(
    name: str, example: Callable[[str], Example], models: tuple[ModuleType, Any], tmp_path: Path
) -> None:
    checker, tables = models
    found = example(name)
    files = []
    for index, device in enumerate(found.devices):
        if device.nos == "sonic":
            files.append(tmp_path / f"{device.name}.json")
            files[-1].write_bytes(found.files(index)["config_db.json"])
    with ThreadPoolExecutor(2) as pool:  # each check is a process of its own
        checked = pool.map(lambda file: checker.check(str(file), tables, str(YANG)), files)
        assert {file.stem: complaints for file, complaints in zip(files, checked, strict=True) if complaints} == {}
