"""`fabricc compile` and `fabricc check`."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabric_compiler.cli import proofs
from fabric_compiler.cli.arguments import (
    Catalogue,
    Format,
    IntentFile,
    Jobs,
    Strict,
    Templates,
    Text,
    compile_options,
    guarded,
    shown,
)
from fabric_compiler.console import Form, exit_code, progress, show

if TYPE_CHECKING:
    from fabric_compiler.compiler import Analysis, Build, Options
    from fabric_compiler.diagnostics import Diagnostic
    from fabric_compiler.verify.against_subnet import Comparison


# how what switches tell by LLDP begins, as JSON or as our CSV; ibnetdiscover's text begins otherwise
_LLDP = (b"{", b"[", b"device,", b"\xef\xbb\xbf")


class Stage(StrEnum):
    INTENT = "intent"
    GRAPH = "graph"
    PLAN = "plan"
    MODEL = "model"


def compile_(
    intent: IntentFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where builds are.")] = Path("build"),
    emit: Annotated[
        Stage | None, typer.Option("--emit", help="Print the result of a stage as JSON, and write nothing.")
    ] = None,
    prove: Annotated[bool, typer.Option("--prove", help="Prove what check proves, and write.")] = False,
    locked: Annotated[bool, typer.Option("--locked", help="Fail where the lock would change.")] = False,
    catalog: Catalogue = None,
    templates: Templates = None,
    jobs: Jobs = None,
    form: Format = Text.TEXT,
    strict: Strict = False,
) -> None:
    """Compile an intent into OUTPUT/FABRIC. The former build stays as it was unless all goes well."""
    shown = Form(form)
    with progress(shown) as advance:
        options = replace(compile_options(catalog, templates, jobs, locked, advance, strict), prove=prove)
        if emit:
            raise typer.Exit(exit_code(_emit(intent, emit, options, shown), strict))
        made = guarded(lambda: _build(intent, output, options), shown, strict)
    show(made.analysis.warnings, shown, _as_json(made))
    if shown is Form.TEXT:
        print("\n".join([*_summary(made), *proofs.lines(made.analysis)]))
    raise typer.Exit(exit_code(made.analysis.warnings, strict))


def check(
    intent: IntentFile,
    against: Annotated[
        Path | None, typer.Option("--against", help="What the devices tell by LLDP, as JSON or CSV: compare the cabling.")
    ] = None,
    unlocked: Annotated[bool, typer.Option("--unlocked", help="Let the lock change.")] = False,
    catalog: Catalogue = None,
    templates: Templates = None,
    jobs: Jobs = None,
    form: Annotated[Form, typer.Option("--format", help="SARIF and GitHub's annotations are for code hosts.")] = Form.TEXT,
    strict: Strict = False,
) -> None:
    """Everything that compile does, with nothing written, and the proofs; the lock must not change."""
    from fabric_compiler import compiler

    with progress(form) as advance:
        options = compile_options(catalog, templates, jobs, not unlocked, advance, strict)
        found = guarded(lambda: compiler.check(intent, options), form, strict)
    if against:
        raise typer.Exit(_against(found, against, form, strict))
    show(found.warnings, form, {"checked": str(intent), **proofs.as_json(found)})
    if form is Form.TEXT:
        print(f"{shown(intent)}: fine; {_devices(found)}, and both ends of all {len(found.graph.links)} links agree")
        print("\n".join(proofs.lines(found)))
    raise typer.Exit(exit_code(found.warnings, strict))


def _against(found: Analysis, path: Path, form: Form, strict: bool) -> int:
    """Print where the real cables differ; the exit code. The compiler's own findings stand before."""
    from fabric_compiler.diagnostics import Report
    from fabric_compiler.verify import lldp

    content = guarded(lambda: lldp.read(path), form)
    if not content.lstrip().startswith(_LLDP):
        return _against_subnet(found, path, content, form, strict)
    report = Report(list(found.warnings))
    judged, right = guarded(lambda: lldp.check(found.graph, content, str(path), report), form, strict)
    show(report, form, {"against": str(path), "links": judged, "as_planned": right})
    if form is Form.TEXT:
        print(f"{shown(path)}: {right} of {judged} links are as planned")
    return exit_code(report, strict)


def _against_subnet(found: Analysis, path: Path, content: bytes, form: Form, strict: bool) -> int:
    """Of ibnetdiscover's output."""
    from fabric_compiler.verify import against_subnet

    inventory = found.loaded.intent.guids is not None
    real = guarded(lambda: against_subnet.compare_subnet(content, str(path), found.graph, found.subnets, inventory), form)
    different = against_subnet.diagnostics(real)
    show([*found.warnings, *different], form, {"against": str(path), **_comparison(real)})
    if form is Form.TEXT:
        count = len(different)
        verdict = f"{count} difference{'s' if count > 1 else ''}" if count else "all as intended"
        where = f"{real.subnet.network}" + (f" plane {real.subnet.plane}" if len(found.subnets) > 1 else "")
        print(f"{shown(path)}: {where}, {real.nodes} nodes and {real.links} links; {verdict}")
    return exit_code([*found.warnings, *different], strict)


def _comparison(real: Comparison) -> dict[str, Any]:
    return {
        "network": real.subnet.network,
        "plane": real.subnet.plane,
        "differences": [
            {
                "kind": str(one.kind),
                "message": one.message,
                "plugs": [{"device": plug.device, "port": plug.port} for plug in one.plugs],
            }
            for one in real.differences
        ],
    }


def _build(intent: Path, output: Path, options: Options) -> Build:
    from fabric_compiler import compiler

    return compiler.build(intent, output, options)


def _emit(intent: Path, stage: Stage, options: Options, form: Form) -> tuple[Diagnostic, ...]:
    """Print the stage's result; returns the warnings, which were shown."""
    from fabric_compiler import compiler
    from fabric_compiler.emit import graph_json, stages

    found = guarded(lambda: compiler.analyse(intent, options), form)
    show(found.warnings, Form.TEXT)
    if stage is Stage.INTENT:
        print(stages.intent_json(found.loaded.intent))
    elif stage is Stage.GRAPH:
        for chunk in graph_json.chunks(found.graph):
            sys.stdout.buffer.write(chunk)
    elif stage is Stage.PLAN:
        print(stages.plan_json(found.graph, found.plan, found.lock))
    else:
        shop = compiler.workshop(found, options)
        models = (shop.model(n) for n in range(len(found.graph.devices)) if shop.configured(n))
        for text in stages.models_json(models, found.subnets):
            print(text, end="")
    return found.warnings


_DIRECTORIES = {
    "devices": "configurations of the switches",
    "networks": "what the subnet managers of InfiniBand networks read",
    "hosts": "netplan, sysctl and RoCE settings of the servers",
    "plan": "cabling, addresses, ASNs, sessions and bill of materials as CSV",
}


def _devices(found: Analysis) -> str:
    """`16 servers, backend: 16 leafs and 2 spines`."""
    counts: dict[str, dict[str, int]] = {}
    for device in found.graph.devices:
        roles = counts.setdefault(device.network, {})
        roles[device.role] = roles.get(device.role, 0) + 1
    servers = counts.pop("", {}).get("server", 0)
    parts = [f"{servers} servers"] if servers else []
    for network, roles in counts.items():
        parts.append(f"{network}: " + ", ".join(f"{count} {role}{'s' if count > 1 else ''}" for role, count in roles.items()))
    return "; ".join(parts)


def _summary(made: Build) -> list[str]:
    from fabric_compiler.emit import manifest

    found, counts = made.analysis, made.manifest.counts
    seconds = sum(found.seconds.values())
    cables = ", ".join(f"{count} {medium}" for medium, count in sorted(counts.cables.items()))
    changed = found.lock_changed
    there = {name.partition("/")[0] for name in made.manifest.files}
    return [
        f"compiled {found.loaded.intent.fabric}: {_devices(found)}",
        f"  {len(found.graph.links)} links over {sum(counts.cables.values())} cables: {cables}",
        f"  {counts.sessions} BGP sessions, {counts.prefixes} addresses; {made.size / 1e6:.1f} MB in {seconds:.2f} s",
        *(f"  {made.path}/{name:<10} {what}" for name, what in _DIRECTORIES.items() if name in there),
        f"  {made.path}/graph.json and manifest.json",
        f"  {shown(found.lock_path)}  {'written: commit it with the intent' if changed else 'unchanged'}",
        *(f"  {sentence}" for sentence in found.proofs),
        *(manifest.render(made.summary) if made.replaced else []),
    ]


def _as_json(made: Build) -> dict[str, Any]:
    import msgspec

    return {
        "build": str(made.path),
        "counts": msgspec.to_builtins(made.manifest.counts),
        "bytes": made.size,
        "seconds": {stage: round(value, 4) for stage, value in made.analysis.seconds.items()},
        "lock_changed": made.analysis.lock_changed,
        **proofs.as_json(made.analysis),
        "changes": [msgspec.to_builtins(change) for change in made.summary.changes],
    }
