"""The routing of a fabric at rest, held against what its topology promises: what is wrong, in findings with both ends.

One finding for one cause: of departures only those are told that follow from no other, and what the comparison of the two ends
of a link has reported already is not told again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fabric_compiler.control.decisions import Decisions, attributes
from fabric_compiler.diagnostics import Diagnostic, Report, Severity, Span
from fabric_compiler.intent.overrides import matches
from fabric_compiler.ir.graph import Graph
from fabric_compiler.ir.plan import Prefix
from fabric_compiler.targets.text import prefix
from fabric_compiler.verify.observed import ObservedPolicy
from fabric_compiler.verify.routing.decision import Decided, decide
from fabric_compiler.verify.routing.deviations import Cause, Deviations, Kind, astray, deviations, narrowed
from fabric_compiler.verify.routing.mesh import Node
from fabric_compiler.verify.routing.promise import promises
from fabric_compiler.verify.routing.sessions import port_name
from fabric_compiler.verify.routing.speakers import unread
from fabric_compiler.verify.routing.tables import Routing

_SHOWN = 5
_WIDTH = {4: 32, 6: 128}
_BUG = "it is a bug of the compiler, or of a template"
_MAXIMUM_PATHS = ("routing", "bgp", "maximum_paths")


@dataclass(frozen=True, slots=True)
class Known:
    """What has been reported before: devices whose files are wrong by themselves, and links whose ends disagree."""

    devices: frozenset[int] = frozenset()
    links: frozenset[int] = frozenset()


def check_routing(decisions: Decisions, routing: Routing, known: Known, report: Report) -> str:
    """Report FC7010 to FC7016. Returns what was proven, in a sentence; empty where something is wrong."""
    findings = _Findings(decisions, routing, known)
    for found in findings.all():
        report.add(found)
    return findings.proven


class _Findings:
    def __init__(self, decisions: Decisions, routing: Routing, known: Known) -> None:
        self.decisions, self.routing, self.known = decisions, routing, known
        self.graph = routing.graph
        self.proven = ""

    def all(self) -> Iterator[Diagnostic]:
        found = list(self._not_understood())
        if found:
            yield from found  # what follows would not be true
            return
        found += (*self._sessions(), *self._unbacked(), *self._twice(), *self._restless())
        found += (*self._departures(), *self._narrowed(), *self._astray())
        yield from found
        if not any(f.severity is Severity.ERROR for f in found) and not (self.known.devices or self.known.links):
            self.proven = self._sentence()

    def _sentence(self) -> str:
        switches = sum(1 for speaker in self.routing.speakers if speaker)
        up = len(self.routing.sessions.up)
        sites = len({(d.network, d.site) for d in self.graph.devices if d.kind == "switch"})
        within = " within their site" if sites > len(self.graph.networks) else ""
        return (
            f"routing: {self.routing.prefixes:,} prefixes on {switches:,} switches over {up:,} sessions: "
            f"all reach{within}, no loops, widths as promised: proven"
        )

    def _not_understood(self) -> Iterator[Diagnostic]:
        """Lines that are not known are the intent's own where it has raw ones for the device, else ours."""
        foreign, own = list[str](), list[str]()
        for device, lines in unread(self.graph, self.routing.speakers):
            where = foreign if device in self.decisions.raw else own
            where += [f"{self.graph.devices[device].name}: {line}" for line in lines]
        if own:
            yield _finding("FC7016", "lines that bear on routing are not understood", own, hint=_BUG)
        if foreign:
            message = "raw lines bear on routing and are not understood: nothing is proven of the routes"
            yield _finding("FC7016", message, foreign, severity=Severity.WARNING)

    def _sessions(self) -> Iterator[Diagnostic]:
        faults = [fault for fault in self.routing.sessions.faults if fault.link not in self.known.links]
        if faults:
            yield _table("FC7010", [fault.sentence for fault in faults], "sessions")
        if unplanned := self._unplanned():
            yield _table("FC7010", unplanned, "sessions", hint="cables are swapped")
        if self.routing.ended:
            yield _table("FC7010", [fault.sentence for fault in self.routing.ended], "sessions", hint="raise maximum-prefix")

    def _unplanned(self) -> list[str]:
        """Sessions over cables that are plugged otherwise than the graph has them."""
        if self.graph.links is self.decisions.graph.links:
            return []
        links = self.decisions.graph.links
        columns = (links.a_device, links.a_port, links.b_device, links.b_port)
        planned = set(zip(*(column.tolist() for column in columns), strict=True))
        return [
            f"{port_name(self.graph, s.one, s.one_port)} and {port_name(self.graph, s.two, s.two_port)} have a BGP session, "
            "and no cable of the plan joins them"
            for s in self.routing.sessions.up
            if (s.one, s.one_port, s.two, s.two_port) not in planned and (s.two, s.two_port, s.one, s.one_port) not in planned
        ]

    def _unbacked(self) -> Iterator[Diagnostic]:
        rows = [
            f"{self.graph.devices[n].name} is to announce {prefix(p)} and has no route to it, so that it does not"
            for n, speaker in enumerate(self.routing.speakers)
            for p in (speaker.unbacked if speaker and n not in self.known.devices else ())
        ]
        if rows:
            yield _table("FC7011", rows, "prefixes", hint=_BUG)

    def _twice(self) -> Iterator[Diagnostic]:
        rows = [row for decided in self.routing.decided for row in _twice(self.graph, decided)]
        if rows:
            yield _table("FC7014", rows, "prefixes", hint="traffic for the one goes to the other")

    def _restless(self) -> Iterator[Diagnostic]:
        for decided in self.routing.decided:
            nodes = decided.mesh.nodes
            if decided.restless:
                rows = [f"{self.graph.devices[nodes[n].device].name} still changes" for n in decided.restless]
                message = f"the routes do not come to rest in {decided.rounds} rounds"
                yield _finding("FC7015", message, rows, hint="preferences of several devices contradict one another")
            elif decided.by_tie:
                other = decide(decided.mesh, highest=True)
                rows = [
                    self.graph.devices[node.device].name
                    for n, node in enumerate(nodes)
                    if (decided.members[n] != other.members[n]).any()
                ]
                if rows:
                    message = "the ways hang on which of several equal routes is announced: a router takes the oldest"
                    yield _finding("FC7015", message, rows, severity=Severity.WARNING)

    def _departures(self) -> Iterator[Diagnostic]:
        intent, d = self.decisions.intent, self.decisions
        kinds = {name: network.topology.kind for name, network in intent.networks.items() if network.protocol == "ethernet"}
        found = deviations(tuple(promises(d.graph, kinds, d.drained, d.drained_links)), self.routing.decided)
        if not found:
            return
        if found.unpromised:
            names = [(self.graph.devices[a].name, self.graph.devices[b].name) for a, b in found.unpromised]
            yield _table("FC7011", [f"the topology has no way from {a} to {b}" for a, b in names], "switches")
        groups: dict[tuple[Kind, str, str], list[Cause]] = defaultdict(list)
        for cause in found.causes:
            blamed, policy = _blamed(cause)
            groups[cause.kind, self.graph.devices[blamed.device].role, policy].append(cause)
        swapped = bool(self._unplanned())  # then routes lie otherwise because cables do
        for (kind, _, policy), causes in groups.items():
            rows = list(dict.fromkeys(_sentence(self.graph, cause, policy) for cause in causes))
            code = "FC7012" if kind in (Kind.PASSED_OVER, Kind.BESIDES) else "FC7011"
            told = _table(code, rows, "routes", hint="" if swapped else _BUG)
            yield replace(told, severity=Severity.NOTE) if swapped else told
        if found.fewer or found.none:
            yield self._consequences(found, bool(groups))

    def _consequences(self, found: Deviations, explained: bool) -> Diagnostic:
        """What follows: a note where the cause is reported, else an error."""
        explained |= bool(self.known.links or self.routing.sessions.faults or self.routing.ended or self._unplanned())
        names = [device.name for device in self.graph.devices]
        rows = [
            f"{names[a]} to {names[b]}: {now or 'no'} way{'s' if now > 1 else ''}" + (f" of {before}" if before else "")
            for a, b, before, now in found.examples
        ]
        total = found.fewer + found.none
        message = "; ".join(
            f"pairs of switches {what}: {count:,}"
            for count, what in (
                (found.none, "without a way from one to the other"),
                (found.fewer, "with fewer ways than promised"),
            )
            if count
        )
        severity = Severity.NOTE if explained else Severity.ERROR
        return _finding("FC7012", message, rows, severity=severity, total=total)

    def _narrowed(self) -> Iterator[Diagnostic]:
        """More equal paths than a device may use. Where the network states it, a warning has been given."""
        by_place: dict[Span | None, list[str]] = defaultdict(list)
        for decided in self.routing.decided:
            for node, widest in narrowed(decided):
                device = self.graph.devices[node.device]
                most = node.speaker.routing.maximum_paths[decided.mesh.version]
                place = self._stated(node.device)
                if place is None and self.decisions.intent.networks[device.network].bgp.maximum_paths == most:
                    continue
                by_place[place].append(f"{device.name} uses {most} of {widest} equal paths")
        for place, rows in by_place.items():
            message = "maximum-paths is below what the topology has of equal paths, and leaves links idle"
            severity = Severity.ERROR if place is None else Severity.WARNING
            yield _finding("FC7012", message, rows, span=place, severity=severity, hint="" if place else _BUG)

    def _stated(self, device: int) -> Span | None:
        """Where an override sets maximum-paths of the device."""
        me = attributes(self.graph.devices[device])
        spans = [
            change.span
            for rule in self.decisions.rules
            for change in rule.changes
            if change.path == _MAXIMUM_PATHS and not change.interface and matches(rule.match, me)
        ]
        return spans[-1] if spans else None

    def _astray(self) -> Iterator[Diagnostic]:
        for decided in self.routing.decided:
            if decided.restless:
                continue
            rows = [
                f"{port_name(self.graph, node.device, int(node.port[session]))} sends {prefix(decided.mesh.example(k))} to "
                f"{self.graph.devices[decided.mesh.nodes[node.neighbour[session]].device].name}, which is no nearer to it"
                for node, session, k in astray(decided)
            ]
            if rows:
                yield _table("FC7013", rows, "ways", hint=_BUG)


def _blamed(cause: Cause) -> tuple[Node, str]:
    """The node that does wrong, and the policy by which it does."""
    version = cause.decided.mesh.version
    node, other, place = _ends(cause)
    if cause.kind is Kind.WITHHELD:
        settings = other.ends[place].peering.family(version)
        return other, _name(settings.announce if settings else None)
    settings = node.ends[cause.session].peering.family(version)
    return node, _name(settings.accept if settings else None) if cause.kind is Kind.REFUSED else ""


def _ends(cause: Cause) -> tuple[Node, Node, int]:
    """The node that departs, its neighbour, and the place of the session among the neighbour's."""
    nodes = cause.decided.mesh.nodes
    node = nodes[cause.node]
    other = nodes[int(node.neighbour[cause.session])]
    return node, other, other.link.tolist().index(int(node.link[cause.session]))


def _name(policy: ObservedPolicy | None) -> str:
    return policy.name if policy else "having no policy"


def _sentence(graph: Graph, cause: Cause, policy: str) -> str:
    mesh = cause.decided.mesh
    node, other, place = _ends(cause)
    here = port_name(graph, node.device, int(node.port[cause.session]))
    there = port_name(graph, other.device, int(other.port[place]))
    what = prefix(mesh.example(cause.prefixes)) + (f" and {cause.more:,} prefixes more" if cause.more else "")
    said = mesh.routes.routes[int(cause.decided.sent[node.row[cause.session], cause.prefixes])]
    match cause.kind:
        case Kind.WITHHELD:
            return f"{there} does not announce {what} to {here}: {policy} denies it"
        case Kind.REFUSED:
            return f"{here} does not accept {what} from {there}: {policy} denies it"
        case Kind.LOOP:
            path = " ".join(map(str, said.path))
            return f"{here} drops {what} from {there}: its own AS {node.speaker.asn} is in the path {path}"
        case Kind.PASSED_OVER:
            return f"{here} does not use {what} from {there}, and prefers another route"
        case Kind.BESIDES:
            return f"{here} sends {what} to {there}, over which the topology promises no way"


def _twice(graph: Graph, decided: Decided) -> Iterator[str]:
    """Prefixes that two announce, or that one announces and another has."""
    mesh = decided.mesh
    for p, kind in zip(mesh.prefixes, mesh.kind.tolist(), strict=True):
        if len(mesh.origins[kind]) > 1:
            names = " and ".join(graph.devices[mesh.nodes[n].device].name for n in mesh.origins[kind])
            yield f"{names} announce {prefix(p)}"
    lengths = sorted({p.length for p in mesh.prefixes})
    announced = {(p.length, p.value): k for p, k in zip(mesh.prefixes, mesh.kind.tolist(), strict=True)}
    for n, node in enumerate(mesh.nodes):
        for own in dict.fromkeys((*node.speaker.networks, *node.speaker.local)):
            for length in lengths if own.version == mesh.version else ():
                shift = _WIDTH[own.version] - length
                found = announced.get((length, own.value >> shift << shift)) if length <= own.length else None
                if found is not None and n not in mesh.origins[found]:  # of an equal one that both announce see above
                    name = graph.devices[mesh.nodes[mesh.origins[found][0]].device].name
                    outer = Prefix(own.version, own.value >> shift << shift, length)
                    yield f"{graph.devices[node.device].name} has {prefix(own)}, and {name} announces {prefix(outer)}"


def _table(code: str, rows: Sequence[str], what: str, hint: str = "") -> Diagnostic:
    """The first case in words, the others below it."""
    return _finding(code, rows[0], rows[1:], hint=hint, what=what)


def _finding(
    code: str,
    message: str,
    rows: Sequence[str],
    *,
    severity: Severity = Severity.ERROR,
    span: Span | None = None,
    hint: str = "",
    what: str = "",
    total: int = 0,
) -> Diagnostic:
    more = max(total, len(rows)) - len(rows[:_SHOWN])
    examples = (*rows[:_SHOWN], *((f"and {more:,} more {what}".rstrip(),) if more else ()))
    return Diagnostic(code, severity, message, span, hint, examples=examples)
