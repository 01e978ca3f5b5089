"""The same intent makes the same bytes: in any place, with any number of processes, for any hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from compiler.builds import Desk, Tree, read_tree, with_storage

ROOT = Path(__file__).resolve().parents[2]

# more devices than one process takes at a time
TREE: Tree = with_storage(
    {
        "version": 1,
        "fabric": "same",
        "sites": {"gru1": {"placement": {}, "power": "2 MW"}},
        "networks": {
            "backend": {
                "topology": {"kind": "rail-optimized", "tiers": 3, "reserve": {"pods": 4}},
                "leaf": {"switch": "sn5600", "downlinks": 8},
                "spine": {"switch": "7060x6-64pe", "nos": "eos", "downlinks": 8},
                "core": {"switch": "sn5600"},
                "headroom": "16:1",
                "addressing": {"links": ["10.240.0.0/16", "fd00:240::/64"], "loopbacks": "10.254.0.0/17",
                               "hosts": ["10.0.0.0/12", "fd00:10::/48"]},
            }
        },
        "pods": [{"name": "su", "count": 3, "servers": 6, "server": "dgx-b200", "connect": {"backend": "gpu-nics"}}],
        "management": {"pool": "172.16.0.0/22", "users": {"admin": {"password": "secret:admin"}}},
    }
)  # fmt: skip

COMPILE = """
import sys
from pathlib import Path
from fabric_compiler.compiler import Options, build
build(Path(sys.argv[1]), Path(sys.argv[2]), Options(jobs=int(sys.argv[3])))
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One process, no lock."""
    return dict(Desk(tmp_path_factory.mktemp("first")).build(TREE).files)


def test_a_second_compile_changes_nothing(tmp_path: Path, expected: dict[str, bytes]) -> None:
    here = Desk(tmp_path)
    first = here.build(TREE)
    assert first.files == expected
    assert here.build(TREE) == first


def test_the_number_of_processes_does_not_show(tmp_path: Path, expected: dict[str, bytes]) -> None:
    assert Desk(tmp_path).build(TREE, jobs=3).files == expected


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_hash_seed_and_the_working_directory_do_not_show(seed: str, tmp_path: Path, expected: dict[str, bytes]) -> None:
    place = tmp_path / "a name with blanks"
    place.mkdir()
    (place / "x.yaml").write_text(json.dumps(TREE, indent=1))
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C"}
    command = [sys.executable, "-c", COMPILE, "x.yaml", "out", "3" if seed == "1" else "1"]
    subprocess.run(command, cwd=place, env=environment, check=True, timeout=60)
    made = read_tree(place / "out" / "same")
    assert made.keys() == expected.keys()
    assert [name for name in made if made[name] != expected[name]] == []


def test_nothing_of_the_machine_is_in_the_bytes(tmp_path: Path, expected: dict[str, bytes]) -> None:
    Desk(tmp_path).build(TREE)
    machine = [str(ROOT), str(Path.home()), os.uname().nodename, "/tmp/"]
    for name, content in expected.items():
        assert [word for word in machine if word.encode() in content] == [], name
