"""`fabricc lab` as a person and a pipeline call it, over one small fabric."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.frr_daemons import available
from lab.mistakes import LEAFS, SPINES, compiled
from lab.remains import remains

pytestmark = [
    pytest.mark.skipif(bool(available()), reason=available() or "FRR is here"),
    pytest.mark.xdist_group("lab-small"),
]
ROOT = Path(__file__).resolve().parents[2]


def call(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fabric_compiler.cli", "lab", *arguments]
    return subprocess.run(command, cwd=ROOT, input=said, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A build whose lab is up."""
    fabric = f"fc{os.getpid()}"
    found = compiled(fabric, tmp_path_factory.mktemp("commands"))
    done = call("up", str(found))
    try:
        assert done.returncode == 0, done.stderr
        assert "5 switches, 3 servers and 36 links" in done.stdout
        yield found
    finally:
        gone = call("down", str(found))
    assert "8 devices" in gone.stdout
    assert remains(fabric) == []


def test_a_test_without_faults_as_json(tree: Path) -> None:
    done = call("test", str(tree), "--no-faults", "--sample", "40", "--seed", "7", "--pods", "pod1,pod2", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["passed"]
    rows = {row["name"]: row for row in found["checks"]}
    assert list(rows) == ["convergence", "links", "sessions", "routes", "ECMP", "reachability"]
    assert rows["reachability"]["lost"] == 0
    assert "40 of 128 pairs of NICs, sampled with seed 7" in rows["reachability"]["found"]


def test_what_is_wrong_fails_the_command(tree: Path) -> None:
    """A link that somebody set down by hand."""
    name = f"lab_{tree.name}_{SPINES[0]}"
    for state, code in (("down", 1), ("up", 0)):
        subprocess.run(["ip", "-n", name, "link", "set", "Ethernet0", state], check=True)
        done = call("test", str(tree), "--no-faults", "--wait", "20")
        assert done.returncode == code, done.stdout
        assert ("FAILED  links:" in done.stdout) == (code == 1)
    assert "passed  sessions: 12 BGP sessions are established" in done.stdout


def test_a_shell_is_vtysh_on_a_switch_and_sh_on_a_server(tree: Path) -> None:
    assert "local AS number 42" in call("shell", str(tree), LEAFS[0], said="show bgp ipv4 unicast summary\n").stdout
    said = call("shell", str(tree), "pod1-server-1", said="ip -br address\n").stdout
    assert "gpu0" in said
    assert call("shell", str(tree), "nobody").returncode == 1


def test_a_lab_is_not_set_up_twice_nor_tested_against_another_build(tree: Path, tmp_path: Path) -> None:
    assert call("up", str(tree)).returncode == 3
    other = compiled(tree.name, tmp_path)
    (other / "devices" / LEAFS[0] / "frr.conf").write_text("!\n")
    done = call("test", str(other), "--edited")
    assert done.returncode == 3
    assert "runs another build" in done.stderr


def test_a_build_that_is_none_is_a_mistake_of_usage(tmp_path: Path) -> None:
    done = call("up", str(tmp_path))
    assert done.returncode == 2
    assert "manifest.json" in done.stderr


def test_a_foreign_line_of_frr_is_refused_before_anything_is_set_up(tmp_path: Path) -> None:
    fabric = f"fd{os.getpid()}"
    found = compiled(fabric, tmp_path)
    path = found / "devices" / LEAFS[0] / "frr.conf"
    path.write_text(path.read_text().replace("log syslog informational", f"log file {tmp_path}/written"))
    assert call("up", str(found)).returncode == 1  # it was edited
    done = call("up", str(found), "--edited")
    assert done.returncode == 1
    assert "'log file" in done.stderr
    assert not (tmp_path / "written").exists()
    assert remains(fabric) == []
