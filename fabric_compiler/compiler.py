"""The stages, in order. A newcomer starts here: `analyse` is the compiler up to the device models, `build` writes the tree,
`check` makes everything and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_compiler import __version__
from fabric_compiler.cabling.stage import cable
from fabric_compiler.catalog import loader as catalogue
from fabric_compiler.catalog.types import Catalog
from fabric_compiler.control.decisions import Decisions, decide
from fabric_compiler.control.protocols import ethernet_part
from fabric_compiler.control.subnets import subnets
from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity, Span
from fabric_compiler.emit import manifest as manifests
from fabric_compiler.emit.counts import counts
from fabric_compiler.emit.files import replace_file, write
from fabric_compiler.emit.graph_json import graph_bytes
from fabric_compiler.emit.manifest import Manifest, Summary
from fabric_compiler.emit.plan_tables import ADDRESSES, SESSIONS, managed_addresses, tables
from fabric_compiler.emit.tables import csv_bytes, csv_rows
from fabric_compiler.emit.tree import build_error, held, transaction
from fabric_compiler.intent import loader as language
from fabric_compiler.ir.blocks import Extents, rack_block, switch_rows_block
from fabric_compiler.ir.cabling import Cabling
from fabric_compiler.ir.graph import Graph
from fabric_compiler.ir.plan import Plan
from fabric_compiler.model.subnet import Subnet
from fabric_compiler.plan import lock as locks
from fabric_compiler.plan.allocate import Allocator, allocate, shape_text
from fabric_compiler.plan.inventory import with_inventory
from fabric_compiler.plan.lock import Lock
from fabric_compiler.plan.numbers import number
from fabric_compiler.targets import opensm
from fabric_compiler.targets.templates import OWN_DIRECTORY
from fabric_compiler.topology.fabric import build as build_graph
from fabric_compiler.topology.shape import shapes
from fabric_compiler.verify.agreement import report_disagreements
from fabric_compiler.verify.graph import check_graph
from fabric_compiler.verify.plan import check_plan
from fabric_compiler.verify.subnets import check_subnet
from fabric_compiler.workshop import Made, Workshop, make_all

if TYPE_CHECKING:
    from fabric_compiler.verify.failures.survey import Row

_SHOWN = 20  # findings of single devices

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, how far it is and how far it goes."""


@dataclass(frozen=True, slots=True)
class Options:
    """`catalog` and `templates` are directories of the user's own; `jobs` None: as the machine has processors."""

    catalog: Path | None = None
    templates: Path | None = None
    jobs: int | None = None
    locked: bool = False
    keep_lock: bool = False  # a build leaves the lock beside the intent as it is
    strict: bool = False  # a warning fails the compile
    prove: bool = False  # a build makes the proofs of `check` too
    lock: Lock | None = None  # in place of the one beside the intent
    progress: Progress = field(default=lambda stage, done, total: None)


@dataclass(frozen=True, slots=True)
class Analysis:
    """An intent, understood: everything but the files. `seconds` by stage."""

    loaded: language.Loaded
    catalog: Catalog
    lock_path: Path
    old_lock: Lock
    lock: Lock
    graph: Graph
    plan: Plan
    cabling: Cabling
    decisions: Decisions  # of the Ethernet networks
    subnets: tuple[Subnet, ...]  # of the InfiniBand networks
    warnings: tuple[Diagnostic, ...]
    seconds: dict[str, float]
    failures: tuple[Row, ...] = ()  # what remains without any part, once proven
    proofs: tuple[str, ...] = ()  # what was proven, in sentences

    @property
    def lock_changed(self) -> bool:
        return locks.dumps(self.old_lock) != locks.dumps(self.lock)


@dataclass(frozen=True, slots=True)
class Build:
    """A finished build, and what it changed against the one before."""

    analysis: Analysis
    path: Path
    manifest: Manifest
    summary: Summary
    replaced: bool  # whether there was one before
    size: int  # bytes written


def analyse(path: Path, options: Options) -> Analysis:
    """Compile the intent at `path` up to the decisions. Raises CompileError with every finding of the run."""
    clock = _Clock(options.progress)
    report = Report()
    catalog = catalogue.load(options.catalog)
    with clock("intent"):
        loaded = language.load(path, catalog=catalog)
        intent, source = loaded.intent, loaded.source
        report.found += loaded.warnings
    lock_path = path.with_suffix(".lock")
    old_lock = options.lock or locks.read(lock_path, str(lock_path))
    with clock("topology"):
        found = shapes(intent, source, catalog, report, old_lock.kept)
        allocator = allocate(intent, found, old_lock, source, report)
        report.raise_if_failed()
        blocks = allocator.extents()
        graph = build_graph(intent, found, blocks, catalog, source, report)
        if not report.failed:
            check_graph(graph, found, report)
    with clock("plan"):
        plan = number(intent, found, graph, blocks, source, report)
        if loaded.inventory and plan.guids:
            shown = str(path.parent / loaded.inventory.name)
            known = with_inventory(graph, plan.guids, loaded.inventory, shown, source.at("guids"), report)
            plan = replace(plan, guids=known)
        if not report.failed:  # what is exhausted would break every rule of the plan besides
            check_plan(graph, plan, intent, report)
    with clock("cabling"):
        racks, rows = _held(old_lock, "racks"), _held(old_lock, "switch-rows")
        cabling = cable(graph, intent, source, catalog, report, pinned=old_lock.media, pod_racks=racks, switch_rows=rows)
        report.raise_if_failed()
        _pin_places(allocator, cabling)
    with clock("control"):
        ethernet, ethernet_cabling = ethernet_part(intent, graph, cabling)
        decisions = decide(intent, loaded.rules, found, ethernet, plan, blocks, ethernet_cabling, catalog, source, report)
        managed = subnets(intent, found, graph, plan.guids, blocks, catalog, source, report) if plan.guids else ()
        report.raise_if_failed()
    kept = {**old_lock.shapes, **{shape.network: shape_text(shape) for shape in found}}  # of removed networks too
    lock = allocator.lock(kept, {**old_lock.media, **cabling.pins})
    _check_lock(old_lock, lock, lock_path, options.locked, report)
    return Analysis(
        loaded, catalog, lock_path, old_lock, lock, graph, plan, cabling, decisions, managed, tuple(report), clock.seconds
    )


def check(path: Path, options: Options) -> Analysis:
    """Everything that `build` does and the proofs, without writing. Raises CompileError."""
    proving = replace(options, prove=True)
    return _with_failures(_checked(path, proving), proving)


def _checked(path: Path, options: Options) -> Analysis:
    """All devices made and read back, nothing written. Raises CompileError."""
    analysis = analyse(path, options)
    with _timed(analysis, "devices"):
        made = list(_make(analysis, None, options))
    return _verified(analysis, made, _managed(analysis, options), options)


def build(path: Path, output: Path, options: Options) -> Build:
    """Compile the intent at `path` into `output/<fabric>`. The former build stays as it was unless all goes well.

    Raises CompileError. The lock is replaced last.
    """
    analysis = analyse(path, options)
    fabric = analysis.loaded.intent.fabric
    with transaction(output, fabric) as staging:
        with _timed(analysis, "devices"):
            made = list(_make(analysis, staging.path, options))
        with _timed(analysis, "subnets"):
            managed = _managed(analysis, options)
        analysis = _verified(analysis, made, managed, options)
        if options.prove:
            analysis = _with_failures(analysis, options)
        files = {name: digest for run in made for name, digest in run.files}
        size = sum(run.size for run in made)
        with _timed(analysis, "tables"):
            for name, content in (*managed.items(), *_whole_fabric(analysis, made)):
                write(staging.path, name, content)
                files[name] = manifests.digest(content)
                size += len(content)
        manifest = Manifest(
            compiler=__version__,
            fabric=fabric,
            inputs={name: files[name] for name in files if name.startswith("inputs/")},
            counts=counts(analysis.graph, analysis.cabling, analysis.catalog, *_rows(analysis, made)),
            files=dict(sorted(files.items())),
        )
        summary = manifests.summary(manifests.read_if_any(staging.previous), manifest)
        write(staging.path, manifests.NAME, manifests.encode(manifest))
        if not options.keep_lock:
            staging.on_commit.append(lambda: _write_lock(analysis))
        replaced = staging.previous is not None
    return Build(analysis, output / fabric, manifest, summary, replaced, size)


def relock(path: Path, change: Callable[[Lock], Lock], options: Options) -> tuple[Lock, Analysis]:
    """Replace the lock beside the intent by its `change`, with what the intent needs besides; returns the one before too.

    Entries that claim the same numbers are let pass before the change, and not after it. Raises CompileError.
    """
    lock_path = path.parent / f"{path.stem}.lock"
    shown = str(lock_path)
    before = locks.read(lock_path, shown, overlaps=True)
    locks.check(wanted := change(before), shown)
    analysis = _checked(path, replace(options, lock=wanted, locked=False))
    _write_lock(replace(analysis, old_lock=before))
    return before, analysis


def workshop(analysis: Analysis, options: Options) -> Workshop:
    """For single devices: their models and files."""
    return Workshop(analysis.decisions, None, options.templates)


def _make(analysis: Analysis, root: Path | None, options: Options) -> Iterator[Made]:
    total, done = len(analysis.graph.devices), 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        options.progress("devices", done, total)

    return make_all(analysis.decisions, root, options.templates, options.jobs, progress, options.prove)


def _managed(analysis: Analysis, options: Options) -> dict[str, bytes]:
    """The files of the subnet managers, by name below the build."""
    OWN_DIRECTORY.set(options.templates)
    files: dict[str, bytes] = {}
    for subnet in analysis.subnets:
        files |= {f"{subnet.directory}/{name}": content for name, content in opensm.render(subnet).items()}
        files |= opensm.render_hosts(subnet)
    return files


def _check_subnets(analysis: Analysis, managed: Mapping[str, bytes], report: Report) -> None:
    """What the subnet managers would read is what graph, plan and tenants have."""
    guids = analysis.plan.guids
    for subnet in analysis.subnets:
        assert guids
        files = {
            name.rpartition("/")[2]: content for name, content in managed.items() if name.startswith(f"{subnet.directory}/")
        }
        hosts = {name: managed[name] for name in opensm.host_files(subnet)}
        check_subnet(
            files, hosts, subnet.network, subnet.plane, analysis.graph, guids, analysis.loaded.intent, analysis.catalog, report
        )


def _verified(analysis: Analysis, made: list[Made], managed: Mapping[str, bytes], options: Options) -> Analysis:
    """Both ends of every link agree, as read back; every override matched. Raises CompileError."""
    report = Report(list(analysis.warnings))
    _check_subnets(analysis, managed, report)
    decisions = analysis.decisions
    findings = [finding for run in made for finding in run.findings]
    report.found += findings[:_SHOWN]
    if len(findings) > _SHOWN:
        report.error("FC7003", f"and {len(findings) - _SHOWN} more findings of the kind")
    matched = frozenset().union(*(run.rules for run in made))
    for rule in decisions.rules:
        if rule.index not in matched:
            place = analysis.loaded.source.at("overrides", rule.index, "match")
            report.error("FC6001", "the override matches nothing", place, "its patterns must all fit one device and interface")
    proofs: tuple[str, ...] = ()
    if not findings:  # else there are devices without files to compare
        bench = Workshop(decisions, None, options.templates)
        found = [fact for run in made for fact in run.facts]
        disagree = report_disagreements(decisions.graph, decisions.ends, found, bench.observed, report)
        if options.prove:
            proofs = _prove_routing(analysis, made, disagree, report)
    report.raise_if_failed()
    if options.strict and report.found:
        raise CompileError(report)
    return replace(analysis, warnings=tuple(report), proofs=proofs)


def _with_failures(analysis: Analysis, options: Options) -> Analysis:
    """What remains when parts fail. Raises CompileError where the intent asks for more."""
    from fabric_compiler.verify.failures.survey import survey

    report = Report(list(analysis.warnings))
    with _timed(analysis, "failures"):
        rows = survey(analysis.graph, analysis.cabling, analysis.loaded.intent.networks, analysis.loaded.source, report)
    report.raise_if_failed()
    if options.strict and report.found:
        raise CompileError(report)
    return replace(analysis, warnings=tuple(report), failures=tuple(rows))


def _prove_routing(analysis: Analysis, made: list[Made], disagree: frozenset[int], report: Report) -> tuple[str, ...]:
    """What concerns all devices together; `disagree` are links that were reported."""
    from fabric_compiler.verify.proof import prove_together
    from fabric_compiler.verify.routing.findings import Known

    with _timed(analysis, "proofs"):
        speakers = [speaker for run in made for speaker in run.speakers]
        return prove_together(analysis.decisions, analysis.decisions.graph, speakers, Known(links=disagree), report).sentences


def _whole_fabric(analysis: Analysis, made: list[Made]) -> Iterator[tuple[str, bytes]]:
    """The files that no single device makes."""
    yield from tables(analysis.graph, analysis.plan, analysis.cabling, analysis.catalog)
    switches = csv_rows(managed_addresses(analysis.graph, analysis.plan, analysis.catalog))
    yield "plan/addresses.csv", csv_bytes(ADDRESSES, ()) + b"".join(run.addresses for run in made) + switches
    yield "plan/sessions.csv", csv_bytes(SESSIONS, ()) + b"".join(run.sessions for run in made)
    yield "graph.json", graph_bytes(analysis.graph)
    for file in analysis.loaded.files:
        yield f"inputs/{file.name}", file.content
    yield f"inputs/{analysis.lock_path.name}", locks.dumps(analysis.lock).encode()


def _rows(analysis: Analysis, made: list[Made]) -> tuple[int, int]:
    """Addresses and sessions."""
    switches = len(managed_addresses(analysis.graph, analysis.plan, analysis.catalog))
    return sum(run.rows[0] for run in made) + switches, sum(run.rows[1] for run in made)


def _check_lock(old: Lock, new: Lock, path: Path, locked: bool, report: Report) -> None:
    if not locked or locks.dumps(old) == locks.dumps(new):
        return
    changed = locks.changes(old, new)
    shown = "; ".join(changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "")
    report.error(
        "FC4005", f"the lock would change: {shown}", Span(str(path), 1, 1), "compile, and commit the lock with the intent"
    )
    raise CompileError(report)


def _write_lock(analysis: Analysis) -> None:
    """Unless somebody changed it meanwhile: then the numbers of this build may be somebody else's."""
    path, text = analysis.lock_path, locks.dumps(analysis.lock)
    try:
        with held(path.parent.resolve()):
            now = locks.read(path, str(path), overlaps=True)
            if now == analysis.lock:
                return
            if now != analysis.old_lock:
                place, hint = Span(str(path), 1, 1), "another compile changed it; compile again"
                raise CompileError([Diagnostic("FC4005", Severity.ERROR, "the lock changed during the compile", place, hint)])
            replace_file(path, text.encode())
    except OSError as error:
        hint = "the lock is kept beside the intent: its directory must be writable"
        raise build_error(f"cannot write the lock {path}: {error.strerror or type(error).__name__}", hint) from error


def _held(lock: Lock, kind: str) -> dict[tuple[str, str], Extents]:
    """Blocks of places by site and owner, those of removed owners too."""
    owners = {owner: owner.split("/", 2) for owner in lock.blocks if owner.startswith(f"{kind}/")}
    return {(site, rest): lock.blocks[owner].extents for owner, (_, site, rest) in owners.items()}


def _pin_places(allocator: Allocator, cabling: Cabling) -> None:
    for (site, owner), extents in cabling.pod_racks.items():
        allocator.pin(rack_block(site, owner), extents)
    for (site, owner), extents in cabling.switch_rows.items():
        allocator.pin(switch_rows_block(site, owner), extents)


class _Clock:
    """Seconds by stage."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        self._progress(stage, 0, 0)
        start = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - start


@contextmanager
def _timed(analysis: Analysis, stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    analysis.seconds[stage] = time.perf_counter() - start
