"""Slurm's own controller reads topology.conf of every example, and shows the tree that the cabling has."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import networkx as nx
import pytest
from export.test_export_placement import expanded
from exports import NAMES, exported, source

from fabric_compiler.export.placement import fabric_of_jobs

pytestmark = pytest.mark.skipif(shutil.which("slurmctld") is None, reason="apt-get install slurmctld slurm-client")

Shown = dict[str, tuple[int, frozenset[str]]]  # level and nodes by switch


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def configuration(place: Path, nodes: list[str]) -> str:
    """A cluster whose nodes are down; an address each, for they have no names here."""
    lines = [
        "ClusterName=fabric",
        "SlurmctldHost=localhost",
        f"SlurmctldPort={free_port()}",
        "SlurmUser=root",
        "AuthType=auth/none",
        "CredType=cred/none",
        f"StateSaveLocation={place}/state",
        f"SlurmctldPidFile={place}/pid",
        "SelectType=select/cons_tres",
        "ProctrackType=proctrack/linuxproc",
        "TopologyPlugin=topology/tree",
    ]
    lines += [f"NodeName={name} NodeAddr=127.1.{n >> 8}.{n & 255} CPUs=1 State=DOWN" for n, name in enumerate(nodes, 1)]
    return "\n".join([*lines, "PartitionName=all Nodes=ALL Default=YES"]) + "\n"


@contextmanager
def controller(place: Path, topology: Path, nodes: list[str]) -> Iterator[dict[str, str]]:
    """A slurmctld of its own; gives the environment for scontrol."""
    (place / "state").mkdir()
    (place / "slurm.conf").write_text(configuration(place, nodes))
    shutil.copy(topology, place / "topology.conf")
    environment = {**os.environ, "SLURM_CONF": str(place / "slurm.conf")}
    command = ["slurmctld", "-D", "-c", "-f", str(place / "slurm.conf")]
    with (place / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=environment) as running:
        try:
            yield environment
        finally:
            running.kill()


def shown(place: Path, topology: Path, nodes: list[str]) -> Shown:
    with controller(place, topology, nodes) as environment:
        for _ in range(60):
            command = ["scontrol", "show", "topology"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)
            if done.returncode == 0 and "SwitchName" in done.stdout:
                break
            time.sleep(0.25)
        assert done.returncode == 0, (place / "log").read_text()[-2000:]
    log = (place / "log").read_text()
    assert "lacks access" not in log
    assert "does not define" not in log
    found = {}
    for line in done.stdout.splitlines():
        fields = dict(field.split("=", 1) for field in line.split())
        found[fields["SwitchName"]] = (int(fields["Level"]), frozenset(expanded(fields["Nodes"])))
    return found


def wanted(name: str) -> set[tuple[int, frozenset[str]]]:
    """From the links alone: what stays together when the upper tiers are taken away."""
    build = source(name)
    network = fabric_of_jobs(build, ())
    servers = {device.name for device in build.servers}
    graph: nx.Graph[str] = nx.Graph()
    found = set()
    for level, tiers in enumerate(("server-leaf", "leaf-spine", "spine-core")):
        links = [link for link in build.links if link.network == network and link.tiers == tiers]
        graph.add_edges_from((link.a_device, link.b_device) for link in links)
        if links:
            found |= {(level, frozenset(part & servers)) for part in nx.connected_components(graph) if part & servers}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_slurm_shows_the_tree_of_the_cabling(name: str, tmp_path: Path) -> None:
    nodes = [device.name for device in source(name).servers]
    found = shown(tmp_path, exported(name, "slurm") / "tree/topology.conf", nodes)
    assert set(found.values()) == wanted(name)


def test_a_server_under_a_wrong_leaf_would_be_seen(tmp_path: Path) -> None:
    name = "three-networks"
    text = (exported(name, "slurm") / "tree/topology.conf").read_text()
    wrong = tmp_path / "wrong.conf"
    wrong.write_text(
        text.replace("su1-server-[1-16]", "su1-server-[1-15]").replace("su2-server-[1-16]", "su2-server-[1-16],su1-server-16")
    )
    nodes = [device.name for device in source(name).servers]
    (tmp_path / "run").mkdir()
    assert set(shown(tmp_path / "run", wrong, nodes).values()) != wanted(name)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_are_the_leafs_of_the_tree(name: str) -> None:
    """Debian's Slurm is older than topology/block: its file is compared with the tree's (topology.conf(5), 23.11)."""
    tree = (exported(name, "slurm") / "tree/topology.conf").read_text().splitlines()
    *blocks, sizes = [
        line for line in (exported(name, "slurm") / "block/topology.conf").read_text().splitlines() if line[0] != "#"
    ]
    leafs = [line for line in tree if " Nodes=" in line]
    assert [line.replace("BlockName", "SwitchName") for line in blocks] == leafs
    key, _, numbers = sizes.partition("=")
    counts = [len(expanded(line.partition("Nodes=")[2])) for line in blocks]
    assert key == "BlockSizes"
    assert int(numbers.split(",")[0]) == min(counts)
