"""The published schema accepts what the loader accepts, as an editor's YAML parser reads it, and marks wrong keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from intent.intent_texts import FULL, QUICKSTART

from fabric_compiler.intent.published import json_schema

INTENTS = sorted((Path(__file__).parent.parent.parent / "intents").glob("*.yaml"))


class Editor(yaml.SafeLoader):
    """YAML 1.2's core schema, which editors use: 1:1 and `no` are text there."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own form


Editor.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))
Editor.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("[-+]?[0-9]+$"), list("-+0123456789"))
Editor.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+\.[0-9]+$"), list("-+0123456789"))
Editor.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("~|null|Null|NULL|$"), ["~", "n", "N", ""])


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def messages(validator: jsonschema.Draft202012Validator, text: str) -> list[str]:
    return [error.message for error in validator.iter_errors(yaml.load(text, Editor))]


@pytest.mark.parametrize("text", [QUICKSTART, FULL], ids=["quickstart", "full"])
def test_the_schema_accepts_intents(validator: jsonschema.Draft202012Validator, text: str) -> None:
    assert messages(validator, text) == []


@pytest.mark.parametrize("path", INTENTS, ids=lambda path: path.stem)
def test_the_schema_accepts_the_examples(validator: jsonschema.Draft202012Validator, path: Path) -> None:
    assert messages(validator, path.read_text()) == []


@pytest.mark.parametrize("empty", ["", "~", "{}"])
def test_the_schema_accepts_empty_values(validator: jsonschema.Draft202012Validator, empty: str) -> None:
    assert messages(validator, QUICKSTART.replace("{power: 3 MW}", empty) + f"naming: {empty}\n") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("version: 1\n", ""),
        ("fabric: atlas", "colour: red"),
        ("tiers: 2", "tires: 2"),
        ("tiers: 2", "tiers: 4"),
        ("rail-optimized", "torus"),
        ("1:1", "one"),
        ("gru1", "GRU"),
        ("servers: 32", "servers: 0"),
        ("servers: 32, ", ""),
        ("{power: 3 MW}", "{lengths: {leaf-leaf: 3 m}}"),
    ],
)
def test_the_schema_refuses_what_is_wrong(validator: jsonschema.Draft202012Validator, old: str, new: str) -> None:
    assert old in QUICKSTART
    assert messages(validator, QUICKSTART.replace(old, new))


def test_the_schema_tells_what_keys_mean_and_no_internal_units() -> None:
    schema = json_schema()
    assert schema["$defs"]["Site"]["properties"]["power"]["description"]
    assert "default" not in schema["$defs"]["Placement"]["properties"]["slack"]
    assert schema["$defs"]["Topology"]["properties"]["planes"]["default"] == 1
    assert schema["$schema"].endswith("2020-12/schema")
