"""The catalogue: the products that the compiler knows, and those that a user's directory adds or replaces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from fabric_compiler.catalog.reader import read
from fabric_compiler.catalog.schema import File, InfinibandSwitchFile, MediumFile, QosFile, ServerFile, SwitchFile
from fabric_compiler.catalog.types import Catalog, Medium, Server, Switch
from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.units import shorten
from fabric_compiler.yamltree import Node, fail

MAX_PRODUCTS = 2000  # of one kind, in a user's directory

_KINDS = ("switches", "servers", "media")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", re.ASCII)
_RANGE_ERRORS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal", "too_long", "too_short"})
_CODES = {"missing": "FC2002", "extra_forbidden": "FC2001"} | dict.fromkeys(_RANGE_ERRORS, "FC2004")

_FileT = TypeVar("_FileT", bound=File)
_T = TypeVar("_T")


class Products(Mapping[str, _T], Generic[_T]):
    """Products by name. The names are those of the files; a file is read when its product is first asked for."""

    __slots__ = ("_build", "_files", "_read")

    def __init__(self, files: Mapping[str, Path], build: Callable[[str, Path], _T]) -> None:
        self._files = files
        self._build = build
        self._read: dict[str, _T] = {}

    def __getitem__(self, name: str) -> _T:
        """Raises KeyError for a name that has no file, CompileError for a file that is wrong."""
        if name not in self._read:
            self._read[name] = self._build(name, self._files[name])
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def load(extra: Path | None = None) -> Catalog:
    """The built-in catalogue, with the products in `extra` added; one of the same name replaces ours.

    `extra` has the subdirectories switches, servers and media, with one YAML file a product, named after it. Switches and
    servers are read when they are asked for, media at once, because choosing one needs all. Raises CompileError when the
    directory or one of its media is wrong; a wrong switch or server raises it on its first use.
    """
    built_in = Path(str(resources.files("fabric_compiler.catalog") / "data"))
    own = {} if extra is None else _user_files(extra)
    files = {kind: dict(sorted((_files(built_in / kind) | own.get(kind, {})).items())) for kind in _KINDS}
    media = Products(files["media"], _medium)
    return Catalog(
        switches=Products(files["switches"], _switch),
        servers=Products(files["servers"], _server),
        media=tuple(sorted(_each(media), key=lambda medium: (medium.rank, medium.name))),
        qos=_file(QosFile, built_in / "qos.yaml").model_dump(by_alias=False),
    )


def _switch(name: str, path: Path) -> Switch:
    tree = read(path)
    protocol = tree.child("protocol")
    if protocol is not None and protocol.value == "infiniband":
        return _checked(InfinibandSwitchFile, tree).build(name)
    return _checked(SwitchFile, tree).build(name)


def _server(name: str, path: Path) -> Server:
    return _file(ServerFile, path).build(name)


def _medium(name: str, path: Path) -> Medium:
    return _file(MediumFile, path).build(name)


def _each(products: Products[_T]) -> list[_T]:
    """All products; raises one CompileError with the findings of every wrong file."""
    found: list[_T] = []
    wrong: list[Diagnostic] = []
    for name in products:
        try:
            found.append(products[name])
        except CompileError as error:
            wrong += error.diagnostics
    if wrong:
        raise CompileError(wrong)
    return found


def _files(directory: Path) -> dict[str, Path]:
    return {path.stem: path for path in directory.iterdir() if path.suffix == ".yaml"}


def _user_files(directory: Path) -> dict[str, dict[str, Path]]:
    """The product files of a user's directory by kind and name; raises CompileError for any other layout."""
    if not directory.is_dir():
        fail("FC1001", "the catalogue is not a directory", str(directory))
    found: dict[str, dict[str, Path]] = {}
    for entry in _listing(directory):
        if entry.name in _KINDS and entry.is_dir() and not entry.is_symlink():
            found[entry.name] = {_product(path): path for path in _listing(entry) if path.suffix in (".yaml", ".yml")}
        elif entry.name in _KINDS:
            fail("FC1006", f"{entry.name} of a catalogue must be a directory, and no symbolic link", str(entry))
        elif entry.is_dir() or entry.suffix in (".yaml", ".yml"):
            hint = "a catalogue has the directories switches, servers and media, with a file for each product"
            fail("FC2001", f"{shorten(entry.name)} has no place in a catalogue", str(entry), hint=hint)
    return found


def _listing(directory: Path) -> list[Path]:
    try:
        entries = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        fail("FC1001", f"the catalogue cannot be read: {error.strerror}", str(directory))
    if len(entries) > MAX_PRODUCTS:
        fail("FC1004", f"the catalogue has more than {MAX_PRODUCTS} files in one directory", str(directory))
    return entries


def _product(path: Path) -> str:
    """The product's name, which intents refer to."""
    if path.suffix != ".yaml" or not _NAME.fullmatch(path.stem):
        hint = "lower-case letters, digits, dots and dashes, then .yaml: sn5600.yaml"
        fail("FC2003", f"{shorten(path.name)} does not name a product", str(path), hint=hint)
    return path.stem


def _file(model: type[_FileT], path: Path) -> _FileT:
    return _checked(model, read(path))


def _checked(model: type[_FileT], tree: Node) -> _FileT:
    try:
        return model.model_validate(tree.plain())
    except ValidationError as error:
        raise CompileError([_diagnostic(one, tree) for one in error.errors(include_url=False)]) from None


def _diagnostic(error: ErrorDetails, tree: Node) -> Diagnostic:
    node, depth = _nearest(error["loc"], tree)
    where = ".".join(str(step) for step in error["loc"][:depth])
    code = _CODES.get(error["type"], "FC2003")
    if code == "FC2001":
        message = f"unknown key {shorten(error['loc'][-1])}"
    elif code == "FC2002":
        message = f"the key {shorten(error['loc'][-1])} is missing" + (f" in {where}" if where else "")
    else:
        message = (f"{where}: " if where else "") + error["msg"].removeprefix("Value error, ")
    return Diagnostic(code, Severity.ERROR, message, node.key_span if code == "FC2001" else node.span)


def _nearest(location: tuple[int | str, ...], tree: Node) -> tuple[Node, int]:
    """The value, or what should hold it, and how many steps of the location lead there."""
    node = tree
    for depth, step in enumerate(location):
        child = node.child(step)
        if child is None:
            return node, depth
        node = child
    return node, len(location)


def schemas() -> Mapping[str, dict[str, Any]]:
    """JSON schemas of the product files by kind, for editors."""
    models: dict[str, Any] = {"switches": SwitchFile | InfinibandSwitchFile, "servers": ServerFile, "media": MediumFile}
    return {kind: TypeAdapter(model).json_schema() for kind, model in models.items()}
