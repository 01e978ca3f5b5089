"""What this machine has for a lab: the programs and rights, and how many switches it carries."""

from __future__ import annotations

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabric_compiler.lab.layout import Layout
from fabric_compiler.lab.store import lab_error

DAEMONS: Final = Path("/usr/lib/frr")
_PACKAGES: Final = {"zebra": "frr", "bgpd": "frr", "staticd": "frr", "bfdd": "frr", "vtysh": "frr"}

# Measured with FRR 8.4.4: PSS of zebra, bgpd, staticd and bfdd with the sessions and routes of a lab, rounded up; what a
# server's namespace and a pair of virtual ports add to the kernel's memory
_SWITCH_BYTES: Final = 40 << 20
_SERVER_BYTES: Final = 2 << 20
_WIRE_BYTES: Final = 128 << 10
_SHARE: Final = 0.8  # of what is available
# 40 switches and their sessions keep two cores busy for 10 s until they have converged
_SWITCHES_A_CORE: Final = 64
_DAEMONS_A_SWITCH: Final = 4
_PART: Final = "take a part of the fabric: --pods, or --devices with patterns of names"


@dataclass(frozen=True, slots=True)
class Machine:
    memory: int  # bytes that are available
    cores: int
    processes: int  # that may still be started
    neighbours: int  # that the kernel's table for the whole machine still holds, of the scarcer family


def check_environment() -> None:
    """Raises CompileError (FC8003) naming what is missing."""
    if os.geteuid() != 0:
        raise lab_error("FC8003", "a lab needs root: it makes network namespaces", "run it with sudo")
    missing = sorted({package for program, package in _PACKAGES.items() if not _has(program)})
    if missing:
        hint = "Debian: apt-get install frr frr-pythontools iproute2 iputils-ping"
        raise lab_error("FC8003", f"a lab needs FRR: {', '.join(missing)} is not installed", hint)
    if not Path("/proc/self/ns/net").exists():
        raise lab_error("FC8003", "this kernel has no network namespaces")


def _has(program: str) -> bool:
    return (DAEMONS / program).exists() or shutil.which(program) is not None


def this_machine() -> Machine:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
    running = sum(entry.name.isdecimal() for entry in Path("/proc").iterdir())
    limits = [int(Path("/proc/sys/kernel/pid_max").read_text())]
    if (soft := resource.getrlimit(resource.RLIMIT_NPROC)[0]) != resource.RLIM_INFINITY:
        limits.append(soft)
    neighbours = min(map(_free_neighbours, (("ipv4", "arp_cache"), ("ipv6", "ndisc_cache"))))
    return Machine(int(memory.split()[1]) << 10, len(os.sched_getaffinity(0)), min(limits) - running, neighbours)


def _free_neighbours(family: tuple[str, str]) -> int:
    """Above gc_thresh3 the kernel refuses new entries (arp(7)); the table is one for all namespaces."""
    most = int(Path(f"/proc/sys/net/{family[0]}/neigh/default/gc_thresh3").read_text())
    held = Path("/proc/net/stat", family[1]).read_text().splitlines()[1].split()[0]
    return most - int(held, 16)


def check_capacity(layout: Layout, machine: Machine) -> None:
    """Raises CompileError (FC8104) with the numbers where the machine does not carry the fabric."""
    if (entries := 2 * len(layout.wires)) > machine.neighbours:
        raise lab_error(
            "FC8104",
            f"{len(layout.wires)} links take {entries} entries of the kernel's table of neighbours, which has room for "
            f"{machine.neighbours}",
            f"{_PART}; or make the table larger: sysctl -w net.ipv4.neigh.default.gc_thresh3={2 * entries} "
            f"net.ipv6.neigh.default.gc_thresh3={2 * entries}",
        )
    switches, servers = len(layout.switches), len(layout.servers)
    memory = switches * _SWITCH_BYTES + servers * _SERVER_BYTES + len(layout.wires) * _WIRE_BYTES
    processes = sum(len(node.routing.daemons) for node in layout.switches if node.routing)
    carried = min(
        machine.cores * _SWITCHES_A_CORE,
        int(machine.memory * _SHARE) // _SWITCH_BYTES,
        machine.processes // _DAEMONS_A_SWITCH,
    )
    if switches > carried or memory > machine.memory * _SHARE or processes > machine.processes:
        raise lab_error(
            "FC8104",
            f"{switches} switches and {servers} servers take {memory / 1e9:.1f} GB and {processes} processes; this machine has "
            f"{machine.memory / 1e9:.1f} GB available and {machine.cores} cores, which carry about {carried} switches",
            _PART,
        )


def raise_file_limit() -> None:
    """A descriptor or two a device: as many files as we may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
