"""What is done device by device, in as many processes as there are: model, files, and the files read back."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_compiler.control.decisions import Decisions
from fabric_compiler.control.ends import End
from fabric_compiler.control.server import ServerModels
from fabric_compiler.control.switch import SwitchModels
from fabric_compiler.diagnostics import Diagnostic, Severity
from fabric_compiler.emit.files import write
from fabric_compiler.emit.manifest import digest
from fabric_compiler.emit.plan_tables import server_addresses, switch_addresses, switch_sessions
from fabric_compiler.emit.tables import csv_rows
from fabric_compiler.intent.overrides import Rule, attributes, matches, matches_interface
from fabric_compiler.model.device import ServerModel, SwitchModel
from fabric_compiler.targets.base import target
from fabric_compiler.targets.templates import OWN_DIRECTORY
from fabric_compiler.verify.agreement import NO_FACTS, Facts
from fabric_compiler.verify.observed import Observed
from fabric_compiler.verify.reading import UNREADABLE, Reader

if TYPE_CHECKING:
    from fabric_compiler.verify.routing.speakers import Speaker

_CHUNK = 32  # devices; fewer where there are few, so that the large ones at the end are shared out too
_CHUNKS_A_WORKER = 16
_REFUSALS = UNREADABLE  # of a target too: what an operating system has no words for
_WORTH_A_POOL = 96  # devices; below, starting processes costs more than it saves


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a run of devices, in their order."""

    files: list[tuple[str, str]] = field(default_factory=list)  # name below the build, sha256
    size: int = 0
    addresses: bytes = b""
    sessions: bytes = b""
    rows: tuple[int, int] = (0, 0)  # of addresses, of sessions
    facts: list[Facts] = field(default_factory=list)
    speakers: list[Speaker | None] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    rules: frozenset[int] = frozenset()  # overrides that matched


class Workshop:
    """Makes devices from the decisions; one a process."""

    def __init__(self, decisions: Decisions, root: Path | None, templates: Path | None, speaking: bool = False) -> None:
        OWN_DIRECTORY.set(templates)
        self._decisions, self._root = decisions, root
        self._read = Reader(decisions, speaking)
        self._switch, self._server = SwitchModels(decisions), ServerModels(decisions)

    def configured(self, index: int) -> bool:
        """Whether the device has a model; an InfiniBand switch has none, for its subnet manager sets all that it needs."""
        device = self._decisions.graph.devices[index]
        return device.kind == "server" or bool(device.nos)

    def model(self, index: int) -> SwitchModel | ServerModel:
        device = self._decisions.graph.devices[index]
        return self._server(index) if device.kind == "server" else self._switch(index)

    def files(self, index: int) -> tuple[str, dict[str, bytes]]:
        """The device's directory below the build, and its files."""
        return self.render(self.model(index))

    def observed(self, index: int) -> Observed:
        """The device's files, read back."""
        return self._read.observed(index, self.files(index)[1])

    def make(self, indices: Sequence[int]) -> Made:
        """Render, write and read back. What a target or a reader refuses is among the findings."""
        made = Made()
        addresses, sessions, matched, size = [], [], set(), 0
        for index in indices:
            if not self.configured(index):
                made.facts.append(NO_FACTS)
                made.speakers.append(None)
                continue
            model = self.model(index)
            rules = self._matched(model) if isinstance(model, SwitchModel) and self._decisions.rules else []
            matched |= {rule.index for rule in rules}
            ends = self._decisions.ends[index]
            try:
                directory, files = self.render(model)
                found = self._read(index, ends, files)
            except _REFUSALS as error:
                if not rules and not isinstance(error, ValueError):
                    raise
                made.findings.append(_refused(model.name, error, rules))
                continue
            made.facts.append(found.facts)
            made.speakers.append(found.speaker)
            made.findings.extend(_finding(sentence, rules) for sentence in found.sentences)
            for name, content in files.items():
                path = f"{directory}/{name}"
                if self._root:
                    write(self._root, path, content)
                made.files.append((path, digest(content)))
                size += len(content)
            if isinstance(model, SwitchModel):
                addresses += switch_addresses(model)
                sessions += switch_sessions(model, self._below(index, ends))
            else:
                addresses += server_addresses(model)
        return Made(
            made.files, size, csv_rows(addresses), csv_rows(sessions), (len(addresses), len(sessions)),
            made.facts, made.speakers, made.findings, frozenset(matched),
        )  # fmt: skip

    def render(self, model: SwitchModel | ServerModel) -> tuple[str, dict[str, bytes]]:
        """A model's directory below the build, and its files."""
        chosen = target(model.platform.nos if isinstance(model, SwitchModel) else "hosts")
        return f"{chosen.directory}/{model.name}", chosen.render(model)

    def _below(self, index: int, ends: Sequence[End]) -> frozenset[str]:
        device = self._decisions.graph.devices[index]
        return frozenset(device.layout.ports[end.port].name for end in ends if not end.lower)

    def _matched(self, model: SwitchModel) -> list[Rule]:
        me = attributes(model)
        return [
            rule
            for rule in self._decisions.rules
            if matches(rule.match, me)
            and (rule.match.interface is None or any(matches_interface(rule.match, port.name) for port in model.interfaces))
        ]


def _refused(name: str, error: Exception, rules: Sequence[Rule]) -> Diagnostic:
    """A device that its operating system has no words for."""
    reason = str(error) if isinstance(error, ValueError) else "a value is out of its range"
    if rules:
        return Diagnostic(
            "FC6002", Severity.ERROR, f"{name} cannot be configured so: {reason}", rules[-1].span, "mend or remove the override"
        )
    return Diagnostic("FC7003", Severity.ERROR, f"{name} cannot be configured so: {reason}")


def _finding(sentence: str, rules: Sequence[Rule]) -> Diagnostic:
    """What was read back is wrong: an override's doing where one matched, else ours."""
    hint = "the override may have caused it" if rules else "this is a bug of the compiler"
    return Diagnostic("FC7003", Severity.ERROR, sentence, rules[-1].span if rules else None, hint)


_workshop: Workshop | None = None  # of a worker process


def _start(decisions: Decisions, root: Path | None, templates: Path | None, speaking: bool) -> None:
    global _workshop
    _workshop = Workshop(decisions, root, templates, speaking)


def _make(indices: Sequence[int]) -> Made:
    assert _workshop
    return _workshop.make(indices)


def make_all(
    decisions: Decisions,
    root: Path | None,
    templates: Path | None,
    jobs: int | None,
    progress: Callable[[int], None],
    speaking: bool = False,
) -> Iterator[Made]:
    """Make every device of the graph, in order; `root` None renders and reads back without writing, `speaking` reads the
    routing back too.

    `jobs` None: as many processes as the machine lets us have, none for a small fabric. The bytes do not depend on it.
    """
    count = len(decisions.graph.devices)
    workers = jobs or len(os.sched_getaffinity(0))
    size = max(1, min(_CHUNK, count // (_CHUNKS_A_WORKER * workers)))
    chunks = [range(first, min(first + size, count)) for first in range(0, count, size)]
    workers = min(workers, len(chunks))
    if workers <= 1 or (jobs is None and count < _WORTH_A_POOL):
        workshop = Workshop(decisions, root, templates, speaking)
        for chunk in chunks:
            yield workshop.make(chunk)
            progress(len(chunk))
        return
    # fork: the decisions are there without being copied
    context = multiprocessing.get_context("fork")
    with _pool(workers, context, (decisions, root, templates, speaking)) as pool:
        for chunk, made in zip(chunks, _in_order(pool, chunks, 4 * workers), strict=True):
            yield made
            progress(len(chunk))


@contextmanager
def _pool(
    workers: int, context: BaseContext, arguments: tuple[Decisions, Path | None, Path | None, bool]
) -> Iterator[Executor]:
    """Worker processes that leave Ctrl-C, which a terminal sends to all, to their parent; what waits is dropped then."""
    pool = ProcessPoolExecutor(workers, context, _start, arguments)
    try:
        _fork(pool)
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _fork(pool: Executor) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        pool.submit(int)  # forks all workers, which inherit the mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _in_order(pool: Executor, chunks: Sequence[range], ahead: int) -> Iterator[Made]:
    """Results in the order of the chunks, with so many under way at a time that memory stays bounded."""
    waiting = iter(chunks)
    running = [pool.submit(_make, chunk) for chunk in islice(waiting, ahead)]
    while running:
        yield running.pop(0).result()
        running += [pool.submit(_make, chunk) for chunk in islice(waiting, 1)]
