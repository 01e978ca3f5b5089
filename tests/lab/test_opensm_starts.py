"""The real OpenSM takes every generated file: the subnet comes up under the engine that was chosen, without an error."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import infiniband
import pytest
from lab.subnet_manager import PRELOAD, sweep

from fabric_compiler.targets import opensm
from fabric_compiler.verify.readback.opensm import OPTIONS

pytestmark = pytest.mark.skipif(
    PRELOAD is None or not shutil.which("opensm") or not shutil.which("ibsim"),
    reason="opensm and ibsim-utils are not installed",
)

SMALL = {"switch": "qm9700", "downlinks": 8}
TENANTS = {
    "research": {"pods": "su1", "service-level": 1},
    "production": {"pods": "su2", "service-level": 2},
    "services": {"servers": "su1-server-1", "limited": {"pods": "su2"}, "shared": True},
}
HOSTS = {"hosts": ["ufm-1", "ufm-2"], "m-key": "secret:m-key", "sa-key": "secret:sa-key"}
FABRICS: dict[str, tuple[dict[str, Any], str]] = {
    "two tiers": ({}, "ftree"),
    "tenants, levels and hosts": ({"tenants": TENANTS, "subnet_manager": HOSTS}, "ftree"),
    "three tiers": ({"topology": {"kind": "rail-optimized", "tiers": 3}, "leaf": SMALL, "spine": SMALL}, "ftree"),
    "three tiers, oversubscribed": (
        {"topology": {"kind": "leaf-spine", "tiers": 3, "oversubscription": "2:1"}, "leaf": SMALL, "spine": SMALL},
        "ftree",
    ),
    "3:1": ({"topology": {"kind": "leaf-spine", "oversubscription": "3:1"}, "servers": 8}, "ftree"),
    "several paths": ({"subnet_manager": {"lmc": 2}}, "updn"),
    "a single leaf": ({"topology": {"kind": "leaf-spine"}, "pods": 1, "servers": 2}, "updn"),
    "HDR": ({"leaf": {"switch": "qm8700"}, "spine": {"switch": "qm8700"}, "server": "hgx-a100"}, "ftree"),
    "XDR": ({"leaf": {"switch": "q3400"}, "spine": {"switch": "q3400"}, "server": "hgx-b300"}, "ftree"),
} | {
    name: ({"subnet_manager": {"routing": name}}, name) for name in ("updn", "minhop", "dnup", "sssp", "dfsssp", "lash", "nue")
}


@pytest.mark.parametrize("name", FABRICS)
def test_a_subnet_comes_up_under_its_engine_without_an_error(name: str, tmp_path: Path) -> None:
    fabric, engine = FABRICS[name]
    found = infiniband.analysed(infiniband.intent(**fabric), tmp_path)
    (tmp_path / "sm").mkdir()
    said = sweep(infiniband.files(found), tmp_path / "sm")
    assert said.errors == []
    assert (said.up, said.engine) == (True, engine)


def test_a_host_of_the_subnet_manager_starts_with_its_own_options(tmp_path: Path) -> None:
    found = infiniband.analysed(infiniband.intent(subnet_manager=HOSTS), tmp_path)
    ((_, own), _) = opensm.render_hosts(found.subnets[0]).items()
    (tmp_path / "sm").mkdir()
    said = sweep(infiniband.files(found) | {"ufm-1.conf": own}, tmp_path / "sm", "ufm-1.conf")
    assert said.errors == []
    assert said.up
    assert f"binding to port GUID 0x{found.subnets[0].hosts[0].port_guid:x}" in said.log


def test_compute_and_i_o_nodes_on_one_fabric(tmp_path: Path) -> None:
    tree = infiniband.intent()
    tree["pods"].append({"name": "st", "servers": 4, "server": "storage-generic", "connect": {"compute": "storage-nics"}})
    (tmp_path / "sm").mkdir()
    said = sweep(infiniband.files(infiniband.analysed(tree, tmp_path)), tmp_path / "sm")
    assert said.errors == []
    assert (said.up, said.engine) == (True, "ftree")
    assert "(64 of them CNs)" in said.log


def test_real_guids_come_out_in_the_simulator(tmp_path: Path) -> None:
    """An HCA whose port has its node's GUID, as ConnectX-7 has, is the member that partitions.conf names."""
    (tmp_path / "guids.csv").write_text("device,port,node_guid\nsu1-server-1,mlx5_0,0xb8cef60300a0b4c2\n")
    found = infiniband.analysed(infiniband.intent(tenants={"one": {"pods": ["su1", "su2"]}}) | {"guids": "guids.csv"}, tmp_path)
    (tmp_path / "sm").mkdir()
    said = sweep(infiniband.files(found), tmp_path / "sm")
    assert said.errors == []
    assert "0xb8cef60300a0b4c2" in (tmp_path / "sm" / "opensm-subnet.lst").read_text().lower().replace("portguid:", "0x")


def test_opensm_tells_what_it_does_not_know(tmp_path: Path) -> None:
    """Else a test without errors would say nothing."""
    found = infiniband.files(infiniband.analysed(infiniband.intent(), tmp_path))
    (tmp_path / "sm").mkdir()
    said = sweep(found | {"opensm.conf": found["opensm.conf"] + b"no_such_option 1\n"}, tmp_path / "sm")
    assert any("no_such_option" in line for line in said.errors)


def test_every_option_is_one_that_opensm_writes(tmp_path: Path) -> None:
    subprocess.run(["opensm", "-c", str(tmp_path / "all.conf")], check=False, capture_output=True, timeout=60)
    lines = (tmp_path / "all.conf").read_text().splitlines()
    assert {line.split()[0] for line in lines if line and not line.startswith("#")} >= OPTIONS
