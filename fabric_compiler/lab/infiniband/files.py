"""The subnets of a build, and the files with which the lab runs each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fabric_compiler.lab.build import Build
from fabric_compiler.lab.infiniband import options, simulator
from fabric_compiler.verify.readback import ibnetdiscover
from fabric_compiler.verify.subnet import ADAPTER, Subnet

_DIRECTORY: Final = re.compile(r"networks/([^/]+)/(opensm(-p\d+)?)")


@dataclass(frozen=True, slots=True)
class SubnetFiles:
    """`directory` is below the build, `name` is the network's, with the plane where there are several; `place` is for errors.

    opensm.conf is that of the master's host, where the subnet manager has hosts of its own.
    """

    directory: str
    name: str
    place: str
    files: Mapping[str, bytes]

    @property
    def own(self) -> str:
        """The name of the lab's directory for it."""
        return self.directory.replace("/", "_")


def subnets(build: Build) -> list[SubnetFiles]:
    """Raises CompileError (FC1001)."""
    found: dict[str, dict[str, bytes]] = {}
    for path in build.manifest.files:
        directory, _, name = path.rpartition("/")
        if _DIRECTORY.fullmatch(directory):
            found.setdefault(directory, {})[name] = build.read(path)
    return [_subnet(build, directory, files) for directory, files in found.items()]


def _subnet(build: Build, directory: str, files: dict[str, bytes]) -> SubnetFiles:
    place = os.path.relpath(build.path / directory)
    words = _DIRECTORY.fullmatch(directory)
    assert words
    if simulator.TOPOLOGY in files:
        nodes = ibnetdiscover.read(files[simulator.TOPOLOGY], f"{place}/{simulator.TOPOLOGY}")
        masters = sorted(_masters(build, words[2], nodes))
        if masters:
            files[options.NAME] = masters[-1][1]
    plane = f" plane {words[3].removeprefix('-p')}" if words[3] else ""
    return SubnetFiles(directory, f"{words[1]}{plane}", place, files)


def _masters(build: Build, name: str, nodes: Subnet) -> Iterator[tuple[int, bytes]]:
    """Priority and configuration of the subnet manager on each host that manages from a port of this subnet."""
    ports = {port.guid for node in nodes.of_kind(ADAPTER) for port in node.ports.values()}
    for path in build.manifest.files:
        if re.fullmatch(rf"hosts/[^/]+/{name}\.conf", path):
            content = build.read(path)
            if options.number(content, "guid") in ports:
                yield options.number(content, "sm_priority"), content
