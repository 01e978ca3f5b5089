"""The lab of Ethernet networks: FRR in network namespaces. It reads as it runs: plan, set up, start, check, make faults."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from fabric_compiler.lab import checks, faults, machine, namespaces, planning, promise, routers, slices, store, tables, wiring
from fabric_compiler.lab.build import Build, Link
from fabric_compiler.lab.pairs import endpoints, pairs
from fabric_compiler.lab.planning import Planned
from fabric_compiler.lab.probes import Post
from fabric_compiler.lab.promise import Promise
from fabric_compiler.lab.report import Check, Progress, check
from fabric_compiler.lab.running import Lab, attached
from fabric_compiler.lab.slices import Slice
from fabric_compiler.lab.store import Record, lab_error
from fabric_compiler.lab.trials import Shell, Trial
from fabric_compiler.targets.text import address

MOST_PAIRS: Final = 20_000  # without --sample
_POLL: Final = 0.2
# without a change for so many seconds, and so many looks where a look takes long, what is not as promised will not come
_STILL: Final = 10.0
_LOOKS: Final = 5


def up(build: Build, part: Slice, catalog: Path | None, progress: Progress, cabling: Sequence[Link] | None = None) -> list[str]:
    """Set the lab up; what it consists of. What fails, or is interrupted, leaves nothing behind. Raises CompileError.

    `cabling`: how the cables lie, where it is not as the plan has them (see `planning.plan`).
    """
    machine.check_environment()
    layout = planning.plan(build, part, catalog, cabling, progress).layout
    machine.check_capacity(layout, machine.this_machine())
    machine.raise_file_limit()
    with store.at_work(build.fabric) as own:
        left = store.traces(build.fabric)
        if left.namespaces:
            raise lab_error(
                "FC8103", f"there is a lab of {build.fabric} already, or what is left of one", "`fabricc lab down` it first"
            )
        record = Record(fabric=build.fabric, digest=build.digest, pods=part.pods, devices=part.devices)
        try:
            store.remove(left)  # files that a reboot did not take with the namespaces
            store.save(own, record)
            wiring.set_up(layout, progress)
            routers.start(layout.switches, progress)
            store.save(own, msgspec.structs.replace(record, complete=True))
        except BaseException as error:
            _remove(build.fabric)
            if isinstance(error, OSError):
                raise lab_error("FC8105", f"this system refuses a part of the lab: {error}") from error
            raise
    size = f"{len(layout.switches)} switches, {len(layout.servers)} servers and {len(layout.wires)} links"
    return [f"the lab of {build.fabric} is up: {size}", *layout.notes]


def down(fabric: str) -> int:
    """Remove every trace of the fabric's lab, whoever left it; how many namespaces there were. Raises CompileError."""
    found = store.traces(fabric)
    if not (found.namespaces or found.paths):
        return 0
    machine.check_environment()
    with store.at_work(fabric):
        return _remove(fabric)


def _remove(fabric: str) -> int:
    found = store.traces(fabric)
    try:
        namespaces.kill(lambda: namespaces.processes(found.namespaces))
        store.remove(found)
    except OSError as error:
        raise lab_error("FC8105", f"the lab of {fabric} cannot be removed: {error}") from error
    return len(found.namespaces)


def test(
    build: Build, trial: Trial, catalog: Path | None, progress: Progress, cabling: Sequence[Link] | None = None
) -> Iterator[Check]:
    """Wait until the network has converged, then hold it to its plan; then faults. A row a check, as soon as it is known."""
    machine.check_environment()
    machine.raise_file_limit()
    with ExitStack() as stack:
        own = stack.enter_context(store.at_work(build.fabric))
        record = store.load(own)
        if record is None or not record.complete:
            raise lab_error("FC8103", f"the lab of {build.fabric} is not up", "`fabricc lab up` first")
        if record.digest != build.digest:
            raise lab_error(
                "FC8103", f"the lab of {build.fabric} runs another build than {build.path}", "`fabricc lab down`, then up"
            )
        planned = planning.plan(build, Slice(record.pods, record.devices), catalog, cabling, progress)
        try:
            yield from _rows(stack.enter_context(attached(planned)), trial, stack, progress)
        except OSError as error:
            raise lab_error(
                "FC8105", f"a part of the lab of {build.fabric} is gone: {error}", "`fabricc lab down`, then up"
            ) from error


def _rows(lab: Lab, trial: Trial, stack: ExitStack, progress: Progress) -> Iterator[Check]:
    promised = promise.promised(lab.planned)
    rows = [converged(lab, promised, trial.wait, progress)]
    yield rows[-1]
    now = tables.read(lab)
    for row in (
        checks.check_wires(lab),
        checks.check_sessions(lab),
        checks.check_routes(lab, now, promised),
        checks.check_paths(lab, now, promised),
    ):
        rows.append(row)
        yield row
    names = slices.choose(lab.planned.build, trial.part, "ethernet")
    found = [one for one in endpoints(lab.planned.layout) if one.device in names]
    chosen = pairs(found, trial.sample or MOST_PAIRS, trial.seed)
    post = stack.enter_context(Post(found, _names(lab.planned)))
    rows.append(checks.check_reach(lab, post, chosen, trial.patience, progress))
    yield rows[-1]
    if not trial.faults:
        return
    if not all(row.passed for row in rows):
        yield check("faults", "not tried", ["what is wrong above comes first"])
        return
    for fault in faults.faults(lab, trial.seed):
        flows = faults.flows(lab.planned.layout, fault, chosen.chosen, trial.seed)
        yield faults.run(lab, fault, post, flows, trial.wait, progress)


def converged(lab: Lab, promised: Promise, wait: float, progress: Progress) -> Check:
    """Wait until all is as promised, for `wait` seconds at most, and no longer than anything changes."""
    start = changed = time.monotonic()
    before, looks = faults.state(lab), 0
    total = max(len(lab.planned.build.sessions), 1)
    while not checks.is_settled(lab, promised):
        moment = time.monotonic()
        now, looks = faults.state(lab), looks + 1
        if now != before:
            before, changed, looks = now, moment, 0
        progress("sessions", max(total - len(now.sessions) // 2, 0), total)
        if moment - start > wait or (moment - changed > _STILL and looks > _LOOKS):
            why = f"tables and sessions are not as planned after {moment - start:.0f} s"
            return check("convergence", why, [f"{why}; see below"], moment - start)
        time.sleep(_POLL)
    seconds = time.monotonic() - start
    return check("convergence", f"tables and sessions are as planned after {seconds:.1f} s", [], seconds)


def _names(planned: Planned) -> dict[str, str]:
    """Devices by address."""
    return {address(row.own): f"{row.device} ({row.interface})" for row in planned.build.addresses}


def shell(build: Build, device: str) -> Shell:
    """What gives the user a prompt on the device. Raises CompileError."""
    machine.check_environment()
    if device not in build.devices:
        raise lab_error("FC2005", f"{build.fabric} has no device {device}")
    name = store.name(build.fabric, device)
    if not (namespaces.DIRECTORY / name).exists():
        raise lab_error("FC8103", f"{device} is not in a lab that is up", "`fabricc lab up` first")
    command = ("vtysh", "-N", name) if build.devices[device].kind == "switch" else ("/bin/sh",)
    return Shell(name, command)
