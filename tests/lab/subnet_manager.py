"""OpenSM over ibsim, in a directory of its own: one sweep of a compiled subnet, and what OpenSM said."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PRELOAD = next(Path("/usr/lib").glob("*/umad2sim/libumad2sim.so"), None)
# OpenSM 3.3.23 logs this for the word that it honours (osm_opensm.c, setup_routing_engines)
NO_FALLBACK = "Failed to setup routing engine 'no_fallback'"
_WAIT = 60


@dataclass(frozen=True, slots=True)
class Sweep:
    """`errors` are lines of OpenSM's log of its level ERROR, and what it printed of options that it does not know."""

    log: str
    printed: str

    @property
    def up(self) -> bool:
        return "SUBNET UP" in self.log

    @property
    def engine(self) -> str:
        found = re.search(r"osm_ucast_mgr_process: (\S+) tables configured on all switches", self.log)
        return found[1] if found else ""

    @property
    def errors(self) -> list[str]:
        logged = [line for line in self.log.splitlines() if "] 0x01 -> " in line and NO_FALLBACK not in line]
        told = (line for line in self.printed.splitlines() if "sim_connect: attached" not in line)
        return logged + [line for line in told if re.search("unrecognized|unknown|error|warn", line, re.IGNORECASE)]


def sweep(files: Mapping[str, bytes], root: Path, config: str = "opensm.conf") -> Sweep:
    """Bring the subnet up once. Secrets get a dummy; files are looked for in `root` and not in /etc/opensm."""
    for name, content in files.items():
        text = content.replace(b"/etc/opensm/", f"{root}/".encode())
        (root / name).write_bytes(re.sub(rb"<secret:[a-z0-9-]+>", b"0x0000000000000123", text))
    socket = f"fabricc{os.getpid()}"
    own = {"IBSIM_SOCKNAME": socket, "OSM_TMP_DIR": str(root), "OSM_CACHE_DIR": str(root)}
    environment = {"PATH": os.environ["PATH"], **own}
    preloaded = environment | {"LD_PRELOAD": str(PRELOAD)}
    simulator = subprocess.Popen(
        ["ibsim", "-s", "-n", "-N", "4096", "-S", "512", "-P", "65536", "topology.net"],
        cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _until_listening(socket)
        done = subprocess.run(
            ["opensm", "-F", str(root / config), "-f", str(root / "opensm.log"), "-o"],
            cwd=root, env=preloaded, timeout=_WAIT, check=False, capture_output=True, text=True,
        )  # fmt: skip
        printed = done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        printed = f"OpenSM did not end: {error}"
    finally:
        simulator.kill()
        simulator.communicate()
    log = root / "opensm.log"
    return Sweep(log.read_text(errors="replace") if log.exists() else "", printed)


def _until_listening(socket: str) -> None:
    """ibsim listens on an abstract socket; parsing the topology comes before."""
    until = time.monotonic() + _WAIT
    while socket not in Path("/proc/net/unix").read_text(encoding="ascii"):
        if time.monotonic() > until:
            raise TimeoutError("ibsim does not listen")
        time.sleep(0.05)
