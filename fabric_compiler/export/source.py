"""A build as exports read it: untrusted. Each file that is used is the one that the manifest names; each value has its type."""

from __future__ import annotations

import csv
import io
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.emit import files, manifest
from fabric_compiler.emit.manifest import Manifest

_LIMIT: Final = 1 << 30
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_FABRIC: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_PORT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.:-]{0,62}", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", re.ASCII)


def wrong_build(message: str, hint: str = "compile the intent again") -> CompileError:
    return CompileError([Diagnostic("FC1001", Severity.ERROR, message, hint=hint)])


class Device(NamedTuple):
    """A row of devices.csv. `asn` and `unit` are 0, addresses empty, where there is none."""

    name: str
    kind: str
    role: str
    network: str
    site: str
    pod: str
    model: str
    nos: str
    asn: int
    loopback4: str
    loopback6: str
    management: str
    rack: str
    unit: int
    plane: int
    rail: int
    group: int


class Link(NamedTuple):
    """A row of links.csv."""

    a_device: str
    a_port: str
    b_device: str
    b_port: str
    network: str
    plane: int
    tiers: str
    speed_gbps: float
    cable: str
    length_m: float


class Cable(NamedTuple):
    """A row of cables.csv."""

    cable: str
    medium: str
    length_m: float


class CableEnd(NamedTuple):
    """A row of cable_ends.csv."""

    cable: str
    device: str
    cage: str
    module: str
    rack: str
    unit: int


class Address(NamedTuple):
    """A row of addresses.csv."""

    device: str
    interface: str
    vrf: str
    address: str
    prefix_length: int
    purpose: str

    @property
    def text(self) -> str:
        """10.0.0.1/31"""
        return f"{self.address}/{self.prefix_length}"


class Session(NamedTuple):
    """A row of sessions.csv; an unnumbered session has no addresses."""

    a_device: str
    a_interface: str
    a_address: str
    a_asn: int
    b_device: str
    b_interface: str
    b_address: str
    b_asn: int
    vrf: str


class BomLine(NamedTuple):
    """A row of bom.csv."""

    item: str
    kind: str
    count: int  # type: ignore[assignment]  # the column's name, and that of a method of tuples
    watts_each: float
    source: str


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("is no host name")
    return text


def _port(text: str) -> str:
    if not _PORT.fullmatch(text):
        raise ValueError("is no name of a port")
    return text


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError("is no plain word")
    return text


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise ValueError("is no address") from error


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ValueError("is no number")
    return int(text)


def _decimal(text: str) -> int | float:
    whole, point, rest = text.partition(".")
    _number(whole)
    return float(text) if point and _number(rest) >= 0 else int(whole)


def _text(text: str) -> str:
    """Free text: whoever writes it escapes it."""
    return text


def _or(empty: Any, read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else empty


# one reader a column; what names files, hosts or ports is checked, the rest is free text
_READERS: Final[dict[type[Any], tuple[Callable[[str], Any], ...]]] = {
    Device: (
        _name, _word, _word, _or("", _name), _word, _or("", _word), _text, _or("", _word), _or(0, _number), _or("", _address),
        _or("", _address), _or("", _address), _text, _or(0, _number), _number, _number, _number,
    ),
    Link: (_name, _port, _name, _port, _name, _number, _word, _decimal, _text, _decimal),
    Cable: (_text, _text, _decimal),
    CableEnd: (_text, _name, _text, _text, _text, _or(0, _number)),
    Address: (_name, _port, _word, _address, _number, _word),
    Session: (_name, _port, _or("", _address), _number, _name, _or("", _port), _or("", _address), _number, _word),
    BomLine: (_text, _word, _number, _decimal, _text),
}  # fmt: skip

_Row = TypeVar("_Row", bound=tuple[Any, ...])


def rows(kind: type[_Row], content: bytes, file: str) -> list[_Row]:
    """The rows of a table of the build. Raises CompileError (FC1001) at anything that the column cannot hold."""
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    reader = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""), strict=True)
    count = len(names)
    try:
        if tuple(next(reader, ())[:count]) != names:
            raise wrong_build(f"{file} does not begin with the columns {', '.join(names)}")
        # a column at a time: most values repeat, and each is looked at once
        columns = list(zip(*(row[:count] for row in reader if len(row) >= count or _short(file, reader.line_num)), strict=True))
    except csv.Error as error:
        raise wrong_build(f"{file} is no CSV: {error}") from error
    return [kind(*row) for row in zip(*map(_column, columns, _READERS[kind], names, [file] * count), strict=True)]


def _short(file: str, line: int) -> bool:
    raise wrong_build(f"{file}:{line} has too few columns")


def _column(values: tuple[str, ...], read: Callable[[str], Any], name: str, file: str) -> list[Any]:
    known: dict[str, Any] = {}
    for text in dict.fromkeys(values):
        try:
            known[text] = read(text)
        except ValueError as error:
            raise wrong_build(f"{file}: {name} {text[:80]!r} {error}") from error
    return [known[text] for text in values]


@dataclass(frozen=True)
class Source:
    """`tree` is the directory of a build, links resolved. All of it raises CompileError (FC1001) where it is not as it says."""

    tree: Path
    manifest: Manifest

    @property
    def fabric(self) -> str:
        return self.manifest.fabric

    def read(self, name: str) -> bytes:
        """A file of the build, whose bytes are those of the manifest."""
        wanted = self.manifest.files.get(name)
        if wanted is None:
            raise wrong_build(f"the build has no {name}")
        try:
            content = files.read(self.tree / name, _LIMIT)
        except OSError as error:
            raise wrong_build(f"{name} of the build cannot be read: {error.strerror}") from error
        if manifest.digest(content) != wanted:
            raise wrong_build(f"{name} of the build is not what its manifest says")
        return content

    @cached_property
    def _directories(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in sorted(self.manifest.files):
            found.setdefault(name.rpartition("/")[0], []).append(name)
        return found

    def below(self, directory: str) -> list[str]:
        """Names of the files in a directory of the build, in order."""
        return self._directories.get(directory, [])

    def _rows(self, kind: type[_Row], table: str) -> list[_Row]:
        return rows(kind, self.read(f"plan/{table}.csv"), f"plan/{table}.csv")

    @cached_property
    def devices(self) -> list[Device]:
        return self._rows(Device, "devices")

    @cached_property
    def device(self) -> dict[str, Device]:
        """Devices by name."""
        return {device.name: device for device in self.devices}

    @cached_property
    def switches(self) -> list[Device]:
        return [device for device in self.devices if device.kind == "switch"]

    @cached_property
    def servers(self) -> list[Device]:
        return [device for device in self.devices if device.kind == "server"]

    @cached_property
    def links(self) -> list[Link]:
        found = self._rows(Link, "links")
        known = self.device
        for link in found:
            if link.a_device not in known or link.b_device not in known:
                raise wrong_build(f"plan/links.csv names {link.a_device} or {link.b_device}, which plan/devices.csv does not")
        return found

    @cached_property
    def cables(self) -> dict[str, Cable]:
        """Cables by name."""
        return {cable.cable: cable for cable in self._rows(Cable, "cables")}

    @cached_property
    def cable_ends(self) -> list[CableEnd]:
        return self._rows(CableEnd, "cable_ends")

    @cached_property
    def addresses(self) -> list[Address]:
        return self._rows(Address, "addresses")

    @cached_property
    def sessions(self) -> list[Session]:
        return self._rows(Session, "sessions")

    @cached_property
    def bom(self) -> list[BomLine]:
        return self._rows(BomLine, "bom")

    @cached_property
    def networks(self) -> list[str]:
        """Names of the networks, in the order of the build."""
        return list(dict.fromkeys(device.network for device in self.switches))


def open_build(path: Path) -> Source:
    """The build at `path`, a link to it or its directory. Raises CompileError (FC1001)."""
    try:
        tree = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise wrong_build(f"{path} cannot be used: it is no build", "name a directory such as build/atlas") from error
    found = Source(tree, manifest.read(tree))
    if not _FABRIC.fullmatch(found.fabric):
        raise wrong_build(f"the build is of {found.fabric[:80]!r}, which is no name of a fabric")
    return found
