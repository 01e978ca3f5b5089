"""Slurm: topology.conf(5) for topology/tree, and for topology/block, which Slurm has from 23.11 on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from fabric_compiler.diagnostics import Report
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.placement import Part, fabric_of_jobs, parts
from fabric_compiler.export.source import Source

_NUMBERED: Final = re.compile(r"(.*[^0-9])?(0|[1-9][0-9]{0,8})", re.ASCII)


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """A topology.conf for each of the two plug-ins."""
    network = fabric_of_jobs(source, parameters.networks)
    levels = parts(source, network)
    yield "tree/topology.conf", tree(levels, f"{source.fabric}, network {network}").encode()
    yield "block/topology.conf", block(levels[0], f"{source.fabric}, network {network}").encode()


def tree(levels: Sequence[Sequence[Part]], title: str) -> str:
    """TopologyPlugin=topology/tree: a line a part, its servers or the parts below it."""
    lines = [f"# {title}: slurm.conf says TopologyPlugin=topology/tree"]
    lines += [f"SwitchName={part.name} Nodes={hostlist(part.servers)}" for part in levels[0]]
    for level in levels[1:]:
        lines += [f"SwitchName={part.name} Switches={hostlist(own.name for own in part.below)}" for part in level]
    return "\n".join(lines) + "\n"


def block(leafs: Sequence[Part], title: str) -> str:
    """TopologyPlugin=topology/block: a block a part of the lowest level.

    Sizes double from the smallest block's to what all of them fill together (docs.nvidia.com/topograph, "Automatic block-size
    inference": the sequence that NVIDIA's own discovery writes).
    """
    smallest = min(len(part.servers) for part in leafs)
    sizes = [smallest << power for power in range(len(leafs).bit_length())]
    lines = [f"# {title}: slurm.conf says TopologyPlugin=topology/block"]
    lines += [f"BlockName={part.name} Nodes={hostlist(part.servers)}" for part in leafs]
    return "\n".join([*lines, f"BlockSizes={','.join(map(str, sizes))}"]) + "\n"


def hostlist(names: Iterable[str]) -> str:
    """Slurm's hostlist expression: su1-server-[1-3,5],login. Numbers with leading zeros stand alone."""
    ranges: dict[str, list[list[int]]] = {}
    single = []
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if not match:
            single.append(name)
            continue
        number, runs = int(match[2]), ranges.setdefault(match[1] or "", [])
        if runs and runs[-1][1] + 1 == number:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = []
    for head, runs in ranges.items():
        texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
        shown.append(f"{head}{texts[0]}" if len(texts) == 1 and "-" not in texts[0] else f"{head}[{','.join(texts)}]")
    return ",".join([*shown, *single])


EXPORT = Export("topology.conf of the scheduler, as a tree and as blocks", files, frozenset({"networks"}))
