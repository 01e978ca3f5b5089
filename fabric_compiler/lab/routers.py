"""FRR in the switches' namespaces: daemons started, given their configuration, asked, killed.

FRR keeps instances apart by name (-N): /etc/frr/NAME and /var/run/frr/NAME, here the namespace's name.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.thread import BrokenThreadPool
from contextlib import suppress
from typing import Any, Final

from fabric_compiler.lab import namespaces, store
from fabric_compiler.lab.layout import Node
from fabric_compiler.lab.machine import DAEMONS
from fabric_compiler.lab.report import Progress
from fabric_compiler.lab.store import lab_error

# dplane_fpm_nl: SONiC's forwarding plane, whose lines are in its frr.conf. -P 0: no vty over TCP.
_OPTIONS: Final = {"zebra": ("-M", "dplane_fpm_nl")}
# FRR 8.4: a next-hop group of the kernel that lost a member to a link's fall never gets it back, and its routes stay narrow.
# Plain multipath routes are given in whole. zebra must know before it is given the routes.
_BEFORE: Final = "no zebra nexthop kernel enable\n"
_SCRATCH: Final = "/var/tmp"  # noqa: S108 -- FRR's, which keeps a directory there for each process
_STARTS: Final = 120.0  # seconds for a program that ends by itself; an emulated machine is slow
_ASKED: Final = 60.0
_END: Final = b"\0\0\0"


def start(nodes: Sequence[Node], progress: Progress) -> None:
    """All daemons of all switches, a few at a time, and their configuration. Raises CompileError (FC8105)."""
    for node in nodes:
        _directories(node)
    run(nodes, _bring_up, progress)


def run(nodes: Sequence[Node], work: Callable[[Node], None], progress: Progress) -> None:
    """The work in each node's namespace, two at a time for each core.

    Daemons that it starts do not reach the host's syslog, and their scratch directory goes with them.
    """

    def inside(node: Node) -> None:
        with namespaces.inside(node.namespace):
            work(node)

    workers = 2 * len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers, initializer=namespaces.seclude, initargs=("/dev/log", _SCRATCH)) as pool:
        try:
            for number, _ in enumerate(pool.map(inside, nodes), start=1):
                progress("switches", number, len(nodes))
        except BrokenThreadPool as error:
            raise lab_error("FC8105", "this system lets nobody have mounts of his own") from error


def _directories(node: Node) -> None:
    assert node.routing
    owner = pwd.getpwnam("frr")
    for place in (store.FRR_CONFIGURATION, store.FRR_STATE):
        directory = place / node.namespace
        directory.mkdir(mode=0o750, parents=True)
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    configuration = store.FRR_CONFIGURATION / node.namespace
    for name, text in (
        ("vtysh.conf", f"service integrated-vtysh-config\nhostname {node.name}\n".encode()),
        ("zebra.conf", _BEFORE.encode()),
        ("frr.conf", node.routing.configuration),
    ):
        (configuration / name).write_bytes(text)
        os.chown(configuration / name, owner.pw_uid, owner.pw_gid)  # whatever the umask: the daemons read as their own user


def _bring_up(node: Node) -> None:
    assert node.routing
    for daemon in node.routing.daemons:
        _start(node, daemon)
    _load(node)


def _start(node: Node, daemon: str) -> None:
    """Returns when the daemon is ready: FRR's parent process waits for it."""
    options = list(_OPTIONS.get(daemon, ()))
    if daemon == "zebra":  # named, else it is passed over where there is an integrated configuration
        options += ["-f", str(store.FRR_CONFIGURATION / node.namespace / "zebra.conf")]
    _run(node, str(DAEMONS / daemon), "-d", "-N", node.namespace, "-P", "0", *options)


def _load(node: Node, daemon: str = "") -> None:
    """The integrated configuration, as FRR's own start script gives it; to one daemon where it alone was started."""
    done = _call(node, "vtysh", "-N", node.namespace, "-b", *(("-d", daemon) if daemon else ()))
    # refusals carry a percent sign; that a route-map is still to come is only said
    complaints = [line.strip() for line in _said(done) if "%" in line]
    if complaints or done.returncode:
        why = complaints[0] if complaints else f"vtysh ended with {done.returncode}"
        raise lab_error("FC8105", f"FRR does not take the configuration of {node.name}: {why}")


def _run(node: Node, *command: str) -> None:
    done = _call(node, *command)
    if done.returncode:
        why = _said(done)[-1:] or ["it says nothing"]
        raise lab_error("FC8105", f"{node.name}: {command[0]} ended with {done.returncode}: {why[0]}")


def _call(node: Node, *command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 -- no shell; the words are ours, and a namespace's name
            command, capture_output=True, text=True, errors="replace", timeout=_STARTS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise lab_error("FC8105", f"{node.name}: {command[0]} does not start: {error}") from error


def _said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return (done.stdout + done.stderr).strip().splitlines()


def restart(node: Node, daemon: str = "") -> None:
    """What was killed, with its configuration: one daemon, or all."""

    def again(node: Node) -> None:
        if daemon:
            _start(node, daemon)
            _load(node, daemon)
        else:
            _bring_up(node)

    run([node], again, lambda stage, done, total: None)


def kill(node: Node, daemon: str = "") -> None:
    """At once and without a word to anyone: one daemon, or all that runs of the switch."""
    if not daemon:
        namespaces.kill(lambda: namespaces.processes([node.namespace]))
        return
    recorded = int((store.FRR_STATE / node.namespace / f"{daemon}.pid").read_text())
    # the number is the daemon's own word, and may be another's by now
    if recorded in namespaces.processes([node.namespace]):
        os.kill(recorded, signal.SIGKILL)
        namespaces.kill(lambda: [recorded] if recorded in namespaces.processes([node.namespace]) else [])


def ask(node: Node, daemon: str, command: str) -> Any:
    """What the daemon prints as JSON, asked over its socket as vtysh does (vtysh.c, vtysh_client_run); None: it is not there.

    The command ends with a zero; the answer with three, and a byte for what became of it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as vty:
        vty.settimeout(_ASKED)
        with suppress(OSError, ValueError):
            vty.connect(str(store.FRR_STATE / node.namespace / f"{daemon}.vty"))
            _answer(vty, "enable")
            return json.loads(_answer(vty, command) or "{}")
    return None


def _answer(vty: socket.socket, command: str) -> str:
    vty.sendall(command.encode() + b"\0")
    answer = bytearray()
    while (end := answer.find(_END)) < 0 or len(answer) < end + 4:
        part = vty.recv(1 << 16)
        if not part:
            raise ConnectionResetError
        answer += part
    return answer[:end].decode(errors="replace")
