"""Files below a directory that may hold links planted by somebody else: names checked, links never followed, reads bounded."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fabric_compiler.filenames import MAX_DEPTH, is_safe_name


def check_name(name: str) -> None:
    """Raises ValueError: names of files are made from validated names, so a bad one is a bug of the caller."""
    if not is_safe_name(name):
        raise ValueError(f"not a name of a file in a build: {name!r}")


def write(root: Path | int, name: str, content: bytes) -> None:
    """Write a new file `name` below `root`, a directory or its descriptor, and the directories between.

    The file must not exist: in a new tree each file is written once. `root` itself is not made, so that a worker that outlives
    its compile fails when its tree was cleared away. Safe to call from several processes. Raises OSError, ValueError.
    """
    check_name(name)
    directory = root if isinstance(root, int) else None
    path = name if isinstance(root, int) else f"{root}/{name}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o666, dir_fd=directory)
    except FileNotFoundError:
        _make_parents(path, len(path) - len(name), directory)
        descriptor = os.open(path, flags, 0o666, dir_fd=directory)
    try:
        write_all(descriptor, content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(descriptor)


def _make_parents(path: str, root: int, directory: int | None) -> None:
    """Make the directories of `path` that are named after its first `root` characters."""
    at = root
    while (at := path.find("/", at + 1)) > 0:
        with suppress(FileExistsError):  # another file of the directory, or another worker
            os.mkdir(path[:at], 0o777, dir_fd=directory)


def write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def read(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes. Raises OSError, at a link, a pipe or a device too."""
    # without O_NONBLOCK the open of a pipe waits for a writer
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return content


def walk(root: Path) -> Iterator[tuple[str, int]]:
    """(name below `root`, size) of every regular file, sorted by name. Raises OSError at anything but files and directories."""
    found: list[tuple[str, int]] = []
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(root / below) as entries:
            for entry in entries:
                name = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if name.count("/") >= MAX_DEPTH:
                        raise OSError(errno.ELOOP, "directories too deep", str(root / name))
                    pending.append(name)
                elif entry.is_file(follow_symlinks=False):
                    found.append((name, entry.stat(follow_symlinks=False).st_size))
                else:
                    what = "a symbolic link" if entry.is_symlink() else "not a regular file"
                    raise OSError(errno.EINVAL, what, str(root / name))
    return iter(sorted(found))


def replace_file(path: Path, content: bytes) -> None:
    """Replace `path` in one step, durably: the intent's lock, unlike a build, cannot be made again. Raises OSError.

    The new content is synchronised before the rename and the directory after it (rename(2) alone orders neither).
    A link at `path` is replaced, not followed.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    aside = f".{path.name}.{os.getpid()}"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(aside, flags, 0o666, dir_fd=directory)
        try:
            try:
                write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(aside, path.name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            os.unlink(aside, dir_fd=directory)
            raise
        os.fsync(directory)
    finally:
        os.close(directory)
