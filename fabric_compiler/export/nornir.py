"""Nornir: the three files of SimpleInventory (nornir.readthedocs.io, "Inventory")."""

from __future__ import annotations

from typing import Final

from fabric_compiler.diagnostics import Report
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.hosts import groups, reached, variables
from fabric_compiler.export.source import Source
from fabric_compiler.export.yaml_text import dump

# NAPALM's names of drivers, where it ships one
_PLATFORMS: Final = {"nos_eos": {"platform": "eos"}, "nos_sonic": {"platform": "sonic"}, "servers": {"platform": "linux"}}


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """hosts.yaml, groups.yaml and defaults.yaml."""
    hosts, named = {}, set()
    for device in source.devices:
        own = groups(device)
        named.update(own)
        # nornir evaluates nothing, and knows no `!unsafe`
        data = {name.removeprefix("fabric_"): str(v) if isinstance(v, str) else v for name, v in variables(device).items()}
        hosts[device.name] = {"hostname": reached(device), "groups": own, "data": data}
    yield "hosts.yaml", dump(hosts).encode()
    yield "groups.yaml", dump({name: _PLATFORMS.get(name, {}) for name in sorted(named)}).encode()
    yield "defaults.yaml", dump({"data": {"fabric": source.fabric}}).encode()


EXPORT = Export("SimpleInventory: hosts, groups and defaults", files)
