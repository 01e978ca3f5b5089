"""Goldens: the reviewed output of an intent, kept in git.

golden/<intent>/golden.json     how the golden was made: its form, the limits, the places of the tree that it holds
golden/<intent>/manifest.json   the counts; no compiler version, no digests: a comment in an intent changes none
golden/<intent>/...             form `full`: the tree, without inputs/
                                form `digests`: one device of each network, role and operating system, and what does not
                                grow of what a subnet manager reads
golden/<intent>/digests.txt     form `digests`: sha256 and name of each file, sorted by name
"""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.emit import files, manifest
from fabric_compiler.emit.tree import build_error, held, remove_tree
from fabric_compiler.review import folded_diff
from fabric_compiler.review.folded_diff import Difference, natural

__all__ = ["Difference", "compare", "render", "write"]

MARKER = "golden.json"
DIGESTS = "digests.txt"
# What a reviewer can still read, and what a repository can hold once for each example and change.
LARGE_BYTES = 1_500_000
LARGE_DEVICES = 60

_OF_SUBNETS = ("/opensm.conf", "/qos-policy.conf")
_MAX_MARKER = 64 << 10
_MAX_FILE = 1 << 30
_OURS = frozenset({MARKER, manifest.NAME, DIGESTS})


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """golden.json. `limits` are those that chose the form; `holds` the first components of the names of its files."""

    schema: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    form: Literal["full", "digests"]
    limits: dict[Annotated[str, msgspec.Meta(max_length=64)], int]
    holds: Annotated[list[Annotated[str, msgspec.Meta(max_length=255)]], msgspec.Meta(max_length=256)]


def write(tree: Path, golden: Path) -> None:
    """Make `golden` the golden of the build `tree`, in one piece; stale files go. Raises CompileError (FC8001)."""
    names = _names(tree)
    marker = _marker(names)
    content = _expected(tree, names, marker)
    try:
        golden.parent.mkdir(parents=True, exist_ok=True)
        with held(golden.parent) as parent:
            _replace(parent, golden, content)
    except OSError as error:
        raise build_error(f"cannot write the golden {golden}: {error.strerror}") from error


def compare(tree: Path, golden: Path) -> list[Difference]:
    """What differs between the golden and the build, by name; `before` is the golden. Compared in the golden's own form.

    Raises CompileError (FC8002) without a golden, or at one that holds links or other things than files.
    """
    marker = _read_marker(golden)
    names = _names(tree)
    expected = _expected(tree, names, marker)
    try:
        present = {name: size for name, size in files.walk(golden) if name != MARKER}
        stored = {name: files.read(golden / name, _MAX_FILE) for name in present}
    except OSError as error:
        raise _no_golden(golden, f"{error.filename}: {error.strerror}") from error
    del expected[MARKER]
    found: dict[str, Difference] = {}
    if marker.form == "digests":
        before, after = _entries(stored.pop(DIGESTS, b"")), _entries(expected.pop(DIGESTS))
        found = {
            n: Difference(n, _kind(n, before, after)) for n in before.keys() | after.keys() if before.get(n) != after.get(n)
        }
    for name in stored.keys() | expected.keys():
        if stored.get(name) != expected.get(name):  # says more than the digest
            found[name] = Difference(name, _kind(name, stored, expected), stored.get(name), expected.get(name))
    return sorted(found.values(), key=lambda d: d.path)


def _kind(name: str, before: Container[str], after: Container[str]) -> Literal["added", "removed", "changed"]:
    return "added" if name not in before else "removed" if name not in after else "changed"


def render(differences: Iterable[Difference]) -> str:
    """The differences for people, folded; see review.folded_diff."""
    return folded_diff.render(differences)


def _names(tree: Path) -> dict[str, int]:
    """Names and sizes of the files of a build that a golden is about."""
    return {name: size for name, size in files.walk(tree.resolve()) if name != manifest.NAME and not name.startswith("inputs/")}


def _marker(names: Mapping[str, int]) -> Marker:
    places = {manifest.owner(name) for name in names}
    devices = sum(kind in ("device", "host") for kind, _ in places)
    large = sum(names.values()) > LARGE_BYTES or devices > LARGE_DEVICES
    return Marker(
        form="digests" if large else "full",
        limits={"bytes": LARGE_BYTES, "devices": LARGE_DEVICES},
        holds=sorted({name.split("/")[0] for name in names}),
    )


def _expected(tree: Path, names: Mapping[str, int], marker: Marker) -> dict[str, bytes]:
    """Every file that the golden of this build has in the marker's form."""
    tree = tree.resolve()
    counts = manifest.read(tree)
    plain = manifest.Manifest(schema=counts.schema, fabric=counts.fabric, counts=counts.counts)
    out = {MARKER: msgspec.json.format(msgspec.json.encode(marker), indent=2) + b"\n", manifest.NAME: manifest.encode(plain)}
    if marker.form == "full":
        return out | {name: files.read(tree / name, _MAX_FILE) for name in names}
    digests = {name: manifest.digest(files.read(tree / name, _MAX_FILE)) for name in names}
    out[DIGESTS] = "".join(f"{sha}  {name}\n" for name, sha in sorted(digests.items(), key=lambda d: d[0])).encode()
    samples = _samples(tree) if "plan/devices.csv" in names else frozenset()
    shown = {n for n in names if n.split("/")[1:2] and (manifest.owner(n) in samples or n.endswith(_OF_SUBNETS))}
    return out | {n: files.read(tree / n, _MAX_FILE) for n in shown}


def _samples(tree: Path) -> frozenset[tuple[str, str]]:
    """The first device, in natural order, of each network, role and operating system: growth at the end keeps it."""
    table = io.StringIO(files.read(tree / "plan/devices.csv", _MAX_FILE).decode(), newline="")
    first: dict[tuple[str, ...], tuple[str, str]] = {}
    for row in sorted(csv.DictReader(table), key=lambda row: natural(row["name"])):
        kind = "host" if row["kind"] == "server" else "device"
        first.setdefault((kind, row["network"], row["role"], row["nos"]), (kind, row["name"]))
    return frozenset(first.values())


def _entries(digests: bytes) -> dict[str, str]:
    """digests.txt -> sha256 by name."""
    pairs = (line.partition("  ") for line in digests.decode("utf-8", "replace").split("\n") if line)
    return {name: sha for sha, _, name in pairs}


def _read_marker(golden: Path) -> Marker:
    try:
        if golden.is_symlink():
            raise OSError(errno.ELOOP, "is a symbolic link", str(golden))
        return msgspec.json.decode(files.read(golden / MARKER, _MAX_MARKER), type=Marker)
    except FileNotFoundError as error:
        raise _no_golden(golden, "there is none") from error
    except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _no_golden(golden, f"{MARKER}: {error}") from error


def _no_golden(golden: Path, why: str) -> CompileError:
    hint = "review the output, then run `fabricc golden update`"
    return CompileError([Diagnostic("FC8002", Severity.ERROR, f"no golden can be read at {golden}: {why}", hint=hint)])


def _replace(parent: int, golden: Path, content: Mapping[str, bytes]) -> None:
    """Write aside, then exchange. Killed between the two renames, the former golden is put back by the next run."""
    name, new, old = golden.name, f".{golden.name}.new", f".{golden.name}.old"
    if _exists(parent, old):
        if not _exists(parent, name):
            os.rename(old, name, src_dir_fd=parent, dst_dir_fd=parent)
        else:
            remove_tree(parent, old)
    if _exists(parent, name):
        _check_ours(golden, content)
    remove_tree(parent, new)
    os.mkdir(new, dir_fd=parent)
    aside = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        for file, written in sorted(content.items()):
            files.write(aside, file, written)
    except BaseException:
        remove_tree(parent, new)
        raise
    finally:
        os.close(aside)
    if _exists(parent, name):
        os.rename(name, old, src_dir_fd=parent, dst_dir_fd=parent)
    os.rename(new, name, src_dir_fd=parent, dst_dir_fd=parent)
    remove_tree(parent, old)


def _exists(parent: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=parent)
    except FileNotFoundError:
        return False
    return True


def _check_ours(golden: Path, content: Iterable[str]) -> None:
    """Raises FC8001 at a directory that is no golden, holds more than one, or holds links.

    Where the marker is there but broken, as by a merge, `content`, the names of the new golden, says what is part of it.
    """
    if golden.is_dir() and not golden.is_symlink() and not any(golden.iterdir()):
        return
    try:
        present = {name.split("/")[0] for name, _ in files.walk(golden)}
        try:
            holds = set(_read_marker(golden).holds)
        except CompileError:
            if MARKER not in present:
                raise
            holds = {name.split("/")[0] for name in content}
        foreign = sorted(present - _OURS - holds)
    except (CompileError, OSError) as error:
        raise build_error(f"{golden} is not a golden", "move it away") from error
    if foreign:
        raise build_error(f"{golden / foreign[0]} is no part of a golden", "move it away: an update replaces the directory")
