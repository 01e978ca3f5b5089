"""The routing engine fits the topology, and what it excludes is an error where it is stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import infiniband
import pytest

from fabric_compiler.compiler import Analysis
from fabric_compiler.control.engines import ENGINES
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.intent.schema import Routing
from fabric_compiler.targets import opensm

THREE = {"kind": "rail-optimized", "tiers": 3}
SMALL = {"switch": "qm9700", "downlinks": 8}


def compiled(root: Path, manager: dict[str, Any] | None = None, **network: Any) -> Analysis:
    return infiniband.analysed(infiniband.intent(subnet_manager=manager or {}, **network), root)


def option(analysis: Analysis, name: str) -> str:
    text = opensm.render(analysis.subnets[0])["opensm.conf"].decode()
    return next((line.partition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")), "")


def test_every_engine_of_the_language_is_known() -> None:
    assert set(Routing.__args__) - {"auto"} == set(ENGINES)  # type: ignore[attr-defined]


@pytest.mark.parametrize("network", [{}, {"topology": THREE, "leaf": SMALL, "spine": SMALL}])
def test_a_clos_takes_ftree(tmp_path: Path, network: dict[str, Any]) -> None:
    found = compiled(tmp_path, **network)
    assert option(found, "routing_engine") == "ftree,no_fallback"
    assert option(found, "root_guid_file") == "/etc/opensm/root_guid.conf"
    assert option(found, "cn_guid_file") == "/etc/opensm/cn_guid.conf"
    assert option(found, "io_guid_file") == ""  # there are no I/O nodes


def test_several_lids_a_port_take_updn(tmp_path: Path) -> None:
    found = compiled(tmp_path, {"lmc": 2})
    assert option(found, "routing_engine") == "updn,no_fallback"
    assert option(found, "lmc") == "2"
    assert found.subnets[0].lids == 64 * 4 + 18


def test_a_single_leaf_takes_updn(tmp_path: Path) -> None:
    """OpenSM 3.3.23 cannot build ftree's matrices over one leaf."""
    tree = infiniband.intent(1, 2, topology={"kind": "leaf-spine"})
    assert option(infiniband.analysed(tree, tmp_path), "routing_engine") == "updn,no_fallback"


def test_without_compute_nodes_no_list_is_named(tmp_path: Path) -> None:
    """OpenSM takes all for compute nodes then; with a list of I/O nodes alone there would be none."""
    tree = infiniband.intent(2, 4, server="storage-generic", topology={"kind": "leaf-spine", "homing": 2})
    tree["pods"][0]["connect"] = {"compute": "storage-nics"}
    found = infiniband.analysed(tree, tmp_path)
    assert option(found, "cn_guid_file") == option(found, "io_guid_file") == ""


@pytest.mark.parametrize("name", ["dfsssp", "lash", "nue"])
def test_engines_with_lanes_of_their_own_get_them(tmp_path: Path, name: str) -> None:
    found = compiled(tmp_path, {"routing": name})
    assert option(found, "qos") == "TRUE"
    assert option(found, "max_op_vls") == "4"  # the code of eight
    assert option(found, "qos_sl2vl") == "0,1,2,3,4,5,6,7,0,1,2,3,4,5,6,7"


def test_one_level_needs_one_lane(tmp_path: Path) -> None:
    found = compiled(tmp_path)
    assert (option(found, "qos"), option(found, "max_op_vls")) == ("FALSE", "1")


def test_nvidia_s_flavour_routes_adaptively(tmp_path: Path) -> None:
    found = compiled(tmp_path, {"flavor": "nvidia", "sharp": True})
    assert option(found, "routing_engine") == "ar_updn,no_fallback"
    assert option(found, "sharp_enabled") == "2"
    assert option(found, "ar_sl_mask") == "0xffff"
    assert option(compiled(tmp_path), "sharp_enabled") == ""


@pytest.mark.parametrize(
    ("manager", "network", "sentence"),
    [
        ({"routing": "dor"}, {}, "dor routes by dimension"),
        ({"routing": "torus-2QoS"}, {}, "torus-2QoS routes a torus"),
        ({"routing": "ftree", "lmc": 1}, {}, "ftree has no LMC above 0"),
        ({"routing": "lash", "lmc": 1}, {}, "lash has no LMC above 0"),
        ({"routing": "ar_updn"}, {}, "upstream OpenSM has no ar_updn"),
        ({"routing": "dfsssp", "virtual-lanes": 1}, {}, "dfsssp needs 2 virtual lanes"),
        (
            {"routing": "ftree"},
            {"topology": {"kind": "leaf-spine"}, "leaf": {"switch": "qm9700"}},
            "ftree needs compute nodes on 2",
        ),
        ({"lmc": 7}, {"servers": 32, "pods": 8}, "LIDs, and there are 49151"),
    ],
)
def test_what_excludes_one_another_is_an_error(
    tmp_path: Path, manager: dict[str, Any], network: dict[str, Any], sentence: str
) -> None:
    shape = {"pods": 1, "servers": 2} | network
    with pytest.raises(CompileError) as caught:
        infiniband.analysed(infiniband.intent(subnet_manager=manager, **shape), tmp_path)
    found = [d for d in caught.value.diagnostics if d.code == "FC6021"]
    assert any(sentence in d.message for d in found), caught.value.diagnostics
    assert all(d.span and d.hint for d in found)


def test_an_engine_that_leaves_links_idle_is_a_warning(tmp_path: Path) -> None:
    found = compiled(tmp_path, {"routing": "updn"}, topology=THREE, leaf=SMALL, spine=SMALL)
    assert [d.code for d in found.warnings] == ["FC6021"]


def test_subnets_of_a_fabric_have_prefixes_of_their_own(tmp_path: Path) -> None:
    tree = infiniband.intent(server="dgx-b200")
    tree["networks"]["storage"] = tree["networks"]["compute"] | {"topology": {"kind": "leaf-spine"}}
    tree["pods"][0]["connect"]["storage"] = "storage-nics"
    found = infiniband.analysed(tree, tmp_path)
    prefixes = [subnet.prefix for subnet in found.subnets]
    assert prefixes[0] == 0xFE80 << 48  # what a host with one subnet expects
    assert len(set(prefixes)) == 2
