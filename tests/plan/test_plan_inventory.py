"""Real GUIDs take the place of placeholders, and what is wrong with their list is told with its line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import infiniband
import pytest

from fabric_compiler.compiler import Analysis
from fabric_compiler.diagnostics import CompileError, Severity
from fabric_compiler.emit.plan_tables import tables

HEAD = "device,port,node_guid,port_guid,system_image_guid\r\n"


def compiled(root: Path, rows: str) -> Analysis:
    (root / "guids.csv").write_text(rows)
    return infiniband.analysed(infiniband.intent(1, 2) | {"guids": "guids.csv"}, root)


def table(analysis: Analysis) -> dict[tuple[str, str], list[str]]:
    made = dict(tables(analysis.graph, analysis.plan, analysis.cabling, analysis.catalog))
    rows = csv.reader(io.StringIO(made["plan/guids.csv"].decode(), newline=""))
    return {(row[0], row[1]): row[2:] for row in list(rows)[1:]}


def wrong(root: Path, rows: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        compiled(root, rows)
    errors = [d for d in caught.value.diagnostics if d.severity is Severity.ERROR]
    assert all(d.span and d.span.file == str(root / "guids.csv") for d in errors)
    return [f"{d.code} {d.span.line} {d.message}" for d in errors if d.span]


def test_real_guids_replace_placeholders(tmp_path: Path) -> None:
    """As a ConnectX-7 shows them: the port has the GUID of its node. A switch has one for node and port 0."""
    found = compiled(
        tmp_path,
        HEAD + "su1-server-1,mlx5_0,0xb8cef60300a0b4c2,0xb8cef60300a0b4c2,0xb8cef60300a0b4c2\r\n"
        "compute-su1-leaf-r1,,S-fc6a1c0300f1ab40,,\r\n",
    )
    rows = table(found)
    assert rows["su1-server-1", "mlx5_0"] == ["0xb8cef60300a0b4c2"] * 3
    assert rows["compute-su1-leaf-r1", ""] == ["0xfc6a1c0300f1ab40"] * 3
    assert rows["su1-server-2", "mlx5_0"][0].startswith("0x02")
    assert [d.code for d in found.warnings] == ["FC4021"]
    files = infiniband.files(found)
    assert b"0xb8cef60300a0b4c2 # su1-server-1 mlx5_0" in files["cn_guid.conf"]
    # ibsim counts ports on from caguid, so that the port's GUID comes out right
    assert b'caguid=0xb8cef60300a0b4c1\nCa\t1 "H-b8cef60300a0b4c2"' in files["topology.net"]
    assert b'"S-fc6a1c0300f1ab40"' in files["topology.net"]


def test_a_plan_s_own_table_is_an_inventory(tmp_path: Path) -> None:
    first = infiniband.analysed(infiniband.intent(1, 2), tmp_path)
    made = dict(tables(first.graph, first.plan, first.cabling, first.catalog))
    again = compiled(tmp_path, made["plan/guids.csv"].decode())
    assert table(again) == table(first)
    assert not again.warnings


def test_the_inventory_is_an_input_of_the_build(tmp_path: Path) -> None:
    found = compiled(tmp_path, HEAD)
    assert [file.name for file in found.loaded.files] == ["x.yaml", "guids.csv"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("nobody,,0x1,,\r\n", "FC2005 2 there is no switch or HCA of 'nobody' on InfiniBand"),
        ("su1-server-1,mlx5_99,0x1,,\r\n", "FC2005 2 su1-server-1 has no InfiniBand port 'mlx5_99'"),
        ("compute-su1-leaf-r1,IB1/1/1,0x1,,\r\n", "FC2005 2 compute-su1-leaf-r1 is a switch, whose GUID is that of its port 0"),
        ("su1-server-1,mlx5_0,0x1,,\r\nsu1-server-1,mlx5_0,0x2,,\r\n", "FC2006 3 su1-server-1 mlx5_0 stands twice"),
        ("su1-server-1,mlx5_0,0x1,,\r\nsu1-server-1,mlx5_3,0x1,,\r\n", "FC4020 3 su1-server-1 mlx5_0 and su1-server-1 mlx5_3"),
        (
            "su1-server-1,mlx5_0,0x5,0x6,\r\nsu1-server-1,mlx5_3,0x6,,\r\n",
            "FC4020 3 su1-server-1 mlx5_0 and su1-server-1 mlx5_3",
        ),
        ("su1-server-1,mlx5_0,0x0200000000000020,,\r\n", "FC4020 2 su1-server-2 mlx5_0 and su1-server-1 mlx5_0"),
        ("su1-server-1,mlx5_0,0xzz,,\r\n", "FC2003 2 node_guid: expected a GUID"),
        ("su1-server-1,mlx5_0,0x0,,\r\n", "FC2003 2 node_guid: expected a GUID"),
        ("su1-server-1,mlx5_0,0x0100000000000001,,\r\n", "FC2003 2 node_guid: expected a GUID"),
        ("su1-server-1,mlx5_0,,,\r\n", "FC2002 2 the node GUID is missing"),
        ("su1-server-1,mlx5_0\r\n", "FC2003 2 the line has 2 cells, and the header 5"),
        ("compute-su1-leaf-r1,,0x1,0x2,\r\n", "FC2007 2 the port GUID of the switch compute-su1-leaf-r1"),
        ('su1-server-1,"mlx5_0,0x1,,\r\n', "FC2003 2 the inventory is no CSV"),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, rows: str, expected: str) -> None:
    assert any(said.startswith(expected) for said in wrong(tmp_path, HEAD + rows)), wrong(tmp_path, HEAD + rows)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "FC2002 1 the inventory is empty"),
        ("device,port\r\n", "FC2002 1 the column node_guid is missing"),
        ("device,port,node_guid,lid\r\n", "FC2001 1 unknown column 'lid'"),
        ("device,port,node_guid,port\r\n", "FC2006 1 the column port stands twice"),
    ],
)
def test_a_wrong_header_is_told(tmp_path: Path, header: str, expected: str) -> None:
    assert any(said.startswith(expected) for said in wrong(tmp_path, header))


def test_the_file_stays_in_the_intent_s_directory(tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text(HEAD)
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "link.csv").symlink_to(outside)
    (inside / "pipe.csv").mkdir()
    for name, code in (("../secret.csv", "FC1006"), (str(outside), "FC1006"), ("link.csv", "FC1006"), ("x.yaml", "FC1006"),
                       ("pipe.csv", "FC1006"), ("none.csv", "FC1001"), ("x.lock", "FC1006")):  # fmt: skip
        with pytest.raises(CompileError) as caught:
            infiniband.analysed(infiniband.intent(1, 2) | {"guids": name}, inside)
        assert [d.code for d in caught.value.diagnostics] == [code], name
