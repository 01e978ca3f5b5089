"""Reading what somebody else may have put there, and replacing a file durably."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabric_compiler.emit import files


def test_a_read_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert files.read(tmp_path / "a", 10) == b"x" * 10
    with pytest.raises(OSError, match="larger than 9"):
        files.read(tmp_path / "a", 9)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for place in (tmp_path / "pipe", tmp_path / "link", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError):
            files.read(place, 100)


@pytest.mark.parametrize("plant", [lambda p: p.symlink_to("/etc"), os.mkfifo])
def test_a_walk_stops_at_what_is_no_file(tmp_path: Path, plant) -> None:  # type: ignore[no-untyped-def]
    files.write(tmp_path, "a/b", b"12")
    files.write(tmp_path, "a-c", b"")
    assert list(files.walk(tmp_path)) == [("a-c", 0), ("a/b", 2)]
    plant(tmp_path / "a/planted")
    with pytest.raises(OSError):
        files.walk(tmp_path)


def test_a_file_is_replaced_and_a_link_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    (tmp_path / "x.lock").symlink_to("other")
    for content in (b"one", b"two"):
        files.replace_file(tmp_path / "x.lock", content)
        assert (tmp_path / "x.lock").read_bytes() == content
    assert (tmp_path / "other").read_text() == "other"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "x.lock"]


def test_a_failed_replacement_leaves_the_former_file_alone(tmp_path: Path) -> None:
    (tmp_path / "x.lock").mkdir()
    with pytest.raises(OSError):
        files.replace_file(tmp_path / "x.lock", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["x.lock"]
