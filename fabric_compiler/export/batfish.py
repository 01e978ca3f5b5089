"""Batfish: a snapshot directory (pybatfish.readthedocs.io, "Format of vendor and supplemental data").

Links without addresses have no layer 3 that Batfish could infer adjacency from: the layer-1 topology tells it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fabric_compiler.diagnostics import Report
from fabric_compiler.export import slices
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.source import Address, Source


def files(source: Source, parameters: Parameters, report: Report) -> Files:
    """configs/, sonic_configs/, hosts/ and batfish/layer1_topology.json."""
    devices = slices.chosen(source, parameters)
    addresses: dict[str, list[Address]] = {}
    for address in source.addresses:
        if address.purpose == "host":
            addresses.setdefault(address.device, []).append(address)
    for device in devices:
        if device.kind == "server":
            yield f"hosts/{device.name}.json", _json(_host(device.name, addresses.get(device.name, [])))
        elif device.nos == "sonic":
            for name in ("config_db.json", "frr.conf"):
                yield f"sonic_configs/{device.name}/{name}", source.read(f"devices/{device.name}/{name}")
        else:
            for name in source.below(f"devices/{device.name}"):
                yield f"configs/{device.name}/{name.rpartition('/')[2]}", source.read(name)
    edges = [
        {
            "node1": {"hostname": link.a_device, "interfaceName": link.a_port},
            "node2": {"hostname": link.b_device, "interfaceName": link.b_port},
        }
        for link in slices.between(source, devices, parameters.networks)
    ]
    yield "batfish/layer1_topology.json", _json({"edges": edges})


def _host(name: str, addresses: list[Address]) -> dict[str, Any]:
    """A host's interfaces; Batfish gives each one IPv4 prefix."""
    interfaces = {own.interface: {"name": own.interface, "prefix": own.text} for own in addresses if ":" not in own.address}
    return {"hostname": name, "hostInterfaces": interfaces}


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


EXPORT = Export("a snapshot for Batfish", files, slices.TAKES)
