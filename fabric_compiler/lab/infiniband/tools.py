"""The programs that an InfiniBand lab needs, and how they are run against its ibsim."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity

_PACKAGES: Final = {"ibsim": "ibsim-utils", "opensm": "opensm", "ibnetdiscover": "infiniband-diags"}
_PATH: Final = os.pathsep.join(("/usr/sbin", "/usr/bin", "/sbin", "/bin"))  # Debian has some of them where only root looks
_PRELOAD: Final = ("lib/*/umad2sim/libumad2sim.so", "lib/umad2sim/libumad2sim.so", "lib64/umad2sim/libumad2sim.so")


@dataclass(frozen=True, slots=True)
class Tools:
    ibsim: str
    opensm: str
    ibnetdiscover: str
    preload: str  # the library that puts ibsim in the place of the kernel's devices


def tools() -> Tools:
    """Raises CompileError (FC8003) with what is missing."""
    found = {name: shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{_PATH}") for name in _PACKAGES}
    library = next((str(path) for pattern in _PRELOAD for path in sorted(Path("/usr").glob(pattern))), "")
    missing = [_PACKAGES[name] for name, path in found.items() if path is None]
    if not library and "ibsim-utils" not in missing:
        missing.append("ibsim-utils")
    if missing:
        packages = " ".join(sorted(set(missing)))
        hint = f"Debian: apt-get install {packages}"
        raise CompileError([Diagnostic("FC8003", Severity.ERROR, f"an InfiniBand lab needs {packages}", hint=hint)])
    return Tools(**{name: path for name, path in found.items() if path}, preload=library)


def environment(directory: Path, instance: str, host: str = "", preload: str = "") -> dict[str, str]:
    """Of the lab's processes: nothing of ours but where to find things. `host` is the node that a client attaches to.

    `instance` names the simulator's sockets, which are abstract: they have no file, and end with their process. It is the
    mark, too, by which processes of a lab are found again.
    """
    own = {
        "PATH": _PATH,
        "LC_ALL": "C",
        "IBSIM_SOCKNAME": instance,
        "OSM_TMP_DIR": str(directory),
        "OSM_CACHE_DIR": str(directory),
        "TMPDIR": str(directory),
    }
    if host:
        own["SIM_HOST"] = host
    if preload:
        own["LD_PRELOAD"] = preload
    return own


def run(command: Sequence[str], directory: Path, settings: Mapping[str, str], seconds: float, given: bytes = b"") -> bytes:
    """What the command prints. Raises TimeoutError; OSError with what it said when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 -- our own words
            command, cwd=directory, env=dict(settings), input=given, capture_output=True, timeout=seconds, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{Path(command[0]).name} did not end within {seconds:.0f} s") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(f"{Path(command[0]).name} ended with {done.returncode}: {said[-1] if said else ''}")
    return done.stdout
