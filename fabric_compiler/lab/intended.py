"""What the build's own inputs mean: the intent and the lock that it keeps, compiled again up to the device models.

The lab takes from it what the plan's tables do not say (what is drained, which prefixes a switch announces) and the models of
EOS switches, which it runs as FRR. That it is the same fabric is checked by the digests of the manifest.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from fabric_compiler import __version__
from fabric_compiler.compiler import Analysis, Options, analyse, workshop
from fabric_compiler.diagnostics import CompileError
from fabric_compiler.emit.manifest import digest
from fabric_compiler.emit.plan_tables import tables
from fabric_compiler.ir.plan import Prefix
from fabric_compiler.lab.build import Build, End
from fabric_compiler.lab.report import Progress
from fabric_compiler.lab.store import lab_error
from fabric_compiler.model.device import PeerGroup, SwitchModel
from fabric_compiler.targets.base import target
from fabric_compiler.targets.text import address

_COMPARED = ("plan/devices.csv", "plan/links.csv", "plan/guids.csv")


@dataclass(frozen=True, slots=True)
class Intended:
    """Models of the switches that were asked for, by name; `groups` are the peer groups of their sessions, by the neighbour's
    address or, where it has none, the port.
    """

    models: Mapping[str, SwitchModel]
    groups: Mapping[str, Mapping[str, PeerGroup]]

    def group(self, end: End, far: Prefix | None) -> PeerGroup | None:
        """Of the session over the port with the address."""
        return self.groups[end.device].get(address(far) if far else end.port)

    def is_drained(self, end: End) -> bool:
        """The link, or the switch that its end is on."""
        model = self.models[end.device]
        return model.drained or any(port.drained for port in model.interfaces if port.name == end.port)


def read(
    build: Build,
    switches: Container[str],
    catalog: Path | None,
    progress: Progress = lambda stage, done, total: None,
) -> Intended:
    """Raises CompileError: FC8101 where the inputs compile to another fabric than the build's."""
    found = compiled(build, catalog, progress)
    bench = workshop(found, Options(catalog=catalog, locked=True))
    models = {}
    for index, device in enumerate(found.graph.devices):
        if device.name in switches:
            model = bench.model(index)
            assert isinstance(model, SwitchModel)
            models[device.name] = model
    _compare(build, _rendered(models))
    return Intended(models, {name: _groups(model) for name, model in models.items()})


def _groups(model: SwitchModel) -> dict[str, PeerGroup]:
    groups = {group.name: group for group in model.routing.bgp.peer_groups}
    return {
        address(neighbor.address) if neighbor.address else neighbor.interface: groups[neighbor.peer_group]
        for neighbor in model.routing.bgp.neighbors
    }


def compiled(build: Build, catalog: Path | None, progress: Progress) -> Analysis:
    """The inputs, compiled again. Raises CompileError: FC8101 where they are another fabric's than the build's."""
    try:
        found = analyse(_intent(build), Options(catalog=catalog, locked=True, progress=progress))
    except CompileError as error:
        note = lab_error("FC8101", f"the inputs of {build.path} do not compile", _hint(build)).diagnostics
        raise CompileError([*error.diagnostics, *note]) from error
    made = tables(found.graph, found.plan, found.cabling, found.catalog)
    _compare(build, {name: content for name, content in made if name in _COMPARED})
    return found


def _intent(build: Build) -> Path:
    """The intent is called as the lock beside it."""
    begin, end = "inputs/", ".lock"
    locks = [name for name in build.manifest.files if name.startswith(begin) and name.endswith(end) and name.count("/") == 1]
    if len(locks) != 1:
        raise lab_error("FC8101", f"{build.path} does not hold the intent that it was compiled from", "compile it again")
    return build.path / f"{locks[0].removesuffix(end)}.yaml"


def _rendered(models: Mapping[str, SwitchModel]) -> dict[str, bytes]:
    """The files of EOS switches: they run as FRR, by their models."""
    again: dict[str, bytes] = {}
    for model in models.values():
        if model.platform.nos == "eos":
            again |= {f"devices/{model.name}/{name}": text for name, text in target("eos").render(model).items()}
    return again


def _compare(build: Build, again: Mapping[str, bytes]) -> None:
    recorded = build.manifest.files
    different = sorted(name for name, content in again.items() if recorded.get(name) != digest(content))
    if different:
        raise lab_error("FC8101", f"the inputs of {build.path} compile to another {different[0]}", _hint(build))


def _hint(build: Build) -> str:
    made = build.manifest.compiler
    by = f"it was made by fabricc {made}, this is {__version__}; " if made != __version__ else ""
    return f"{by}compile the intent again, without templates of your own; --catalog names products of your own"
