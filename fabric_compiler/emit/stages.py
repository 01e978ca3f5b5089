"""The result of each stage as JSON, for `--emit`: readable, with prefixes and ratios as people write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from itertools import chain
from typing import Any

from pydantic import BaseModel

from fabric_compiler.ir.graph import Device, Graph
from fabric_compiler.ir.plan import Guids, Plan, Prefix
from fabric_compiler.model.device import DeviceModel
from fabric_compiler.model.subnet import Subnet
from fabric_compiler.plan.lock import Lock
from fabric_compiler.targets.text import prefix
from fabric_compiler.units import format_ratio


def plain(value: Any) -> Any:
    """Dictionaries, lists and scalars."""
    if isinstance(value, Prefix):
        return prefix(value)
    if isinstance(value, Fraction):
        return format_ratio(value)
    if isinstance(value, BaseModel):
        return {(field.alias or name): plain(getattr(value, name)) for name, field in type(value).model_fields.items()}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    return value


def intent_json(intent: BaseModel) -> str:
    return json.dumps(plain(intent), indent=2)


def plan_json(graph: Graph, plan: Plan, lock: Lock) -> str:
    """Pools, numbers by device, and the blocks that they come from."""
    numbers = {d.name: plain(p) for d, p in zip(graph.devices, plan.devices, strict=True) if p}
    if plan.guids:
        numbers |= {d.name: numbers[d.name] | {"guid": guid} for d, guid in _switch_guids(graph, plan.guids)}
    blocks = {owner: str(entry) for owner, entry in sorted(lock.blocks.items())}
    return json.dumps({"networks": plain(plan.networks), "devices": numbers, "blocks": blocks}, indent=2)


def _switch_guids(graph: Graph, guids: Guids) -> Iterator[tuple[Device, str]]:
    return ((d, f"0x{guid:016x}") for d, guid in zip(graph.devices, guids.switch.tolist(), strict=True) if guid)


def models_json(models: Iterable[DeviceModel], subnets: Iterable[Subnet] = ()) -> Iterator[str]:
    """Device models by name and subnets by directory, in pieces."""
    before = "{\n"
    named = chain(((model.name, model) for model in models), ((subnet.directory, subnet) for subnet in subnets))
    for name, one in named:
        yield f"{before}{json.dumps(name)}: {json.dumps(plain(one), indent=1)}"
        before = ",\n"
    yield "{}\n" if before == "{\n" else "\n}\n"
