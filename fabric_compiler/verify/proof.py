"""What is proven of a fabric from its files as read back: of each device by itself, then of all together.

`compile` reads each device where it is made, in many processes; `prove` reads files that are there, over the cables of the
graph or over others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fabric_compiler.control.decisions import Decisions
from fabric_compiler.control.ends import End, Ends
from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Graph, Links
from fabric_compiler.verify.agreement import Facts, facts, report_disagreements
from fabric_compiler.verify.buffers import DeviceClasses, device_classes
from fabric_compiler.verify.deadlock import check_deadlock
from fabric_compiler.verify.device import check_files
from fabric_compiler.verify.forwardings import ByLength, ByPath, Forwarding
from fabric_compiler.verify.observed import Observed
from fabric_compiler.verify.readback import reader
from fabric_compiler.verify.routing.by_length import check_by_length, tables_by_length
from fabric_compiler.verify.routing.decision import Decided
from fabric_compiler.verify.routing.findings import Known, check_routing
from fabric_compiler.verify.routing.lengths import Lengths, UnlikeError
from fabric_compiler.verify.routing.promise import promises
from fabric_compiler.verify.routing.sessions import establish
from fabric_compiler.verify.routing.speakers import Speaker, Speakers, port_numbers, speaker
from fabric_compiler.verify.routing.tables import Routing, routing

UNREADABLE = (ValueError, LookupError, TypeError)
"""What a reader raises on files that their operating system could not load either."""

_SHOWN = 20  # findings of single devices


@dataclass(frozen=True, slots=True)
class Reading:
    """One device as its files are: what it must share with its neighbours, what is wrong with it by itself, its routing, and
    the traffic classes of its ports."""

    facts: Facts
    sentences: list[str]
    speaker: Speaker | None  # None: of a server, or not asked for
    classes: DeviceClasses = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads devices; `speaking`: their routing too. Keeps what devices of a shape share."""

    decisions: Decisions
    speaking: bool
    _ports: dict[int, dict[str, int]] = field(default_factory=dict)

    def observed(self, index: int, files: Mapping[str, bytes]) -> Observed:
        return reader(self.decisions.graph.devices[index].nos or "hosts")(files)

    def __call__(self, index: int, ends: Sequence[End], files: Mapping[str, bytes]) -> Reading:
        """Raises what a reader raises (see UNREADABLE)."""
        d = self.decisions
        device = d.graph.devices[index]
        observed = self.observed(index, files)
        ports = [device.layout.ports[end.port].name for end in ends]
        to_server = [device.kind == "server" or d.graph.devices[end.peer].kind == "server" for end in ends]
        switch = d.catalog.switches[device.model] if device.kind == "switch" else None
        sentences = check_files(device, d.plan.devices[index], switch, files, observed, ports)
        spoken = speaker(observed, self._numbers(index)) if self.speaking and switch else None
        if spoken is None:
            return Reading(facts(observed, ports, to_server), sentences, None)
        classes = device_classes(observed.interfaces.get(port.name) for port in device.layout.ports)
        return Reading(facts(observed, ports, to_server), sentences, spoken, classes)

    def _numbers(self, index: int) -> dict[str, int]:
        layout = self.decisions.graph.devices[index].layout  # layouts live as long as the graph
        if id(layout) not in self._ports:
            self._ports[id(layout)] = port_numbers(layout)
        return self._ports[id(layout)]


@dataclass(frozen=True, slots=True)
class Proven:
    """The fabric at rest (None: by the lengths of paths alone), and what was proven of it: nothing where something is wrong."""

    routing: Routing | None
    sentences: tuple[str, ...]


def prove(
    decisions: Decisions, files: Mapping[str, Mapping[str, bytes]], report: Report, links: Links | None = None
) -> Proven | None:
    """What `check` proves, of the files of every device by its name, over the cables of the graph or over `links`.

    Reports what is wrong; None where files cannot be read, of which nothing can be said together.
    """
    graph = decisions.graph if links is None else replace(decisions.graph, links=links)
    ends = decisions.ends if links is None else Ends.of(graph)
    read = Reader(decisions, speaking=True)
    readings: list[Reading] = []
    sentences: list[str] = []
    wrong: set[int] = set()
    for index, device in enumerate(graph.devices):
        try:
            found = read(index, ends[index], files[device.name])
        except UNREADABLE as error:
            said = f"{device.name} cannot be read: {error if isinstance(error, ValueError) else 'something is missing'}"
            sentences.append(said)
            continue
        readings.append(found)
        sentences += found.sentences
        wrong |= {index} if found.sentences else set()
    for sentence in sentences[:_SHOWN]:
        report.error("FC7003", sentence)
    if len(sentences) > _SHOWN:
        report.error("FC7003", f"and {len(sentences) - _SHOWN} more findings of the kind")
    if len(readings) < len(graph.devices):
        return None
    disagree = report_disagreements(
        graph, ends, [r.facts for r in readings], lambda n: read.observed(n, files[graph.devices[n].name]), report
    )
    speakers, classes = [r.speaker for r in readings], [r.classes for r in readings]
    return prove_together(decisions, graph, speakers, classes, Known(frozenset(wrong), disagree), report)


def prove_together(
    decisions: Decisions,
    graph: Graph,
    speakers: Speakers,
    classes: Sequence[DeviceClasses],
    known: Known,
    report: Report,
) -> Proven:
    """What is proven of all devices together, over the cables of `graph`; `known` was reported before."""
    sessions = establish(graph, graph.links, speakers)
    by_length = tables_by_length(speakers, sessions)
    tables: Sequence[Forwarding]
    at_rest = None
    if by_length is None:
        at_rest = routing(graph, speakers)
        sentences = [check_routing(decisions, at_rest, known, report)]
        tables = [_forwarding(decided) for decided in at_rest.decided]
    else:
        tables = by_length
        kinds = {name: network.topology.kind for name, network in decisions.intent.networks.items()}
        promised = list(promises(graph, kinds, decisions.drained, decisions.drained_links))
        sentences = [check_by_length(graph, sessions, by_length, promised, report)]
    if sentences[0]:  # else the forwarding is not that of the fabric as it will be
        cabling = decisions.cabling if graph.links is decisions.graph.links else None
        sentences.append(check_deadlock(graph, tables, cabling, classes, report))
    return Proven(at_rest, tuple(sentence for sentence in sentences if sentence))


def _forwarding(decided: Decided) -> Forwarding:
    try:
        return ByLength(Lengths(decided.mesh))
    except UnlikeError:
        return ByPath(decided)
