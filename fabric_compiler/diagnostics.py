"""Diagnostics: what is wrong, where, and what to do about it; rendered for people, machines and code hosts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file; lines and columns count from 1, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is stable (FC1234, see CODES); `related` names further places, as the other side of a conflict.

    `examples` are the first cases of a finding that has many, a line each; the last says how many more there are.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    hint: str = ""
    related: tuple[tuple[str, Span], ...] = ()
    examples: tuple[str, ...] = ()


# The first digit names the stage: 1 reading, 2 language, 3 topology, 4 plan and lock, 5 cabling and power,
# 6 control, 7 verification, 8 build, goldens and environment, 9 the compiler itself.
CODES: dict[str, str] = {
    "FC1001": "the file cannot be read",
    "FC1002": "the file is not well-formed YAML",
    "FC1003": "the YAML uses a feature that intents do not have (aliases beyond the cap, merge keys, tags, several documents)",
    "FC1004": "the file exceeds a limit on size, depth or number of nodes",
    "FC1005": "a key occurs twice in one mapping",
    "FC1006": "a path leaves the directory of the intent, or is not a regular file",
    "FC1007": "two files state different values for the same thing",
    "FC2001": "unknown key",
    "FC2002": "a required key is missing",
    "FC2003": "the value has the wrong form or unit",
    "FC2004": "the value is out of range",
    "FC2005": "the name refers to nothing",
    "FC2006": "the same name is given twice",
    "FC2007": "the values contradict one another",
    "FC2008": "not supported for this protocol, topology or operating system",
    "FC3001": "not enough ports",
    "FC3002": "the speeds of the two ends do not fit",
    "FC3003": "a stated count differs from what the topology needs",
    "FC3004": "the fabric exceeds what its tiers can carry",
    "FC3005": "the fabric exceeds the compiler's limits on size",
    "FC4001": "an address pool is exhausted",
    "FC4002": "pools overlap",
    "FC4003": "an ASN range is exhausted",
    "FC4004": "two entries of the lock claim the same block",
    "FC4005": "the lock does not fit the intent, or would change",
    "FC4006": "two devices get the same name",
    "FC4007": "a network outgrows what it was laid out for",
    "FC4020": "two nodes have the same GUID",
    "FC4021": "the inventory of GUIDs is not complete",
    "FC5001": "no medium reaches",
    "FC5002": "the two ends of a cable do not fit each other",
    "FC5003": "a site's power budget is exceeded",
    "FC5004": "the power of a product is not known",
    "FC6001": "the override matches nothing",
    "FC6002": "the override names no field of the device model, or a value of the wrong type",
    "FC6003": "the platform has no headroom table for this speed and cable length",
    "FC6004": "the headroom of all ports exceeds the buffer pool",
    "FC6005": "the platform's limit is exceeded",
    "FC6006": "a raw snippet is used",
    "FC6007": "maintenance takes away the only way",
    "FC6020": "servers of a network with tenants are in none",
    "FC6021": "the routing engine does not fit the topology, the lanes or the LIDs",
    "FC7001": "the graph is inconsistent",
    "FC7002": "the plan is inconsistent",
    "FC7003": "the platform does not have what the configuration uses",
    "FC7004": "the two ends of a link, as read back from the rendered files, disagree",
    "FC7010": "a BGP session would not come up, or would carry less than it should",
    "FC7011": "a route is missing that the topology promises",
    "FC7012": "traffic would be spread over other links than the topology promises",
    "FC7013": "packets would go in a circle, or to a device that has no route for them",
    "FC7014": "two devices have the same prefix",
    "FC7015": "the routing does not come to rest, or hangs on the order of events",
    "FC7016": "a line that bears on routing is not understood, so that nothing is proven",
    "FC7020": "a failure leaves less than the intent asks for",
    "FC7031": "the cabling as observed is not that of the graph",
    "FC7032": "a part of the cabling could not be looked at",
    "FC7040": "the real fabric is not cabled as the intent says",
    "FC8001": "the build directory cannot be written",
    "FC8002": "the golden differs from the compiler's output",
    "FC8003": "the environment lacks something",
    "FC8010": "an export leaves something to be done",
    "FC8101": "the build is not as this compiler writes it",
    "FC8102": "a device's files hold what a lab does not run",
    "FC8103": "the lab is not in the state that the command needs",
    "FC8104": "the machine does not carry the fabric",
    "FC8105": "the lab could not be set up or removed",
    "FC8201": "the simulator or the subnet manager does not run",
    "FC8202": "the build's subnet manager cannot be run in a lab as it is configured",
    "FC9001": "the compiler failed; this is a bug",
}


class CompileError(Exception):
    """Raised where a stage cannot go on; carries every diagnostic found so far."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = list(diagnostics)
        super().__init__("\n".join(render_text(self.diagnostics)))

    def __reduce__(self) -> tuple[type[CompileError], tuple[list[Diagnostic]]]:
        return type(self), (self.diagnostics,)


@dataclass(slots=True)
class Report:
    """Collects the diagnostics of a run, so that one run shows all of them."""

    found: list[Diagnostic] = field(default_factory=list)
    _seen: set[Diagnostic] = field(default_factory=set)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.found)

    def add(self, diagnostic: Diagnostic) -> None:
        """Once, however often it is found."""
        if diagnostic.code not in CODES:
            raise KeyError(diagnostic.code)
        if diagnostic not in self._seen:
            self._seen.add(diagnostic)
            self.found.append(diagnostic)

    def error(
        self, code: str, message: str, span: Span | None = None, hint: str = "", related: tuple[tuple[str, Span], ...] = ()
    ) -> None:
        self.add(Diagnostic(code, Severity.ERROR, message, span, hint, related))

    def warning(
        self, code: str, message: str, span: Span | None = None, hint: str = "", related: tuple[tuple[str, Span], ...] = ()
    ) -> None:
        self.add(Diagnostic(code, Severity.WARNING, message, span, hint, related))

    def fatal(self, code: str, message: str, span: Span | None = None, hint: str = "") -> NoReturn:
        """Report an error after which nothing more can be found."""
        self.error(code, message, span, hint)
        raise CompileError(self.found)

    @property
    def failed(self) -> bool:
        return any(d.severity is Severity.ERROR for d in self.found)

    def raise_if_failed(self) -> None:
        """Raises CompileError when an error was reported."""
        if self.failed:
            raise CompileError(self.found)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file, line and column, so that the order does not depend on the order of the checks."""
    return sorted(diagnostics, key=lambda d: (d.span is None, d.span or Span("", 0, 0), d.code, d.message))


def render_text(diagnostics: Iterable[Diagnostic]) -> list[str]:
    lines = []
    for d in in_order(diagnostics):
        where = f"{d.span}: " if d.span else ""
        lines.append(f"{where}{d.severity}[{d.code}]: {_one_line(d.message)}")
        lines += [f"  see {span}: {_one_line(what)}" for what, span in d.related]
        lines += [f"  {_one_line(example)}" for example in d.examples]
        if d.hint:
            lines.append(f"  hint: {_one_line(d.hint)}")
    return lines


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    return json.dumps({"diagnostics": [_as_dict(d) for d in in_order(diagnostics)]}, indent=2)


def render_github(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Workflow commands of GitHub Actions; data and properties are escaped as actions/toolkit's command.ts does."""
    lines = []
    for d in in_order(diagnostics):
        level = {"error": "error", "warning": "warning", "note": "notice"}[d.severity]
        place = f"file={_property(d.span.file)},line={d.span.line},col={d.span.column}," if d.span else ""
        text = "\n".join((d.message + (f" ({d.hint})" if d.hint else ""), *d.examples))
        lines.append(f"::{level} {place}title={_property(d.code)}::{_data(text)}")
    return lines


def render_sarif(diagnostics: Iterable[Diagnostic], version: str) -> str:
    """SARIF 2.1.0 (OASIS), as code hosts ingest it."""
    found = in_order(diagnostics)
    codes = sorted({d.code for d in found})
    run = {
        "tool": {
            "driver": {
                "name": "fabricc",
                "version": version,
                "rules": [{"id": code, "shortDescription": {"text": CODES[code]}} for code in codes],
            }
        },
        "results": [
            {
                "ruleId": d.code,
                "level": str(d.severity),
                "message": {"text": "\n".join((d.message + (f" Hint: {d.hint}" if d.hint else ""), *d.examples))},
                "locations": [_sarif_location(d.span)] if d.span else [],
            }
            for d in found
        ],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _sarif_location(span: Span) -> dict[str, Any]:
    region = {"startLine": span.line, "startColumn": span.column}
    return {"physicalLocation": {"artifactLocation": {"uri": span.file}, "region": region}}


def _as_dict(d: Diagnostic) -> dict[str, Any]:
    out: dict[str, Any] = {"code": d.code, "severity": str(d.severity), "message": d.message}
    if d.span:
        out |= {"file": d.span.file, "line": d.span.line, "column": d.span.column}
    if d.hint:
        out["hint"] = d.hint
    if d.examples:
        out["examples"] = list(d.examples)
    if d.related:
        out["related"] = [{"message": m, "file": s.file, "line": s.line, "column": s.column} for m, s in d.related]
    return out


def _one_line(text: str) -> str:
    """Text of an intent may hold anything; a terminal gets printable characters on one line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
