"""Integers to text, at the last moment: addresses, prefixes, and the one escape of line-oriented outputs."""

from __future__ import annotations

import socket

from fabric_compiler.model.device import Prefix

_OCTETS = tuple(str(i) for i in range(256))


def dotted(value: int) -> str:
    """0x0A000001 -> '10.0.0.1'."""
    o = _OCTETS
    return f"{o[value >> 24]}.{o[value >> 16 & 255]}.{o[value >> 8 & 255]}.{o[value & 255]}"


def address(prefix: Prefix) -> str:
    """The address alone, in the canonical form of RFC 5952 for IPv6."""
    if prefix.version == 4:
        return dotted(prefix.value)
    return socket.inet_ntop(socket.AF_INET6, prefix.value.to_bytes(16, "big"))


def prefix(value: Prefix) -> str:
    """Address and length: '10.0.0.1/31'."""
    return f"{address(value)}/{value.length}"


def line(text: str) -> str:
    """Text of an intent for one line of a configuration: printable ASCII and spaces; anything else becomes '?'.

    The language admits one-line text without control characters (intent.types.Text); this holds where a caller
    bypassed it, such as a device model made by a plug-in.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else "?" for c in text)
