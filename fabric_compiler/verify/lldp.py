"""The links that devices tell of by LLDP, read from what their own commands print.

A JSON file is an object by device, each with the output of one command as it stands:
    lldpd (SONiC, servers)   `lldpcli show neighbors -f json` or `-f json0` (lldpcli(8))
    EOS                      `show lldp neighbors | json` or `show lldp neighbors detail | json`
    NAPALM                   get_lldp_neighbors or get_lldp_neighbors_detail
A CSV file has the columns device,port,neighbor,neighbor_port.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity
from fabric_compiler.ir.graph import Graph
from fabric_compiler.verify.against import End, Link, compare, link, planned, report_difference

COLUMNS: Final = ("device", "port", "neighbor", "neighbor_port")
_SHOWN: Final = 5


class Entry(NamedTuple):
    """What one device heard on one port. `ports` are the words that the neighbour has for its own, the likeliest first."""

    device: str
    port: str
    neighbor: str
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """Links by the graph's names, and the devices that were asked."""

    links: frozenset[Link]
    asked: frozenset[str]


def check(graph: Graph, content: bytes, file: str, report: Report) -> tuple[int, int]:
    """Report how the links that `content` tells of differ from the graph's: FC7031 each, FC7032 for what could not be judged.

    Returns how many planned links were judged, and how many of them are as planned. Raises CompileError (FC1001).
    """
    heard = resolve(graph, entries(content, file))
    every = planned(graph)
    wanted = _judged(graph, every, heard, report)
    # what was not judged is not extra where it is told of
    difference = compare(wanted, heard.links - (every - wanted))
    report_difference(difference, report, _Labels(graph).shown)
    return len(wanted), len(wanted & heard.links)


def read(path: Path, limit: int = 256 << 20) -> bytes:
    """The file, of at most `limit` bytes. Raises CompileError (FC1001)."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise _unreadable(str(path), error.strerror or "it cannot be read") from error
    if len(content) > limit:
        raise _unreadable(str(path), f"it holds more than {limit} bytes")
    return content


def entries(content: bytes, file: str) -> list[Entry]:
    """What a file tells, in its own words. Raises CompileError (FC1001) for a form that is not known."""
    if content.lstrip()[:1] not in (b"{", b"["):
        return list(_rows(content, file))
    try:
        found = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(file, f"it is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise _unreadable(file, "it is not an object by device")
    made: list[Entry] = []
    for device, output in found.items():
        try:
            made += _device(device, output)
        except (TypeError, AttributeError, KeyError, IndexError, ValueError) as error:
            raise _unreadable(file, f"what it has of {device[:80]!r} is in no form that is known") from error
    return made


def resolve(graph: Graph, told: Iterable[Entry]) -> Heard:
    """Entries by the graph's names: a port by its alias too, a host by its full name. Ports without a place in the graph, such
    as those of management, are left out."""
    labels = _Labels(graph)
    links, asked = set(), set()
    for entry in told:
        device = labels.device(entry.device)
        if device not in labels.ports:
            links.add(link((device, entry.port), (labels.device(entry.neighbor), entry.ports[0] if entry.ports else "?")))
            continue
        asked.add(device)
        port = labels.ports[device].get(entry.port)
        if port is None:
            continue
        neighbor = labels.device(entry.neighbor)
        theirs = labels.ports.get(neighbor, {})
        named = next((theirs[word] for word in entry.ports if word in theirs), None)
        links.add(link((device, port), (neighbor or "?", named or (entry.ports[0] if entry.ports else "?"))))
    return Heard(frozenset(links), frozenset(asked))


class _Labels:
    """What the devices and ports of a graph are called."""

    def __init__(self, graph: Graph) -> None:
        by_layout = {
            id(d.layout): {word: port.name for port in d.layout.ports for word in (port.alias, port.name) if word}
            for d in graph.devices
        }
        aliases = {id(d.layout): {port.name: port.alias for port in d.layout.ports} for d in graph.devices}
        self.ports: dict[str, Mapping[str, str]] = {d.name: by_layout[id(d.layout)] for d in graph.devices}
        self._aliases = {d.name: aliases[id(d.layout)] for d in graph.devices}

    def device(self, name: str) -> str:
        """A system name may be a host's full name."""
        short = name.partition(".")[0].lower()
        return short if name not in self.ports and short in self.ports else name

    def shown(self, end: End) -> str:
        """With what is printed on the panel, where that is something else."""
        alias = self._aliases.get(end.device, {}).get(end.port, "")
        return f"{end} ({alias})" if alias and alias != end.port else str(end)


def _judged(graph: Graph, every: frozenset[Link], heard: Heard, report: Report) -> frozenset[Link]:
    """Planned links of which at least one end was asked. Where no server sends LLDP, their links are left."""
    servers = {d.name for d in graph.devices if d.kind == "server"}
    links = {pair for pair in every if pair[0].device in heard.asked or pair[1].device in heard.asked}
    if not heard.asked:
        report.error("FC7032", "none of the devices that the file names is one of the fabric's")
    unheard = {pair for pair in links if pair[0].device in servers or pair[1].device in servers}
    if unheard and not servers & (heard.asked | {end.device for pair in heard.links for end in pair}):
        report.warning("FC7032", f"no server sends LLDP: {len(unheard)} links to servers were not looked at")
        links -= unheard
    away = sorted({d.name for d in graph.devices if d.kind == "switch"} - heard.asked)
    if away and heard.asked:
        some = ", ".join(away[:_SHOWN]) + (f" and {len(away) - _SHOWN} more" if len(away) > _SHOWN else "")
        report.warning("FC7032", f"{len(away)} switches were not asked, their links are known from the other end alone: {some}")
    return frozenset(links)


def _device(device: str, output: Any) -> Iterator[Entry]:
    if "lldp" in output:
        yield from (Entry(device, *told) for told in _lldpd(output["lldp"]))
    elif "lldpNeighbors" in output:
        yield from (Entry(device, *told) for told in _eos(output["lldpNeighbors"]))
    else:
        for port, neighbors in output.items():
            for one in neighbors:
                name, *ports = (
                    (one["hostname"], one["port"])
                    if "hostname" in one
                    else (one["remote_system_name"], one["remote_port"], one.get("remote_port_description", ""))
                )
                yield Entry(device, port, _text(name), _words(*ports))


def _lldpd(found: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """json0 is a list of lists; json leaves out the lists of one member."""
    if isinstance(found, list):
        for part in found:
            for port in part.get("interface", []):
                for chassis, theirs in zip(port.get("chassis", []), port.get("port", []), strict=False):
                    name = chassis.get("name", [{"value": ""}])[0]["value"]
                    ids, descriptions = theirs.get("id", []), theirs.get("descr", [])
                    yield _text(port["name"]), _text(name), _words(*(own["value"] for own in [*ids, *descriptions]))
        return
    interfaces = found.get("interface", {})
    for one in interfaces if isinstance(interfaces, list) else [interfaces]:
        for port, neighbor in one.items():
            chassis, theirs = neighbor.get("chassis", {}), neighbor.get("port", {})
            # a chassis stands under its name, where it has sent one
            name = next(iter(chassis)) if chassis and "id" not in chassis else ""
            yield port, name, _words(theirs.get("id", {}).get("value", ""), theirs.get("descr", ""))


def _eos(found: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if isinstance(found, list):
        for one in found:
            yield _text(one["port"]), _text(one["neighborDevice"]), _words(one["neighborPort"])
        return
    for port, neighbors in found.items():
        for one in neighbors["lldpNeighborInfo"]:
            theirs = one.get("neighborInterfaceInfo", {})
            ports = (theirs.get("interfaceId_v2", ""), theirs.get("interfaceId", ""), theirs.get("interfaceDescription", ""))
            yield port, _text(one.get("systemName", "")), _words(*ports)


def _rows(content: bytes, file: str) -> Iterator[Entry]:
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline=""), strict=True)
    try:
        if tuple(title.strip() for title in next(reader, [])) != COLUMNS:
            raise _unreadable(file, f"it is neither JSON nor CSV with the columns {','.join(COLUMNS)}")
        for row in reader:
            if not any(row):
                continue
            if len(row) != len(COLUMNS):
                raise _unreadable(file, f"line {reader.line_num} has {len(row)} values")
            device, port, neighbor, theirs = (value.strip() for value in row)
            yield Entry(device, port, neighbor, _words(theirs))
    except csv.Error as error:
        raise _unreadable(file, f"it is no CSV ({error})") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _words(*values: Any) -> tuple[str, ...]:
    """EOS puts quotes around the identifier of a port."""
    return tuple(dict.fromkeys(word for value in values if (word := _text(value).strip('"'))))


def _unreadable(file: str, why: str) -> CompileError:
    hint = "the accepted forms are those of lldpcli, EOS and NAPALM by device, or CSV"
    return CompileError([Diagnostic("FC1001", Severity.ERROR, f"{file} cannot be used: {why}", hint=hint)])
