"""A server's addresses and routes as commands of iproute2, from the netplan file of the build."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from fabric_compiler.export.source import wrong_build

_NIC: Final = re.compile(r'    "([a-z0-9]{1,15})":', re.ASCII)
_MTU: Final = re.compile(r"      mtu: ([0-9]{2,5})", re.ASCII)
_ADDRESS: Final = re.compile(r'        - "([0-9a-f.:]+/[0-9]+)"', re.ASCII)
_ENTRY: Final = re.compile(r"        - \{(.+)\}", re.ASCII)
_RULE6: Final = re.compile(r"rule add from \S*:", re.ASCII)
_KEYS: Final = frozenset({"to", "via", "metric", "table", "on-link", "from"})


def batches(content: bytes, file: str) -> tuple[str, str]:
    """For `ip -batch`, and for `ip -6 -batch`: a rule's family is that of the program's start. The second may be empty.

    Raises CompileError (FC1001) for a file that is not as our target writes it.
    """
    lines: list[str] = []
    nic = ""
    for line in content.decode("utf-8", "replace").splitlines():
        if found := _NIC.fullmatch(line):
            nic = found[1]
            lines.append(f"link set dev {nic} up")
        elif found := _MTU.fullmatch(line):
            lines.append(f"link set dev {nic} mtu {found[1]}")
        elif found := _ADDRESS.fullmatch(line):
            lines.append(f"address add {_prefix(found[1], file)} dev {nic}")
        elif found := _ENTRY.fullmatch(line):
            lines.append(_entry(dict(_pairs(found[1], file)), nic, file))
    return _text(line for line in lines if not _RULE6.match(line)), _text(line for line in lines if _RULE6.match(line))


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _pairs(text: str, file: str) -> Iterator[tuple[str, str]]:
    for pair in text.split(", "):
        key, _, value = pair.partition(": ")
        if key not in _KEYS:
            raise wrong_build(f"{file} has {key[:40]!r}, which is not known here")
        yield key, value.strip('"')


def _entry(entry: dict[str, str], nic: str, file: str) -> str:
    numbers = [entry[key] for key in ("metric", "table") if key in entry]
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise wrong_build(f"{file} has a metric or table that is no number")
    if "from" in entry:
        return f"rule add from {_prefix(entry['from'], file)} table {entry.get('table', 'main')}"
    words = ["route add", _prefix(entry.get("to", ""), file)]
    if "via" in entry:
        words.append(f"via {_prefix(entry['via'], file)}")
    words.append(f"dev {nic}")
    words += [f"{key} {entry[key]}" for key in ("metric", "table") if key in entry]
    return " ".join([*words, "onlink"] if entry.get("on-link") == "true" else words)


@lru_cache(maxsize=65536)
def _prefix(text: str, file: str) -> str:
    """An address, with a length or without."""
    address, slash, length = text.partition("/")
    version = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.inet_pton(version, address)
    except (OSError, ValueError) as error:
        raise wrong_build(f"{file} has {text[:60]!r} for an address") from error
    if slash and not (length.isascii() and length.isdigit() and int(length[:4]) <= (128 if version == socket.AF_INET6 else 32)):
        raise wrong_build(f"{file} has {text[:60]!r} for a prefix")
    return text
