"""`fabricc check INTENT --against FILE`: a real subnet's cables, compared with the intent's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fabrics import text
from subnet_intents import compiled, files, intent
from typer.testing import CliRunner, Result

from fabric_compiler.cli.app import app

TREE = intent(2, 4, leaf={"switch": "qm9700", "downlinks": 8})


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ibnetdiscover would print of the fabric as intended; the intent and its lock are beside it."""
    monkeypatch.chdir(tmp_path)
    Path("test.yaml").write_text(text(TREE))
    assert run("compile", "test.yaml").exit_code == 0
    path = tmp_path / "real.txt"
    path.write_bytes(files(compiled(TREE, tmp_path))["topology.net"])
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def check(*options: str) -> Result:
    return run("check", "test.yaml", "--against", "real.txt", *options)


def foreign(printed: str) -> str:
    """With other GUIDs."""
    return re.sub(r"\b0?20([012])", r"b85\1", printed)


def test_a_subnet_as_intended_is_fine(real: Path) -> None:
    done = check()
    assert done.exit_code == 0
    assert "real.txt: compute, 82 nodes and 192 links; all as intended" in done.stdout


def test_a_missing_cable_is_told_by_its_ports_and_fails(real: Path) -> None:
    """The first uplink of the first leaf."""
    ends = ('"S-0201000000000000"[9]', '"S-0202000000000000"[1]')
    lines = [
        line for line in real.read_text().split("\n") if not any(re.search(rf"\t{re.escape(end)}\t", line) for end in ends)
    ]
    real.write_text("\n".join(lines))
    done = check()
    assert done.exit_code == 1
    assert "no link between compute-su1-leaf-r1 IB1/5/1 and compute-gru1-spine-1 IB1/1/1" in done.stderr
    assert "; 1 difference\n" in done.stdout
    found = json.loads(check("--format", "json").stdout)
    (difference,) = found["differences"]
    assert (difference["kind"], difference["plugs"][0]) == ("missing", {"device": "compute-su1-leaf-r1", "port": "IB1/5/1"})
    assert found["diagnostics"][0]["code"] == "FC7040"


def test_a_server_that_is_down_is_one_difference(real: Path) -> None:
    blocks = real.read_text().split("\n\n")
    kept = [block for block in blocks if '"su1-server-2 mlx5_' not in block.split("\n[")[0]]
    text = "\n\n".join("\n".join(line for line in block.split("\n") if "su1-server-2 " not in line) for block in kept)
    real.write_text(text)
    done = check()
    assert done.exit_code == 1
    assert "su1-server-2 is not seen: it is down, or its 8 cables are not plugged" in done.stderr


def test_nodes_without_the_planned_guids_are_known_by_name(real: Path) -> None:
    real.write_text(foreign(real.read_text()))
    assert check().exit_code == 0


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b'Switch\t64 "S-1"\n', b"Switch" * 1000])
def test_what_is_no_output_of_ibnetdiscover_ends_with_2_and_a_place(content: bytes, real: Path) -> None:
    real.write_bytes(content)
    done = check()
    assert done.exit_code == 2
    assert "real.txt:1:1: error[FC1001]" in done.stderr


def test_a_file_that_is_not_there_ends_with_2(real: Path) -> None:
    real.unlink()
    done = check()
    assert done.exit_code == 2
    assert "real.txt cannot be read" in done.stderr


def test_another_fabric_has_nothing_in_common(real: Path) -> None:
    real.write_text(re.sub(r'# "[^"]*"', '# "other"', foreign(real.read_text())))
    done = check()
    assert done.exit_code == 1
    assert "none of the 82 nodes in real.txt is of this fabric" in done.stderr
