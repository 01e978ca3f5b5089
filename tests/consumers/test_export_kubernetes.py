"""Labels of nodes are such as Kubernetes takes, and tell the same as Slurm's tree."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from exports import NAMES, exported, rows, source

from fabric_compiler.export.kubernetes import PREFIX, _value
from fabric_compiler.export.placement import LEVELS, Part, fabric_of_jobs, parts

# kubernetes.io, "Labels and Selectors", "Syntax and character set"; "Object Names and IDs" (RFC 1123)
KEY = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


def document(name: str, file: str) -> Any:
    return yaml.load((exported(name, "kubernetes") / file).read_bytes(), yaml.CSafeLoader)


@pytest.mark.parametrize("name", NAMES)
def test_labels_have_kubernetes_syntax_and_say_what_the_tree_says(name: str) -> None:
    found = document(name, "nodes.yaml")
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    build = source(name)
    wanted: dict[str, dict[str, str]] = {}
    for level in parts(build, fabric_of_jobs(build, ())):
        for part in level:
            for server in part.servers:
                wanted.setdefault(server, {})[f"{PREFIX}{LEVELS[part.level]}"] = part.name
    assert {node["metadata"]["name"]: node["metadata"]["labels"] for node in found["items"]} == wanted
    assert wanted.keys() == {row["name"] for row in rows(name, "devices") if row["kind"] == "server"}
    for node in found["items"]:
        assert (node["apiVersion"], node["kind"]) == ("v1", "Node")
        assert NAME.fullmatch(node["metadata"]["name"])
        for key, value in node["metadata"]["labels"].items():
            assert KEY.fullmatch(key)
            assert VALUE.fullmatch(value)


@pytest.mark.parametrize("name", NAMES)
def test_kueue_s_levels_are_the_labels_from_the_top_down(name: str) -> None:
    found = document(name, "topology.yaml")
    labels = set(document(name, "nodes.yaml")["items"][0]["metadata"]["labels"])
    levels = [level["nodeLabel"] for level in found["spec"]["levels"]]
    assert levels[-1] == "kubernetes.io/hostname"
    assert set(levels[:-1]) == labels
    assert levels[:-1] == [f"{PREFIX}{level}" for level in reversed(LEVELS) if f"{PREFIX}{level}" in labels]


def test_a_long_name_is_cut_to_a_label_and_stays_its_own() -> None:
    long = [Part(f"{'n' * 60}-pod-{n}", 0, [], []) for n in range(50)]
    values = {_value(part) for part in long}
    assert len(values) == len(long)
    assert all(VALUE.fullmatch(value) for value in values)
