"""The Batfish snapshots of every example have the layout that its manual gives, and the cabling of the plan.

Batfish itself is a Java service whose archive no package registry has; pybatfish is its client and reads no snapshot. So the
layout is checked against the manual ("Format of vendor and supplemental data"), and no more is claimed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from exports import NAMES, as_json, build, exported, rows

from fabric_compiler.export.base import Parameters
from fabric_compiler.export.run import run


def edges(place: Path) -> list[tuple[str, ...]]:
    found: list[dict[str, Any]] = as_json(place / "batfish/layer1_topology.json")["edges"]
    assert all(edge.keys() == {"node1", "node2"} for edge in found)
    return sorted(
        (edge["node1"]["hostname"], edge["node1"]["interfaceName"], edge["node2"]["hostname"], edge["node2"]["interfaceName"])
        for edge in found
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_layer_1_topology_is_the_cabling(name: str) -> None:
    wanted = sorted((r["a_device"], r["a_port"], r["b_device"], r["b_port"]) for r in rows(name, "links"))
    assert edges(exported(name, "batfish")) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_every_device_is_where_batfish_looks_for_it(name: str) -> None:
    place = exported(name, "batfish")
    devices = rows(name, "devices")
    assert {file.name for file in place.iterdir()} <= {"configs", "sonic_configs", "hosts", "batfish"}
    for row in devices:
        if row["kind"] == "server":
            host = json.loads((place / f"hosts/{row['name']}.json").read_bytes())
            assert host["hostname"] == row["name"]
        elif row["nos"] == "eos":
            text = (place / f"configs/{row['name']}/{row['name']}.cfg").read_text()
            # what Batfish knows the vendor by
            assert text.splitlines()[1].startswith(f"! device: {row['name']} (DCS-")
            assert ", EOS-" in text.splitlines()[1]
        else:
            files = sorted(file.name for file in (place / f"sonic_configs/{row['name']}").iterdir())
            assert files == ["config_db.json", "frr.conf"]


@pytest.mark.parametrize("name", ["quickstart", "numbered-dual-stack"])
def test_hosts_have_the_addresses_of_the_plan(name: str) -> None:
    place = exported(name, "batfish")
    found = {
        (host["hostname"], port["name"], port["prefix"])
        for host in map(as_json, (place / "hosts").iterdir())
        for port in host["hostInterfaces"].values()
    }
    wanted = {
        (r["device"], r["interface"], f"{r['address']}/{r['prefix_length']}")
        for r in rows(name, "addresses")
        if r["purpose"] == "host" and "server" in r["device"] and ":" not in r["address"]
    }
    assert found == wanted


def test_a_slice_is_a_smaller_snapshot(tmp_path: Path) -> None:
    place = run(build("three-networks"), "batfish", tmp_path, Parameters(pods=("su2",), networks=("frontend",))).path
    assert {file.stem for file in (place / "hosts").iterdir()} == {f"su2-server-{n}" for n in range(1, 17)}
    assert all("frontend" in one[2] for one in edges(place))
