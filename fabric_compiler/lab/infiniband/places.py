"""Where InfiniBand labs lie: a directory a fabric, below one of the user's own, for no rights are needed.

    <root>/<fabric>/lab.json                what was set up; the directory is locked while somebody is at work on the lab
    <root>/<fabric>/<network>[-p<plane>]/   a subnet's files, logs and console

The root is /run/fabricc-ib for root, else $XDG_RUNTIME_DIR/fabricc-ib, else /tmp/fabricc-ib-<user>. The sockets of a subnet's
simulator are named after user, fabric and subnet; by that name its processes are found, whoever started them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from fabric_compiler.emit import files
from fabric_compiler.lab.store import lab_error

_RECORD = "lab.json"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What `up` set up: the build by its digest. `complete` once every subnet was up."""

    digest: str
    nodes: int
    complete: bool = False


def of(fabric: str) -> Path:
    """The fabric's directory, which need not be there."""
    return _root() / fabric


def _root() -> Path:
    user = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if user == 0:
        return Path("/run/fabricc-ib")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "fabricc-ib"
    return Path(tempfile.gettempdir()) / f"fabricc-ib-{user}"


def _make_root(path: Path) -> None:
    """Raises CompileError (FC8003) where it is somebody else's."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise lab_error("FC8003", f"{path} is not a directory of yours alone", "remove it, or have it removed")


def instance(fabric: str, subnet: str = "") -> str:
    """The name of a subnet's simulator; without a subnet, what all of the fabric's begin with."""
    return f"fabricc-{os.geteuid()}-{_digest(fabric)}-" + (_digest(subnet) if subnet else "")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def at_work(fabric: str) -> Iterator[Path]:
    """The fabric's directory, made if need be, for one process at a time; its end, however it comes, lets go of it.

    Raises CompileError (FC8103) while another has it.
    """
    own = of(fabric)
    while True:
        _make_root(own.parent)
        with suppress(FileNotFoundError):  # another's end removed the root
            own.mkdir(mode=0o700, exist_ok=True)
        if not own.exists():
            continue
        descriptor = os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(descriptor, own):  # and not removed while we came
                try:
                    yield own
                finally:
                    for directory in (own, own.parent):
                        with suppress(OSError):  # there is something in it
                            directory.rmdir()
                return
        except BlockingIOError:
            hint = "wait for it, or end it; then `fabricc lab down` removes what it left"
            raise lab_error("FC8103", f"another fabricc is at work on the lab of {fabric}", hint) from None
        finally:
            os.close(descriptor)


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def save(own: Path, record: Record) -> None:
    files.replace_file(own / _RECORD, msgspec.json.encode(record))


def load(own: Path) -> Record | None:
    try:
        return msgspec.json.decode(files.read(own / _RECORD, 1 << 20), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None
