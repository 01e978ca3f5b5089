"""The machine's first files, as the kernel unpacks them into memory: enough to load modules and to see the host's programs.

What is in it is the host's own: a shell, mount and modprobe with the libraries that they need, modules, and some files of /etc
that programs look into. Nothing is read that not everybody may read.
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabric_compiler.lab.vm.exports import Exports
from fabric_compiler.lab.vm.kernel import BASE, Kernel

PACKAGES: Final = {"/bin/sh": "dash", "/bin/mount": "mount", "/sbin/modprobe": "kmod"}
"""Programs of the first minute, and Debian's packages of them, which are there wherever its kernel is."""

_LOADER: Final = Path("/lib64/ld-linux-x86-64.so.2")
_EMPTY: Final = ("dev", "proc", "sys", "run", "tmp", "root", "etc/frr", "etc/opensm", "var/log", "var/tmp", "var/cache")
# not what the host's own daemons are told: that may hold passwords, and a lab writes its own
_ETC: Final = (
    "alternatives", "ethertypes", "gai.conf", "group", "host.conf", "iproute2", "ld.so.cache", "localtime", "modprobe.d",
    "nsswitch.conf", "pam.d/frr", "passwd", "protocols", "services",
)  # fmt: skip
_SYSTEM_IDS: Final = (999, 65534)  # the last of a system's accounts (Debian policy 9.2.2), and nobody

# 9p2000.L is Linux's dialect; the host's files do not change under a machine, so what was read once stays in memory
_MOUNT_OPTIONS: Final = "trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro,nodev,nosuid"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive. `content` of a link is where it points to."""

    mode: int
    content: bytes = b""


_DIRECTORY: Final = Entry(stat.S_IFDIR | 0o755)


def _file(content: bytes, mode: int = 0o644) -> Entry:
    return Entry(stat.S_IFREG | mode, content)


def _link(to: str | Path) -> Entry:
    return Entry(stat.S_IFLNK | 0o777, os.fsencode(to))


def tag(number: int) -> str:
    """Of an exported directory, by which the machine asks for it."""
    return f"host{number}"


def archive(entries: Mapping[Path, Entry]) -> bytes:
    """cpio's newc format, which the kernel unpacks (its Documentation/driver-api/early-userspace/buffer-format.rst).

    Paths are absolute; directories above them are made where the entries do not have them.
    """
    every = {above: _DIRECTORY for path in entries for above in path.parents} | dict(entries)
    out = bytearray()
    for number, path in enumerate(sorted(every), start=1):
        out += _record(number, str(path)[1:] or ".", every[path])
    return bytes(out + _record(0, "TRAILER!!!", Entry(0)))


def _record(number: int, name: str, entry: Entry) -> bytes:
    title = os.fsencode(name) + b"\0"
    # ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    fields = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, 0, 0, len(title), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + title
    return head + bytes(-len(head) % 4) + entry.content + bytes(-len(entry.content) % 4)


def image(kernel: Kernel, modules: Sequence[str], exports: Exports, agent: str) -> bytes:
    """The whole. `modules` are loaded beside those of BASE; `agent` is the Python module that takes over.

    Raises OSError, subprocess.CalledProcessError: the host lacks one of the programs.
    """
    entries = {Path("/", name): _DIRECTORY for name in _EMPTY}
    for program in PACKAGES:
        entries |= _with_libraries(Path(program))
    place = kernel.modules.resolve()
    for name in (*kernel.closure((*BASE, *modules)), "modules.dep.bin", "modules.builtin.bin", "modules.builtin.modinfo"):
        entries[place / name] = _file((place / name).read_bytes())
    for name in _ETC:
        entries |= _copied(Path("/etc", name))
    for name in ("passwd", "group"):
        entries[Path("/etc", name)] = _file(_accounts(Path("/etc", name).read_bytes()))
    entries |= dict.fromkeys(exports.directories, _DIRECTORY)
    entries |= {path: _file(content) for path, content in exports.files.items()}
    entries |= {path: _link(to) for path, to in exports.links.items()}
    entries[Path("/init")] = _file(_script(modules, exports, agent).encode(), 0o755)
    return archive(entries)


def _with_libraries(program: Path) -> dict[Path, Entry]:
    """A program, under its own name and that which it has behind links, and what the loader would load with it."""
    listed = subprocess.run([_LOADER, "--list", program], capture_output=True, text=True, check=True).stdout  # noqa: S603
    libraries = {Path(word) for line in listed.splitlines() for word in line.split() if word.startswith("/")}
    found: dict[Path, Entry] = {}
    for path in (program, _LOADER, *sorted(libraries)):
        real, named = path.resolve(), path.parent.resolve() / path.name
        found[real] = _file(real.read_bytes(), 0o755)
        if named != real:
            found[named] = _link(real)
    return found


def _copied(path: Path) -> dict[Path, Entry]:
    """A file, link or tree, as far as everybody may read it."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return {}
    if stat.S_ISLNK(mode):
        return {path: _link(path.readlink())}
    if stat.S_ISREG(mode) and mode & stat.S_IROTH:
        return {path: _file(path.read_bytes())}
    found: dict[Path, Entry] = {}
    if stat.S_ISDIR(mode) and mode & stat.S_IROTH and mode & stat.S_IXOTH:
        found[path] = _DIRECTORY
        for below in sorted(path.iterdir()):
            found |= _copied(below)
    return found


def _accounts(table: bytes) -> bytes:
    """passwd(5) or group(5) without people."""
    last, nobody = _SYSTEM_IDS
    kept = []
    for line in table.splitlines(keepends=True):
        number = line.split(b":")[2:3]
        if number and number[0].isdigit() and (int(number[0]) <= last or int(number[0]) == nobody):
            kept.append(line)
    return b"".join(kept)


def _script(modules: Iterable[str], exports: Exports, agent: str) -> str:
    mounts = [
        f"mount -t 9p -o {_MOUNT_OPTIONS} {tag(number)} {shlex.quote(str(path))}"
        for number, path in enumerate(exports.directories)
    ]
    lines = [
        "#!/bin/sh",
        "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8",
        f"export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={shlex.quote(':'.join(map(str, exports.search)))}",
        "mount -t devtmpfs dev /dev",
        "mount -t proc proc /proc",
        "mount -t sysfs sys /sys",
        f"modprobe -a {' '.join((*BASE, *modules))}",
        *mounts,
        f"exec {shlex.quote(str(exports.executable))} -S -m {agent}",  # without site: it is in a hurry
    ]
    return "\n".join(lines) + "\n"
