"""What the schema found wrong, as sentences with places."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fabric_compiler.diagnostics import Report
from fabric_compiler.intent import suggest
from fabric_compiler.intent.positions import SourceMap
from fabric_compiler.intent.schema import Intent
from fabric_compiler.units import shorten
from fabric_compiler.yamltree import MAX_FINDINGS, Tree

Location = tuple[str | int, ...]

# Words of the trade that the language could have and does not, by the key that they would stand at.
_NOT_SUPPORTED: Mapping[str, frozenset[str]] = types.MappingProxyType(
    {
        "protocol": frozenset({"omni-path", "slingshot"}),
        "kind": frozenset({"dragonfly", "dragonfly+", "dragonfly-plus", "torus", "mesh", "hypercube", "hyperx", "slim-fly"}),
    }
)
_SYNONYMS: Mapping[str, str] = types.MappingProxyType(
    {
        "ib": "infiniband",
        "fat-tree": "leaf-spine, or rail-optimized where NIC k of every server meets the leafs of rail k",
    }
)
_FORMS = {"model_type": "a mapping", "dict_type": "a mapping", "tuple_type": "a list", "list_type": "a list"}
_CODES = {"out_of_range": "FC2004", "too_short": "FC2004", "too_long": "FC2004", "contradiction": "FC2007"}


def explain(error: ValidationError, source: SourceMap, report: Report) -> None:
    """Reports every finding; the keys of a network of a protocol or topology that is not supported are not judged."""
    found = [(_location(one), one) for one in error.errors(include_url=False, include_context=True, include_input=False)]
    closed = {where[:2] for where, one in found if where[:1] == ("networks",) and _not_supported(where, one, source)}
    found = [(where, one) for where, one in found if not _is_consequence(where, one, closed, source)]
    for where, one in found[:MAX_FINDINGS]:
        _explain_one(where, one, source, report)
    if len(found) > MAX_FINDINGS:
        where, _ = found[MAX_FINDINGS]
        report.error("FC2003", f"{len(found) - MAX_FINDINGS} more findings are not shown", source.at(*where))


def _location(error: ErrorDetails) -> Location:
    """Without the tags of unions, which stand in brackets."""
    return tuple(step for step in error["loc"] if not (isinstance(step, str) and step.startswith("(")))


def _is_consequence(where: Location, error: ErrorDetails, closed: set[Location], source: SourceMap) -> bool:
    """Whether another finding says it better: a list is short because its entries are wrong, a network of another kind."""
    if error["type"] == "too_short":
        return bool(source.written(*where))
    return where[:2] in closed and error["type"] in ("missing", "extra_forbidden")


def _not_supported(where: Location, error: ErrorDetails, source: SourceMap) -> bool:
    return error["type"] == "literal_error" and source.written(*where) in _NOT_SUPPORTED.get(str(where[-1]), ())


def _explain_one(where: Location, error: ErrorDetails, source: SourceMap, report: Report) -> None:
    kind = error["type"]
    if where[-1:] == ("[key]",):
        return _wrong_key(where[:-1], error, source, report)
    # A single value that stands for a list of one has no index.
    at = f"{path}: " if (path := _shown(where[: source.nearest(*where)[1]])) else ""
    if kind == "missing":
        holder, key = _shown(where[:-1]), shorten(str(where[-1]))
        message = f"the key {key} is missing" + (f" in {holder}" if holder else "")
        return report.error("FC2002", message, source.at(*where[:-1]), _purpose(where))
    if kind == "extra_forbidden":
        return _unknown_key(where, list(_keys_at(where[:-1])), source, report)
    if kind == "literal_error":
        return _wrong_choice(where, at, error, source, report)
    if kind in _FORMS:
        got = _kind(source.written(*where))
        return report.error("FC2003", f"{at}expected {_FORMS[kind]}, got {got}", source.at(*where))
    context = error.get("ctx", {})
    if kind in ("too_short", "too_long"):
        short = kind == "too_short"
        bound = context["min_length" if short else "max_length"]
        noun = "entry" if bound == 1 else "entries"
        message = f"{at}expected at {'least' if short else 'most'} {bound} {noun}"
        return report.error("FC2004", message, source.at(*where))
    return report.error(_CODES.get(kind, "FC2003"), at + error["msg"].removeprefix("Value error, "), source.at(*where))


def _wrong_key(where: Location, error: ErrorDetails, source: SourceMap, report: Report) -> None:
    """A key that names something and is no name, or that is none of those that there are."""
    if error["type"] == "literal_error":
        return _unknown_key(where, _choices(error), source, report)
    message = f"{_shown(where)}: {error['msg'].removeprefix('Value error, ')}"
    return report.error(_CODES.get(error["type"], "FC2003"), message, source.at(*where, key=True))


def _unknown_key(where: Location, known: list[str], source: SourceMap, report: Report) -> None:
    holder, word = _shown(where[:-1]), str(where[-1])
    message = f"unknown key {shorten(word)}" + (f" in {holder}" if holder else "")
    report.error("FC2001", message, source.at(*where, key=True), suggest.hint(word, known, "known keys"))


def _wrong_choice(where: Location, at: str, error: ErrorDetails, source: SourceMap, report: Report) -> None:
    written, choices = source.written(*where), _choices(error)
    if not isinstance(written, str):
        message = f"{at}expected {_either(choices)}, got {_kind(written)}"
        return report.error("FC2003", message, source.at(*where))
    if written in _NOT_SUPPORTED.get(str(where[-1]), ()):
        hint = f"supported: {suggest.listed(choices)}"
        return report.error("FC2008", f"{at}{written} is not supported", source.at(*where), hint)
    message = f"{at}expected {_either(choices)}, got {shorten(written)}"
    if where[-1] == "links":  # the word has an alternative
        message = f"{at}expected unnumbered or prefixes such as fd00::/48, got {shorten(written)}"
    close = _SYNONYMS.get(written) or suggest.nearest(written, choices)
    return report.error("FC2003", message, source.at(*where), f"did you mean {close}?" if close else "")


def _choices(error: ErrorDetails) -> list[str]:
    expected = str(error.get("ctx", {}).get("expected", ""))
    return [quoted or bare for quoted, bare in re.findall(r"'([^']*)'|(\d+)", expected)]


def _either(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _kind(written: Tree) -> str:
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(written), shorten(written))


def _shown(where: Location) -> str:
    return ".".join(_step(step) for step in where)


def _step(step: str | int) -> str:
    """A key as it stands, unless it is long or odd."""
    return step if isinstance(step, str) and step.isprintable() and len(step) <= 64 else shorten(step).strip("'")


def _purpose(where: Location) -> str:
    """What the missing key is for, where the language says so."""
    for model in _models_at(where[:-1]):
        for name, field in model.model_fields.items():
            if (field.alias or name) == where[-1]:
                return field.description or ""
    return ""


def _keys_at(where: Location) -> Iterator[str]:
    for model in _models_at(where):
        yield from (field.alias or name for name, field in model.model_fields.items())


def _models_at(where: Location) -> list[type[BaseModel]]:
    """The mappings of the language that may stand at a place."""
    found: list[Any] = [Intent]
    for step in where:
        found = [below for one in found for below in _below(one, step)]
    return [one for form in found for one in _unwrapped(form) if isinstance(one, type) and issubclass(one, BaseModel)]


def _below(form: Any, step: str | int) -> Iterator[Any]:
    for one in _unwrapped(form):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield from (f.annotation for name, f in one.model_fields.items() if (f.alias or name) == step)
        elif get_origin(one) is dict:
            yield get_args(one)[1]
        elif get_origin(one) is tuple:
            yield get_args(one)[0]


def _unwrapped(form: Any) -> Iterator[Any]:
    origin = get_origin(form)
    if origin is Annotated:
        yield from _unwrapped(get_args(form)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(form):
            yield from _unwrapped(member)
    elif origin is not Literal:
        yield form
