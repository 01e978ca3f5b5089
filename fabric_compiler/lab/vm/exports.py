"""Which directories of the host a machine sees, read-only: programs, and the Python that runs the lab. Nothing else.

Not the root: below it are homes, sockets, other mounts, and what services left readable. Nor a virtual environment as a whole,
in which pip.conf may hold a token.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import fabric_compiler
from fabric_compiler.targets.templates import default_directory

_PROGRAMS: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_PACKAGES: Final = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Exports:
    """`directories` lie at the same place on both sides, none below another; `links` and `files` are copied.

    `executable` is this Python's, `search` is where it finds modules there.
    """

    directories: tuple[Path, ...]
    links: dict[Path, str]
    files: dict[Path, bytes]
    executable: Path
    search: tuple[Path, ...]


def exports() -> Exports:
    """What this process runs on."""
    executable, package = Path(sys.executable), Path(fabric_compiler.__file__).resolve().parent
    packages = [place for place in map(Path, sys.path) if place.name in _PACKAGES]
    pythons = [Path(prefix, part) for prefix in (sys.prefix, sys.base_prefix) for part in ("bin", "lib", "lib64")]
    named = [*map(Path, _PROGRAMS), *pythons, *packages, package, default_directory()]
    directories = _outermost(place.resolve() for place in named if place.is_dir())
    links = dict(link for place in (*named, executable) for link in _links(place))
    settings = Path(sys.prefix, "pyvenv.cfg")  # says of which Python a virtual environment is
    return Exports(
        directories,
        {link: to for link, to in links.items() if not _is_below(link, directories)},
        {settings: settings.read_bytes()} if settings.is_file() else {},
        executable,
        (package.parent, *dict.fromkeys(place.resolve() for place in packages)),
    )


def hidden(places: Iterable[Path]) -> Path | None:
    """One that not everybody may read; the directories above it do not matter."""
    needed = stat.S_IROTH | stat.S_IXOTH
    return next((place for place in places if place.stat().st_mode & needed != needed), None)


def _outermost(places: Iterable[Path]) -> tuple[Path, ...]:
    found: list[Path] = []
    for place in sorted(set(places)):
        if not _is_below(place, found):
            found.append(place)
    return tuple(found)


def _is_below(place: Path, directories: Iterable[Path]) -> bool:
    return any(place.is_relative_to(above) for above in directories)


def _links(place: Path) -> Iterator[tuple[Path, str]]:
    """The symbolic links on the way to `place`, and what each says. It exists, so they are no circle."""
    way, steps = Path("/"), list(place.parts[1:])
    while steps:
        way /= steps.pop(0)
        if way.is_symlink():
            to = os.readlink(way)  # noqa: PTH115 -- as it is written
            yield way, to
            steps = [*Path(os.path.normpath(way.parent / to)).parts[1:], *steps]
            way = Path("/")
