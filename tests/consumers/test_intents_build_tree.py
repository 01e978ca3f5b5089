"""The files of every example's build that are for all: digests, tables, and the servers' sysctl and RoCE settings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from exports import NAMES, build, rows

csv = pytest.importorskip("pyarrow.csv")

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and ip"
)


@pytest.mark.parametrize("name", NAMES)
def test_sha256sum_finds_every_file_as_the_manifest_says(name: str, tmp_path: Path) -> None:
    place = build(name)
    files = json.loads((place / "manifest.json").read_bytes())["files"]
    (tmp_path / "sums").write_text("".join(f"{digest}  {file}\n" for file, digest in files.items()))
    command = ["sha256sum", "--check", "--strict", "--quiet", str(tmp_path / "sums")]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(files) + 1 == sum(file.is_file() for file in place.resolve().rglob("*"))


@pytest.mark.parametrize("name", NAMES)
def test_arrow_reads_the_tables_with_the_types_of_their_columns(name: str) -> None:
    kinds = {"speed_gbps": ("int64", "double"), "length_m": ("int64", "double"), "asn": ("int64",), "prefix_length": ("int64",),
             "watts_each": ("int64", "double"), "unit": ("int64",)}  # fmt: skip
    for file in sorted((build(name) / "plan").iterdir()):
        table = csv.read_csv(file)
        assert table.num_rows == len(rows(name, file.stem))
        for field in table.schema:
            assert str(field.type) in kinds.get(field.name, (str(field.type),)), (file.name, field)


@contextmanager
def namespace_with(nics: list[str]) -> Iterator[str]:
    """A network namespace with these NICs."""
    name = f"fabricc-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=30)
    try:
        for number, nic in enumerate(nics):
            command = ["ip", "-n", name, "link", "add", nic, "type", "veth", "peer", "name", f"peer{number}"]
            subprocess.run(command, check=True, timeout=30)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True, timeout=30)


@needs_namespaces
@pytest.mark.parametrize("name", NAMES)
def test_sysctl_sets_what_a_server_s_file_says(name: str) -> None:
    server = next(row["name"] for row in rows(name, "devices") if row["kind"] == "server")
    nics = [row["a_port"] for row in rows(name, "links") if row["a_device"] == server]
    file = build(name) / f"hosts/{server}/60-fabric.conf"
    wanted = dict(line.split(" = ") for line in file.read_text().splitlines() if line and line[0] != "#")
    assert {key.split("/")[3] for key in wanted if key.startswith("net/ipv4/conf/")} <= {*nics, "all", "default"}

    with namespace_with(nics) as namespace:

        def sysctl(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = ["ip", "netns", "exec", namespace, "sysctl", *arguments]
            return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

        done = sysctl("--load", str(file))
        assert (done.returncode, done.stderr) == (0, "")
        for key, value in wanted.items():
            assert sysctl("--values", key).stdout.strip() == value, key


@pytest.mark.parametrize("name", NAMES)
def test_the_shell_takes_a_server_s_roce_settings(name: str) -> None:
    for file in list(build(name).glob("hosts/*/roce.sh"))[:2]:
        done = subprocess.run(["sh", "-n", str(file)], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, "")
