"""A device model with another value in one of its fields: what a rendered line follows from is seen by what changes with it."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from functools import lru_cache
from typing import Any

from fabric_compiler.model.device import Declared, DeviceModel, Prefix

_WIDTH = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Field:
    """`path` as an override names it (`routing.bgp.asn`), `*` for each of several; `declared` is its provenance."""

    path: tuple[str, ...]
    declared: Declared

    def __str__(self) -> str:
        return ".".join(self.path)


def declared_fields(model: DeviceModel) -> tuple[Field, ...]:
    """Every field of the model with a provenance, whether it holds a value or records of its own."""
    return tuple(_declared(type(model), ()))


def _declared(record: type, above: tuple[str, ...]) -> Iterator[Field]:
    for name, hint in _hints(record).items():
        if typing.get_origin(hint) is typing.Annotated:
            for mark in hint.__metadata__:
                if isinstance(mark, Declared):
                    yield Field((*above, name), mark)
        inner, many = _record(hint)
        if inner:
            yield from _declared(inner, (*above, name, *(["*"] if many else [])))


@lru_cache(maxsize=64)
def _hints(record: type) -> dict[str, Any]:
    return typing.get_type_hints(record, include_extras=True)


def _record(hint: Any) -> tuple[type | None, bool]:
    """The dataclass that a hint holds, and whether it holds several."""
    if typing.get_origin(hint) is typing.Annotated:
        hint = hint.__origin__
    if isinstance(hint, types.UnionType):
        hint = next((part for part in hint.__args__ if is_dataclass(part)), hint.__args__[0])
    many = typing.get_origin(hint) is tuple
    inner = hint.__args__[0] if many else hint
    return (inner, many) if isinstance(inner, type) and is_dataclass(inner) else (None, False)


def variants(model: DeviceModel, path: tuple[str, ...], network: str) -> Iterator[DeviceModel]:
    """The model with other values in the field, wherever it occurs in the network: plausible ones first, none at last."""
    for change in _CHANGES:
        changed = _at(model, path, change, network)
        if changed != model:
            yield changed


def _at(value: Any, path: tuple[str, ...], change: Callable[[Any], Any], network: str) -> Any:
    if value is None:
        return None
    if not path:
        return change(value)
    step, *rest = path
    if step == "*":
        mine = (getattr(one, "network", network) == network for one in value)
        return tuple(_at(one, tuple(rest), change, network) if own else one for one, own in zip(value, mine, strict=True))
    return replace(value, **{step: _at(getattr(value, step), tuple(rest), change, network)})


def _next(value: Any) -> Any:
    """A value of the same type beside this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return _WORDS.get(value, value + "x" if value else value)
    if isinstance(value, Prefix):
        return value._replace(value=value.value ^ 1 << (_WIDTH[value.version] - value.length))
    if isinstance(value, tuple):
        return tuple(_next(one) for one in value) if not any(map(is_dataclass, value)) else value
    if isinstance(value, Mapping):
        return {key: _next(one) for key, one in value.items()}
    return value


def _further(value: Any) -> Any:
    """Another one, where the first is out of its range."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value // 2
    return tuple(map(_further, value)) if isinstance(value, tuple) and all(isinstance(v, int) for v in value) else value


def _without(value: Any) -> Any:
    """No value, or none of the records."""
    if isinstance(value, tuple) and not isinstance(value, Prefix):
        return ()
    return None if is_dataclass(value) and not isinstance(value, type) else value


_CHANGES = (_next, _further, _without)
# words of which there are few
_WORDS = {
    "rs": "none",
    "none": "rs",
    "drop": "forward",
    "forward": "drop",
    "admin": "operator",
    "operator": "admin",
    "server": "fabric",
    "static": "dynamic",
    "dynamic": "static",
    "t0": "t1",
    "t1": "t0",
}
