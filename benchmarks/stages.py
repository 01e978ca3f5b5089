"""Where a compile's time goes: the stages, and below `devices` the steps of one device, in ms, one process.

    python benchmarks/stages.py [INTENT] [--functions N]

The floors are what the work itself costs, measured on the machine that the README names. Beside them the steps are shown by
kind of device. `--functions` adds the N functions that take most time of their own, by cProfile (which doubles the time).
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import INTENTS, quiet_directory

from fabric_compiler.compiler import Analysis, Options, analyse, build
from fabric_compiler.emit.files import write
from fabric_compiler.emit.manifest import digest
from fabric_compiler.targets.base import target
from fabric_compiler.verify.agreement import facts
from fabric_compiler.verify.device import check_files
from fabric_compiler.verify.readback import reader
from fabric_compiler.workshop import Workshop

# ms a device: a config_db of 110 kB as dicts and its bytes, 19 kB of text by f-strings and by a template, one file, one digest
FLOORS = {"render, config_db": "0.98 + 0.37", "render, text": "0.06 to 0.92", "write": "0.26", "sha256": "0.08"}


class Steps:
    """Seconds and numbers of devices, by kind of device and step."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = defaultdict(float)
        self.devices: dict[str, int] = defaultdict(int)

    @contextmanager
    def __call__(self, kind: str, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[kind, step] += time.perf_counter() - start

    def lines(self) -> Iterator[str]:
        for kind, count in self.devices.items():
            mine = {step: seconds for (of, step), seconds in self.seconds.items() if of == kind}
            yield f"{count} x {kind}: {1000 * sum(mine.values()) / count:.2f} ms each"
            yield from (f"    {step:<12} {1000 * seconds / count:7.3f}" for step, seconds in mine.items())


def devices(analysis: Analysis, root: Path) -> Steps:
    """Make every device of the fabric as the compiler does, step by step."""
    decisions, steps = analysis.decisions, Steps()
    workshop = Workshop(decisions, None, None)
    for index, device in enumerate(analysis.graph.devices):
        system = device.nos or "hosts"
        kind = f"{device.role or device.kind} ({system})"
        steps.devices[kind] += 1
        with steps(kind, "model"):
            model = workshop.model(index)
        with steps(kind, "render"):
            files = target(system).render(model)
        with steps(kind, "write"):
            for name, content in files.items():
                write(root, f"{device.name}/{name}", content)
        with steps(kind, "sha256"):
            for content in files.values():
                digest(content)
        with steps(kind, "read back"):
            observed = reader(system)(files)
        with steps(kind, "ends"):
            ends = decisions.ends[index]
            ports = [device.layout.ports[end.port].name for end in ends]
            to_server = [device.kind == "server" or analysis.graph.devices[end.peer].kind == "server" for end in ends]
        switch = decisions.catalog.switches[device.model] if device.kind == "switch" else None
        with steps(kind, "check"):
            check_files(device, decisions.plan.devices[index], switch, files, observed, ports)
        with steps(kind, "facts"):
            facts(observed, ports, to_server)
    return steps


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("intent", nargs="?", type=Path, default=INTENTS / "three-tier-16384.yaml")
    arguments.add_argument("--functions", type=int, default=0, metavar="N")
    given = arguments.parse_args()
    options = Options(jobs=1)
    with tempfile.TemporaryDirectory(dir=quiet_directory()) as scratch:
        copy = Path(scratch, given.intent.name)  # so that no lock is left beside the intent
        copy.write_bytes(given.intent.read_bytes())
        made = build(copy, Path(scratch, "build"), options)
        total = sum(made.analysis.seconds.values())
        print(f"{given.intent.stem}: {total:.2f} s, {made.size / 1e6:.1f} MB, one process")
        for stage, seconds in made.analysis.seconds.items():
            print(f"    {stage:<12} {seconds:7.3f} s {100 * seconds / total:5.1f} %")
        Path(scratch, "steps").mkdir()
        print(*devices(analyse(copy, options), Path(scratch, "steps")).lines(), sep="\n")
        print("floors, ms a switch of 64 ports:", "; ".join(f"{step} {floor}" for step, floor in FLOORS.items()))
        if given.functions:
            with cProfile.Profile() as profile:
                build(copy, Path(scratch, "profiled"), options)
            pstats.Stats(profile).sort_stats("tottime").print_stats(given.functions)


if __name__ == "__main__":
    main()
