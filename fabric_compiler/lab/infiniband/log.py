"""Reads what OpenSM says: its log, and what it prints while it reads its options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE = re.compile(r"(\w{3} \d\d \d\d:\d\d:\d\d) (\d{6}) \[\w+\] 0x(\w\w) -> (.*)", re.ASCII)
_ENGINE = re.compile(r"osm_ucast_mgr_process: (\S+) tables configured on all switches")
_ERROR = 0x01  # OSM_LOG_ERROR
_UP = "SUBNET UP"
_UNROUTED = "No routing engine able to"
# osm_opensm.c of 3.3.23 reports the word as an engine that cannot be set up, after it has taken it for what it is; and
# osm_trap_rcv.c reports each trap as an error, those that say that a link came or went too
_NO_ERROR = re.compile(
    r"setup_routing_engines: Failed to setup routing engine 'no_fallback'"
    r"|log_trap_info: Received Generic Notice type:1 num:128 \(Link state change\) .*"
)
# osm_subnet.c while it reads the options
_REFUSALS: Final = (" Unrecognized token", "-E- ", " Invalid", " Parsing error", "PARSE ERROR", "ERR: ")


@dataclass(frozen=True, slots=True)
class Log:
    """`engines`: those that configured the switches, a sweep each; `sweeps`: how often the subnet came up; `unrouted`: how
    often no engine could configure the switches."""

    engines: tuple[str, ...]
    sweeps: int
    unrouted: int
    errors: tuple[str, ...]


def read(text: str) -> Log:
    engines, errors, sweeps, unrouted = list[str](), list[str](), 0, 0
    for flag, said in _lines(text):
        if engine := _ENGINE.match(said):
            engines.append(engine[1])
        elif said == _UP:
            sweeps += 1
        elif flag == _ERROR and not _NO_ERROR.fullmatch(said):
            errors.append(said)
            unrouted += _UNROUTED in said
    return Log(tuple(engines), sweeps, unrouted, tuple(errors))


def refusals(printed: str) -> list[str]:
    """Lines of OpenSM's standard output and error by which it refuses an option or a file, each once."""
    found = (line.strip() for line in printed.splitlines() if line.startswith(_REFUSALS))
    return list(dict.fromkeys(found))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for line in text.splitlines():
        if said := _LINE.fullmatch(line):
            yield int(said[3], 16), said[4].strip()
