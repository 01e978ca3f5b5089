"""Private FRR daemons in a network namespace, for tests that load a configuration into the real thing (Debian's frr; root).

    with router("leaf1", interfaces=("Ethernet0",)) as frr:
        assert frr.load(text) == []
        print(frr.vtysh("show running-config"))

FRR keeps a pathspace apart by name (-N): its own /etc/frr/NAME and /var/run/frr/NAME. All of it goes when the block ends.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

DAEMONS = Path("/usr/lib/frr")
_WAIT = 15.0


class MissingError(RuntimeError):
    """The machine has no FRR, or we are not root."""


class Router:
    """One set of daemons. `name` is the namespace and the pathspace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.configuration = Path("/etc/frr") / name
        self.state = Path("/var/run/frr") / name

    def load(self, text: str) -> list[str]:
        """Give the daemons an integrated configuration; what they complained of, empty where they took every line."""
        file = self.configuration / "frr.conf"
        file.write_text(text, encoding="utf-8")
        done = self._run("vtysh", "-N", self.name, "-b")
        lines = (done.stdout + done.stderr).splitlines()
        complaints = [said for said in lines if _is_complaint(said)]
        return complaints if complaints or done.returncode == 0 else [f"vtysh ended with {done.returncode}"]

    def vtysh(self, command: str) -> str:
        """What `command` prints; several lines are commands one after another, such as `configure terminal`."""
        arguments = [part for one in command.splitlines() if one.strip() for part in ("-c", one.strip())]
        return self._run("vtysh", "-N", self.name, *arguments).stdout

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *command],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )


def available() -> str:
    """Empty, or why daemons cannot be started here."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if not (DAEMONS / "bgpd").exists() or shutil.which("vtysh") is None:
        return "FRR is not installed (Debian: apt-get install frr)"
    return "" if shutil.which("ip") else "ip is not installed (Debian: iproute2)"


@contextlib.contextmanager
def router(name: str, *, fpm: bool = True, interfaces: Sequence[str] = ()) -> Iterator[Router]:
    """Start zebra, staticd, bgpd and bfdd in a namespace `name` of their own; stop them and remove every trace at the end.

    `fpm` loads SONiC's forwarding plane module, which knows the `fpm` lines. `interfaces` are made as veth pairs with a far
    end that nothing uses. A namespace of that name that is there already is left alone, and an error.
    Raises MissingError, FileExistsError, TimeoutError.
    """
    if reason := available():
        raise MissingError(reason)
    made = Router(name)
    if Path("/var/run/netns", name).exists() or made.configuration.exists():
        raise FileExistsError(f"a network namespace or FRR instance {name} is there already")
    try:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        for number, interface in enumerate(interfaces):
            _ip("-n", name, "link", "add", interface, "type", "veth", "peer", "name", f"far{number}")
            for end in (interface, f"far{number}"):
                _ip("-n", name, "link", "set", end, "up")
        _directories(made)
        for daemon, options in (
            ("zebra", ("-M", "dplane_fpm_nl") if fpm else ()),
            ("staticd", ()),
            ("bgpd", ()),
            ("bfdd", ()),
        ):
            _start(made, daemon, options)
        yield made
    finally:
        _stop(_running(made))
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        for directory in (made.configuration, made.state):
            shutil.rmtree(directory, ignore_errors=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def _directories(made: Router) -> None:
    owner = pwd.getpwnam("frr")
    for directory in (made.configuration, made.state):
        directory.mkdir(parents=True)
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    (made.configuration / "vtysh.conf").write_text("service integrated-vtysh-config\n")


def _start(made: Router, daemon: str, options: Sequence[str]) -> None:
    """Start one daemon and wait for its vty."""
    subprocess.run(
        ["ip", "netns", "exec", made.name, str(DAEMONS / daemon), "-d", "-N", made.name, "-A", "127.0.0.1", *options],
        check=True,
        capture_output=True,
        timeout=60,
    )
    until = time.monotonic() + _WAIT
    while time.monotonic() < until:
        if (made.state / f"{daemon}.vty").exists():
            return
        time.sleep(0.02)
    raise TimeoutError(f"{daemon} of {made.name} did not open its vty")


def _running(made: Router) -> list[int]:
    """The daemons' own records, so that one whose start failed half-way is found too."""
    numbers = []
    for file in made.state.glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):
            numbers.append(int(file.read_text()))
    return numbers


def _stop(processes: Sequence[int]) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        for process in filter(_runs, processes):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, sent)
        until = time.monotonic() + 3
        while time.monotonic() < until and any(_runs(p) for p in processes):
            time.sleep(0.02)


def _runs(process: int) -> bool:
    """False for a zombie too, which only waits for whoever adopted it."""
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _is_complaint(said: str) -> bool:
    """Refusals carry a percent sign (`line 7: % Unknown command`); that a route-map is still to come is only said."""
    return "%" in said
