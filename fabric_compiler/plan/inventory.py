"""The inventory of GUIDs: what was delivered, as ibnetdiscover and the labels show it, in place of the placeholders.

A CSV file with a header row: device, port, node_guid, port_guid and, if wished, system_image_guid; plan/guids.csv has the same
columns. A switch's port is empty. GUIDs are hexadecimal, with 0x or without, or as ibnetdiscover labels nodes (S-..., H-...).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.intent import suggest
from fabric_compiler.intent.files import InputFile
from fabric_compiler.ir.graph import Graph
from fabric_compiler.ir.plan import Guids
from fabric_compiler.units import shorten

REQUIRED = ("device", "port", "node_guid")
COLUMNS = (*REQUIRED, "port_guid", "system_image_guid")
_GUID = re.compile(r"(?:0x|[SH]-)?([0-9a-fA-F]{1,16})", re.ASCII)
_MULTICAST = 0x01 << 56  # the bit of groups in the first octet of an EUI-64
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One line; a GUID that is left out is 0."""

    device: str
    port: str
    node: int
    own: int
    image: int
    span: Span


def with_inventory(graph: Graph, guids: Guids, file: InputFile, shown: str, place: Span, report: Report) -> Guids:
    """`guids` with those of the inventory in place of placeholders.

    Reports names that the fabric does not have (FC2005), entries given twice (FC2006) and GUIDs of two nodes (FC4020), each
    with its line; and warns of nodes that the inventory lacks (FC4021).
    """
    made = Guids(guids.switch.copy(), guids.system.copy(), guids.node.copy(), guids.port.copy(), guids.image.copy())
    switches = {d.name: n for n, (d, guid) in enumerate(zip(graph.devices, guids.switch.tolist(), strict=True)) if guid}
    hcas = _hcas(graph, guids)
    seen: dict[tuple[str, str], Span] = {}
    findings = Report()
    for row in _rows(file, shown, findings):
        key = (row.device, row.port)
        if key in seen:
            findings.error(
                "FC2006",
                f"{' '.join(key).strip()} stands twice in the inventory",
                row.span,
                related=(("the first", seen[key]),),
            )
            continue
        seen[key] = row.span
        if row.device in switches and not row.port:
            at = switches[row.device]
            made.switch[at], made.system[at] = row.node, row.image or row.node
            if row.own not in (0, row.node):
                findings.error(
                    "FC2007", f"the port GUID of the switch {row.device} is not its node GUID", row.span, "leave it out"
                )
        elif key in hcas:
            at = hcas[key]
            made.node[at], made.port[at], made.image[at] = row.node, row.own or row.node, row.image or row.node
        else:
            _unknown(row, switches, hcas, findings)
    _twice(graph, made, seen, findings)
    lacking = len(switches) + len(hcas) - len(seen)
    if lacking > 0 and not findings.failed:
        message = f"the inventory lacks {lacking} of {len(switches) + len(hcas)} switches and HCAs, which keep placeholders"
        report.warning("FC4021", message, place, "plan/guids.csv has a row for each")
    report.found += findings.found[:_SHOWN]
    if len(findings.found) > _SHOWN:
        report.error("FC2005", f"and {len(findings.found) - _SHOWN} more findings in the inventory", Span(shown, 1, 1))
    return made


def _hcas(graph: Graph, guids: Guids) -> dict[tuple[str, str], int]:
    """Links by the device and port at their lower end."""
    links = graph.links
    chosen = np.flatnonzero(guids.node)
    columns = zip(links.a_device[chosen].tolist(), links.a_port[chosen].tolist(), chosen.tolist(), strict=True)
    return {(graph.devices[a].name, graph.devices[a].layout.ports[port].name): link for a, port, link in columns}


def _rows(file: InputFile, shown: str, report: Report) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(file.content.decode("utf-8", "replace"), newline=""), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            span = Span(shown, reader.line_num, 1)
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                if not _header(header, span, report):
                    return
                continue
            if len(cells) != len(header):
                report.error("FC2003", f"the line has {len(cells)} cells, and the header {len(header)}", span)
                continue
            row = _row(dict(zip(header, (cell.strip() for cell in cells), strict=True)), span, report)
            if row:
                yield row
    except csv.Error as error:
        report.error("FC2003", f"the inventory is no CSV: {error}", Span(shown, reader.line_num, 1))
    if not header:
        report.error("FC2002", "the inventory is empty", Span(shown, 1, 1), f"its header is {','.join(COLUMNS)}")


def _header(header: Sequence[str], span: Span, report: Report) -> bool:
    before = len(report.found)
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            report.error("FC2001", f"unknown column {shorten(name)}", span, suggest.hint(name, COLUMNS, "columns"))
        elif header.count(name) > 1:
            report.error("FC2006", f"the column {name} stands twice", span)
    for name in REQUIRED:
        if name not in header:
            report.error("FC2002", f"the column {name} is missing", span, f"the header is {','.join(COLUMNS)}")
    return len(report.found) == before


def _row(cells: Mapping[str, str], span: Span, report: Report) -> Row | None:
    guids: dict[str, int] = {}
    for name in COLUMNS[2:]:
        text = cells.get(name, "")
        match = _GUID.fullmatch(text)
        value = int(match[1], 16) if match else 0
        if text and (not value or value & _MULTICAST):
            report.error("FC2003", f"{name}: expected a GUID such as 0x0002c90300a1b2c0, got {shorten(text)}", span)
            return None
        guids[name] = value
    if not guids["node_guid"]:
        report.error("FC2002", "the node GUID is missing", span)
        return None
    return Row(cells["device"], cells["port"], guids["node_guid"], guids["port_guid"], guids["system_image_guid"], span)


def _unknown(row: Row, switches: Mapping[str, int], hcas: Mapping[tuple[str, str], int], report: Report) -> None:
    ports = [port for device, port in hcas if device == row.device]
    if row.device in switches:
        message, hint = f"{row.device} is a switch, whose GUID is that of its port 0", "leave its port empty"
    elif ports:
        message = f"{row.device} has no InfiniBand port {shorten(row.port)}"
        hint = suggest.hint(row.port, ports, "it has")
    else:
        names = {*switches, *(device for device, _ in hcas)}
        close = suggest.nearest(row.device, names)
        message = f"there is no switch or HCA of {shorten(row.device)} on InfiniBand"
        hint = f"did you mean {close}?" if close else "plan/guids.csv has the names"
    report.error("FC2005", message, row.span, hint)


def _twice(graph: Graph, made: Guids, seen: Mapping[tuple[str, str], Span], report: Report) -> None:
    """Two nodes share no GUID; a node and its own port may. What the inventory does not name has a placeholder."""
    owners: dict[int, tuple[str, str]] = {}
    nodes = [((d.name, ""), guid, guid) for d, guid in zip(graph.devices, made.switch.tolist(), strict=True) if guid]
    links = graph.links
    chosen = np.flatnonzero(made.node)
    columns = (links.a_device, links.a_port, made.node, made.port)
    for device, port, node, own in zip(*(column[chosen].tolist() for column in columns), strict=True):
        nodes.append(((graph.devices[device].name, graph.devices[device].layout.ports[port].name), node, own))
    nodes.sort(key=lambda entry: seen[entry[0]].line if entry[0] in seen else 0)
    for key, *guids in nodes:
        for guid in dict.fromkeys(guids):
            first = owners.setdefault(guid, key)
            if first != key:
                one, other = " ".join(first).strip(), " ".join(key).strip()
                related = (("the first", seen[first]),) if first in seen else ()
                report.error(
                    "FC4020", f"{one} and {other} have the GUID 0x{guid:016x}", seen.get(key), "each has its own", related
                )
                break
