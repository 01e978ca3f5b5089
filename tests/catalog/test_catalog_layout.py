"""Layouts are the operating systems' own: SONiC's against the rows of its port_config.ini, EOS's against its naming rule."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fabric_compiler.catalog.breakouts import eos_mode, in_order, parse_mode
from fabric_compiler.catalog.layout import (
    NoBreakoutError,
    NotEnoughCagesError,
    UnknownNicGroupError,
    UnknownNosError,
    choose_hwsku,
    port_layout,
    server_layout,
)
from fabric_compiler.catalog.loader import load
from fabric_compiler.catalog.types import Breakout

ROOT = Path(__file__).parents[2]
FACTS = (ROOT / os.environ.get("FABRICC_SHARED", "../shared") / "sonic-platforms").resolve()
CATALOG = load()
ETHERNET = [name for name, switch in CATALOG.switches.items() if switch.protocol == "ethernet"]

# SONiC takes names from platform.json and hwsku.json where both exist; this SKU's port_config.ini has older aliases.
OTHER_ALIASES = {"M2-W6940-128QC"}
# Rows that platform.json has no mode for, or a mixed one.
NOT_IN_PLATFORM = {"Mellanox-SN5600-C224O8", "Mellanox-SN5600-C256S1", "Mellanox-SN5640-C508O1X2"}

needs_facts = pytest.mark.skipif(not FACTS.is_dir(), reason=f"SONiC's platform files are not at {FACTS} (FABRICC_SHARED)")


def platform_of(switch: str) -> dict[str, Any]:
    platform: dict[str, Any] = json.loads((FACTS / f"{switch}.json").read_text(encoding="utf-8"))
    return platform


def skus() -> list[tuple[str, str]]:
    if not FACTS.is_dir():
        return []
    named = [(switch, sku) for switch in ETHERNET for sku in platform_of(switch)["hwskus"] if (FACTS / f"{switch}.json")]
    return [(switch, sku) for switch, sku in named if "port_config" in platform_of(switch)["hwskus"][sku]]


def data_rows(platform: dict[str, Any], sku: str) -> list[dict[str, Any]]:
    """The rows of port_config.ini for ports of cages: name, lanes, alias, index, speed."""
    config = platform["hwskus"][sku]["port_config"]
    rows = [dict(zip(config["columns"], row, strict=False)) for row in config["rows"]]
    for row in rows:
        row["lanes"] = tuple(int(lane) for lane in row["lanes"].split(","))
        if "speed" not in row:  # then it is the first of the mode in hwsku.json
            row["speed"] = row_speed(platform["hwskus"][sku]["default_breakout"][row["name"]])
    by_index: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_index[row["index"]].append(row)
    return [row for row in rows if sum(len(r["lanes"]) for r in by_index[row["index"]]) > 1]


def row_speed(mode: str) -> int:
    return parse_mode(mode, 8)[0].speed


@needs_facts
@pytest.mark.parametrize(("switch", "sku"), skus())
def test_layout_is_what_port_config_says(switch: str, sku: str) -> None:
    product = CATALOG.switches[switch]
    rows = data_rows(platform_of(switch), sku)
    if sku in NOT_IN_PLATFORM:
        assert sku not in {s.name for s in product.nos["sonic"].hwskus}
        return
    cages: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        cages[int(row["index"])].append(row)
    # Some SKUs leave cages without a port.
    used = dataclasses.replace(product, cages=tuple(cage for cage in product.cages if cage.index in cages))
    uses = [(1, len(cages[cage.index]), int(cages[cage.index][0]["speed"])) for cage in used.cages]
    layout = port_layout(used, "sonic", uses)
    made = layout.ports
    assert [(p.name, p.lanes, p.speed) for p in made] == [(r["name"], r["lanes"], int(r["speed"])) for r in rows]
    if sku not in OTHER_ALIASES:
        assert [p.alias for p in made] == [r["alias"] for r in rows]
    modes = platform_of(switch)["hwskus"][sku].get("default_breakout")
    if modes:
        # hwsku.json names the cage's first port or, on some platforms, each.
        assert {p.breakout for p in made} == {modes[p.name] for p in made if p.name in modes}
    own = next(s for s in product.nos["sonic"].hwskus if s.name == sku)
    assert choose_hwsku(product, layout, lossless=False).speeds == own.speeds


@needs_facts
@pytest.mark.parametrize("switch", ETHERNET)
def test_product_file_is_derived_from_the_platform_files(switch: str) -> None:
    tool = import_tool()
    product = CATALOG.switches[switch]
    sonic = product.nos["sonic"]
    made = tool.derived(platform_of(switch), product.cages[0].form_factor, list(sonic.releases), sonic.asic)
    file = (ROOT / "fabric_compiler/catalog/data/switches" / f"{switch}.yaml").read_text(encoding="utf-8")
    cages, derived_nos = made.split("nos:\n")
    assert cages in file
    assert file.endswith(derived_nos)


def import_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("import_sonic_platform", ROOT / "tools/import_sonic_platform.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sonic_counts_lanes() -> None:
    layout = port_layout(CATALOG.switches["sn5600"], "sonic", [(2, 2, 400_000), (1, 4, 200_000)])
    assert [p.name for p in layout.ports][:9] == [f"Ethernet{n}" for n in (0, 4, 8, 12, 16, 18, 20, 22, 24)]
    assert [p.alias for p in layout.ports][:5] == ["etp1a", "etp1b", "etp2a", "etp2b", "etp3a"]
    assert [p.subport for p in layout.ports][:9] == [1, 2, 1, 2, 1, 2, 3, 4, 0]
    assert layout.ports[0].breakout == "2x400G[200G,100G,50G,40G,25G,10G]"


def test_unused_cages_stay_unsplit() -> None:
    layout = port_layout(CATALOG.switches["sn5600"], "sonic", [(1, 2, 400_000)])
    assert [c.ports for c in layout.cages] == [2] + [1] * 63
    assert {p.speed for p in layout.ports[2:]} == {800_000}


def test_lanes_follow_the_cage_not_a_formula() -> None:
    layout = port_layout(CATALOG.switches["7060x6-64pe"], "sonic", [(1, 2, 400_000)])
    assert layout.ports[0].lanes == (17, 18, 19, 20)
    assert layout.ports[1].lanes == (21, 22, 23, 24)


def test_a_platform_may_count_from_one() -> None:
    layout = port_layout(CATALOG.switches["m2-w6940-128qc"], "sonic", [(1, 2, 200_000)])
    assert [p.name for p in layout.ports][:3] == ["Ethernet1", "Ethernet3", "Ethernet5"]
    assert CATALOG.switches["m2-w6940-128qc"].cages[0].index == 0


@pytest.mark.parametrize(
    ("ports", "speed", "names", "mode"),
    [
        (1, 800_000, ["Ethernet1/1"], "800g-8"),
        (2, 400_000, ["Ethernet1/1", "Ethernet1/5"], "400g-4"),
        (4, 200_000, ["Ethernet1/1", "Ethernet1/3", "Ethernet1/5", "Ethernet1/7"], "200g-2"),
        (8, 100_000, [f"Ethernet1/{n}" for n in range(1, 9)], "100g-1"),
    ],
)
def test_eos_names_a_port_by_its_first_lane(ports: int, speed: int, names: list[str], mode: str) -> None:
    layout = port_layout(CATALOG.switches["7060x6-64pe"], "eos", [(1, ports, speed)])
    mine = [p for p in layout.ports if p.cage == 0]
    assert [p.name for p in mine] == names
    assert {p.breakout for p in mine} == {mode}
    assert layout.ports[-1].name == "Ethernet64/1"


@needs_facts
def test_eos_names_are_the_aliases_that_sonic_keeps_of_them() -> None:
    """SONiC on the 7060DX5 has EOS's names as aliases: an independent record of the rule."""
    switch = CATALOG.switches["7060dx5-64s"]
    for ports, speed in ((1, 400_000), (2, 200_000), (4, 100_000), (8, 50_000)):
        uses = [(64, ports, speed)]
        sonic, eos = port_layout(switch, "sonic", uses), port_layout(switch, "eos", uses)
        assert [p.alias for p in sonic.ports] == [p.name for p in eos.ports]


def test_eos_has_no_mode_for_a_rate_that_no_lane_has() -> None:
    assert eos_mode(Breakout("1x400G[10G]", 1, 10_000, 8)) is None
    assert eos_mode(Breakout("1x400G", 1, 400_000, 8)) == "400g-8"
    with pytest.raises(NoBreakoutError):
        port_layout(CATALOG.switches["7060dx5-64s"], "eos", [(1, 1, 40_000)])


def test_a_mode_that_the_platform_lacks_is_an_error_with_those_it_has() -> None:
    with pytest.raises(NoBreakoutError, match=r"no mode 8x100G under sonic") as caught:
        port_layout(CATALOG.switches["sn5600"], "sonic", [(1, 8, 100_000)])
    assert "2x400G" in caught.value.hint


def test_too_many_cages_and_unknown_systems_are_errors() -> None:
    with pytest.raises(NotEnoughCagesError) as caught:
        port_layout(CATALOG.switches["sn5600"], "sonic", [(65, 1, 800_000)])
    assert "64" in caught.value.hint
    with pytest.raises(UnknownNosError) as unknown:
        port_layout(CATALOG.switches["sn5600"], "eos", [])
    assert "sonic" in unknown.value.hint


def test_layouts_are_made_once_a_shape_and_never_mixed_up() -> None:
    switch = CATALOG.switches["sn5600"]
    assert port_layout(switch, "sonic", [(1, 2, 400_000)]) is port_layout(switch, "sonic", [(1, 2, 400_000)])
    other = dataclasses.replace(switch, cages=switch.cages[:1])  # of the same name, as from a user's directory
    assert len(port_layout(other, "sonic", [(1, 2, 400_000)]).ports) == 2


@pytest.mark.parametrize(
    ("word", "lanes", "expected"),
    [
        ("2x400G[200G, 100G]", 8, [(2, 400_000, 4), (2, 200_000, 4), (2, 100_000, 4)]),
        ("1x400G(4)", 8, [(1, 400_000, 4)]),
        ("2x400G(8)", 8, [(2, 400_000, 4)]),
        ("8x100G", 8, [(8, 100_000, 1)]),
    ],
)
def test_breakout_words(word: str, lanes: int, expected: list[tuple[int, int, int]]) -> None:
    parsed = parse_mode(word, lanes)
    assert [(b.ports, b.speed, b.lanes) for b in parsed] == expected
    assert {b.mode for b in parsed} == {word}


@pytest.mark.parametrize("word", ["4x100G(4)+1x400G(4)", "3x100G", "2x400G(16)", "x", "2x400G[", "99x1G", "2x400G\n"])
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"expected a breakout mode|does not divide"):
        parse_mode(word, 8)


def test_a_modes_own_speed_goes_before_a_bracketed_one() -> None:
    modes = in_order(["1x800G[400G]", "1x400G"], 8)
    assert next(b.mode for b in modes if b.speed == 400_000) == "1x400G"


def test_exact_sku_first() -> None:
    switch = CATALOG.switches["7060x6-64pe"]
    assert choose_hwsku(switch, port_layout(switch, "sonic", [(64, 2, 400_000)]), True).name == "Arista-7060X6-64PE-O128S2"
    assert choose_hwsku(switch, port_layout(switch, "sonic", [(64, 4, 200_000)]), True).name == "Arista-7060X6-64PE-256x200G"
    mixed = port_layout(switch, "sonic", [(32, 1, 800_000), (32, 2, 400_000)])
    assert choose_hwsku(switch, mixed, True).name == "Arista-7060X6-64PE-P32O64"


def test_without_an_exact_sku_headroom_decides() -> None:
    switch = CATALOG.switches["7060x6-64pe"]
    layout = port_layout(switch, "sonic", [(10, 2, 400_000)])  # 54 cages are left unsplit at 800G
    assert choose_hwsku(switch, layout, lossless=True).name == "Arista-7060X6-64PE"
    assert choose_hwsku(switch, layout, lossless=True, speeds={400_000}).name == "Arista-7060X6-64PE-O128S2"
    assert choose_hwsku(switch, layout, lossless=False, speeds={400_000}).name == "Arista-7060X6-64PE"


def test_of_two_exact_skus_the_one_with_headroom_wins() -> None:
    switch = CATALOG.switches["sn5640"]
    layout = port_layout(switch, "sonic", [(64, 8, 100_000)])
    assert choose_hwsku(switch, layout, lossless=True).name == "Mellanox-SN5640-C512S2"


def test_no_sku_without_sonic() -> None:
    switch = dataclasses.replace(CATALOG.switches["7060x6-64pe"], nos={})
    with pytest.raises(UnknownNosError):
        choose_hwsku(switch, port_layout(CATALOG.switches["7060x6-64pe"], "eos", []), lossless=False)


def test_a_server_has_a_port_for_each_netdev() -> None:
    layout = server_layout(CATALOG.servers["hgx-b300"], {"gpu-nics": 2, "frontend": 1})
    assert [p.name for p in layout.ports][:4] == ["gpu0p0", "gpu0p1", "gpu1p0", "gpu1p1"]
    assert [(p.cage, p.subport) for p in layout.ports][:4] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert {p.speed for p in layout.ports[:16]} == {400_000}
    assert [p.name for p in layout.ports[16:]] == ["front0", "front1"]
    assert layout.ports[16].subport == 0
    assert [c.ports for c in layout.cages] == [2] * 8 + [1, 1]


def test_nics_of_a_dgx_share_cages() -> None:
    layout = server_layout(CATALOG.servers["dgx-h100"], {"gpu-nics": 1})
    assert len(layout.ports) == 8
    assert [(c.label, c.ports) for c in layout.cages] == [("OSFP4", 2), ("OSFP3", 2), ("OSFP1", 2), ("OSFP2", 2)]
    by_name = {p.name: layout.cages[p.cage].label for p in layout.ports}
    assert by_name["enp220s0np0"] == "OSFP1"
    assert by_name["enp24s0np0"] == "OSFP4"


def test_server_errors_name_what_exists() -> None:
    server = CATALOG.servers["dgx-h100"]
    with pytest.raises(UnknownNicGroupError) as unknown:
        server_layout(server, {"gpus": 1})
    assert "gpu-nics" in unknown.value.hint
    with pytest.raises(NoBreakoutError) as split:
        server_layout(server, {"gpu-nics": 2})
    assert "1 x 400G" in split.value.hint
