"""Text for a structured configuration: as EOS takes it, and such that Ansible, which AVD runs in, evaluates nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fabric_compiler.ir.plan import Prefix
from fabric_compiler.targets import eos_text
from fabric_compiler.targets.text import prefix

# arista.avd.eos_cli_config_gen runs templates in all variables, those of its files too
_TEMPLATE: Final = re.compile(r"\{(?=[{%#])")


def rest_of_line(text: str) -> str:
    """Free text up to the end of a line; the marks of a template are parted."""
    return _TEMPLATE.sub("{ ", eos_text.rest_of_line(text))


def banner(text: str) -> str:
    """A banner with the line that ends it."""
    return f"{_TEMPLATE.sub('{ ', eos_text.banner(text))}\n{eos_text.BANNER_END}"


def addresses(prefixes: Iterable[Prefix]) -> tuple[list[str], list[str]]:
    """IPv4 and IPv6, as text with lengths."""
    found: tuple[list[str], list[str]] = ([], [])
    for own in prefixes:
        found[own.version == 6].append(prefix(own))
    return found


def family(prefixes: Iterable[Prefix]) -> dict[str, object]:
    """The keys of an interface's addresses."""
    v4, v6 = addresses(prefixes)
    made: dict[str, object] = {}
    if v4:
        made["ip_address"] = v4[0]
    if v4[1:]:
        made["ip_address_secondaries"] = v4[1:]
    if v6:
        made["ipv6_addresses"] = v6
    return made
