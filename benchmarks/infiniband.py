"""SuperPODs as InfiniBand: compiled, up under the real OpenSM on ibsim, read and proven; seconds and memory of each step.

    python benchmarks/infiniband.py [UNITS ...]

A unit is 32 servers of 8 GPUs. Needs Debian's ibsim-utils, opensm and infiniband-diags; no rights.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabric_compiler.compiler import Options, analyse
from fabric_compiler.compiler import build as compile_build
from fabric_compiler.lab.infiniband import checks, network, processes
from fabric_compiler.lab.infiniband.intended import intended
from fabric_compiler.targets import opensm

INTENT = """\
version: 1
fabric: superpod
sites: {{gru1: {{lengths: {{server-leaf: 10 m, leaf-spine: 30 m, spine-core: 30 m}}}}}}
networks:
  compute:
    protocol: infiniband
    topology: {{kind: rail-optimized, tiers: {tiers}, reserve: {{pods: {units}}}}}
    leaf: {{switch: qm9700}}
    spine: {{switch: qm9700}}
    core: {{switch: qm9700}}
pods:
  - {{name: su, count: {units}, servers: 32, server: dgx-b200, connect: {{compute: gpu-nics}}}}
"""


@contextmanager
def timed(row: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    row[name] = time.monotonic() - start


def measure(units: int, directory: Path) -> dict[str, float]:
    """Seconds by step, and MiB of the processes at their highest."""
    path, row = directory / "superpod.yaml", dict[str, float]()
    text = INTENT.format(units=units, tiers=2 if units <= 8 else 3)
    path.write_text(text if units > 8 else text.replace("    core: {switch: qm9700}\n", ""))
    with timed(row, "compile"):
        compile_build(path, directory / "build", Options())
    found = analyse(path, Options())
    subnet = found.subnets[0]
    meant, instance = intended(found, subnet), f"fabricc-bench-{os.getpid()}"
    try:
        with timed(row, "up"):
            running = network.up(opensm.render(subnet), "build", directory / "subnet", instance)
        with timed(row, "read and prove"):
            rows = list(checks.checks(running, meant, 1))
        for program, peak in peaks(instance):
            row[f"{program} MiB"] = peak
    finally:
        processes.end(instance)
    row["fabricc MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for one in rows:
        if not one.passed:
            print(f"FAILED {one.name}: {one.wrong[0]}")
    return row


def peaks(instance: str) -> Iterator[tuple[str, float]]:
    for process in processes.of(instance):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        yield status["Name"].strip(), int(status["VmHWM"].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("units", type=int, nargs="*", default=[2, 4, 8, 16])
    for units in parser.parse_args().units:
        directory = Path(tempfile.mkdtemp(prefix="fabricc-bench-"))
        try:
            row = measure(units, directory)
        finally:
            shutil.rmtree(directory)
        print(f"{units * 256:6} GPUs: " + ", ".join(f"{name} {value:.1f}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
