"""Ansible: an inventory with groups and host variables (docs.ansible.com, "How to build your inventory").

Ansible evaluates templates in variables: free text is `!unsafe`.
"""

from __future__ import annotations

from typing import Any, Final

from fabric_compiler.diagnostics import Report
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.hosts import groups, reached, variables
from fabric_compiler.export.source import Source
from fabric_compiler.export.yaml_text import dump

# arista.eos collection, "EOS Platform Options"
_EOS: Final = {"ansible_network_os": "arista.eos.eos", "ansible_connection": "ansible.netcommon.network_cli"}


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """inventory.yml, and what its groups know in common in group_vars/."""
    members: dict[str, dict[str, Any]] = {}
    hosts = {}
    for device in source.devices:
        hosts[device.name] = {"ansible_host": reached(device), **variables(device)}
        for group in groups(device):
            members.setdefault(group, {})[device.name] = None
    children = {group: {"hosts": named} for group, named in sorted(members.items())}
    yield "inventory.yml", dump({"all": {"hosts": hosts, "children": children}}).encode()
    yield "group_vars/all.yml", dump({"fabric_name": source.fabric}).encode()
    if "nos_eos" in members:
        yield "group_vars/nos_eos.yml", dump(_EOS).encode()


EXPORT = Export("inventory with groups and host variables", files)
