"""The kernel that the distribution installed: its image, and the modules of it that a machine loads."""

from __future__ import annotations

import lzma
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BASE: Final = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p")
"""Without these a machine sees neither its files nor us."""

_BOOT, _MODULES = Path("/boot"), Path("/lib/modules")
# Documentation/arch/x86/boot.rst of the kernel: the header of a bzImage, and where in the image it lies
_MAGIC: Final = (0x202, b"HdrS")
_SETUP_SECTORS: Final = 0x1F1
_PAYLOAD: Final = 0x248  # offset and length, from the end of the setup sectors
_LARGEST: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Kernel:
    """`files` are its modules by name, with what each needs, as depmod(8) lists them; `built_in` needs no file."""

    release: str
    image: Path
    modules: Path
    files: dict[str, tuple[str, ...]]
    built_in: frozenset[str]

    def has(self, module: str) -> bool:
        return module in self.files or module in self.built_in

    def closure(self, modules: Iterable[str]) -> tuple[str, ...]:
        """Files of the modules and of what they need, below `modules`, sorted. Those that are built in have none."""
        return tuple(sorted({file for module in modules for file in self.files.get(module, ())}))


def installed(boot: Path = _BOOT, modules: Path = _MODULES) -> Kernel | None:
    """The newest kernel that can be read and has the modules of BASE, or none."""
    images = {path.name.removeprefix("vmlinuz-"): path for path in boot.glob("vmlinuz-*")}
    for release in sorted(images, key=_numbers, reverse=True):
        try:
            with images[release].open("rb"):
                found = _kernel(release, images[release], modules / release)
        except OSError:
            continue
        if all(map(found.has, BASE)):
            return found
    return None


def _numbers(release: str) -> list[tuple[int, str]]:
    """6.1.0-10 comes after 6.1.0-9."""
    return [(int(part or -1) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", release)]


def _kernel(release: str, image: Path, modules: Path) -> Kernel:
    files = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        file, _, needed = line.partition(":")
        files[module_name(file)] = (file, *needed.split())
    built_in = frozenset(map(module_name, (modules / "modules.builtin").read_text().splitlines()))
    return Kernel(release, image, modules, files, built_in)


def module_name(file: str) -> str:
    """kernel/net/8021q/8021q.ko.xz -> 8021q; the kernel takes a hyphen for an underscore."""
    return file.rpartition("/")[2].partition(".")[0].replace("-", "_")


def unpacked(image: bytes) -> bytes:
    """The kernel inside a bzImage, which QEMU starts by its PVH entry: emulated, it would take 3 s to unpack itself.

    What is packed in a way that Python does not know, or is no bzImage, is given back as it came.
    """
    place, magic = _MAGIC
    if image[place : place + 4] != magic:
        return image
    offset, length = struct.unpack_from("<II", image, _PAYLOAD)
    start = ((image[_SETUP_SECTORS] or 4) + 1) * 512 + offset
    payload = image[start : start + length]
    try:
        if payload.startswith(b"\xfd7zXZ\0"):
            kernel = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload, _LARGEST)
        elif payload.startswith(b"\x1f\x8b"):
            kernel = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(payload, _LARGEST)
        else:
            return image
    except (lzma.LZMAError, zlib.error):
        return image
    return kernel if kernel.startswith(b"\x7fELF") and _has_pvh_entry(kernel) else image


def _has_pvh_entry(kernel: bytes) -> bool:
    """A note called Xen of type 18: xen/interface/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY."""
    return any(kind == 18 and name == b"Xen\0" for kind, name in _notes(kernel))


def _notes(elf: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and name of each ELF note: elf(5), of a 64-bit little-endian file."""
    (headers,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for number in range(count):
        kind, _, at, _, _, length = struct.unpack_from("<IIQQQQ", elf, headers + number * size)
        end = at + length
        while kind == 4 and at + 12 <= end:  # PT_NOTE
            name, content, note = struct.unpack_from("<III", elf, at)
            yield note, elf[at + 12 : at + 12 + name]
            at += 12 + (name + 3 & ~3) + (content + 3 & ~3)
