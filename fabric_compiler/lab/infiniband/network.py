"""One subnet of a build on ibsim and OpenSM: set up in a directory of its own, and found again there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.lab.infiniband import manager, options, simulator
from fabric_compiler.lab.infiniband.asking import Attachment
from fabric_compiler.lab.infiniband.options import Options
from fabric_compiler.lab.infiniband.tools import tools
from fabric_compiler.verify.readback import ibnetdiscover
from fabric_compiler.verify.subnet import ADAPTER, SWITCH, Subnet

# ibsim knows no rate above HDR, and takes a link of another for one at 2.5 Gb/s a lane, with a warning for each
_ABOVE: Final = re.compile(rb" 4x(?:NDR|XDR)$", re.MULTILINE)
_HIGHEST: Final = b" 4xHDR"
COPIES: Final = Path("build")  # of the build's files, apart from what the programs write
_UP_SECONDS, _UP_SECONDS_A_NODE = 60.0, 0.2


@dataclass(frozen=True, slots=True)
class Network:
    """A subnet that runs; `meant` is the build's."""

    at: Attachment
    meant: Subnet


def up(files: Mapping[str, bytes], place: str, directory: Path, instance: str) -> Network:
    """Run the subnet of `files`, a build's opensm directory, in the new `directory`; returns when it is up.

    `place` names the build's directory in errors. Raises CompileError; what was started by then still runs.
    """
    programs = tools()
    meant, found = _read(files, place, directory)
    _copy(files, found, directory)
    made = Network(Attachment(programs, directory, instance, _host(meant, found)), meant)
    simulator.start(programs, directory, instance, COPIES / simulator.TOPOLOGY, meant)
    process = manager.start(programs, directory, instance, COPIES / options.NAME, made.at.host)
    manager.wait_until_up(directory, process, _UP_SECONDS + _UP_SECONDS_A_NODE * len(meant.nodes))
    return made


def attach(files: Mapping[str, bytes], place: str, directory: Path, instance: str) -> Network:
    """The subnet that `up` set up there before. Raises CompileError (FC8201) where it does not run."""
    programs = tools()
    meant, found = _read(files, place, directory)
    if not manager.runs(instance):
        raise manager.failed("the subnet manager does not run", directory)
    return Network(Attachment(programs, directory, instance, _host(meant, found)), meant)


def node_of(meant: Subnet, device: str) -> str:
    """The simulator's name of a switch, or of a server's first adapter; empty where there is none."""
    found = (node for node in meant.nodes.values() if node.text == device or node.text.startswith(f"{device} "))
    return next((f"{'S' if node.kind == SWITCH else 'H'}-{node.guid:016x}" for node in found), "")


def _copy(files: Mapping[str, bytes], found: Options, directory: Path) -> None:
    """Copies of the files, with opensm.conf as it may be run."""
    directory.mkdir(mode=0o700)
    copies = directory / COPIES
    copies.mkdir(mode=0o700)
    for name, content in files.items():
        if name == simulator.TOPOLOGY:
            content = _ABOVE.sub(_HIGHEST, content)
        elif name == options.NAME:
            content = "".join(f"{line}\n" for line in found.lines).encode()
        descriptor = os.open(copies / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def _read(files: Mapping[str, bytes], place: str, directory: Path) -> tuple[Subnet, Options]:
    missing = sorted({simulator.TOPOLOGY, options.NAME} - files.keys())
    if missing:
        raise CompileError([Diagnostic("FC1001", Severity.ERROR, f"{place}/{missing[0]} cannot be read: it is not there")])
    meant = ibnetdiscover.read(files[simulator.TOPOLOGY], f"{place}/{simulator.TOPOLOGY}")
    text = files[options.NAME].decode("utf-8", "replace")
    own = options.contain(text, f"{place}/{options.NAME}", files.keys(), directory / COPIES, directory, directory / manager.LOG)
    return meant, own


def _host(meant: Subnet, found: Options) -> str:
    """The node on which the subnet manager runs: the one that opensm.conf binds it to, or ibsim's own choice, the first."""
    adapters = meant.of_kind(ADAPTER)
    bound = [node for node in adapters if found.guid in {port.guid for port in node.ports.values()}]
    chosen = (bound or adapters)[:1]
    return f"H-{chosen[0].guid:016x}" if chosen else ""
