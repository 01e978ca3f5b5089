"""Reads a build for the lab: its manifest, verified; its plan, as tables; the files of its devices.

A build may come from anyone. Names are held to what names are, sizes are bounded, links are not followed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit import files
from fabric_compiler.emit import manifest as manifests
from fabric_compiler.emit.manifest import Manifest
from fabric_compiler.ir.plan import Prefix, Prefixes
from fabric_compiler.lab.store import LABEL, lab_error
from fabric_compiler.verify.readback.policies import parse_address

_PORT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,31}", re.ASCII)
_TABLE_BYTES = 256 << 20
_FILE_BYTES = 16 << 20
_SHOWN = 5


class Device(NamedTuple):
    """A row of devices.csv."""

    name: str
    kind: str
    role: str
    network: str
    pod: str
    nos: str
    asn: int
    loopbacks: Prefixes


class End(NamedTuple):
    device: str
    port: str

    def __str__(self) -> str:
        return f"{self.device} {self.port}"


class Link(NamedTuple):
    """A row of links.csv; `a` is the lower tier."""

    a: End
    b: End
    network: str
    plane: int
    tiers: str


class Session(NamedTuple):
    """A row of sessions.csv; without addresses it runs over the link-local ones."""

    a: End
    a_address: Prefix | None
    a_asn: int
    b: End
    b_address: Prefix | None
    b_asn: int


class Address(NamedTuple):
    """A row of addresses.csv; `own` has the host's bits."""

    device: str
    interface: str
    own: Prefix
    purpose: str


@dataclass(frozen=True, slots=True)
class Build:
    """`digest` tells it from any other, edits included; `edited` are files that are not as the manifest says; `protocols` are
    ethernet or infiniband, by network.
    """

    path: Path
    manifest: Manifest
    digest: str
    edited: tuple[str, ...]
    protocols: Mapping[str, str]
    devices: Mapping[str, Device]
    links: tuple[Link, ...]
    sessions: tuple[Session, ...]
    addresses: tuple[Address, ...]

    @property
    def fabric(self) -> str:
        return self.manifest.fabric

    def files(self, device: str) -> dict[str, bytes]:
        """The device's files by name. Raises CompileError (FC1001)."""
        place = "hosts" if self.devices[device].kind == "server" else "devices"
        begin = f"{place}/{device}/"
        named = [name for name in self.manifest.files if name.startswith(begin)]
        return {name.removeprefix(begin): self.read(name) for name in named}

    def read(self, name: str) -> bytes:
        return _read(self.path / name, _FILE_BYTES)


def read(path: Path, edited: bool = False) -> Build:
    """The build at `path`, which is build/<fabric> or a copy of it.

    `edited`: files may differ from the manifest, be missing or be more. Raises CompileError: FC1001 for what is no build or
    cannot be read, FC8101 where files differ and may not.
    """
    try:
        tree = path.resolve(strict=True)
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be read") from error
    manifest = manifests.read(tree)
    if not LABEL.fullmatch(manifest.fabric):
        raise _unusable(path, f"{manifest.fabric[:80]!r} is no name of a fabric")
    try:
        different = tuple(manifests.verify(tree, manifest))
    except OSError as error:
        raise _unusable(path, f"{error.filename}: {error.strerror}") from error
    if different and not edited:
        shown = manifests.some(different, _SHOWN)
        hint = "compile the intent again, or say --edited to run it as it is"
        raise lab_error("FC8101", f"{path} is not as the compiler wrote it: {shown}", hint)
    devices = _table(tree, "devices", _device)
    known = {device.name: device for device in devices}
    if len(known) != len(devices):
        raise _unusable(path, "plan/devices.csv names a device twice")
    links = _table(tree, "links", lambda row: _link(row, known))
    ends = [end for link in links for end in (link.a, link.b)]
    if len(set(ends)) != len(ends):
        raise _unusable(path, "plan/links.csv has two links on one port")
    return Build(
        tree,
        manifest,
        _digest(tree, different),
        different,
        _protocols(manifest, devices),
        known,
        links,
        _table(tree, "sessions", lambda row: _session(row, known)),
        tuple(row for row in _table(tree, "addresses", lambda row: _address(row, known)) if row.purpose != "management"),
    )


def _protocols(manifest: Manifest, devices: tuple[Device, ...]) -> dict[str, str]:
    """A network with a subnet manager is InfiniBand's."""
    managed = {name.split("/")[1] for name in manifest.files if re.match(r"networks/[^/]+/opensm(-p\d+)?/", name)}
    networks = dict.fromkeys(device.network for device in devices if device.kind == "switch")
    return {network: "infiniband" if network in managed else "ethernet" for network in networks}


def _digest(tree: Path, different: tuple[str, ...]) -> str:
    found = hashlib.sha256(_read(tree / manifests.NAME, manifests.MAX_BYTES))
    for name in different:
        found.update(name.encode())
        if (tree / name).exists():
            found.update(_read(tree / name, _FILE_BYTES))
    return found.hexdigest()


_T = TypeVar("_T")
Row = Mapping[str, str]


def _table(tree: Path, name: str, parse: Callable[[Row], _T]) -> tuple[_T, ...]:
    path = tree / "plan" / f"{name}.csv"
    try:
        return tuple(_parsed(_read(path, _TABLE_BYTES).decode(), parse))
    except (ValueError, KeyError, csv.Error) as error:
        why = f"it has no column {error}" if isinstance(error, KeyError) else str(error)
        raise _unusable(path, why) from error


def _parsed(text: str, parse: Callable[[Row], _T]) -> Iterator[_T]:
    for number, row in enumerate(csv.DictReader(io.StringIO(text, newline=""), restval=""), start=2):
        try:
            yield parse(row)
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from error


def _device(row: Row) -> Device:
    kind, nos = row["kind"], row["nos"]
    if kind not in ("switch", "server"):
        raise ValueError(f"{kind[:40]!r} is no kind of device")
    loopbacks = tuple(parse_address(row[key]) for key in ("loopback4", "loopback6") if row[key])
    return Device(
        _label(row["name"]), kind, row["role"], row["network"], row["pod"], nos, int(row["asn"] or 0), loopbacks
    )  # fmt: skip


def _link(row: Row, known: Mapping[str, Device]) -> Link:
    a, b = _end(row, "a", "port", known), _end(row, "b", "port", known)
    if known[b.device].kind != "switch" or (known[a.device].kind == "server") != (row["tiers"] == "server-leaf"):
        raise ValueError(f"{a} and {b} are no ends of a {row['tiers'][:40]} link")
    return Link(a, b, row["network"], int(row["plane"]), row["tiers"])


def _session(row: Row, known: Mapping[str, Device]) -> Session:
    a, b = _end(row, "a", "interface", known), _end(row, "b", "interface", known)
    if {known[a.device].kind, known[b.device].kind} != {"switch"}:
        raise ValueError(f"{a} and {b} are not both on switches")
    addresses = [parse_address(row[key]) if row[key] else None for key in ("a_address", "b_address")]
    return Session(a, addresses[0], int(row["a_asn"]), b, addresses[1], int(row["b_asn"]))


def _address(row: Row, known: Mapping[str, Device]) -> Address:
    own = parse_address(row["address"])
    length = int(row["prefix_length"])
    if not 0 <= length <= own.length:
        raise ValueError(f"{length} is no length of a prefix")
    return Address(_known(row["device"], known), _port(row["interface"]), own._replace(length=length), row["purpose"])


def _end(row: Row, side: str, port: str, known: Mapping[str, Device]) -> End:
    return End(_known(row[f"{side}_device"], known), _port(row[f"{side}_{port}"]))


def _label(text: str) -> str:
    if not LABEL.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no name of a device")
    return text


def _port(text: str) -> str:
    if not _PORT.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no name of a port")
    return text


def _known(name: str, known: Mapping[str, Device]) -> str:
    if name not in known:
        raise ValueError(f"{name[:80]!r} is not in devices.csv")
    return name


def _read(path: Path, limit: int) -> bytes:
    try:
        return files.read(path, limit)
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be read") from error


def _unusable(path: Path, why: str) -> CompileError:
    return lab_error("FC1001", f"{path} cannot be used: {why}", "name a build: a directory that `fabricc compile` made")
