"""Where a lab lies, and what it is called: everything of one fabric begins with its prefix, so that all of it is found again.

    /run/netns/lab_<fabric>_<device>      a namespace a device
    /etc/frr/lab_<fabric>_<device>        FRR's configuration of a switch, /var/run/frr/... its sockets (FRR's -N)
    /run/fabricc-lab/<fabric>/lab.json    what was set up; the directory is locked while somebody is at work

A label of RFC 1123 has no underscore, so no fabric's prefix is the beginning of another's.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.emit import files
from fabric_compiler.lab import namespaces

ROOT: Final = Path("/run/fabricc-lab")
FRR_CONFIGURATION: Final = Path("/etc/frr")
FRR_STATE: Final = Path("/var/run/frr")
LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)

_RECORD = "lab.json"
# FRR's sockets are /var/run/frr/<name>/zserv.api, in 107 characters of a sockaddr_un
_FABRIC, _DEVICE = 24, 48


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What `up` set up: the build by its digest, and the part of it. `complete` once every daemon has its configuration."""

    fabric: str
    digest: str
    pods: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is of a lab on this machine, however it came to be left there."""

    namespaces: tuple[str, ...]
    paths: tuple[Path, ...]


def lab_error(code: str, message: str, hint: str = "") -> CompileError:
    return CompileError([Diagnostic(code, Severity.ERROR, message, hint=hint)])


def prefix(fabric: str) -> str:
    if len(fabric) <= _FABRIC:
        return f"lab_{fabric}_"
    return f"lab__{fabric[: _FABRIC - 9]}_{_digest(fabric)}_"


def name(fabric: str, device: str) -> str:
    """Of the device's namespace, and of its FRR."""
    if len(device) > _DEVICE:
        device = f"{device[: _DEVICE - 9]}_{_digest(device)}"
    return prefix(fabric) + device


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def traces(fabric: str) -> Traces:
    begin = prefix(fabric)
    found = [path for place in (FRR_CONFIGURATION, FRR_STATE) for path in _below(place, begin)]
    own = ROOT / fabric / _RECORD
    names = sorted(path.name for path in _below(namespaces.DIRECTORY, begin))
    return Traces(tuple(names), (*sorted(found), *((own,) if own.exists() else ())))


def _below(place: Path, begin: str) -> Iterator[Path]:
    with suppress(FileNotFoundError, PermissionError):  # what others may not see is not theirs
        yield from (path for path in place.iterdir() if path.name.startswith(begin))


def remove(found: Traces) -> None:
    """The processes must have ended. Raises OSError."""
    namespaces.remove(found.namespaces)
    for path in found.paths:
        # FRR's user owns the directories, and may have put a link in the place of one
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def at_work(fabric: str) -> Iterator[Path]:
    """The lab's directory, made if need be, for one process at a time; its end, however it comes, lets go of it.

    Raises CompileError (FC8103) while another has it.
    """
    own = ROOT / fabric
    while True:
        try:
            own.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # another's end removed the directory above
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(descriptor, own):  # and not removed while we came
                try:
                    yield own
                finally:
                    _tidy(own)
                return
        except BlockingIOError:
            hint = "wait for it, or end it; then `fabricc lab down` removes what it left"
            raise lab_error("FC8103", f"another fabricc is at work on the lab of {fabric}", hint) from None
        finally:
            os.close(descriptor)


def _tidy(own: Path) -> None:
    for directory in (own, ROOT):
        with suppress(OSError):  # there is something in it
            directory.rmdir()


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
