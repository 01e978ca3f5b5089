"""The JSON Schema of intents, for editors. It sees values as an editor's YAML parser reads them: integers, floats, booleans."""

from __future__ import annotations

from typing import Any

from fabric_compiler.intent.schema import Intent

DIALECT = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER = "urn:fabric-compiler:schema:intent:1"


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12; it accepts what the loader accepts, and leaves to it what a schema cannot say."""
    schema = Intent.model_json_schema(mode="validation")
    definitions = {name: _definition(one) for name, one in schema.pop("$defs").items()}
    head = {"$schema": DIALECT, "$id": IDENTIFIER, "title": "Intent of a fabric"}
    return head | {key: value for key, value in _definition(schema).items() if key != "title"} | {"$defs": definitions}


def _definition(schema: dict[str, Any]) -> dict[str, Any]:
    """A mapping of the language. One without required keys may be empty, and an optional key's value too."""
    out: dict[str, Any] = _plain(schema)
    if out.get("type") == "object":
        required = out.get("required", [])
        properties = out.get("properties", {})
        out["properties"] = {key: one if key in required else _or_empty(one) for key, one in properties.items()}
        if not required:
            out["type"] = ["object", "null"]
    return out


def _plain(schema: Any) -> Any:
    """Without what editors would show wrongly: defaults in the compiler's own units, titles that repeat the key."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: _plain(one) for name, one in value.items()}
        elif key == "title" or (key == "default" and not _fits(value, schema)):
            continue
        else:
            # Members are told apart by their form, which the loader looks at first: a value may fit two of them.
            out["anyOf" if key == "oneOf" else key] = _plain(value)
    if len(out.get("patternProperties", {})) == 1:  # keys that do not fit the pattern are wrong, not unchecked
        ((pattern, value),) = out.pop("patternProperties").items()
        out |= {"additionalProperties": value, "propertyNames": {"pattern": pattern} | out.get("propertyNames", {})}
    return out


def _fits(default: Any, schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if isinstance(default, bool):
        return True
    if isinstance(default, int):
        return "integer" in kinds or "enum" in schema or "const" in schema
    return isinstance(default, str) and "pattern" not in schema


def _or_empty(schema: dict[str, Any]) -> dict[str, Any]:
    """An empty value stands for a key that is left out."""
    head = {key: schema[key] for key in ("description", "default") if key in schema}
    rest = {key: value for key, value in schema.items() if key not in head}
    options = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
    null = {"type": "null"}
    return head | {"anyOf": [*options, *([] if null in options else [null])]}
