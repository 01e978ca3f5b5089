"""AVD: the structured configuration of each EOS device, as Arista's eos_cli_config_gen (pyavd) takes it.

It is made from the device models, which a build does not hold: its inputs are compiled again, and each device's configuration
must come out as the build has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from fabric_compiler import compiler
from fabric_compiler.compiler import Analysis, Options
from fabric_compiler.diagnostics import CompileError, Diagnostic, Report, Severity
from fabric_compiler.emit.manifest import digest
from fabric_compiler.export.avd_ports import ports, qos
from fabric_compiler.export.avd_routing import routing
from fabric_compiler.export.avd_system import system
from fabric_compiler.export.avd_text import rest_of_line
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.source import Source, wrong_build
from fabric_compiler.export.yaml_text import dump
from fabric_compiler.model.device import SwitchModel
from fabric_compiler.targets.base import target
from fabric_compiler.targets.eos_qos import queue_word
from fabric_compiler.targets.eos_text import word

_SEEDS: Final = 6  # `ip load-sharing trident`: 0 to 5
# AVD's role eos_cli_config_gen looks for its files there, and takes them for YAML unless told
_DIRECTORY: Final = "intended/structured_configs"


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """intended/structured_configs/<name>.json, and an inventory for AVD's role."""
    names = [device.name for device in source.switches if device.nos == "eos"]
    if not names:
        message = "the build has no switch of Arista EOS, and AVD knows no other system"
        raise CompileError([Diagnostic("FC2008", Severity.ERROR, message)])
    analysis = compiled_again(source, parameters)
    shop = compiler.workshop(analysis, Options(templates=parameters.templates))
    render = target("eos").render
    place = {device.name: index for index, device in enumerate(analysis.graph.devices)}
    encoder = msgspec.json.Encoder(order="deterministic")
    for name in names:
        model = shop.model(place[name]) if name in place else None
        if not isinstance(model, SwitchModel):
            raise _different(name)
        for file, content in render(model).items():
            if source.manifest.files.get(f"devices/{name}/{file}") != digest(content):
                raise _different(name)
        yield f"{_DIRECTORY}/{name}.json", msgspec.json.format(encoder.encode(structured(model)), indent=2) + b"\n"
    hosts = dict.fromkeys(names)
    yield "inventory.yml", dump({"all": {"children": {"FABRIC": {"hosts": hosts}}}}).encode()
    yield "group_vars/FABRIC.yml", dump({"avd_structured_config_file_format": "json"}).encode()


def compiled_again(source: Source, parameters: Parameters) -> Analysis:
    """The build's inputs, understood as they were when it was made. Raises CompileError."""
    inputs = [name.removeprefix("inputs/") for name in source.manifest.files if name.startswith("inputs/")]
    locks = {name.removesuffix(".lock") for name in inputs if name.endswith(".lock")}
    found = [name for name in inputs if "/" not in name and not name.endswith(".lock") and Path(name).stem in locks]
    if len(found) != 1:
        raise wrong_build("the build does not tell which of its inputs is the intent")
    options = Options(catalog=parameters.catalog, templates=parameters.templates, jobs=parameters.jobs)
    for name in inputs:
        source.read(f"inputs/{name}")  # as the manifest has it
    return compiler.analyse(source.tree / "inputs" / found[0], options)


def structured(model: SwitchModel) -> dict[str, Any]:
    """The keys of AVD's eos_cli_config_gen, without those that are empty."""
    made: dict[str, Any] = {
        "hostname": word(model.name),
        **system(model),
        **ports(model),
        **qos(model),
        **routing(model),
        "eos_cli": _lines(model),
        # RADIUS and TACACS as EOS itself prints them
        "eos_config_future": {"new_ip_radius_cli_order": True, "new_ip_tacacs_cli_order": True},
    }
    return {key: value for key, value in made.items() if value is not None and value != []}


def _lines(model: SwitchModel) -> str | None:
    """What AVD has no keys for: the seed of ECMP's hash, and the intent's raw lines."""
    seed = 0 if queue_word(model.platform.platform) == "tx-queue" else model.hash_seed % _SEEDS
    blocks = [f"ip load-sharing trident {seed}"] if seed else []
    for snippet in model.raw:
        if snippet.nos == "eos":
            blocks.append("\n".join(_indented(line) for line in snippet.lines))
    return "\n!\n".join(blocks) or None


def _indented(line: str) -> str:
    """A raw line keeps its indentation, which is the mode that it stands in."""
    return line[: len(line) - len(line.lstrip(" "))] + rest_of_line(line)


def _different(name: str) -> CompileError:
    hint = "a build is exported by the release that made it, with the --catalog and --templates of its compile"
    return wrong_build(f"compiled again, {name} is not as the build has it", hint)


EXPORT = Export("structured configurations of the EOS switches for Arista AVD", files)
