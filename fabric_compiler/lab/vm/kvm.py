"""Whether KVM works. A device that can be opened says little: under nested virtualisation a kernel may hang at its start."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from fabric_compiler.lab.vm import qemu
from fabric_compiler.lab.vm.kernel import unpacked
from fabric_compiler.lab.vm.qemu import Files, Hardware

_WITHIN: Final = 5.0  # seconds; where it works the kernel is through in one
_SEEN: Final = b"Kernel panic"  # it has no files and says so


@cache
def works(image: Path) -> bool:
    """Start the kernel under it, with a limit on time. The answer is kept for this process."""
    if not os.access(qemu.KVM_DEVICE, os.R_OK | os.W_OK):
        return False
    files = Files(qemu.in_memory(unpacked(image.read_bytes())))
    try:
        tried = qemu.start(qemu.command(Hardware(1, 256, True), files), files, kvm=True)
    except OSError:
        return False
    finally:
        os.close(files.kernel)
    try:
        said, _ = tried.communicate(timeout=_WITHIN)
    except subprocess.TimeoutExpired:
        return False
    finally:
        tried.kill()
        tried.communicate()
    return _SEEN in said
