"""`fabricc lab` on InfiniBand networks: needs no rights, works in a directory of the user's own, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabrics import text
from lab.infiniband_lab import exchanged, needs_infiniband
from subnet_intents import intent

from fabric_compiler.compiler import Options
from fabric_compiler.compiler import build as compile_build
from fabric_compiler.lab import build as builds
from fabric_compiler.lab import protocols
from fabric_compiler.lab.infiniband import laboratory, places, processes

pytestmark = [needs_infiniband, pytest.mark.xdist_group("infiniband-commands")]

FABRIC = f"ib{os.getpid()}"
FALLBACK = f"{tempfile.gettempdir()}/fabricc-ib-65534"
COMMAND = [sys.executable, "-m", "fabric_compiler.cli", "lab"]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("build")
    tree = intent(2, 2, leaf={"switch": "qm9700", "downlinks": 8}) | {"fabric": FABRIC}
    (directory / "test.yaml").write_text(text(tree))
    return compile_build(directory / "test.yaml", directory / "build", Options()).path


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Whatever a test did, `down` removes it."""
    yield
    laboratory.down(FABRIC)
    assert traces() == []


def traces() -> list[object]:
    """What there is of the lab on this machine."""
    own = places.of(FABRIC)
    return [*processes.of(places.instance(FABRIC)), *([own] if own.exists() else [])]


def fabricc(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, input=given)


def test_up_test_and_down(build: Path) -> None:
    up = fabricc("up", build)
    assert (up.returncode, up.stderr) == (0, "")
    assert "compute: 18 switches and 32 adapters" in up.stdout
    again = fabricc("up", build)
    assert (again.returncode, again.stderr.startswith("error[FC8103]")) == (3, True)
    test = fabricc("test", build, "--format", "json")
    found = json.loads(test.stdout)
    assert (test.returncode, found["passed"]) == (0, True)
    assert [row["name"] for row in found["checks"]] == [
        f"compute: {name}"
        for name in (
            "subnet manager", "cables", "reachability", "hops", "load", "credit loops", "partitions", "cable cut",
            "switch lost",
        )
    ]  # fmt: skip
    prompt = fabricc("shell", build, "su1-server-1", given="ibnetdiscover --list | wc -l\n")
    assert prompt.stdout.split() == ["50"]
    down = fabricc("down", build)
    assert (down.returncode, down.stdout) == (0, f"the lab of {FABRIC} is gone: 50 devices\n")
    assert traces() == []
    assert fabricc("test", build).returncode == 3
    assert fabricc("down", FABRIC).stdout == f"there was no lab of {FABRIC}\n"


def test_no_rights_are_needed(build: Path) -> None:
    """As a user of a namespace who is nobody there, without any capability."""
    if subprocess.run(["unshare", "--user", "true"], check=False).returncode:
        pytest.skip("this kernel has no user namespaces for us")
    ours = " ".join(COMMAND)
    script = f"{ours} up {build} && {ours} test --no-faults {build}; {ours} down {build}; id -u; ls -d {FALLBACK}*"
    done = subprocess.run(["unshare", "--user", "sh", "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.count("passed") == 7
    assert done.stdout.endswith(f"the lab of {FABRIC} is gone: 50 devices\n65534\n")
    assert "No such file" in done.stderr


@pytest.mark.parametrize("program", ["ibsim", "opensm"])
def test_a_set_up_that_is_killed_is_removed_by_down(program: str, build: Path) -> None:
    up = subprocess.Popen([*COMMAND, "up", str(build)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while program not in names() and up.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    up.kill()
    up.wait()
    assert traces()
    assert fabricc("up", build).returncode == 3
    assert fabricc("down", build).returncode == 0
    assert traces() == []


def names() -> set[str]:
    return set(map(processes.name, processes.of(places.instance(FABRIC))))


def test_a_subnet_manager_that_was_killed_is_missed(build: Path) -> None:
    assert fabricc("up", build).returncode == 0
    for process in processes.of(places.instance(FABRIC)):
        if processes.name(process) == "opensm":
            os.kill(process, signal.SIGKILL)
    test = fabricc("test", build)
    assert test.returncode == 3
    assert "the subnet manager does not run" in test.stderr


def test_a_build_with_exchanged_cables_fails_its_test(build: Path, tmp_path: Path) -> None:
    edited = tmp_path / FABRIC
    shutil.copytree(build, edited)
    topology = edited / "networks/compute/opensm/topology.net"
    topology.write_text(exchanged(topology.read_text(), "0201000000000000[1]", "0201000000010000[1]"))
    assert fabricc("up", edited).returncode == 1
    assert fabricc("up", edited, "--edited").returncode == 0
    test = fabricc("test", edited, "--edited")
    assert test.returncode == 1
    expected = "exchange the plugs in su1-server-1 mlx5_0 (cage OSFP4) and mlx5_3 (cage OSFP3): "
    assert f"FAILED  compute: cables: 160 links as planned\n        {expected}" in test.stdout
    assert "FAILED  compute: faults: not tried" in test.stdout


def test_a_fabric_with_both_protocols_has_both_labs(tmp_path: Path) -> None:
    tree = intent(1, 2, leaf={"switch": "qm9700", "downlinks": 8})
    tree["networks"]["storage"] = {
        "topology": {"kind": "leaf-spine", "homing": 2},
        "leaf": {"switch": "7060dx5-64s", "nos": "eos"},
        "spine": {"switch": "7060dx5-64s", "nos": "eos"},
        "addressing": {"loopbacks": "10.254.0.0/16", "hosts": "10.0.0.0/12"},
    }
    tree["pods"][0]["connect"]["storage"] = "storage-nics"
    (tmp_path / "both.yaml").write_text(text(tree))
    made = builds.read(compile_build(tmp_path / "both.yaml", tmp_path / "build", Options()).path)
    labs = [lab.__name__.rpartition(".")[2] for lab in protocols.labs(made)]  # type: ignore[attr-defined]
    assert labs == ["ethernet", "laboratory"]
