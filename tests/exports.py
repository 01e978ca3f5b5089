"""Builds of the example intents and their exports, each made once a process; and builds whose text is hostile."""

from __future__ import annotations

import atexit
import csv
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from examples import INTENTS, NAMES

from fabric_compiler import compiler
from fabric_compiler.compiler import Options
from fabric_compiler.emit import manifest as manifests
from fabric_compiler.export.base import Parameters
from fabric_compiler.export.run import run
from fabric_compiler.export.source import Source, open_build

SMALL = [name for name in NAMES if name != "three-tier-16384"]
URL = "http://172.16.0.5/ztp"


@lru_cache(maxsize=1)
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="fabricc-exports-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


@lru_cache(maxsize=32)
def build(name: str) -> Path:
    """The build of an example intent, with the lock beside it."""
    inputs = _root() / "intents"
    inputs.mkdir(exist_ok=True)
    for suffix in (".yaml", ".lock"):
        shutil.copy(INTENTS / f"{name}{suffix}", inputs)
    return compiler.build(inputs / f"{name}.yaml", _root() / "build", Options(locked=True)).path


@lru_cache(maxsize=32)
def source(name: str) -> Source:
    return open_build(build(name))


@lru_cache(maxsize=128)
def exported(name: str, kind: str) -> Path:
    """The export of an example's build, with what it needs besides."""
    return run(build(name), kind, _root() / "export" / name, parameters(name, kind)).path


def parameters(name: str, kind: str) -> Parameters:
    if kind != "ztp":
        return Parameters()
    inventory = _root() / f"{name}.csv"
    switches = [device.name for device in source(name).switches if device.management]
    rows = [f"{one},SN{n:05d},00:1c:73:00:{n >> 8:02x}:{n & 255:02x}" for n, one in enumerate(switches)]
    inventory.write_text("\n".join(["name,serial,mac", *rows]) + "\n")
    return Parameters(inventory=inventory, url=URL, images={"eos": "EOS.swi", "sonic": "sonic.bin"})


def rows(name: str, table: str) -> list[dict[str, str]]:
    """A table of the build, as text."""
    with (build(name) / f"plan/{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def changed(origin: Path, place: Path, change: dict[str, Callable[[bytes], bytes]]) -> Path:
    """A copy of a build with files changed, and a manifest that agrees with them: as somebody hostile would hand it in."""
    shutil.copytree(origin.resolve(), place)
    manifest = manifests.read(place)
    files = dict(manifest.files)
    for name, edit in change.items():
        content = edit((place / name).read_bytes())
        (place / name).write_bytes(content)
        files[name] = manifests.digest(content)
    (place / manifests.NAME).write_bytes(manifests.encode(replace_files(manifest, files)))
    return place


def replace_files(manifest: manifests.Manifest, files: dict[str, str]) -> manifests.Manifest:
    import msgspec

    return msgspec.structs.replace(manifest, files=files)


def tree(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def as_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


__all__ = ["NAMES", "SMALL", "URL", "as_json", "build", "changed", "exported", "parameters", "rows", "source", "tree"]
