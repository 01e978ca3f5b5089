"""What a lab may leave behind, and what of the host it must not touch."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from fabric_compiler.lab import namespaces, store


def remains(fabric: str, ended: Sequence[int] = ()) -> list[str]:
    """Namespaces, directories, processes and mounts of the fabric's lab, found without the lab's own records.

    `ended` are its processes: FRR keeps a directory for each.
    """
    begin = store.prefix(fabric)
    found = [str(path) for place in ("/run/netns", "/etc/frr", "/var/run/frr") for path in Path(place).glob(f"{begin}*")]
    found += [str(path) for path in (Path("/run/fabricc-lab") / fabric,) if path.exists()]
    found += [str(path) for process in ended for path in Path("/var/tmp/frr").glob(f"*.{process}")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if begin in command:
            found.append(f"process {process.name}: {command}")
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if begin in line]
    return found


def host_state() -> dict[str, str]:
    """The host's own links, addresses, routes, rules and the sysctls of forwarding."""
    said = {
        words: subprocess.run(["ip", *words.split()], capture_output=True, text=True, check=True).stdout
        for words in ("-br link", "-br address", "route show table all", "-6 route show table all", "rule", "-6 rule")
    }
    # whether a neighbour was spoken to changes by itself
    said = {words: "\n".join(line for line in text.splitlines() if "cache" not in line) for words, text in said.items()}
    for family in ("ipv4", "ipv6"):
        for key in ("all/forwarding", "default/forwarding"):
            said[f"{family}/{key}"] = (Path("/proc/sys/net") / family / "conf" / key).read_text()
    return said


def running(fabric: str) -> list[int]:
    """Processes in the lab's namespaces."""
    return namespaces.processes(store.traces(fabric).namespaces)
