"""Each export of the 16,384-GPU fabric beside the compile that it starts from: none may take longer.

    python benchmarks/exports.py [--runs N] [KIND...]

The AVD export is of the same fabric with EOS switches, and is compared with that compile. Ends with 1 where one takes longer.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
from pathlib import Path

from processes import INTENTS, Usage, compile_command, machine, quiet_directory, run, written

from fabric_compiler.export.base import kinds

SONIC, EOS = "sn5400, nos: sonic", "7060dx5-64s, nos: eos"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("kinds", nargs="*", metavar="KIND")
    arguments.add_argument("--runs", type=int, default=3, metavar="N")
    given = arguments.parse_args()
    print(machine())
    print(f"{'':>14}{'wall s':>8}{'cpu s':>8}{'MiB':>8}{'files':>8}{'MB':>8}")
    slower = []
    with tempfile.TemporaryDirectory(dir=quiet_directory()) as scratch:
        root = Path(scratch)
        builds = {nos: _compile(root, nos, given.runs) for nos in ("sonic", "eos")}
        for kind in given.kinds or kinds():
            build, compiled = builds["eos" if kind == "avd" else "sonic"]
            command = [sys.executable, "-m", "fabric_compiler.cli", "export", str(build), "--to", kind, "-o", str(root / "out")]
            usage = _fastest([*command, *_extra(root, build, kind)], given.runs)
            _print(kind, usage, root / "out" / kind)
            shutil.rmtree(root / "out")
            if usage.wall > compiled.wall:
                slower.append(kind)
    if slower:
        sys.exit(f"longer than the compile: {', '.join(slower)}")


def _compile(root: Path, nos: str, runs: int) -> tuple[Path, Usage]:
    text = (INTENTS / "three-tier-16384.yaml").read_text()
    intent = root / f"{nos}.yaml"
    intent.write_text(text.replace(SONIC, EOS) if nos == "eos" else text)
    usage = _fastest(compile_command(intent, root / nos), runs)
    (build,) = (path for path in (root / nos).iterdir() if path.is_symlink())
    _print(f"compile {nos}", usage, build.resolve())
    return build, usage


def _extra(root: Path, build: Path, kind: str) -> list[str]:
    if kind != "ztp":
        return []
    with (build / "plan/devices.csv").open(newline="") as file:
        names = [row["name"] for row in csv.DictReader(file) if row["management"]]
    rows = [f"{name},,00:1c:73:00:{n >> 8:02x}:{n & 255:02x}" for n, name in enumerate(names)]
    (root / "inventory.csv").write_text("\n".join(["name,serial,mac", *rows]) + "\n")
    return ["--inventory", str(root / "inventory.csv"), "--url", "http://172.16.0.5/ztp"]


def _fastest(command: list[str], runs: int) -> Usage:
    run(command)
    return min((run(command) for _ in range(runs)), key=lambda usage: usage.wall)


def _print(name: str, usage: Usage, place: Path) -> None:
    files = sum(path.is_file() for path in place.rglob("*"))
    size = written(place.resolve()) / 1e6
    print(f"{name:>14}{usage.wall:8.2f}{usage.cpu:8.2f}{usage.peak:8.0f}{files:>8}{size:8.1f}", flush=True)


if __name__ == "__main__":
    main()
