"""The command line: arguments in, the library called, results printed. Heavy imports wait until a command needs them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from fabric_compiler import __version__
from fabric_compiler.console import ExitCode, Form, exit_code, progress, report_bug, show

if TYPE_CHECKING:
    from fabric_compiler.compiler import Analysis, Build, Options
    from fabric_compiler.diagnostics import Diagnostic
    from fabric_compiler.review.goldens import Verdict

app = typer.Typer(
    name="fabricc",
    help="Compile declarative descriptions of AI-cluster networks into cabling, plans and switch configurations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
golden_app = typer.Typer(help="The reviewed output of each intent, kept in git.", no_args_is_help=True)
lock_app = typer.Typer(help="The numbers that are in use.", no_args_is_help=True)
app.add_typer(golden_app, name="golden")
app.add_typer(lock_app, name="lock")


class Stage(StrEnum):
    INTENT = "intent"
    GRAPH = "graph"
    PLAN = "plan"
    MODEL = "model"


class Text(StrEnum):
    """Forms of a result: for people, or for machines."""

    TEXT = "text"
    JSON = "json"


class Schema(StrEnum):
    INTENT = "intent"
    SWITCHES = "switches"
    SERVERS = "servers"
    MEDIA = "media"


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})

IntentFile = Annotated[Path, typer.Argument(help="An intent: a YAML file.", show_default=False)]
IntentFiles = Annotated[
    list[Path] | None, typer.Argument(help="Intents; all of --intents where none is named.", show_default=False)
]
Catalogue = Annotated[Path | None, typer.Option("--catalog", help="Products of your own: switches/, servers/, media/.")]
Templates = Annotated[
    Path | None,
    typer.Option("--templates", exists=True, file_okay=False, help="Templates of your own; they win over ours. Trusted."),
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, max=256, help="Processes. As many as processors where left out.")
]
Format = Annotated[Text, typer.Option("--format", help="For people or for machines.")]
Strict = Annotated[bool, typer.Option("--warnings-as-errors", help="A warning fails the command.")]
Intents = Annotated[Path, typer.Option("--intents", help="The directory of intents.")]
Goldens = Annotated[Path, typer.Option("--golden", help="The directory of goldens.")]


def _version(value: bool) -> None:
    if value:
        print(f"fabricc {__version__}")
        raise typer.Exit


@app.callback()
def fabricc(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Exit codes: 0 fine; 1 the intent, a check or a golden is wrong; 2 usage, or an input that cannot be read; 3 the
    environment failed; 4 a bug of the compiler."""


@app.command("compile")
def compile_(
    intent: IntentFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where builds are.")] = Path("build"),
    emit: Annotated[
        Stage | None, typer.Option("--emit", help="Print the result of a stage as JSON, and write nothing.")
    ] = None,
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
        options = _options(catalog, templates, jobs, locked, advance, strict)
        if emit:
            raise typer.Exit(exit_code(_emit(intent, emit, options, shown), strict))
        made = _guarded(lambda: _build(intent, output, options), shown, strict)
    show(made.analysis.warnings, shown, _as_json(made))
    if shown is Form.TEXT:
        print("\n".join(_summary(made)))
    raise typer.Exit(exit_code(made.analysis.warnings, strict))


@app.command()
def check(
    intent: IntentFile,
    unlocked: Annotated[bool, typer.Option("--unlocked", help="Let the lock change.")] = False,
    catalog: Catalogue = None,
    templates: Templates = None,
    jobs: Jobs = None,
    form: Annotated[Form, typer.Option("--format", help="SARIF and GitHub's annotations are for code hosts.")] = Form.TEXT,
    strict: Strict = False,
) -> None:
    """Everything that compile does, with nothing written; the lock must not change."""
    from fabric_compiler import compiler

    with progress(form) as advance:
        options = _options(catalog, templates, jobs, not unlocked, advance, strict)
        found = _guarded(lambda: compiler.check(intent, options), form, strict)
    show(found.warnings, form, {"checked": str(intent)})
    if form is Form.TEXT:
        print(f"{_shown(intent)}: fine; {_devices(found)}, and both ends of all {len(found.graph.links)} links agree")
    raise typer.Exit(exit_code(found.warnings, strict))


@golden_app.command("check")
def golden_check(
    intents: IntentFiles = None,
    directory: Intents = Path("intents"),
    goldens: Goldens = Path("golden"),
    catalog: Catalogue = None,
    jobs: Jobs = None,
    form: Format = Text.TEXT,
) -> None:
    """Compare each intent's output with its golden: a readable diff of what moved, and failure."""
    from fabric_compiler.review import goldens as room

    left = [] if intents else room.orphans(directory, goldens)
    _goldens(room.check, intents, directory, goldens, _options(catalog, None, jobs, True), Form(form), left, fails=True)


@golden_app.command("update")
def golden_update(
    intents: IntentFiles = None,
    directory: Intents = Path("intents"),
    goldens: Goldens = Path("golden"),
    catalog: Catalogue = None,
    jobs: Jobs = None,
    form: Format = Text.TEXT,
) -> None:
    """Make each intent's output its golden; the diff is what to review before the commit."""
    from fabric_compiler.review import goldens as room

    _goldens(room.update, intents, directory, goldens, _options(catalog, None, jobs, False), Form(form), [], fails=False)


@lock_app.command()
def prune(intent: IntentFile, catalog: Catalogue = None) -> None:
    """Free the numbers of what was removed."""
    from fabric_compiler.plan import lock as locks

    _relock(intent, catalog, locks.prune)


@lock_app.command()
def reassign(
    intent: IntentFile,
    names: Annotated[list[str], typer.Argument(help="Pods, or entries as the lock shows them.", show_default=False)],
    catalog: Catalogue = None,
) -> None:
    """Give pods other numbers, after two branches took the same. Their devices must not be in use yet."""
    from fabric_compiler.plan import lock as locks

    _relock(intent, catalog, lambda lock: locks.without(lock, *names))


@app.command()
def schema(
    kind: Annotated[Schema, typer.Option("--kind", help="Of an intent, or of the catalogue's files.")] = Schema.INTENT,
) -> None:
    """Print the JSON schema, for editors."""
    import json

    from fabric_compiler.catalog.loader import schemas
    from fabric_compiler.intent.published import json_schema

    print(json.dumps(json_schema() if kind is Schema.INTENT else schemas()[kind], indent=2))


@app.command("catalog")
def catalog_(
    name: Annotated[str | None, typer.Argument(help="A switch, server or medium.", show_default=False)] = None,
    catalog: Catalogue = None,
    form: Format = Text.TEXT,
) -> None:
    """List the hardware that the compiler knows, or show one product with its sources."""
    from fabric_compiler import catalog_listing
    from fabric_compiler.catalog.loader import load

    known = _guarded(lambda: load(catalog), Form(form))
    lines = catalog_listing.product(known, name, form) if name else catalog_listing.everything(known, form)
    if lines is None:
        print(f"error: the catalogue has no {name!r}", file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE)
    print("\n".join(lines))


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="Where to write.")] = Path(),
    fabric: Annotated[str, typer.Option("--fabric", help="The fabric's name.")] = "lab",
) -> None:
    """Write a commented intent to start from, and its schema beside it."""
    import json

    from fabric_compiler import starter
    from fabric_compiler.intent.published import json_schema

    text = starter.intent(fabric)
    _guarded(lambda: starter.check(text), Form.TEXT)
    files = {directory / f"{fabric}.yaml": text, directory / "intent.schema.json": json.dumps(json_schema(), indent=2) + "\n"}
    taken = [path for path in files if path.exists() or path.is_symlink()]
    if taken:
        print(f"error: {taken[0]} is there already", file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_text(content)
    except OSError as error:
        print(f"error: {directory} cannot be written: {error.strerror}", file=sys.stderr)
        raise typer.Exit(ExitCode.ENVIRONMENT) from None
    print(f"wrote {', '.join(map(str, files))}\nnext: fabricc compile {next(iter(files))}")


def _options(
    catalog: Path | None, templates: Path | None, jobs: int | None, locked: bool, advance: Any = None, strict: bool = False
) -> Options:
    from fabric_compiler.compiler import Options

    if advance is None:
        return Options(catalog, templates, jobs, locked)
    return Options(catalog, templates, jobs, locked, strict, progress=advance)


_T = TypeVar("_T")


def _guarded(work: Callable[[], _T], form: Form, strict: bool = False) -> _T:
    """What `work` returns; its findings, or the user's Ctrl-C, end the command."""
    from fabric_compiler.diagnostics import CompileError

    try:
        return work()
    except KeyboardInterrupt:
        print("interrupted; the former build is as it was", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except CompileError as error:
        found = error.diagnostics
    show(found, form)
    raise typer.Exit(exit_code(found, strict))


def _build(intent: Path, output: Path, options: Options) -> Build:
    from fabric_compiler import compiler

    return compiler.build(intent, output, options)


def _emit(intent: Path, stage: Stage, options: Options, form: Form) -> tuple[Diagnostic, ...]:
    """Print the stage's result; returns the warnings, which were shown."""
    from fabric_compiler import compiler
    from fabric_compiler.emit import graph_json, stages

    found = _guarded(lambda: compiler.analyse(intent, options), form)
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
        for text in stages.models_json(shop.model(n) for n in range(len(found.graph.devices))):
            print(text, end="")
    return found.warnings


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
    return [
        f"compiled {found.loaded.intent.fabric}: {_devices(found)}",
        f"  {len(found.graph.links)} links over {sum(counts.cables.values())} cables: {cables}",
        f"  {counts.sessions} BGP sessions, {counts.prefixes} addresses; {made.size / 1e6:.1f} MB in {seconds:.2f} s",
        f"  {made.path}/devices    configurations of the switches",
        f"  {made.path}/hosts      netplan, sysctl and RoCE settings of the servers",
        f"  {made.path}/plan       cabling, addresses, ASNs, sessions and bill of materials as CSV",
        f"  {made.path}/graph.json and manifest.json",
        f"  {_shown(found.lock_path)}  {'written: commit it with the intent' if changed else 'unchanged'}",
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
        "changes": [msgspec.to_builtins(change) for change in made.summary.changes],
    }


def _goldens(
    run: Callable[..., Any],
    intents: list[Path] | None,
    directory: Path,
    goldens: Path,
    options: Options,
    form: Form,
    left: list[Diagnostic],
    *,
    fails: bool,
) -> None:
    """Run over the intents; `fails`: a difference fails the command."""
    from fabric_compiler.review import golden
    from fabric_compiler.review import goldens as room

    chosen = _guarded(lambda: room.selected(intents or [], directory), form)
    verdicts: list[Verdict] = []
    for verdict in run(chosen, goldens, options):
        verdicts.append(verdict)
        if form is Form.TEXT:
            show(verdict.found, form)
            if verdict.differences:
                print(golden.render(verdict.differences))
            print(f"{_shown(verdict.intent)}: {_word(verdict, fails)}")
    found = [*left, *(diagnostic for verdict in verdicts for diagnostic in verdict.found)]
    different = any(verdict.differences for verdict in verdicts)
    if form is Form.TEXT:
        show(left, form)
    else:
        rows = [{"intent": str(v.intent), "files": [[d.kind, d.path] for d in v.differences]} for v in verdicts]
        show(found, form, {"goldens": rows})
    code = exit_code(found)
    raise typer.Exit(ExitCode.WRONG if fails and different and not code else code)


def _word(verdict: Verdict, fails: bool) -> str:
    if exit_code(verdict.found):
        return "failed"
    if verdict.new:
        return "written"
    if not verdict.differences:
        return "as reviewed" if fails else "unchanged"
    files = f"{len(verdict.differences)} file{'s' if len(verdict.differences) > 1 else ''}"
    return f"{files} differ; review, then `fabricc golden update`" if fails else f"{files} updated"


def _relock(intent: Path, catalog: Path | None, change: Callable[[Any], Any]) -> None:
    from fabric_compiler import compiler
    from fabric_compiler.plan import lock as locks

    options = _options(catalog, None, None, False)
    old, found = _guarded(lambda: compiler.relock(intent, change, options), Form.TEXT)
    path, lines = found.lock_path, locks.changes(old, found.lock)
    print("\n".join([f"{_shown(path)}:", *(f"  {line}" for line in lines)]) if lines else f"{_shown(path)}: unchanged")


def _shown(path: Path) -> str:
    """A path for a terminal: a file of a foreign checkout may have any name."""
    from fabric_compiler.review.folded_diff import printable

    return printable(str(path))


def main() -> None:
    """The entry point; no failure ends in a traceback. Usage errors and closed pipes are typer's."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr has it: what a terminal's encoding lacks is no failure
    try:
        app()
    except OSError as error:
        # a file that fails names itself; without one it was our output
        sys.exit(report_bug(error) if error.filename or error.errno not in _FULL else _cannot_print(error))
    except Exception as error:
        sys.exit(report_bug(error))


def _cannot_print(error: OSError) -> ExitCode:
    print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer would fail again at exit
    return ExitCode.ENVIRONMENT


if __name__ == "__main__":
    main()
