"""What the host brings along for a machine: QEMU, a kernel with its modules, and the directories that the machine sees."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.lab.vm import exports, initramfs, kernel, qemu
from fabric_compiler.lab.vm.exports import Exports
from fabric_compiler.lab.vm.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Host:
    kernel: Kernel
    exports: Exports


def host() -> Host:
    """Raises CompileError (FC8003): a virtual machine cannot be had here, why, and what to do."""
    if platform.machine() != "x86_64":
        raise _lacking(f"the virtual machine is made for x86_64, and this is {platform.machine()}")
    found = kernel.installed()
    if packages := missing(found):
        names = " ".join(packages)
        raise _lacking("a virtual machine needs QEMU, and a kernel that can be read", f"Debian: apt-get install {names}")
    assert found
    seen = exports.exports()
    if qemu.runs_as_other() and (place := exports.hidden((*seen.directories, seen.executable))):
        hint = f"chmod -R go+rX {place}, or install the compiler elsewhere"
        raise _lacking(f"QEMU runs as nobody, who may not read {place}", hint)
    return Host(found, seen)


def missing(found: Kernel | None) -> list[str]:
    """Debian's packages."""
    programs = {qemu.PROGRAM: "qemu-system-x86", **initramfs.PACKAGES}
    packages = [package for program, package in programs.items() if not (Path(program).exists() or shutil.which(program))]
    return packages + ([] if found else ["linux-image-amd64"])


def _lacking(message: str, hint: str = "") -> CompileError:
    return CompileError([Diagnostic("FC8003", Severity.ERROR, message, hint=hint)])
