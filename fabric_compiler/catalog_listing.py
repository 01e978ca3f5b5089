"""The catalogue as lines for people, or as JSON."""

from __future__ import annotations

import json

from fabric_compiler.catalog.types import Catalog, Server, Switch
from fabric_compiler.emit.stages import plain
from fabric_compiler.units import format_length, format_power, format_speed


def everything(catalog: Catalog, form: str) -> list[str]:
    """One line a product."""
    if form == "json":
        names = {
            "switches": sorted(catalog.switches),
            "servers": sorted(catalog.servers),
            "media": [medium.name for medium in catalog.media],
        }
        return [json.dumps(names, indent=2)]
    lines = ["switches"]
    lines += [
        f"  {name:<18}{_systems(catalog.switches[name]):<12}{catalog.switches[name].description}" for name in catalog.switches
    ]
    lines += ["servers"]
    lines += [
        f"  {name:<18}{', '.join(catalog.servers[name].nic_groups):<36}{catalog.servers[name].description}"
        for name in catalog.servers
    ]
    lines += ["media, in the order of preference"]
    lines += [
        f"  {m.name:<28}{m.kind:<12}{format_speed(m.speed):>5}  to {format_length(m.reach):<8}{m.standard}"
        for m in catalog.media
    ]
    return lines


def product(catalog: Catalog, name: str, form: str) -> list[str] | None:
    """One product with its source; None where there is none of this name."""
    medium = next((m for m in catalog.media if m.name == name), None)
    found = catalog.switches.get(name) or catalog.servers.get(name) or medium
    if found is None:
        return None
    if form == "json":
        return [json.dumps(plain(found), indent=2)]
    if isinstance(found, Switch):
        return _switch(found)
    if isinstance(found, Server):
        return _server(found)
    lines = [f"{found.name}: {found.kind}, {format_speed(found.speed)} to {format_length(found.reach)}, {found.standard}"]
    lines += [f"  {m.name}: {m.form_factor}, {m.ports} ports, {m.watts:g} W an end, {m.connector}" for m in found.modules]
    return [*lines, f"  source: {found.source}"]


def _systems(switch: Switch) -> str:
    return ", ".join(switch.nos)


def _switch(switch: Switch) -> list[str]:
    modes = dict.fromkeys(f"{b.ports}x{format_speed(b.speed)}" for cage in switch.cages for b in cage.breakouts)
    lines = [
        f"{switch.name}: {switch.vendor}, {switch.description}",
        f"  {len(switch.cages)} cages ({switch.cages[0].form_factor}), {switch.rack_units} units, {format_power(switch.watts)}",
        f"  breakouts: {', '.join(modes)}",
    ]
    for nos in switch.nos.values():
        lines.append(f"  {nos.nos}: releases {', '.join(nos.releases)}; {nos.platform}")
        lines += [f"    HwSKU {sku.name}: {'lossless' if sku.headroom else 'no headroom table'}" for sku in nos.hwskus]
    return [*lines, f"  source: {switch.source}"]


def _server(server: Server) -> list[str]:
    lines = [
        f"{server.name}: {server.vendor}, {server.description}",
        f"  {server.gpus} GPUs, {server.rack_units} units, {format_power(server.watts)}",
    ]
    for group in server.nic_groups.values():
        ports = " or ".join(f"{count} x {format_speed(speed)}" for count, speed in group.breakouts.items())
        lines.append(f"  {group.name}: {group.count} {group.nic}, {ports} each")
    return [*lines, f"  source: {server.source}"]
