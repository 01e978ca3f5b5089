"""The processor instructions of fixed compiles, kept in git: a slower change is seen, whatever the machine's weather.

    python benchmarks/instructions.py            count, and compare with instructions.json
    python benchmarks/instructions.py --update   count, and write instructions.json

Counted by valgrind (Debian's package) over a whole process with a fixed hash seed. Instructions are no seconds, and repeat
better than seconds on a shared machine, but not exactly: runs of one tree lay within 0.8 % of each other. Hence the tolerance
of 2 %: what slows down by less is not seen. Ends with 1 when a figure is above the kept one by more; below it, the command
says that an update is due.
They hold for one interpreter and one set of libraries, so these are kept beside
the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from processes import HERE, INTENTS, compile_command, environment

KEPT = HERE / "instructions.json"
CASES = {
    "quickstart": HERE.parent / "intents" / "quickstart.yaml",
    "leaf-spine-8x64": INTENTS / "leaf-spine-8x64.yaml",
}
START_UP = "start-up"
_TOLERANCE = 0.02
_LIBRARIES = ("jinja2", "msgspec", "netaddr", "numpy", "pydantic", "pyyaml", "typer")
_COUNT = re.compile(r"^summary: (\d+)", re.MULTILINE)


def count(command: list[str]) -> int:
    """Instructions of one run. Raises SystemExit when valgrind is missing or the command fails."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "callgrind.out")
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=no", "--dump-line=no"]
        try:
            done = subprocess.run(
                [*tool, *command], env=environment() | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            sys.exit("valgrind is missing: apt-get install valgrind")
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        found = _COUNT.search(out.read_text(errors="replace"))
    if not found:
        sys.exit("valgrind printed no count")
    return int(found[1])


def counts() -> dict[str, int]:
    """Of start-up, and of each case, start-up included."""
    start = [sys.executable, "-c", "import fabric_compiler.compiler"]
    subprocess.run(start, env=environment(), check=True)  # makes the byte code
    found = {START_UP: count(start)}
    for name, intent in CASES.items():
        with tempfile.TemporaryDirectory() as scratch:
            copy = shutil.copy(intent, scratch)  # so that no lock is left beside the intent
            command = compile_command(Path(copy), Path(scratch, "build"), jobs=1)
            subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
            shutil.rmtree(Path(scratch, "build"))
            Path(copy).with_suffix(".lock").unlink(missing_ok=True)
            found[name] = count(command)
    return found


def surroundings() -> dict[str, str]:
    """What the figures hold for."""
    own = {"python": platform.python_version(), "machine": platform.machine()}
    return own | {name: version(name) for name in _LIBRARIES}


def compare(kept: dict[str, int], now: dict[str, int]) -> bool:
    """Print each figure beside the kept one; whether any is slower."""
    slower = False
    for name, instructions in now.items():
        before = kept.get(name)
        if before is None:
            print(f"{name:<18}{instructions / 1e6:10.1f} M  new; keep it with --update")
            continue
        change = instructions / before - 1
        word = "slower" if change > _TOLERANCE else "faster: keep it with --update" if change < -_TOLERANCE else "the same"
        print(f"{name:<18}{before / 1e6:10.1f} M -> {instructions / 1e6:10.1f} M  {100 * change:+6.2f} %  {word}")
        slower |= change > _TOLERANCE
    return slower


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--update", action="store_true")
    given = arguments.parse_args()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"surroundings": {}, "instructions": {}}
    now, around = counts(), surroundings()
    different = [f"{name} {kept['surroundings'].get(name)} -> {found}" for name, found in around.items()
                 if kept["surroundings"].get(name) != found]  # fmt: skip
    if different and kept["instructions"]:
        print(f"the kept figures are of other versions, so a difference may be theirs: {', '.join(different)}")
    slower = compare(kept["instructions"], now)
    if given.update:
        KEPT.write_text(json.dumps({"surroundings": around, "instructions": now}, indent=2) + os.linesep)
        print(f"wrote {KEPT.name}")
        return
    sys.exit(slower)


if __name__ == "__main__":
    main()
