"""An export of somebody else is found by its entry point, and the command line runs it like ours."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from exports import build
from typer.testing import CliRunner

from fabric_compiler.cli.app import app
from fabric_compiler.diagnostics import Report
from fabric_compiler.export import base
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.source import Source


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    yield "names.txt", "\n".join(device.name for device in source.devices if device.pod in parameters.pods).encode()


NAMES = Export("names of a pod's devices", files, frozenset({"pods"}))


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry_points(*, group: str, name: str = "names") -> list[Any]:
        found = EntryPoint("names", "export.test_export_plugins:NAMES", base.ENTRY_POINT)
        return [found] if (group, name) == (base.ENTRY_POINT, "names") else []

    base.export.cache_clear()
    monkeypatch.setattr(base, "entry_points", entry_points)


@pytest.mark.usefixtures("plugged")
def test_a_plug_in_is_listed_and_run_with_its_options(tmp_path: Path) -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["export", str(build("quickstart")), "--to", "list"])
    assert "names         names of a pod's devices" in listed.stdout
    done = runner.invoke(app, ["export", str(build("quickstart")), "--to", "names", "--pod", "su1", "-o", str(tmp_path)])
    assert (done.exit_code, "1 file" in done.stdout) == (0, True), done.output
    assert (tmp_path / "names/names.txt").read_text().splitlines()[0] == "su1-server-1"


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["export", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_result_as_json_and_the_exit_codes(tmp_path: Path) -> None:
    import json

    path = str(build("quickstart"))
    code, out, _ = run(path, "--to", "slurm", "-o", str(tmp_path), "--format", "json")
    assert (code, json.loads(out)["files"]) == (0, 2)
    assert run(path, "--to", "nothing", "-o", str(tmp_path))[0] == 1
    assert run(str(tmp_path), "--to", "slurm", "-o", str(tmp_path))[0] == 2
    assert run(path, "--to", "containerlab", "--image", "eos", "-o", str(tmp_path))[0] == 2
    assert run(path, "--to", "ztp", "-o", str(tmp_path))[0] == 1


def test_check_against_tells_the_difference_and_fails(tmp_path: Path) -> None:
    import csv
    import shutil

    from examples import INTENTS
    from exports import rows

    for suffix in (".yaml", ".lock"):
        shutil.copy(INTENTS / f"quickstart{suffix}", tmp_path)
    table = tmp_path / "lldp.csv"
    links = rows("quickstart", "links")
    for count, wanted in ((len(links), 0), (len(links) - 1, 1)):
        with table.open("w", newline="") as file:
            told = [(row["b_device"], row["b_port"], row["a_device"], row["a_port"]) for row in links[:count]]
            csv.writer(file).writerows([("device", "port", "neighbor", "neighbor_port"), *told])
        done = CliRunner().invoke(app, ["check", str(tmp_path / "quickstart.yaml"), "--against", str(table)])
        assert done.exit_code == wanted, done.output
        assert f"{count} of {len(links)} links are as planned" in done.stdout
