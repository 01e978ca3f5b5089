"""What is proven of all devices together, from their files as read back: what `check` does, of a compile's own files or of
given ones, over the cables of the graph or over others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fabric_compiler.control.decisions import Decisions
from fabric_compiler.control.ends import Ends
from fabric_compiler.diagnostics import Report
from fabric_compiler.ir.graph import Graph, Links
from fabric_compiler.verify.agreement import report_disagreements
from fabric_compiler.verify.reading import UNREADABLE, Reader, Reading
from fabric_compiler.verify.routing.findings import Known, check_routing
from fabric_compiler.verify.routing.speakers import Speakers
from fabric_compiler.verify.routing.tables import Routing, routing

_SHOWN = 20  # findings of single devices


@dataclass(frozen=True, slots=True)
class Proven:
    """The fabric at rest, and what was proven of it in sentences: none where something is wrong."""

    routing: Routing
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
    return prove_together(decisions, graph, [r.speaker for r in readings], Known(frozenset(wrong), disagree), report)


def prove_together(decisions: Decisions, graph: Graph, speakers: Speakers, known: Known, report: Report) -> Proven:
    """What is proven of all devices together, over the cables of `graph`; `known` was reported before."""
    at_rest = routing(graph, speakers)
    sentence = check_routing(decisions, at_rest, known, report)
    return Proven(at_rest, (sentence,) if sentence else ())
