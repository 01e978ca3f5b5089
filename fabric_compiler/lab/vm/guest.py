"""The agent inside the machine, its first process: runs what the ports ask for, and nothing else.

python -m fabric_compiler.lab.vm.guest        started by the initramfs; see `initramfs` and `channel`
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

from fabric_compiler.lab.vm.channel import FULL, PORT_NAME, PYTHON, Frame, Kind, Line, Program, as_numbers, numbers, program

_PORTS = Path("/sys/class/virtio-ports")
_CHUNK = 1 << 16
_BUFFERED = 16  # chunks; more than a pipe or a terminal holds


class Session:
    """A program, and our ends of its descriptors. `outputs` says by descriptor as what is sent on what it writes."""

    def __init__(self, asked: Program) -> None:
        master, slave = pty.openpty() if any(asked.terminal) else (-1, -1)
        ours: list[int] = []
        theirs: list[int] = []
        for number, is_terminal in enumerate(asked.terminal):
            reading, writing = (slave, slave) if is_terminal else os.pipe()
            theirs.append(reading if number == 0 else writing)
            ours.append(master if is_terminal else writing if number == 0 else reading)
        if master >= 0:
            _resize(master, *asked.size)
        try:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable if asked.argv[0] == PYTHON else asked.argv[0], *asked.argv[1:]],
                stdin=theirs[0],
                stdout=theirs[1],
                stderr=theirs[2],
                cwd="/root",
                env={**os.environ, **dict(asked.environment)},
                start_new_session=True,
                preexec_fn=(lambda: _control(slave)) if master >= 0 else None,
            )
        except BaseException:
            for descriptor in {*ours, *theirs}:
                os.close(descriptor)
            raise
        for descriptor in set(theirs):
            os.close(descriptor)
        self.terminal = master
        self.input = ours[0]
        self.unread = bytearray()
        self.input_ends = False
        self.outputs = {ours[2]: Kind.ERRORS} | {ours[1]: Kind.OUTPUT}
        if master >= 0:
            self.outputs[master] = Kind.OUTPUT
        for descriptor in {*ours}:
            os.set_blocking(descriptor, False)

    @property
    def wants_input(self) -> bool:
        return self.input >= 0 and (bool(self.unread) or self.input_ends)

    def write(self) -> None:
        """Give the program what came for it. That it does not read any more is its own affair."""
        try:
            sent = os.write(self.input, self.unread) if self.unread else 0
            del self.unread[:sent]
        except BlockingIOError:
            return
        except OSError:
            self.unread.clear()
            self.input_ends = True
        if self.input_ends and not self.unread:
            if self.input != self.terminal:
                os.close(self.input)
            self.input = -1

    def read(self, descriptor: int) -> bytes:
        """Empty at the end; a terminal's end is an error."""
        try:
            return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            raise
        except OSError:
            return b""

    def drop(self, descriptor: int) -> None:
        del self.outputs[descriptor]
        if descriptor == self.terminal:
            self.input = self.terminal = -1
        os.close(descriptor)

    def close(self) -> None:
        for descriptor in {*self.outputs, self.input} - {-1}:
            os.close(descriptor)


class Port:
    """A virtio-serial port, and the session that it carries."""

    def __init__(self, path: str) -> None:
        self.line = Line(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        self.session: Session | None = None
        self.line.send(Kind.READY)

    def take(self, frame: Frame) -> None:
        if frame.kind == Kind.RUN and self.session is None:
            try:
                self.session = Session(program(frame.payload))
            except OSError as error:
                self.line.send(Kind.ERRORS, f"{error.filename}: {error.strerror}\n".encode())
                self.line.send(Kind.EXIT, numbers(127))
        elif session := self.session:
            if frame.kind == Kind.INPUT:
                session.unread += frame.payload
                session.input_ends |= not frame.payload
            elif frame.kind == Kind.SIZE and session.terminal >= 0:
                _resize(session.terminal, *as_numbers(frame.payload))
            elif frame.kind == Kind.SIGNAL:
                with suppress(ProcessLookupError):
                    os.killpg(session.process.pid, *as_numbers(frame.payload))

    def forward(self, descriptor: int) -> bool:
        """Send on what the program wrote; false at its end, or where there is nothing now."""
        assert self.session
        try:
            wrote = self.session.read(descriptor)
        except BlockingIOError:
            return False
        if wrote:
            self.line.send(self.session.outputs[descriptor], wrote)
        else:
            self.session.drop(descriptor)
        return bool(wrote)

    def end(self, status: int) -> None:
        """The program ended; what it started may go on, and is not listened to."""
        assert self.session
        for descriptor in tuple(self.session.outputs):
            for _ in range(_BUFFERED):
                if not self.forward(descriptor):
                    break
        code = os.waitstatus_to_exitcode(status)
        self.session.process.returncode = code
        self.session.close()
        self.session = None
        self.line.send(Kind.EXIT, numbers(code if code >= 0 else 128 - code))


def _resize(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _control(terminal: int) -> None:
    """The terminal is that of the program's session, so that Ctrl-C reaches it."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def _prepare() -> None:
    """What else an init does."""
    Path("/dev/pts").mkdir()
    Path("/dev/shm").mkdir()  # noqa: S108
    Path("/tmp").chmod(0o1777)  # noqa: S108
    Path("/root").chmod(0o700)
    for command in (
        "mount -t devpts -o ptmxmode=0666 devpts /dev/pts",
        "mount -t tmpfs shm /dev/shm",
        "ip link set lo up",
    ):
        subprocess.run(command.split(), check=True)  # noqa: S603


def serve() -> None:
    _prepare()
    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno())
    devices = sorted(_PORTS.iterdir())
    ports = [Port(f"/dev/{device.name}") for device in devices if (device / "name").read_text().startswith(PORT_NAME)]
    while True:
        _serve_once(ports, wake)


def _serve_once(ports: list[Port], wake: socket.socket) -> None:
    outputs: dict[int, Port] = {}
    inputs: dict[int, Port] = {}
    for port in ports:
        if port.session:
            if port.line.waiting < FULL:
                outputs |= dict.fromkeys(port.session.outputs, port)
            if port.session.wants_input:
                inputs[port.session.input] = port
    lines = [port.line.descriptor for port in ports]
    waiting = [port.line.descriptor for port in ports if port.line.waiting]
    ready, takes, _ = select.select([wake.fileno(), *lines, *outputs], [*waiting, *inputs], [])
    for port in ports:
        if port.line.descriptor in takes:
            port.line.flush()
        if port.line.descriptor in ready:
            for frame in port.line.receive():
                port.take(frame)
    for descriptor, port in inputs.items():
        if descriptor in takes and port.session:
            port.session.write()
    for descriptor, port in outputs.items():
        if descriptor in ready and port.session:
            port.forward(descriptor)
    if wake.fileno() in ready:
        wake.recv(_CHUNK)
        _reap(ports)


def _reap(ports: list[Port]) -> None:
    """Ours, and the daemons that nobody else waits for."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            for port in ports:
                if port.session and port.session.process.pid == ended[0]:
                    port.end(ended[1])


if __name__ == "__main__":
    serve()
