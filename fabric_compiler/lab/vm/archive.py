"""Trees of files as one stream, in POSIX's ustar, which `tar` in the machine reads and writes.

What comes out of a machine was written by whoever ran in it. Only regular files and directories are taken, with plain names,
into a directory that was not there before, in bounds of number and size; anything else ends it.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.filenames import is_safe_name

_BLOCK: Final = 512
_CHUNK: Final = 1 << 16
_REGULAR: Final = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE})


@dataclass(frozen=True, slots=True)
class Bounds:
    """`size` in bytes, of all files together; `files` counts directories too."""

    files: int = 50_000
    size: int = 1 << 30


BOUNDS: Final = Bounds()


def archive_error(message: str, hint: str = "") -> CompileError:
    return CompileError([Diagnostic("FC8202", Severity.ERROR, message, hint=hint)])


def pack(tree: Path, bounds: Bounds = BOUNDS) -> Iterator[bytes]:
    """The regular files below `tree`, which may be a link itself; what else is there, and what is hidden, stays out.

    Raises CompileError (FC8202): it is too large, changes meanwhile, or cannot be read.
    """
    files = size = 0
    root = tree.resolve()
    for path in _files(root):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise archive_error(f"{path} cannot be read: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as file:
            there = os.fstat(descriptor)
            if not stat.S_ISREG(there.st_mode):
                continue
            files, size = files + 1, size + there.st_size
            if files > bounds.files or size > bounds.size:
                raise archive_error(f"{tree} has more than {bounds.files} files or {bounds.size} bytes")
            yield _header(str(path.relative_to(root)), there.st_size)
            yield from _content(file, there.st_size, path)
    yield bytes(2 * _BLOCK)


def _files(root: Path) -> Iterator[Path]:
    """Sorted. No link is followed."""
    for above, directories, names in os.walk(root):
        directories[:] = sorted(name for name in directories if is_safe_name(name))
        yield from (Path(above, name) for name in sorted(names) if is_safe_name(name) and not Path(above, name).is_symlink())


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    try:
        return entry.tobuf(tarfile.USTAR_FORMAT)
    except ValueError as error:
        raise archive_error(f"{name} is too long a name") from error


def _content(file: BinaryIO, size: int, path: Path) -> Iterator[bytes]:
    left = size
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise archive_error(f"{path} became shorter while it was read")
        left -= len(chunk)
        yield chunk
    if size % _BLOCK:
        yield bytes(-size % _BLOCK)


class Unpacker:
    """Takes an archive as it comes, and writes its files below `directory`, which it makes.

    Raises CompileError (FC8202) where the archive holds anything but files and directories, or ends early; FileExistsError.
    """

    def __init__(self, directory: Path, bounds: Bounds = BOUNDS) -> None:
        directory.mkdir(parents=True)
        self._root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._bounds = bounds
        self._files = self._size = 0
        self._pending = bytearray()
        self._file = -1  # that which is being written
        self._left = self._padding = 0
        self._ended = False

    def feed(self, chunk: bytes) -> None:
        self._pending += chunk
        while self._step():
            pass

    def close(self) -> None:
        """At the end. What follows the archive's end is not looked at."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        os.close(self._root)
        if not self._ended:
            raise archive_error("the archive out of the virtual machine ends early")

    def _step(self) -> bool:
        if self._ended:
            self._pending.clear()
            return False
        if self._file >= 0:
            return self._write()
        if self._padding:
            dropped = min(self._padding, len(self._pending))
            del self._pending[:dropped]
            self._padding -= dropped
            return dropped > 0
        if len(self._pending) < _BLOCK:
            return False
        block = bytes(self._pending[:_BLOCK])
        del self._pending[:_BLOCK]
        if block == bytes(_BLOCK):
            self._ended = True
        else:
            self._begin(block)
        return True

    def _write(self) -> bool:
        part = self._pending[: self._left]
        try:
            with os.fdopen(self._file, "wb", closefd=False) as file:
                file.write(part)
        except OSError as error:
            raise archive_error(f"what comes out of the virtual machine cannot be written: {error.strerror}") from error
        del self._pending[: len(part)]
        self._left -= len(part)
        if not self._left:
            os.close(self._file)
            self._file = -1
        return bool(part) or not self._left

    def _begin(self, block: bytes) -> None:
        try:
            entry = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.TarError, ValueError) as error:
            raise archive_error("the archive out of the virtual machine is none") from error
        name = entry.name.removeprefix("./").removesuffix("/")
        if entry.type not in _REGULAR | {tarfile.DIRTYPE}:
            raise archive_error(f"the archive out of the virtual machine holds {name!r}, which is no file")
        self._files, self._size = self._files + 1, self._size + entry.size
        if entry.size < 0 or self._files > self._bounds.files or self._size > self._bounds.size:
            bounds = f"{self._bounds.files} files or {self._bounds.size} bytes"
            raise archive_error(f"the archive out of the virtual machine has more than {bounds}")
        if entry.type == tarfile.DIRTYPE and name in ("", "."):
            return
        if not is_safe_name(name):
            raise archive_error(f"the archive out of the virtual machine has a file {name!r}")
        self._make(name, entry)

    def _make(self, name: str, entry: tarfile.TarInfo) -> None:
        *above, last = name.split("/")
        directory = os.dup(self._root)
        try:
            for step in above if entry.type in _REGULAR else [*above, last]:
                with suppress(FileExistsError):
                    os.mkdir(step, dir_fd=directory)
                below = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
                os.close(directory)
                directory = below
            if entry.type in _REGULAR:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                self._file = os.open(last, flags, 0o644, dir_fd=directory)
                self._left, self._padding = entry.size, -entry.size % _BLOCK
        except OSError as error:
            raise archive_error(f"{name} out of the virtual machine cannot be written: {error.strerror}") from error
        finally:
            os.close(directory)
