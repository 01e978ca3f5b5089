"""Network namespaces: made, entered, searched for processes, removed. `ip netns` knows them by the same names.

As iproute2's ipnetns.c does it: a namespace lives as long as something is mounted on /run/netns/NAME. Without its program there
is no process of ours that a kill -9 would leave at work.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from fabric_compiler.lab.netlink import Socket

DIRECTORY = Path("/run/netns")
_NEW_NET, _NEW_MOUNTS = 0x40000000, 0x00020000  # sched.h
_BIND, _RECURSIVE, _SLAVE, _SHARED, _DETACH = 0x1000, 0x4000, 1 << 19, 1 << 20, 2  # mount.h
_LIBC = ctypes.CDLL(None, use_errno=True)
_T = TypeVar("_T")


def _call(name: str, *arguments: object) -> None:
    if getattr(_LIBC, name)(*arguments):
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _mount(source: str, target: str, flags: int) -> None:
    _call("mount", source.encode(), target.encode(), None, ctypes.c_ulong(flags), None)


def create(names: Iterable[str]) -> None:
    """New namespaces, with their loopback up. Raises OSError; FileExistsError where one of the name is there."""
    DIRECTORY.mkdir(mode=0o755, exist_ok=True)
    _share(str(DIRECTORY))
    for name in names:
        path = DIRECTORY / name
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
        _in_thread(lambda path=path: _make(path))  # type: ignore[misc]


def _share(directory: str) -> None:
    """Else a copy of the mounts, which services take, would keep removed namespaces alive."""
    try:
        _mount("", directory, _SHARED | _RECURSIVE)
    except OSError:  # it is no mount yet
        _mount(directory, directory, _BIND | _RECURSIVE)
        _mount("", directory, _SHARED | _RECURSIVE)


def _make(path: Path) -> None:
    _call("unshare", _NEW_NET)
    _mount("/proc/thread-self/ns/net", str(path), _BIND)
    kernel = Socket()
    kernel.set_link(kernel.links()["lo"].index, up=True)
    kernel.close()


def remove(names: Iterable[str]) -> None:
    """What is left of them; one that was made half only, too."""
    for name in names:
        path = DIRECTORY / name
        with suppress(OSError):
            _call("umount2", str(path).encode(), _DETACH)
        path.unlink(missing_ok=True)


def descriptor(name: str) -> int:
    return os.open(DIRECTORY / name, os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """This thread, its sockets and the processes that it starts are in the namespace; afterwards where it was."""
    with ExitStack() as stack:
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, here)
        there = descriptor(name)
        stack.callback(os.close, there)
        _call("setns", there, _NEW_NET)
        stack.callback(_call, "setns", here, _NEW_NET)
        yield


def kernel_of(name: str) -> Socket:
    """The kernel's tables in the namespace."""
    with inside(name):
        return Socket()


def hide(place: str) -> None:
    """For the processes that this thread starts from now on, nothing listens at the socket `place`."""
    _call("unshare", _NEW_MOUNTS)
    _mount("", "/", _SLAVE | _RECURSIVE)  # what is unmounted outside goes here too
    with suppress(FileNotFoundError):
        _mount("/dev/null", os.path.realpath(place, strict=True), _BIND)


def processes(names: Iterable[str]) -> list[int]:
    """Everything that runs in the namespaces, whoever started it."""
    inodes = set()
    for name in names:
        with suppress(OSError):
            inodes.add(_identity(DIRECTORY / name))
    # one that was made half only is a plain file
    inodes -= {_identity(Path("/proc/self/ns/net"))}
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with suppress(OSError):  # it ended meanwhile
                if _identity(Path(entry.path, "ns/net")) in inodes:
                    found.append(int(entry.name))
    return found


def _identity(path: Path) -> tuple[int, int]:
    there = path.stat()
    return there.st_dev, there.st_ino


def kill(find: Callable[[], list[int]], within: float = 10.0) -> None:
    """End all that `find` names, again until it names none: one may just be starting another. Raises TimeoutError."""
    until = time.monotonic() + within
    while found := find():
        if time.monotonic() > until:
            raise TimeoutError(f"processes {', '.join(map(str, found))} do not end")
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def _in_thread(work: Callable[[], _T]) -> _T:
    """In a thread of its own, whose namespaces are its own."""
    done: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]
