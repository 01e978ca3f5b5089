"""Compiled InfiniBand fabrics come up under OpenSM, keep what their topology promises, and heal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from lab.infiniband_lab import failed, needs_infiniband, running
from subnet_intents import compiled, files, intent, meant

from fabric_compiler.lab.infiniband import checks, faults

pytestmark = needs_infiniband

SMALL = {"switch": "qm9700", "downlinks": 8}
TENANTS = {
    "red": {"pods": ["su1"]},
    "blue": {"servers": ["su2-server-[1-8]"], "limited": {"servers": ["su2-server-9"]}},
}
FABRICS: dict[str, dict[str, Any]] = {
    "ftree with tenants and hosts of the subnet manager": intent(
        2, 16, leaf={"switch": "qm9700", "downlinks": 20}, subnet_manager={"hosts": ["ufm-1", "ufm-2"]}
    )
    | {"tenants": TENANTS},
    "updn": intent(subnet_manager={"routing": "updn"}),
    "minhop": intent(subnet_manager={"routing": "minhop"}),
    "three tiers under ftree": intent(
        4, 8, topology={"kind": "rail-optimized", "tiers": 3}, leaf=SMALL, spine=SMALL, core=SMALL
    ),
}
ADAPTERS = {"ftree with tenants and hosts of the subnet manager": 256 + 4}


@pytest.mark.parametrize("name", FABRICS)
def test_a_fabric_holds_its_promises_and_heals(name: str, tmp_path: Path) -> None:
    found = compiled(FABRICS[name], tmp_path)
    promised = meant(found)
    with running(files(found), tmp_path) as network:
        rows = list(checks.checks(network, promised, 1))
        assert failed(rows) == {}
        assert rows[2].found.startswith(f"{ADAPTERS.get(name, 256)} adapters reach each other")
        made = list(faults.faults(checks.picture(network, promised), promised, 1))
        assert len(made) == 2 * (promised.tiers - 1)
        healed = [faults.run(network, promised, fault, 60) for fault in made]
        assert failed(healed) == {}
        assert all(0 < row.seconds < 60 for row in healed)


@pytest.mark.parametrize("units", [2, 4])
def test_a_superpod_comes_up(units: int, tmp_path: Path) -> None:
    """The published rows up to 1,024 GPUs; larger ones are in benchmarks/."""
    found = compiled(intent(units, 32, topology={"kind": "rail-optimized", "reserve": {"pods": units}}), tmp_path)
    promised = meant(found)
    start = time.monotonic()
    with running(files(found), tmp_path) as network:
        rows = list(checks.checks(network, promised, 1))
    assert failed(rows) == {}
    assert rows[2].found.startswith(f"{256 * units} adapters reach each other")
    assert rows[4].found.endswith("even to within one flow")
    assert time.monotonic() - start < 120
