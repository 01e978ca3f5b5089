"""The commands as a person or a pipeline calls them: output, exit codes, and what is left on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fabrics import intent, text

from fabric_compiler import __version__

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"leaf": {"switch": "sn5400"}, "topology": {"kind": "rail-optimized", "reserve": {"pods": 4}}}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`fabricc` with these arguments, in a directory of its own."""

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fabric_compiler.cli", *arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), **environment}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)

    return call


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "intents").mkdir()
    path = tmp_path / "intents" / "x.yaml"
    path.write_text(text(intent(1, 2, **SMALL)))
    return path


def test_compile_says_what_lies_where(run: Run, small: Path) -> None:
    done = run("compile", "intents/x.yaml")
    assert done.returncode == 0, done.stderr
    assert "build/test/devices" in done.stdout
    assert "written: commit it" in done.stdout
    assert (small.parent / "x.lock").is_file()
    assert (small.parents[1] / "build/test/devices/compute-su1-leaf-r1/config_db.json").is_file()
    again = run("compile", "intents/x.yaml")
    assert "nothing changed" in again.stdout
    assert "unchanged" in again.stdout


def test_a_wrong_intent_ends_in_a_place_and_exit_code_1(run: Run, small: Path) -> None:
    small.write_text(small.read_text().replace("sn5400", "sn540"))
    done = run("compile", "intents/x.yaml")
    assert done.returncode == 1
    assert "intents/x.yaml:" in done.stderr
    assert "error[FC2005]" in done.stderr
    assert "sn5400" in done.stderr
    assert not (small.parents[1] / "build").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("compile",), 2),
        (("compile", "missing.yaml"), 2),
        (("compile", "intents/x.yaml", "--emit", "soup"), 2),
        (("compile", "intents/x.yaml", "--jobs", "0"), 2),
        (("compile", "intents"), 1),
        (("nonsense",), 2),
        (("catalog", "sn9999"), 2),
        (("--version",), 0),
        (("--help",), 0),
        (("compile", "intents/x.yaml", "-o", "intents/x.yaml"), 3),
        (("check", "intents/x.yaml"), 1),
        (("check", "intents/x.yaml", "--unlocked"), 0),
        (("compile", "intents/x.yaml", "--locked"), 1),
    ],
)
def test_exit_codes(run: Run, small: Path, arguments: tuple[str, ...], code: int) -> None:
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_check_writes_nothing(run: Run, small: Path) -> None:
    assert run("compile", "intents/x.yaml").returncode == 0
    before = {path: path.stat().st_mtime_ns for path in small.parents[1].rglob("*")}
    done = run("check", "intents/x.yaml")
    assert done.returncode == 0, done.stderr
    assert "agree" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in small.parents[1].rglob("*")} == before


@pytest.mark.parametrize("stage", ["intent", "graph", "plan", "model"])
def test_each_stage_can_be_printed_as_json(run: Run, small: Path, stage: str) -> None:
    done = run("compile", "intents/x.yaml", "--emit", stage)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert not (small.parents[1] / "build").exists()
    assert not (small.parent / "x.lock").exists()


def test_an_override_shows_in_the_model(run: Run, small: Path) -> None:
    tree = intent(1, 2, **SMALL) | {"overrides": [{"match": {"device": "*-r3"}, "set": {"bgp.maximum-paths": 7}}]}
    small.write_text(text(tree))
    models = json.loads(run("compile", "intents/x.yaml", "--emit", "model").stdout)
    found = {name: model["routing"]["bgp"]["maximum_paths"] for name, model in models.items() if "leaf" in name}
    assert [name for name, paths in found.items() if paths == 7] == ["compute-su1-leaf-r3"]


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_machines_get_the_findings_in_their_form(run: Run, small: Path, form: str) -> None:
    small.write_text(small.read_text().replace("rail-optimized", "torus"))
    done = run("check", "intents/x.yaml", "--format", form)
    assert done.returncode == 1
    if form == "github":
        assert done.stdout.startswith("::error file=intents/x.yaml,line=")
        return
    found = json.loads(done.stdout)
    if form == "json":
        assert found["diagnostics"][0]["file"] == "intents/x.yaml"
    else:
        assert found["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] > 1


def test_compile_for_machines_is_one_document(run: Run, small: Path) -> None:
    found = json.loads(run("compile", "intents/x.yaml", "--format", "json").stdout)
    assert found["counts"]["gpus"] == 16
    assert found["diagnostics"] == []


def test_golden_check_is_green_until_something_moves(run: Run, small: Path) -> None:
    assert run("golden", "check").returncode == 1  # there is none
    assert run("golden", "update").returncode == 0
    assert run("golden", "check").returncode == 0
    tree = json.loads(small.read_text())
    small.write_text("# a comment\n" + text(tree))
    assert run("golden", "check").returncode == 0
    tree["networks"]["compute"]["bgp"] = {"timers": {"keepalive": 5, "hold": 15}}
    small.write_text(text(tree))
    done = run("golden", "check")
    assert done.returncode == 1
    assert done.stdout.count("+ timers bgp 5 15") <= 2  # ten devices: leafs once, spines once
    assert run("golden", "update").returncode == 0
    assert run("golden", "check").returncode == 0
    small.unlink()
    (small.parent / "y.yaml").write_text(text(tree))
    assert "there is no intent for the golden x" in run("golden", "check").stderr


def test_two_branches_that_each_add_a_pod_end_in_an_error_that_says_so(run: Run, small: Path) -> None:
    directory = small.parents[1]

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True)

    def pods(*names: str) -> None:
        tree = intent(1, 2, **SMALL)
        tree["pods"] = [{**tree["pods"][0], "name": name} for name in names]
        small.write_text(text(tree))

    pods("m", "n", "o")
    assert run("compile", "intents/x.yaml").returncode == 0
    (directory / ".gitignore").write_text("build\n")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "three pods")
    for branch, names in (("one", ("a", "m", "n", "o")), ("two", ("m", "n", "o", "z"))):
        git("checkout", "-q", "-b", branch, "main")
        pods(*names)
        assert run("compile", "intents/x.yaml").returncode == 0
        git("commit", "-qam", branch)
    git("checkout", "-q", "one")
    git("merge", "-q", "two")
    done = run("compile", "intents/x.yaml")
    assert done.returncode == 1
    assert "FC4004" in done.stderr
    assert "a1" in done.stderr and "z1" in done.stderr
    assert "lock reassign" in done.stderr
    mended = run("lock", "reassign", "intents/x.yaml", "z1")
    assert mended.returncode == 0, mended.stderr
    assert "z1" in mended.stdout
    assert run("compile", "intents/x.yaml", "--locked").returncode == 0


def test_prune_frees_what_was_removed(run: Run, small: Path) -> None:
    small.write_text(text(intent(2, 2, **SMALL)))
    assert run("compile", "intents/x.yaml").returncode == 0
    small.write_text(text(intent(1, 2, **SMALL)))
    assert run("compile", "intents/x.yaml").returncode == 0
    assert "removed" in (small.parent / "x.lock").read_text()
    done = run("lock", "prune", "intents/x.yaml")
    assert done.returncode == 0, done.stderr
    assert "removed" not in (small.parent / "x.lock").read_text()
    assert run("lock", "reassign", "intents/x.yaml", "nobody").returncode == 1


def test_init_writes_an_intent_that_compiles(run: Run, tmp_path: Path) -> None:
    assert run("init", "lab", "--fabric", "mine").returncode == 0
    assert run("init", "lab", "--fabric", "mine").returncode == 2  # it is there
    assert run("init", "--fabric", "No Name").returncode == 1
    assert run("compile", "lab/mine.yaml").returncode == 0


@pytest.mark.parametrize("arguments", [("schema",), ("schema", "--kind", "media"), ("catalog", "--format", "json")])
def test_what_is_for_machines_is_json(run: Run, arguments: tuple[str, ...]) -> None:
    assert json.loads(run(*arguments).stdout)


@pytest.mark.parametrize("name", ["sn5600", "dgx-b200", "400g-dr4"])
def test_a_product_is_shown_with_its_source(run: Run, name: str) -> None:
    assert "source" in run("catalog", name).stdout


def test_a_bug_ends_in_a_report_without_a_traceback(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "eos").mkdir(parents=True)
    (tmp_path / "own" / "sonic").mkdir()
    (tmp_path / "own" / "sonic" / "frr.conf.j2").write_text("{{ nothing }}")
    done = run("compile", "intents/x.yaml", "--templates", "own")
    assert done.returncode == 4
    assert "FC9001" in done.stderr
    assert "Traceback" not in done.stderr
    (report,) = tmp_path.glob("fabricc-bug-*")
    assert __version__ in report.read_text()


def test_a_closed_pipe_is_no_error(small: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m fabric_compiler.cli compile intents/x.yaml --emit model | head -1"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_help_is_quick(run: Run) -> None:
    """No heavy import on the way to the help; the time itself is a benchmark's matter."""
    code = (
        "import sys; import fabric_compiler.cli.app; "
        "print([m for m in ('numpy', 'pydantic', 'jinja2', 'networkx', 'netaddr', 'yaml', 'napalm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
    start = time.perf_counter()
    assert "compile" in run("--help").stdout
    assert time.perf_counter() - start < 5
