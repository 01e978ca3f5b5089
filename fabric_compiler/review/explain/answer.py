"""`FILE[:LINE]` of a build -> why its lines are as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fabric_compiler.compiler import Analysis, Options, analyse, workshop
from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.emit import files, manifest
from fabric_compiler.emit.manifest import Manifest
from fabric_compiler.model.device import DeviceModel, ServerModel, SwitchModel
from fabric_compiler.review.explain import constants
from fabric_compiler.review.explain.places import Place, place
from fabric_compiler.review.explain.trace import Trace, trace
from fabric_compiler.review.folded_diff import printable

_MAX_FILE = 1 << 30


@dataclass(frozen=True, slots=True)
class Reason:
    """`field` of the device model, empty for a line that follows from none; `place` where the intent says it, or could."""

    field: str
    rule: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Explained:
    file: str
    line: int
    text: str
    reasons: tuple[Reason, ...]  # what moves the fewest lines first


def explain(path: Path, line: int | None, options: Options) -> Iterator[Explained]:
    """The reasons of one line of a file in a build, or of all. Raises CompileError for what lies in no build, or has no such
    line, and where the build's inputs do not compile to it any more."""
    tree, name, known = _in_build(path)
    content = files.read(tree / name, _MAX_FILE)
    if known.files.get(name, "") not in ("", manifest.digest(content)):
        raise _refused(f"{path} was changed after it was compiled", "compile the intent again")
    lines = content.decode("utf-8", "replace").split("\n")
    if line is not None and not 1 <= line <= len(lines):
        raise _refused(f"{path} has {len(lines)} lines, and none numbered {line}")
    numbers = range(1, len(lines) + 1) if line is None else (line,)
    kind, owner = manifest.owner(name)
    if kind in ("device", "host"):
        yield from _of_device(tree, known, name, owner, numbers, options)
        return
    rule = next((rule for start, rule in _WHOLE.items() if name.startswith(start)), "a part of the build")
    for number in numbers:
        yield Explained(name, number, lines[number - 1], (Reason("", rule, None),))


# files that no single device owns
_WHOLE: Mapping[str, str] = {
    "plan/devices.csv": "a row a device: coordinates from topology and pods, numbers from the lock, racks from placement",
    "plan/links.csv": "a row a link: the topology joins pods, leafs, spines and cores; the cable is named by its lower end",
    "plan/cables.csv": "a row a cable: its length from placement or sites.*.lengths, its medium the first that reaches",
    "plan/cable_ends.csv": "a row an end of a cable: the cage of the port, and the module that serves it",
    "plan/addresses.csv": "a row an address: networks.*.addressing, cut by the lock's blocks",
    "plan/sessions.csv": "a row a session: one on every link between switches (RFC 7938)",
    "plan/asns.csv": "a row an ASN: networks.*.asns, by the lock's blocks",
    "plan/bom.csv": "a row an item: devices, cables and modules counted, watts from the catalogue",
    "graph.json": "the graph of devices and links in networkx's node-link form",
    "manifest.json": "counts, and the digest of every file",
    "inputs/": "a copy of what was compiled",
}


def _of_device(
    tree: Path, known: Manifest, name: str, owner: str, numbers: range | tuple[int, ...], options: Options
) -> Iterator[Explained]:
    found = _analysis(tree, known, options)
    index = next((n for n, device in enumerate(found.graph.devices) if device.name == owner), None)
    if index is None:
        raise _refused(f"the inputs of the build have no device {owner}")
    shop = workshop(found, options)
    prefix = name[: name.index(owner) + len(owner) + 1]
    below = name[len(prefix) :]
    model = shop.model(index)
    if manifest.digest(shop.render(model)[1].get(below, b"")) != known.files[name]:
        raise _refused(
            f"{name} is not what its inputs compile to", "it was compiled by another version, or with --templates or --catalog"
        )
    traces = [(network, trace(model, lambda changed: shop.render(changed)[1], network)) for network in _networks(model)]
    for number in numbers:
        yield Explained(
            name, number, traces[0][1].lines[below][number - 1], tuple(_reasons(found, index, traces, below, number))
        )


def _networks(model: DeviceModel) -> tuple[str, ...]:
    """A server's NICs belong to several networks, and its lines follow from one of them each."""
    if isinstance(model, SwitchModel):
        return (model.network,)
    assert isinstance(model, ServerModel)
    return tuple(dict.fromkeys(nic.network for nic in model.nics)) or ("",)


def _reasons(found: Analysis, index: int, traces: list[tuple[str, Trace]], file: str, number: int) -> Iterator[Reason]:
    device = found.graph.devices[index]
    seen = set()
    for network, traced in traces:
        for field in traced.fields.get((file, number), ()):
            where = place(found.loaded, device, field.declared, network)
            if (field, where.path) not in seen:
                seen.add((field, where.path))
                yield Reason(str(field), field.declared.rule, where)
    if not seen:
        yield Reason("", constants.rule(file, traces[0][1].lines[file], number), None)


def _analysis(tree: Path, known: Manifest, options: Options) -> Analysis:
    locks = [name for name in known.inputs if name.endswith(".lock") and name.count("/") == 1]
    if len(locks) != 1:
        raise _refused("the build does not say which of its inputs is the intent")
    return analyse(tree / f"{locks[0].removesuffix('.lock')}.yaml", options)


def _in_build(path: Path) -> tuple[Path, str, Manifest]:
    """The build that a file lies in, the file's name there, and the manifest."""
    real = path.resolve()
    for tree in real.parents:
        if (tree / manifest.NAME).is_file():
            known = manifest.read(tree)
            name = str(real.relative_to(tree))
            if name == manifest.NAME or name in known.files:
                return tree, name, known
            break
    raise _refused(f"{path} is no file of a build", "name a file below build/<fabric>/")


def _refused(message: str, hint: str = "") -> CompileError:
    return CompileError([Diagnostic("FC1001", Severity.ERROR, message, hint=hint)])


def render(found: Explained) -> list[str]:
    """Lines for a terminal: the line, then each reason with the place in the intent."""
    return [printable(f"{found.file}:{found.line}: {found.text.strip()}"), *(f"  {told(reason)}" for reason in found.reasons)]


def told(reason: Reason) -> str:
    """`x.yaml:12  networks.backend.mtu: jumbo frames [interfaces.*.mtu]`; the rule alone where no place says it."""
    where = reason.place
    if where is None:
        return printable(reason.rule)
    span = f"{where.span.file.rpartition('/inputs/')[2]}:{where.span.line}"
    stated = "" if where.stated else ", which does not state it"
    return printable(f"{span}  {where.path}{stated}: {reason.rule} [{reason.field}]")
