"""A machine, from the side of the commands: start one, find it again, run programs in it, end it.

It is known by a name, that of a socket which has no file (unix(7), abstract): one that ended leaves nothing behind to be found.
Both ends look at whose process the other is.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from fabric_compiler.lab.vm import initramfs, qemu
from fabric_compiler.lab.vm.channel import Kind, Line, Program
from fabric_compiler.lab.vm.host import Host
from fabric_compiler.lab.vm.kernel import unpacked
from fabric_compiler.lab.vm.qemu import Hardware
from fabric_compiler.lab.vm.session import Said, Session, vm_error
from fabric_compiler.lab.vm.supervisor import STAY, Assignment, peer_user

_WITHIN: Final = 120.0  # seconds to come up
_AGENT: Final = "fabric_compiler.lab.vm.guest"
_SUPERVISOR: Final = "fabric_compiler.lab.vm.supervisor"


@dataclass(frozen=True, slots=True)
class Machine:
    """One that runs. What is called here raises CompileError (FC8201) where it has ended."""

    name: str

    def run(
        self,
        program: Program,
        given: Iterator[bytes] | int | None = None,
        output: Said = lambda said: None,
        errors: Said = lambda said: None,
        started: Callable[[], None] = lambda: None,
    ) -> int:
        """The exit code; see Session."""
        with self.session(output, errors, started) as session:
            return session.run(program, given)

    @contextmanager
    def session(self, output: Said, errors: Said, started: Callable[[], None] = lambda: None) -> Iterator[Session]:
        with _connected(self.name) as connection:
            yield Session(connection, output, errors, started)

    def stop(self) -> None:
        """When this returns it has ended."""
        with _connected(self.name) as connection, suppress(OSError):
            Line(connection.fileno()).send(Kind.STOP)
            connection.setblocking(True)
            while connection.recv(1 << 12):
                pass


def find(name: str) -> Machine | None:
    """Raises CompileError (FC8201): something else has its name."""
    connection = _connect(name)
    if connection is None:
        return None
    connection.close()
    return Machine(name)


@contextmanager
def started(name: str, host: Host, hardware: Hardware, modules: Sequence[str]) -> Iterator[tuple[Machine, Callable[[], None]]]:
    """A new machine, which may not be up yet. It ends with the block, and with this process, unless the function beside it was
    called: that lets it stay.

    Raises CompileError (FC8201): there is one of the name.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(_listener(name))
        owner, theirs = socket.socketpair()
        stack.enter_context(theirs)
        files = [qemu.in_memory(unpacked(host.kernel.image.read_bytes()))]
        stack.callback(os.close, files[0])
        files.append(qemu.in_memory(initramfs.image(host.kernel, modules, host.exports, _AGENT)))
        stack.callback(os.close, files[1])
        for directory in host.exports.directories:
            files.append(os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
            stack.callback(os.close, files[-1])
        given = Assignment(listener.fileno(), theirs.fileno(), files[0], files[1], tuple(files[2:]), hardware, _WITHIN)
        _supervise(given)
    stays = False

    def stay() -> None:
        nonlocal stays
        owner.sendall(STAY)
        stays = True

    try:
        yield Machine(name), stay
    finally:
        owner.shutdown(socket.SHUT_WR)
        if not stays:
            with suppress(OSError):
                owner.recv(1)  # its end
        owner.close()


def _supervise(given: Assignment) -> None:
    """Returns at once; what was started is nobody's child."""
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", _SUPERVISOR],
        input=given.encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        pass_fds=given.descriptors(),
        start_new_session=True,
        check=True,
    )


def _address(name: str) -> str:
    return f"\0fabricc/{os.geteuid()}/{name}"


@contextmanager
def _listener(name: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(_address(name))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise vm_error(f"there is a virtual machine called {name} already") from error
        listener.listen()
        yield listener


@contextmanager
def _connected(name: str) -> Iterator[socket.socket]:
    connection = _connect(name)
    if connection is None:
        raise vm_error("the virtual machine has ended")
    with connection:
        yield connection


def _connect(name: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(_address(name))
    except ConnectionRefusedError:
        connection.close()
        return None
    if peer_user(connection) != os.geteuid():
        connection.close()
        raise vm_error(f"another user's process has taken the name of the virtual machine {name}")
    return connection
