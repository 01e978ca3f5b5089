"""`fabricc lab`."""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabric_compiler.cli.arguments import Catalogue, Format, Text, guarded, shown
from fabric_compiler.console import ExitCode, Form, progress, show

if TYPE_CHECKING:
    from fabric_compiler.lab.build import Build
    from fabric_compiler.lab.report import Check
    from fabric_compiler.lab.slices import Slice

BuildTree = Annotated[Path, typer.Argument(metavar="BUILD", help="A build: build/FABRIC.", show_default=False)]
Edited = Annotated[bool, typer.Option("--edited", help="Take a build whose files are not as the compiler wrote them.")]
Pods = Annotated[list[str] | None, typer.Option("--pods", help="Only these pods; several, or with commas.")]
Devices = Annotated[
    list[str] | None, typer.Option("--devices", help="Only switches of these names (* and ? match), with their servers.")
]


def up(build: BuildTree, pods: Pods = None, devices: Devices = None, edited: Edited = False, catalog: Catalogue = None) -> None:
    """Run the fabric on this machine: Ethernet networks as namespaces with FRR, which needs root; InfiniBand ones on ibsim."""
    from fabric_compiler.lab import protocols

    start = time.monotonic()
    tree = guarded(lambda: _read(build, edited), Form.TEXT)
    with progress(Form.TEXT) as advance:
        lines = guarded(
            lambda: protocols.up(tree, _slice(pods, devices), catalog, advance),
            Form.TEXT,
            interrupted="interrupted; nothing of the lab is left",
        )
    print("\n  ".join(lines))
    print(f"  set up in {time.monotonic() - start:.1f} s; next: fabricc lab test {shown(build)}")


def test(
    build: BuildTree,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="Pairs of NICs to try; 20,000 where left out.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the sample, and of what is made to fail.")] = 1,
    pods: Pods = None,
    devices: Devices = None,
    faults: Annotated[bool, typer.Option("--faults/--no-faults", help="Cut a link, kill a switch and a daemon.")] = True,
    wait: Annotated[
        float, typer.Option("--wait", min=1, help="Seconds for the network to converge, and to heal after a fault.")
    ] = 90,
    edited: Edited = False,
    catalog: Catalogue = None,
    form: Format = Text.TEXT,
) -> None:
    """Hold the running lab to the build: routes, reachability, loads, credit loops, partitions, recovery from faults."""
    from fabric_compiler.lab import protocols
    from fabric_compiler.lab.trials import Trial

    tree = guarded(lambda: _read(build, edited), Form(form))
    trial = Trial(sample, seed, _slice(pods, devices), faults, wait)
    plain = form is Text.TEXT and not sys.stdout.isatty()
    rows: list[Check] = []

    def run() -> None:
        for row in protocols.test(tree, trial, catalog, advance):
            rows.append(row)
            if plain:
                print("\n".join(_lines(row)), flush=True)

    with progress(Form(form)) as advance:
        guarded(run, Form(form), interrupted="interrupted; a fault may be in the lab: `fabricc lab down`, then up")
    if form is Text.JSON:
        show([], Form.JSON, {"fabric": tree.fabric, "passed": _passed(rows), "checks": [_as_json(row) for row in rows]})
    elif not plain:
        _table(rows)
    raise typer.Exit(ExitCode.FINE if _passed(rows) else ExitCode.WRONG)


def down(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="A build, or the name of its fabric.", show_default=False)],
) -> None:
    """Remove every trace of the lab, however it ended."""
    from fabric_compiler.lab import protocols

    fabric = guarded(lambda: _fabric(build), Form.TEXT)
    count = guarded(lambda: protocols.down(fabric), Form.TEXT)
    print(f"the lab of {fabric} is gone: {count} devices" if count else f"there was no lab of {fabric}")


def shell(
    build: BuildTree,
    device: Annotated[
        str, typer.Argument(help="A switch (vtysh; a shell on InfiniBand) or a server (a shell).", show_default=False)
    ],
) -> None:
    """A prompt on a device of the running lab."""
    from fabric_compiler.lab import namespaces, protocols

    tree = guarded(lambda: _read(build, True), Form.TEXT)
    found = guarded(lambda: protocols.lab_of(tree, device).shell(tree, device), Form.TEXT)
    sys.stdout.flush()
    with namespaces.inside(found.namespace) if found.namespace else nullcontext():
        os.environ.update({"PS1": f"{device}# ", **found.environment})
        os.execvp(found.command[0], found.command)  # noqa: S606 -- vtysh, or the user's own shell


def _read(path: Path, edited: bool) -> Build:
    from fabric_compiler.lab import build

    tree = build.read(path, edited)
    if tree.edited:
        print(f"warning: {len(tree.edited)} files of {shown(path)} are not as the compiler wrote them", file=sys.stderr)
    return tree


def _fabric(path: Path) -> str:
    """Of a build that may be gone, or broken."""
    from fabric_compiler.emit import manifest
    from fabric_compiler.lab.store import LABEL, lab_error

    found = manifest.read_if_any(path if path.is_dir() else None)
    name = found.fabric if found else path.name
    if not LABEL.fullmatch(name):
        raise lab_error("FC1001", f"{path} is no build, and no name of a fabric")
    return name


def _slice(pods: list[str] | None, devices: list[str] | None) -> Slice:
    from fabric_compiler.lab.slices import Slice

    return Slice(_words(pods), _words(devices))


def _words(given: list[str] | None) -> tuple[str, ...]:
    return tuple(word for text in given or () for word in text.split(",") if word)


def _passed(rows: list[Check]) -> bool:
    return all(row.passed for row in rows)


def _as_json(row: Check) -> dict[str, Any]:
    return {
        "name": row.name,
        "passed": row.passed,
        "found": row.found,
        "wrong": list(row.wrong),
        "seconds": row.seconds,
        "lost": row.lost,
    }


def _lines(row: Check) -> list[str]:
    return [f"{'passed' if row.passed else 'FAILED'}  {row.name}: {row.found}", *(f"        {said}" for said in row.wrong)]


def _table(rows: list[Check]) -> None:
    """For a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as Words

    table = Table("check", "", "found", "s", "lost")
    for row in rows:
        said = Words(row.found)
        for sentence in row.wrong:
            said.append(f"\n- {sentence}")
        verdict = Words("passed", "green") if row.passed else Words("FAILED", "bold red")
        table.add_row(
            row.name, verdict, said, f"{row.seconds:.2f}" if row.seconds else "", "" if row.lost is None else str(row.lost)
        )
    Console().print(table)
