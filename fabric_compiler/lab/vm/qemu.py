"""QEMU: its command, and a process of it that may do nothing on the host but compute.

It runs as nobody where root calls, gains no privileges, writes no file, starts no process, sees no environment, and ends with
whoever started it. It is given files as descriptors, so that it needs no right to the directories above them.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabric_compiler.lab.vm.channel import PORT_NAME
from fabric_compiler.lab.vm.initramfs import tag

PROGRAM: Final = "qemu-system-x86_64"
KVM_DEVICE: Final = "/dev/kvm"
_NOBODY: Final = 65534
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Hardware:
    """`memory` in MiB; without `kvm` the processors are emulated."""

    processors: int
    memory: int
    kvm: bool


@dataclass(frozen=True, slots=True)
class Files:
    """Descriptors. `initramfs` None: the kernel ends without one. `ports` are connected sockets."""

    kernel: int
    initramfs: int | None = None
    directories: tuple[int, ...] = ()
    ports: tuple[int, ...] = ()

    def all(self) -> tuple[int, ...]:
        return (self.kernel, *(() if self.initramfs is None else (self.initramfs,)), *self.directories, *self.ports)


def command(hardware: Hardware, files: Files) -> list[str]:
    """Its console is its standard output; without a name the options are those of QEMU's invocation manual."""
    accelerator = ("kvm", "host") if hardware.kvm else ("tcg,thread=multi", "max")
    # panic=-1 and -no-reboot: a kernel that fails ends the machine. What runs in it is not worth protecting from itself
    boot = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on"
    words = [
        PROGRAM, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        "-machine", "q35,graphics=off,usb=off,vmport=off", "-accel", accelerator[0], "-cpu", accelerator[1],
        "-smp", str(hardware.processors), "-m", str(hardware.memory), "-nic", "none",
        "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console", "-monitor", "none",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-kernel", _path(files.kernel), "-append", boot,
    ]  # fmt: skip
    if files.initramfs is not None:
        words += ["-initrd", _path(files.initramfs)]
    for number, directory in enumerate(files.directories):
        name = tag(number)
        shared = f"local,id={name},path={_path(directory)},security_model=none,readonly=on,multidevs=remap"
        words += ["-fsdev", shared, "-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"]
    if files.ports:
        words += ["-device", "virtio-serial-pci"]
    for number, port in enumerate(files.ports):
        name = f"{PORT_NAME}{number}"
        words += ["-chardev", f"socket,id={name},fd={port}", "-device", f"virtserialport,chardev={name},name={name}"]
    return words


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def in_memory(content: bytes) -> int:
    """A descriptor of a file that has no name."""
    descriptor = os.memfd_create("fabricc")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


def start(words: Sequence[str], files: Files, kvm: bool) -> subprocess.Popen[bytes]:
    """QEMU with its console as a pipe. It ends when this thread's process does. Raises OSError."""
    return subprocess.Popen(  # noqa: S603
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        pass_fds=files.all(),
        umask=0o077,
        preexec_fn=_confine(os.getpid(), _Identity.nobody(kvm) if runs_as_other() else None),
    )


def runs_as_other() -> bool:
    """Then what it is to see must be readable by everybody."""
    return os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class _Identity:
    user: int
    group: int
    groups: tuple[int, ...]

    @staticmethod
    def nobody(kvm: bool) -> _Identity:
        """With the device's group, where KVM is used."""
        groups = (Path(KVM_DEVICE).stat().st_gid,) if kvm else ()
        try:
            account = pwd.getpwnam("nobody")
        except KeyError:
            return _Identity(_NOBODY, _NOBODY, groups)
        return _Identity(account.pw_uid, account.pw_gid, groups)


def _confine(parent: int, identity: _Identity | None) -> Callable[[], None]:
    """For the new process, between fork and exec."""

    def confine() -> None:
        if identity:
            os.setgroups(identity.groups)
            os.setresgid(identity.group, identity.group, identity.group)
            os.setresuid(identity.user, identity.user, identity.user)
        # after that: a change of identity undoes the first
        for option, value in ((_PR_SET_PDEATHSIG, signal.SIGKILL), (_PR_SET_NO_NEW_PRIVS, 1)):
            if _LIBC.prctl(option, value, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != parent:  # it ended before we asked to be told
            os._exit(1)
        for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
            resource.setrlimit(kind, (0, 0))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    return confine
