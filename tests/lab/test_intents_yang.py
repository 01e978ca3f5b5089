"""SONiC's own YANG models accept what every example intent gives its SONiC switches."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from examples import NAMES, Example
from lab.test_sonic_yang import CHECKER, YANG, pytestmark

__all__ = ["pytestmark"]

SMALL = 64  # SONiC switches; of larger fabrics one of each shape is checked, and one in so many besides
ONE_IN = 40
OWN = ("description", "hostname", "bgp_asn", "gwaddr")  # fields that are a switch's own


@pytest.fixture(scope="module")
def models() -> tuple[ModuleType, Any]:
    """The checker and the tables that it knows."""
    spec = importlib.util.spec_from_file_location("sonic_yang_check", CHECKER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.read_tree(str(YANG))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.xdist_group("sonic-yang")
def test_sonics_models_accept_every_switch_of_the_examples(
    name: str, example: Callable[[str], Example], models: tuple[ModuleType, Any], tmp_path: Path
) -> None:
    checker, tables = models
    found = example(name)
    sonic = [index for index, device in enumerate(found.devices) if device.nos == "sonic"]
    seen: set[str] = set()
    files = []
    for turn, index in enumerate(sonic):
        content = found.files(index)["config_db.json"]
        shape = shape_of(content)
        if len(sonic) <= SMALL or shape not in seen or turn % ONE_IN == 0:
            files.append(tmp_path / f"{found.devices[index].name}.json")
            files[-1].write_bytes(content)
        seen.add(shape)
    with ThreadPoolExecutor(2) as pool:  # each check is a process of its own
        checked = pool.map(lambda file: checker.check(str(file), tables, str(YANG)), files)
        assert {file.stem: complaints for file, complaints in zip(files, checked, strict=True) if complaints} == {}


def shape_of(content: bytes) -> str:
    """What a configuration is without names, addresses and ASNs: switches that differ in these alone are of one shape."""
    parts = []
    for table, rows in json.loads(content).items():
        for key, row in rows.items():
            kept = {field: value for field, value in row.items() if field not in OWN}
            # an address in a key counts by its family
            words = ["v6" if "::" in word else "v4" if "." in word and "/" in word else word for word in key.split("|")]
            parts.append(json.dumps([table, words, kept]))
    return "\n".join(parts)
