"""The lab of InfiniBand networks: each subnet of a build on ibsim, under OpenSM. See lab.protocols for its functions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from fabric_compiler.compiler import Analysis
from fabric_compiler.lab import intended as inputs
from fabric_compiler.lab.build import Build
from fabric_compiler.lab.infiniband import checks, faults, network, places, processes, tools
from fabric_compiler.lab.infiniband.files import SubnetFiles, subnets
from fabric_compiler.lab.infiniband.intended import Intended, intended
from fabric_compiler.lab.infiniband.network import Network
from fabric_compiler.lab.infiniband.places import Record
from fabric_compiler.lab.report import Check, check
from fabric_compiler.lab.slices import Slice
from fabric_compiler.lab.store import lab_error
from fabric_compiler.lab.trials import Shell, Trial
from fabric_compiler.verify.subnet import SWITCH

Progress = Callable[[str, int, int], None]


def up(build: Build, part: Slice, catalog: Path | None, progress: Progress) -> list[str]:
    """Run every subnet of the build; what they consist of. What fails, or is interrupted, leaves nothing behind."""
    chosen = subnets(build)
    tools.tools()
    with places.at_work(build.fabric) as own:
        if places.load(own) or processes.of(places.instance(build.fabric)):
            hint = "`fabricc lab down` it first"
            raise lab_error("FC8103", f"there is an InfiniBand lab of {build.fabric} already, or what is left of one", hint)
        try:
            places.save(own, Record(digest=build.digest, nodes=0))
            lines, nodes = [], 0
            for number, one in enumerate(chosen):
                progress("subnets", number, len(chosen))
                made = network.up(one.files, one.place, own / one.own, places.instance(build.fabric, one.directory))
                nodes += len(made.meant.nodes)
                switches = len(made.meant.of_kind(SWITCH))
                lines.append(f"{one.name}: {switches} switches and {len(made.meant.nodes) - switches} adapters")
            places.save(own, Record(digest=build.digest, nodes=nodes, complete=True))
        except BaseException:
            _remove(build.fabric, own)
            raise
    if part != Slice():
        lines.append("subnets run whole: --pods and --devices are for Ethernet networks")
    return [f"the InfiniBand lab of {build.fabric} is up", *lines]


def test(build: Build, trial: Trial, catalog: Path | None, progress: Progress) -> Iterator[Check]:
    """Hold each subnet to the plan and its promises; then faults."""
    with places.at_work(build.fabric) as own:
        record = places.load(own)
        if record is None or not record.complete:
            raise lab_error("FC8103", f"the InfiniBand lab of {build.fabric} is not up", "`fabricc lab up` first")
        if record.digest != build.digest:
            hint = "`fabricc lab down`, then up"
            raise lab_error("FC8103", f"the InfiniBand lab of {build.fabric} runs another build than {build.path}", hint)
        found = inputs.compiled(build, catalog, progress)
        for one in subnets(build):
            running = _attach(build, one, own)
            for row in _rows(running, _meant(build, found, one.directory), trial, progress):
                yield replace(row, name=f"{one.name}: {row.name}")


def _rows(running: Network, meant: Intended, trial: Trial, progress: Progress) -> Iterator[Check]:
    try:
        rows = []
        for row in checks.checks(running, meant, trial.seed, trial.sample):
            rows.append(row)
            yield row
        if not trial.faults:
            return
        if not all(row.passed for row in rows):
            yield check("faults", "not tried", ["what is wrong above comes first"])
            return
        chosen = list(faults.faults(checks.picture(running, meant), meant, trial.seed))
        for number, fault in enumerate(chosen):
            progress("faults", number, len(chosen))
            yield faults.run(running, meant, fault, trial.wait)
    except (OSError, TimeoutError) as error:
        raise lab_error("FC8201", f"the subnet cannot be read: {error}") from error


def _attach(build: Build, one: SubnetFiles, own: Path) -> Network:
    return network.attach(one.files, one.place, own / one.own, places.instance(build.fabric, one.directory))


def down(fabric: str) -> int:
    """Remove every trace of the user's lab of the fabric, however it was left; how many nodes it had."""
    if not places.of(fabric).exists() and not processes.of(places.instance(fabric)):
        return 0
    with places.at_work(fabric) as own:
        record = places.load(own)
        return max(_remove(fabric, own), record.nodes if record else 0)


def _remove(fabric: str, own: Path) -> int:
    """How many processes there were."""
    try:
        ended = processes.end(places.instance(fabric))
    except TimeoutError as error:
        raise lab_error("FC8105", f"the InfiniBand lab of {fabric} cannot be removed: {error}") from error
    for entry in list(own.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            with suppress(FileNotFoundError):
                entry.unlink()
    return ended


def shell(build: Build, device: str) -> Shell:
    """A shell whose programs (ibnetdiscover, smpquery ...) speak to the subnet from the device. Raises CompileError."""
    for one in subnets(build):
        found = _attach(build, one, places.of(build.fabric))
        if host := network.node_of(found.meant, device):
            own = tools.environment(found.at.directory, found.at.instance, host, found.at.tools.preload)
            return Shell("", ("/bin/sh",), own)
    raise lab_error("FC2005", f"{device} is on no InfiniBand network of {build.fabric}")


def _meant(build: Build, found: Analysis, directory: str) -> Intended:
    subnet = next((subnet for subnet in found.subnets if subnet.directory == directory), None)
    if subnet is None:
        raise lab_error("FC8101", f"the inputs of {build.path} have no subnet {directory}", "compile the intent again")
    return intended(found, subnet)
