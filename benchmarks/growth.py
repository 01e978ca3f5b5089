"""Seconds and memory as a fabric grows: 16,384, 32,768 and 65,536 GPUs in three tiers, lossless, with the servers' files.

    python benchmarks/growth.py [--runs N] [--jobs N] [--limit 1.15]

Both may grow at most 1.15 times as fast as the bytes written; else the command ends with 1.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from processes import INTENTS, best, compile_command, machine, quiet_directory, run, written

GPUS = (16_384, 32_768, 65_536)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=3, metavar="N")
    arguments.add_argument("--jobs", type=int, metavar="N")
    arguments.add_argument("--limit", type=float, default=1.15, metavar="FACTOR")
    given = arguments.parse_args()
    print(machine())
    print(f"{'GPUs':>7}{'wall s':>8}{'cpu s':>8}{'MiB largest':>13}{'MiB together':>14}{'MB written':>12}{'us a kB':>9}")
    first: tuple[float, float, float] | None = None
    too_fast = False
    with tempfile.TemporaryDirectory(dir=quiet_directory()) as scratch:
        for gpus in GPUS:
            intent = shutil.copy(INTENTS / f"three-tier-{gpus}.yaml", scratch)  # so that no lock is left beside the intent
            outputs = Path(scratch, "outputs")
            command = compile_command(Path(intent), outputs, given.jobs)
            usage = best({"fabricc": command}, outputs, given.runs)["fabricc"]
            shutil.rmtree(outputs)
            run(command)
            size = written(outputs)
            shutil.rmtree(outputs)
            print(
                f"{gpus:>7}{usage.wall:8.2f}{usage.cpu:8.2f}{usage.peak:13.0f}{usage.together:14.0f}{size / 1e6:12.1f}"
                f"{1e9 * usage.wall / size:9.2f}"
            )
            if first is None:
                first = usage.wall, usage.together, size
                continue
            seconds, memory = (
                now / before * first[2] / size for now, before in ((usage.wall, first[0]), (usage.together, first[1]))
            )
            print(f"        against {GPUS[0]}: seconds grow {seconds:.2f} times as fast as the bytes, memory {memory:.2f}")
            too_fast |= max(seconds, memory) > given.limit
    sys.exit(too_fast)


if __name__ == "__main__":
    main()
