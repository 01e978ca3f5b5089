"""A subnet on ibsim under OpenSM for the length of a test (Debian: ibsim-utils, opensm, infiniband-diags; no rights needed)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from subnet_factory import RADIX, Wiring, text

from fabric_compiler.diagnostics import CompileError
from fabric_compiler.lab.infiniband import network, processes, tools
from fabric_compiler.lab.infiniband.intended import Intended
from fabric_compiler.lab.infiniband.network import Network
from fabric_compiler.lab.report import Check
from fabric_compiler.verify.identity import Place
from fabric_compiler.verify.wiring import Plug, Wire

_numbers = count()
QOS_POLICY = b"qos-levels\n    qos-level\n        name: DEFAULT\n        sl: 0\n    end-qos-level\nend-qos-levels\n"


def missing() -> str:
    """Empty, or why a lab cannot run here."""
    try:
        tools.tools()
    except CompileError as error:
        return str(error)
    return ""


needs_infiniband = pytest.mark.skipif(bool(missing()), reason=missing() or "ibsim and OpenSM are here")


@contextmanager
def running(files: Mapping[str, bytes], directory: Path) -> Iterator[Network]:
    """The subnet of a build's files. Raises CompileError where it does not come up; nothing is left of it in any case."""
    number = next(_numbers)
    instance = f"fabricc-test-{os.getpid()}-{number}"
    try:
        yield network.up(files, "build", directory / f"subnet-{number}", instance)
    finally:
        processes.end(instance)


def failed(rows: Iterable[Check]) -> dict[str, tuple[str, ...]]:
    """What is wrong, by check."""
    return {row.name: row.wrong for row in rows if not row.passed}


def exchanged(topology: str, one: str, two: str) -> str:
    """The plugs in two ports of switches are exchanged; a port is `<guid>[<number>]`."""
    lines = topology.split("\n")
    peers = dict[str, tuple[int, str]]()  # line and what stands there after the own port
    node = ""
    for number, line in enumerate(lines):
        if said := re.match(r'(?:Switch|Ca)\t\d+ "\w-(\w+)"', line):
            node = said[1]
        elif said := re.match(r"\[(\d+)\](?:\(\w+\))?\t(.*)", line):
            peers[f"{node}[{said[1]}]"] = (number, said[2])
    ends = {}
    for own, other in ((one, two), (two, one)):
        _, rest = peers[other]
        back = re.match(r'"\w-(\w+)"(\[\d+\])', rest)
        assert back
        far, _ = peers[f"{back[1]}{back[2]}"]
        guid, port = own[:-1].split("[")
        ends[peers[own][0]] = f"[{port}]\t{rest}"
        ends[far] = re.sub(r'\t"S-\w+"\[\d+\]', f'\t"S-{guid}"[{port}]', lines[far])
    return "\n".join(ends.get(number, line) for number, line in enumerate(lines))


def by_hand(wiring: Wiring, engine: str, qos: bool = False) -> dict[str, bytes]:
    """The files of a subnet that no compiler made."""
    lines = [f"routing_engine {engine}", f"qos {'TRUE' if qos else 'FALSE'}", "max_op_vls 4", "nue_max_num_vls 8"]
    return {
        "opensm.conf": "".join(f"{line}\n" for line in lines).encode(),
        "topology.net": text(wiring),
        "qos-policy.conf": QOS_POLICY,
    }


def meant_by_hand(wiring: Wiring, engine: str) -> Intended:
    """Ports by InfiniBand's numbers."""
    ports = {number: f"port {number}" for number in range(1, RADIX + 1)}
    adapters = set(wiring.adapters)
    places = [
        Place(name, frozenset({guid}), f"{name} mlx5_0" if name in adapters else name, ports)
        for name, guid in wiring.guids().items()
    ]
    wires = [Wire(Plug(a, ports[p]), Plug(b, ports[q]), 0) for (a, p), (b, q) in wiring.links]
    return Intended(engine, False, places, wires, {}, frozenset(), ())
