"""What a diff compares: builds, intents and revisions, read without trusting any of them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fabrics import intent, text

from fabric_compiler.compiler import Options, build
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.review.diff.compare import compare
from fabric_compiler.review.diff.revisions import MAX_FILES, parse
from fabric_compiler.review.diff.sides import opened

SMALL = {"leaf": {"switch": "sn5400"}, "topology": {"kind": "rail-optimized", "reserve": {"pods": 4}}}
Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one committed intent, and the working directory in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents/x.yaml").write_text(text(intent(1, 2, **SMALL)))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one pod")
    return tmp_path


def git(*arguments: str) -> str:
    who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **who}).stdout


def changed(old: str, new: str) -> bool:
    with opened(old, Options(jobs=1)) as one, opened(new, Options(jobs=1)) as two:
        return not compare(one, two)[0].same


def refusal(spec: str) -> str:
    with pytest.raises(CompileError) as error, opened(spec, Options(jobs=1)):
        pass
    found = error.value.diagnostics[0]
    assert found.code == "FC1001"
    return found.message


@pytest.mark.parametrize("spec", ["intents/x.yaml", "build/x", "C:"])
def test_what_names_no_file_of_a_commit_is_no_revision(spec: str) -> None:
    assert parse(spec) is None


def test_an_intent_of_a_commit_has_the_includes_and_the_lock_of_that_commit(repository: Path) -> None:
    site = repository / "intents/sites.yaml"
    tree = intent(1, 2, **SMALL)
    site.write_text(json.dumps({"sites": tree.pop("sites")}))
    (repository / "intents/x.yaml").write_text(text(tree | {"include": ["sites.yaml"]}))
    git("add", ".")
    git("commit", "-qm", "sites aside")
    site.unlink()
    assert not changed("HEAD~1:intents/x.yaml", "HEAD:intents/x.yaml")


def test_the_lock_beside_the_intent_is_left_as_it_is(repository: Path) -> None:
    changed("HEAD:intents/x.yaml", "intents/x.yaml")
    assert [path.name for path in (repository / "intents").iterdir()] == ["x.yaml"]


@pytest.mark.parametrize("revision", ["--upload-pack=reboot", "-h", "--output=x"])
def test_an_option_is_never_taken_for_a_revision(repository: Path, revision: str) -> None:
    assert "cannot be read from git" in refusal(f"{revision}:intents/x.yaml")
    assert not (repository / "x").exists()


def test_an_unknown_revision_is_named(repository: Path) -> None:
    assert "'no-such-branch'" in refusal("no-such-branch:intents/x.yaml")


def test_a_finding_in_a_commit_names_the_file_of_the_commit(repository: Path) -> None:
    path = repository / "intents/x.yaml"
    path.write_text(path.read_text().replace("dgx-b200", "dgx-b20"))
    git("commit", "-qam", "a wrong name")
    with pytest.raises(CompileError) as error, opened("HEAD:intents/x.yaml", Options(jobs=1)):
        pass
    span = error.value.diagnostics[0].span
    assert span
    assert span.file == "HEAD:intents/x.yaml"


def test_links_of_a_commit_are_not_followed(repository: Path) -> None:
    (repository / "intents/sites.yaml").symlink_to("/etc/hostname")
    tree = intent(1, 2, **SMALL) | {"include": ["sites.yaml"]}
    (repository / "intents/x.yaml").write_text(text(tree))
    git("add", ".")
    git("commit", "-qm", "a link")
    assert "matches no file" in refusal("HEAD:intents/x.yaml")


def test_no_filter_of_the_repository_runs(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.yaml filter=evil textconv=evil\n")
    git("config", "filter.evil.smudge", "touch owned; cat")
    git("config", "core.fsmonitor", "touch owned")
    git("config", "diff.evil.textconv", "touch owned; cat")
    changed("HEAD:intents/x.yaml", "HEAD:intents/x.yaml")
    assert not (repository / "owned").exists()


def test_a_build_that_was_changed_by_hand_is_refused(repository: Path) -> None:
    path = repository / "intents/x.yaml"
    made = build(path, repository / "build", Options(jobs=1))
    (made.path / "plan/links.csv").write_text("a_device\n")
    with pytest.raises(CompileError, match=r"plan/links\.csv was changed after it was compiled"):
        changed(str(made.path), "HEAD:intents/x.yaml")


def test_a_directory_of_too_many_files_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fabric_compiler.review.diff.revisions.MAX_FILES", 1)
    (repository / "intents/y.yaml").write_text("{}\n")
    git("add", ".")
    git("commit", "-qm", "another")
    assert MAX_FILES > 1
    assert "more than 1 files" in refusal("HEAD:intents/x.yaml")
