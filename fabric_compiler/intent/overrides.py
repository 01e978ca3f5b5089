"""Overrides: single values of the device model, put in after everything else is decided.

A path starts at SwitchModel: `routing.bgp.maximum-paths`, `load-balancing`, `qos.watchdog.detection`. `bgp` is short for
`routing.bgp`. `interface.mtu` is the mtu of each interface that `match.interface` fits, of all of them without it. Dashes and
underscores are the same. Values are typed by the model's annotations, so that an override is checked without any device.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from fabric_compiler import units
from fabric_compiler.diagnostics import Report, Span
from fabric_compiler.intent import suggest
from fabric_compiler.intent.positions import SourceMap
from fabric_compiler.intent.schema import Intent, Match
from fabric_compiler.intent.values import read_flag, read_interface_address, read_text
from fabric_compiler.model.device import Interface, Platform, Prefix, SwitchModel

MAX_INTEGER = 2**32 - 1

# What tells devices and ports apart, and what is soldered: changing it would describe another network.
_IDENTITY: Mapping[type, frozenset[str]] = types.MappingProxyType(
    {
        SwitchModel: frozenset({"name", "role", "network", "site", "pod", "platform"}),
        Platform: frozenset(field.name for field in fields(Platform)),
        Interface: frozenset(
            {"name", "alias", "cage", "cage_index", "subport", "breakout", "lanes", "role", "peer_device", "peer_port"}
        ),
    }
)
_SHORT = types.MappingProxyType({"bgp": ("routing", "bgp")})
# Integers of the model that people write with a unit.
_UNITS: Mapping[str, Callable[[str], int]] = types.MappingProxyType(
    {
        "speed": units.speed,
        "cable_length": units.length,
        **dict.fromkeys(("transmit", "receive", "detection", "restoration"), units.duration),
    }
)
_T = TypeVar("_T")


class Attributes(NamedTuple):
    """What a match looks at; a pod by its numbered name, empty above the leafs."""

    role: str
    network: str
    site: str
    pod: str
    nos: str
    device: str


@dataclass(frozen=True, slots=True)
class Change:
    """A value for one field; `path` are names of fields from SwitchModel on, or from Interface where `interface` is true."""

    interface: bool
    path: tuple[str, ...]
    value: Any
    span: Span


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `overrides`, checked; `index` is its place in the list."""

    index: int
    match: Match
    changes: tuple[Change, ...]
    span: Span


class PathError(ValueError):
    """A path that leads to no field, or a value that does not fit; `hint` says what would."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def attributes(model: SwitchModel) -> Attributes:
    return Attributes(model.role, model.network, model.site, model.pod, model.platform.nos, model.name)


def matches(match: Match, device: Attributes) -> bool:
    """Whether every pattern that is stated fits; of `interface` see matches_interface."""
    return all(
        pattern is None or fnmatchcase(value, pattern)
        for pattern, value in (
            (match.role, device.role),
            (match.network, device.network),
            (match.site, device.site),
            (match.pod, device.pod),
            (match.nos, device.nos),
            (match.device, device.device),
        )
    )


def matches_interface(match: Match, name: str) -> bool:
    return match.interface is None or fnmatchcase(name, match.interface)


def compile_overrides(intent: Intent, source: SourceMap, report: Report) -> tuple[Rule, ...]:
    """The overrides with their paths and values checked; reports FC6002, FC2006 and FC2007."""
    rules: list[Rule] = []
    seen: dict[tuple[Match, bool, tuple[str, ...]], tuple[Span, Any]] = {}
    for index, override in enumerate(intent.overrides):
        changes: list[Change] = []
        for path, written in override.set.items():
            where = ("overrides", index, "set", path)
            try:
                interface, steps, form = _resolve(path)
            except PathError as error:
                report.error("FC6002", f"overrides.{index}: {error}", source.at(*where, key=True), error.hint)
                continue
            key_span = source.at(*where, key=True)
            if override.match.interface is not None and not interface:
                message = f"overrides.{index}: {path} is of the device, and the match is for interfaces"
                report.error("FC2007", message, key_span, "state it in an override of its own, without match.interface")
            try:
                value = _value(form, written, steps[-1])
            except ValueError as error:
                report.error("FC6002", f"overrides.{index}.set.{path}: {error}", source.at(*where))
                continue
            target = (override.match, interface, steps)
            if target in seen:
                before, other = seen[target]
                code, how = ("FC2006", "twice") if other == value else ("FC2007", "differently")
                message = f"overrides.{index}: {path} is set {how} for the same devices"
                report.error(code, message, key_span, related=(("set here", before),))
            seen.setdefault(target, (key_span, value))
            changes.append(Change(interface, steps, value, key_span))
        rules.append(Rule(index, override.match, tuple(changes), source.at("overrides", index)))
    return tuple(rules)


def apply(model: SwitchModel, rules: Sequence[Rule]) -> SwitchModel:
    """The model with the values of every rule that fits it, in the order of the rules; the same object where none does.

    A path through something that the device does not have (`bgp.bfd.transmit` without BFD) changes nothing.
    """
    device = attributes(model)
    for rule in rules:
        if matches(rule.match, device):
            model = _apply(model, rule)
    return model


def _apply(model: SwitchModel, rule: Rule) -> SwitchModel:
    changes = [change for change in rule.changes if change.interface]
    for change in rule.changes:
        if not change.interface:
            model = _put(model, change.path, change.value)
    if not changes:
        return model
    interfaces = tuple(
        _put_all(port, changes) if matches_interface(rule.match, port.name) else port for port in model.interfaces
    )
    return replace(model, interfaces=interfaces)


def _put_all(port: Interface, changes: Sequence[Change]) -> Interface:
    for change in changes:
        port = _put(port, change.path, change.value)
    return port


def _put(record: _T, path: tuple[str, ...], value: Any) -> _T:
    if record is None:
        return record
    name, *rest = path
    new = _put(getattr(record, name), tuple(rest), value) if rest else value
    return replace(record, **{name: new})  # type: ignore[type-var]  # every step but the last is a dataclass


def _resolve(written: str) -> tuple[bool, tuple[str, ...], Any]:
    """(of an interface, names of fields, annotation); raises PathError."""
    steps = tuple(step.replace("-", "_") for step in written.split("."))
    interface = steps[0] == "interface"
    record: Any = Interface if interface else SwitchModel
    if interface:
        steps = steps[1:]
    elif steps[0] in _SHORT:
        steps = (*_SHORT[steps[0]], *steps[1:])
    form: Any = record
    for position, step in enumerate(steps):
        record = _record(form)
        if record is None:
            done = ".".join(steps[:position]).replace("_", "-")
            raise PathError(f"{units.shorten(written)} leads nowhere: {done} has no fields to set one by one")
        hints = _hints(record)
        if step not in hints:
            known = list(_names(record)) + (["bgp", "interface"] if record is SwitchModel else [])
            raise PathError(
                f"the device model has no {units.shorten(written)}", suggest.hint(step.replace("_", "-"), known, "there is")
            )
        if step in _IDENTITY.get(record, ()):
            raise PathError(f"{units.shorten(written)} tells the device or port apart and cannot be set")
        form = hints[step]
    if not steps or not _settable(form):
        below = _record(form)
        hint = f"it has {suggest.listed(_names(below))}" if below else "overrides set single values"
        raise PathError(f"{units.shorten(written)} is no single value", hint)
    return interface, steps, form


@lru_cache(maxsize=64)
def _hints(record: type) -> dict[str, Any]:
    return typing.get_type_hints(record)


def _names(record: type) -> Iterator[str]:
    return (name.replace("_", "-") for name in _hints(record) if name not in _IDENTITY.get(record, ()))


def _record(form: Any) -> type | None:
    """The dataclass that an annotation stands for, None where it is none."""
    for one in _members(form):
        if is_dataclass(one) and isinstance(one, type):
            return one
    return None


def _members(form: Any) -> tuple[Any, ...]:
    return get_args(form) if get_origin(form) in (Union, types.UnionType) else (form,)


def _settable(form: Any) -> bool:
    if get_origin(form) is tuple:
        element = get_args(form)[0]
        return element in (int, str, Prefix)
    return form in (int, str, bool) or get_origin(form) is Literal or Prefix in _members(form)


def _value(form: Any, written: object, name: str) -> Any:
    """The value that an annotation makes of what was written; raises ValueError."""
    if get_origin(form) is tuple:
        element = get_args(form)[0]
        return tuple(_scalar(element, one, name) for one in (written if isinstance(written, list) else [written]))
    return _scalar(form, written, name)


def _scalar(form: Any, written: object, name: str) -> Any:
    if not isinstance(written, str):
        kind = {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(written), "something else")
        raise ValueError(f"expected {_described(form)}, got {kind}")
    text = written.strip()
    if get_origin(form) is Literal:
        if text not in get_args(form):
            raise ValueError(f"expected {' or '.join(map(str, get_args(form)))}, got {units.shorten(text)}")
        return text
    if form is bool:
        return read_flag(text)
    if form is int:
        return _integer(text, name)
    if form is str:
        return read_text(text)
    return read_interface_address(text)


def _integer(text: str, name: str) -> int:
    if re.fullmatch(r"-?\d{1,12}", text, re.ASCII):
        value = int(text)
    elif name in _UNITS:
        value = _UNITS[name](text)
    else:
        raise ValueError(f"expected a whole number, got {units.shorten(text)}")
    if not -1 <= value <= MAX_INTEGER:
        raise ValueError(f"{value} is out of range: from -1 to {MAX_INTEGER}")
    return value


def _described(form: Any) -> str:
    if Prefix in _members(form):
        return "an address with its prefix length"
    return {int: "a whole number", bool: "true or false", str: "text"}.get(form, "a word")
