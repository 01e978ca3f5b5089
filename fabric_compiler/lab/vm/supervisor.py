"""The process that a machine lives in: it starts QEMU, passes frames between commands and ports, and takes all down with it.

It leaves nothing behind however it ends: QEMU dies with it, the socket has a name without a file, there is no other file and no
mount. It ends when QEMU does, when it is told to, when the machine does not come up, and, until it is told to stay, with
the command that started it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from fabric_compiler.lab.vm import qemu
from fabric_compiler.lab.vm.channel import FULL, Frame, Kind, Line, ProtocolError, numbers
from fabric_compiler.lab.vm.qemu import Files, Hardware

STAY: Final = b"s"
"""Sent by the owner: outlive me."""

_PORTS: Final = 8  # programs at a time
_COMMANDS: Final = 32  # connections; more are refused
_CONSOLE: Final = 1 << 14
_LINES: Final = 6


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a supervisor is started with: descriptors, and what QEMU is to be. `within`: seconds for the machine to come up."""

    listener: int
    owner: int
    kernel: int
    initramfs: int
    directories: tuple[int, ...]
    hardware: Hardware
    within: float

    def descriptors(self) -> tuple[int, ...]:
        return (self.listener, self.owner, self.kernel, self.initramfs, *self.directories)

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def assignment(text: bytes) -> Assignment:
    own = json.loads(text)
    return Assignment(**{**own, "directories": tuple(own["directories"]), "hardware": Hardware(**own["hardware"])})


def peer_user(connection: socket.socket) -> int:
    """Who is at the other end of a Unix socket, as the kernel knows it: unix(7), SO_PEERCRED."""
    size = struct.calcsize("3i")
    user: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]
    return user


class StopError(Exception):
    """The machine is to end; why."""


class FailureError(StopError):
    """It was not asked to: what its console said last tells more."""


class _End:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.line = Line(connection.fileno())

    def fileno(self) -> int:
        return self.connection.fileno()


class Command(_End):
    """A connection of a command. `asked` is its first frame until a port takes it; `port` carries its session then."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.asked: Frame | None = None
        self.port: Port | None = None


class Port(_End):
    """Our end of a port, `free` when its agent waits for a program. `command` None: that which began the session is gone."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.free = False
        self.command: Command | None = None


class Supervisor:
    def __init__(self, given: Assignment) -> None:
        self.listener = socket.socket(fileno=given.listener)
        self.listener.setblocking(False)
        self.owner: int | None = given.owner
        pairs = [socket.socketpair() for _ in range(_PORTS)]
        self.ports = [Port(ours) for ours, _ in pairs]
        files = Files(given.kernel, given.initramfs, given.directories, tuple(theirs.fileno() for _, theirs in pairs))
        self.qemu = qemu.start(qemu.command(given.hardware, files), files, given.hardware.kvm)
        for _, theirs in pairs:
            theirs.close()
        for descriptor in (given.kernel, given.initramfs, *given.directories):
            os.close(descriptor)
        self.console: deque[int] = deque(maxlen=_CONSOLE)
        self.commands: list[Command] = []
        self.until: float | None = time.monotonic() + given.within

    def serve(self) -> None:
        """Until the machine ends; whoever is still connected is told why."""
        try:
            while True:
                self._serve_once()
        except StopError as stop:
            self.qemu.kill()
            why = "\n".join((str(stop), *(self._last_said() if isinstance(stop, FailureError) else ())))
            self.qemu.wait()
            for command in self.commands:
                with suppress(OSError):
                    command.line.send(Kind.FAILED, why.encode())

    def _serve_once(self) -> None:
        left = None if self.until is None else self.until - time.monotonic()
        if left is not None and left <= 0:
            raise FailureError("the virtual machine did not come up in time")
        assert self.qemu.stdout
        reading: list[Any] = [self.listener, self.qemu.stdout, *([] if self.owner is None else [self.owner])]
        ports = [port for port in self.ports if not (port.command and port.command.line.waiting > FULL)]
        commands = [command for command in self.commands if not (command.port and command.port.line.waiting > FULL)]
        writing = [end for end in (*self.ports, *self.commands) if end.line.waiting]
        ready, takes, _ = select.select([*reading, *ports, *commands], writing, [], left)
        if self.qemu.stdout in ready:
            self._listen_to_console()
        if self.owner in ready:
            self._listen_to_owner()
        for port in self.ports:
            if port in takes:
                port.line.flush()
            if port in ready:
                self._listen_to_port(port)
        for command in tuple(self.commands):
            try:
                if command in takes:
                    command.line.flush()
                if command in ready:
                    self._listen_to_command(command)
            except (OSError, EOFError, ProtocolError):
                self._drop(command)
        if self.listener in ready:
            self._accept()
        self._assign()

    def _listen_to_console(self) -> None:
        assert self.qemu.stdout
        said = os.read(self.qemu.stdout.fileno(), _CONSOLE)
        self.console += said
        if not said:
            raise FailureError("the virtual machine ended")

    def _listen_to_owner(self) -> None:
        assert self.owner is not None
        if os.read(self.owner, 1) != STAY:
            raise StopError("the command that started the virtual machine ended")
        os.close(self.owner)
        self.owner = None

    def _listen_to_port(self, port: Port) -> None:
        try:
            frames = port.line.receive()
        except (OSError, EOFError, ProtocolError) as error:
            raise FailureError("the virtual machine ended") from error
        for frame in frames:
            command = port.command
            if command:
                try:
                    command.line.send(*frame)
                except OSError:
                    self._drop(command)
            if frame.kind in (Kind.READY, Kind.EXIT):
                self.until = None
                port.free, port.command = True, None
                if command:
                    command.port = None

    def _listen_to_command(self, command: Command) -> None:
        for frame in command.line.receive():
            if frame.kind == Kind.STOP:
                raise StopError("the virtual machine was ended")
            if frame.kind == Kind.RUN:
                command.asked = frame
            elif command.port:
                command.port.line.send(*frame)

    def _drop(self, command: Command) -> None:
        """It went away: its program ends, and what that still says goes nowhere."""
        if command in self.commands:
            self.commands.remove(command)
            command.connection.close()
            if command.port:
                command.port.command = None
                command.port.line.send(Kind.SIGNAL, numbers(signal.SIGKILL))

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        if peer_user(connection) != os.geteuid() or len(self.commands) >= _COMMANDS:
            connection.close()
        else:
            self.commands.append(Command(connection))

    def _assign(self) -> None:
        """The commands that wait come first as they came."""
        for command in self.commands:
            port = next((port for port in self.ports if port.free), None)
            if command.asked and not command.port and port:
                port.free, port.command, command.port = False, command, port
                port.line.send(*command.asked)
                command.asked = None
                with suppress(OSError):  # its end is read later
                    command.line.send(Kind.READY)

    def _last_said(self) -> list[str]:
        """Once QEMU ended, or is about to."""
        assert self.qemu.stdout
        self.console += self.qemu.stdout.read()
        return bytes(self.console).decode(errors="replace").splitlines()[-_LINES:]


def main() -> None:
    given = assignment(sys.stdin.buffer.read())
    if os.fork():  # whoever started us waits for us no longer
        os._exit(0)
    Supervisor(given).serve()


if __name__ == "__main__":
    main()
