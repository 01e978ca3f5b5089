"""Credit loops that OpenSM really makes are found and shown; engines against them keep their word, lane by lane."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lab.infiniband_lab import by_hand, failed, meant_by_hand, needs_infiniband, running
from subnet_factory import dragonfly

from fabric_compiler.lab.infiniband import checks
from fabric_compiler.lab.report import Check

pytestmark = needs_infiniband

DRAGONFLY = dragonfly(2, 4, 2, 9)


def rows(engine: str, tmp_path: Path, qos: bool = False) -> dict[str, Check]:
    with running(by_hand(DRAGONFLY, f"{engine},no_fallback", qos), tmp_path) as network:
        return {row.name: row for row in checks.checks(network, meant_by_hand(DRAGONFLY, engine), 1)}


def test_minhop_on_a_dragonfly_has_a_credit_loop_that_is_shown_as_its_cables(tmp_path: Path) -> None:
    found = rows("minhop", tmp_path)
    assert list(failed(found.values())) == ["credit loops"]
    (said,) = found["credit loops"].wrong
    steps = re.findall(r"(router-\d+-\d+) port (\d+) -> (router-\d+-\d+) port (\d+) \(VL 0\)", said)
    assert said.startswith(f"a credit loop of {len(steps)} cables: ")
    cables = {frozenset(link) for link in DRAGONFLY.links}
    assert all(frozenset(((a, int(p)), (b, int(q)))) in cables for a, p, b, q in steps)
    assert [a for a, *_ in steps] == [steps[-1][2], *(b for _, _, b, _ in steps[:-1])]


@pytest.mark.parametrize("engine", ["dfsssp", "lash", "nue"])
def test_engines_with_lanes_have_none(engine: str, tmp_path: Path) -> None:
    found = rows(engine, tmp_path, qos=True)
    assert failed(found.values()) == {}
    lanes = re.search(
        r"over (\d+) virtual lanes, with the service level of every pair's path record", found["credit loops"].found
    )
    assert lanes
    assert int(lanes[1]) > 1
    assert "5112 path records, all" in found["partitions"].found


def test_the_lanes_of_dfsssp_are_needed(tmp_path: Path) -> None:
    """The same ways, with all service levels on one lane."""
    with running(by_hand(DRAGONFLY, "dfsssp,no_fallback", True), tmp_path) as network:
        meant = meant_by_hand(DRAGONFLY, "dfsssp")
        now = checks.picture(network, meant)
        levels, _ = checks.asked(now, network, meant, 1)
    assert checks.check_credit(now, meant, levels).passed
    now.reading.lanes[:] = 0
    assert not checks.check_credit(now, meant, levels).passed
