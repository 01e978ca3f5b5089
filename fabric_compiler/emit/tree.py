"""The directory of a build: written aside, then switched to in one step.

    build/<fabric>                  a link to .<fabric>/<number>
    build/.<fabric>/fabricc.lock    held while a compile writes; a second compile of the fabric waits
    build/.<fabric>/7/              the tree

A compile that fails or is killed leaves the link as it was, and what it had written is removed by the next.

Durability: nothing here is synchronised to disk. A build is a pure function of its inputs, which it names with their digests;
a power failure may tear it, `manifest.verify` tells so and a compile makes it again. An fsync a file costs 0.36 ms here, more
than writing the file, and seconds for a fabric. What cannot be made again, the intent's lock, goes through
`files.replace_file`, which does synchronise.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.util import register_after_fork
from pathlib import Path

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.emit.files import write

__all__ = ["Staging", "build_error", "held", "remove_tree", "transaction", "write"]

_FABRIC = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_LOCK = "fabricc.lock"
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Staging:
    """A tree in the making: `path` is an empty directory; `previous`, the tree that it replaces, is there until the end."""

    path: Path
    previous: Path | None
    on_commit: list[Callable[[], None]] = field(default_factory=list)
    """Called in order once the build was switched; when one fails the former build is switched back to."""


def build_error(message: str, hint: str = "") -> CompileError:
    return CompileError([Diagnostic("FC8001", Severity.ERROR, message, hint=hint)])


@contextmanager
def transaction(output: Path, fabric: str, on_wait: Callable[[], None] | None = None) -> Iterator[Staging]:
    """Make a new tree for `output/<fabric>` and switch to it when the block ends without an exception.

    `output` is made if need be, and is the caller's word: links in its own path are followed, links below it never.
    `on_wait` is called once when another compile of the fabric is at work. Raises CompileError (FC8001) when the directory
    cannot be written or holds something that is not a build.
    """
    if not _FABRIC.fullmatch(fabric):
        raise build_error(f"{fabric!r} cannot be the name of a directory", "a fabric's name is letters, digits and hyphens")
    store_name = f".{fabric}"
    place = output / fabric
    with ExitStack() as stack:
        with _refused(place):
            output.mkdir(parents=True, exist_ok=True)
            parent, store = stack.enter_context(_store(output, store_name))
            stack.enter_context(_exclusive(store, _LOCK, on_wait))
            former = _current(parent, fabric, output)
            # above every number there, so that a worker which outlived its compile never meets its number again
            number = str(1 + max(map(int, _numbers(store)), default=0))
            _remove_trees(store, keep=former)
            os.mkdir(number, dir_fd=store)
        trees = output / store_name
        staging = Staging(trees / number, trees / former if former else None)
        try:
            with _refused(place, below=staging.path):
                yield staging
            with _refused(place):
                _switch(parent, store, fabric, number, output)
            for action in staging.on_commit:
                action()
        except BaseException:
            with suppress(CompileError):
                if _current(parent, fabric, output) == number:
                    _switch(parent, store, fabric, former, output)
            remove_tree(store, number)
            raise
        _remove_trees(store, keep=number)


@contextmanager
def _refused(place: Path, below: Path | None = None) -> Iterator[None]:
    """Turn what the disk refuses into a diagnostic; with `below` only what concerns a file below it, or a full disk."""
    try:
        yield
    except OSError as error:
        named = Path(error.filename) if isinstance(error.filename, str | Path) else None
        if below and error.errno not in _DISK and not (named and named.is_relative_to(below)):
            raise
        reason = error.strerror or type(error).__name__
        hint = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "name another directory with -o"
        raise build_error(f"cannot write the build {place}: {reason}", hint) from error


@contextmanager
def _store(output: Path, name: str) -> Iterator[tuple[int, int]]:
    """Descriptors of the output directory and of the hidden directory with the trees, made if need be."""
    parent = os.open(output, _DIRECTORY & ~os.O_NOFOLLOW)
    try:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
        try:
            store = os.open(name, _DIRECTORY, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            raise _foreign(output / name) from error
        try:
            entries = os.listdir(store)  # noqa: PTH208 -- a descriptor
            if entries and _LOCK not in entries:  # such as .git, for a fabric called git
                raise _foreign(output / name)
            yield parent, store
        finally:
            os.close(store)
    finally:
        os.close(parent)


def _foreign(store: Path) -> CompileError:
    return build_error(f"{store} is not a directory of builds", "move it away, or name another directory with -o")


class _Lock:
    """A descriptor with a lock on it. A forked worker closes its copy, else its parent's death would not end the lock."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        register_after_fork(self, _Lock.close)

    def close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


@contextmanager
def _exclusive(directory: int, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold flock(2) on the regular file `name` of `directory`, made if need be; it ends with the process, however that ends."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o666, dir_fd=directory)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "the lock file is not a regular file", name)
    lock = _Lock(descriptor)
    try:
        _flock(descriptor, on_wait)
        # somebody may have removed the directory while this waited; then the lock is on a file that no other process finds
        if not os.path.samestat(os.fstat(descriptor), os.stat(name, dir_fd=directory, follow_symlinks=False)):
            raise OSError(errno.ESTALE, "the directory was removed meanwhile", name)
        yield
    finally:
        lock.close()


@contextmanager
def held(directory: Path) -> Iterator[int]:
    """A descriptor of the directory with flock(2) on it, where a lock file would be in the way. No link is followed.

    NFS has no such lock (flock(2): it wants a descriptor for writing, which a directory has not); there it is left out.
    """
    lock = _Lock(os.open(directory, _DIRECTORY))
    try:
        try:
            _flock(lock.descriptor, None)
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.ENOTSUP):
                raise
        yield lock.descriptor
    finally:
        lock.close()


def _flock(descriptor: int, on_wait: Callable[[], None] | None) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if on_wait:
            on_wait()
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _current(parent: int, fabric: str, output: Path) -> str | None:
    """The number that the link names, None without a link or a tree at its end. Raises FC8001 when it is not our link."""
    try:
        mode = os.lstat(fabric, dir_fd=parent).st_mode
    except FileNotFoundError:
        return None
    store, _, number = os.readlink(fabric, dir_fd=parent).partition("/") if stat.S_ISLNK(mode) else ("", "", "")
    if store != f".{fabric}" or not _NUMBER.fullmatch(number):
        what = "a link to elsewhere" if stat.S_ISLNK(mode) else "a directory" if stat.S_ISDIR(mode) else "a file"
        raise build_error(
            f"{output / fabric} is {what} that fabricc did not make", "move it away, or name another directory with -o"
        )
    try:
        tree = os.lstat(f".{fabric}/{number}", dir_fd=parent).st_mode
    except FileNotFoundError:
        return None
    return number if stat.S_ISDIR(tree) else None


def _switch(parent: int, store: int, fabric: str, number: str | None, output: Path) -> None:
    """Let the link name the tree `number`; None removes it. Looks again at what stands there, then replaces in one step."""
    linked = _has_link(parent, fabric, output)
    if number is None:
        if linked:
            os.unlink(fabric, dir_fd=parent)
        return
    target = f".{fabric}/{number}"
    if not linked:
        os.symlink(target, fabric, dir_fd=parent)  # fails where something appeared meanwhile
        return
    with suppress(FileNotFoundError):
        os.unlink("next", dir_fd=store)
    os.symlink(target, "next", dir_fd=store)
    os.replace("next", fabric, src_dir_fd=store, dst_dir_fd=parent)


def _has_link(parent: int, fabric: str, output: Path) -> bool:
    _current(parent, fabric, output)
    try:
        os.lstat(fabric, dir_fd=parent)
    except FileNotFoundError:
        return False
    return True


def _numbers(store: int) -> list[str]:
    return [name for name in os.listdir(store) if _NUMBER.fullmatch(name)]


def _remove_trees(store: int, keep: str | None) -> None:
    for name in _numbers(store):
        if name != keep:
            remove_tree(store, name)


def remove_tree(directory: int, name: str) -> None:
    """Remove the directory `name`; what does not go (a worker of a killed compile still writes) waits for the next compile.

    shutil.rmtree with dir_fd follows no links and refuses one at `name`.
    """
    shutil.rmtree(name, ignore_errors=True, dir_fd=directory)
