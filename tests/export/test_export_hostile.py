"""Hostile text in the free columns of a build goes through every export and stays in its one field."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from exports import build, changed, rows
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from targets.model_factory import leaf

from fabric_compiler.export.avd import structured
from fabric_compiler.export.base import BUILT_IN, Parameters
from fabric_compiler.export.run import run
from fabric_compiler.export.yaml_text import Unsafe, dump

NAME = "rail-1024"
FREE = {
    "devices": ("model", "rack"),
    "links": ("cable",),
    "cables": ("medium",),
    "cable_ends": ("module", "rack"),
    "bom": ("item", "source"),
}
KINDS = [kind for kind in BUILT_IN if kind not in ("avd", "ztp")]  # these take no free text from the tables


def table(content: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([tuple(content[0]), *(tuple(row.values()) for row in content)])
    return text.getvalue().encode("utf-8", "replace")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each free column holds the strings one after the other; a cable keeps its name, which the tables share."""
    edits: dict[str, Callable[[bytes], bytes]] = {}
    for name, columns in FREE.items():
        content = rows(NAME, name)
        for number, row in enumerate(content):
            for column in columns:
                if column != "cable":
                    row[column] = HOSTILE[number % len(HOSTILE)]
        edits[f"plan/{name}.csv"] = lambda _, content=content: table(content)  # type: ignore[misc]
    return changed(build(NAME), tmp_path_factory.mktemp("hostile") / "build", edits)


def parsed(file: Path) -> None:
    """By the reader of its form; a line that got out of its field would break it."""
    content = file.read_bytes()
    text = content.decode("utf-8")
    if file.suffix in (".yml", ".yaml"):
        yaml.load(text.replace("!unsafe ", ""), yaml.CSafeLoader)
    elif file.suffix == ".json":
        json.loads(content)
    elif file.suffix == ".csv":
        assert len({len(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)}) == 1
    elif file.suffix in (".graphml", ".gexf"):
        from xml.etree.ElementTree import fromstring

        fromstring(text)
    else:
        assert text.isprintable() or all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_an_export_can_still_be_read(kind: str, hostile: Path, tmp_path: Path) -> None:
    place = run(hostile, kind, tmp_path, Parameters()).path
    for file in sorted(place.rglob("*")):
        if file.is_file() and file.suffix not in (".xlsx", ".parquet"):
            parsed(file)


def test_a_spreadsheet_computes_no_cell_of_netbox_s_files(hostile: Path, tmp_path: Path) -> None:
    for file in run(hostile, "netbox", tmp_path, Parameters()).path.iterdir():
        with file.open(newline="", encoding="utf-8") as opened:
            assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in csv.reader(opened) for cell in row), (
                file.name
            )


def test_inventories_hold_the_text_as_it_is(hostile: Path, tmp_path: Path) -> None:
    """As YAML can: a lone surrogate is no character, and was none in the table any more."""
    place = run(hostile, "nornir", tmp_path, Parameters()).path
    hosts = yaml.load((place / "hosts.yaml").read_bytes(), yaml.CSafeLoader)
    found = {host: own["data"].get("model", "") for host, own in hosts.items()}
    wanted = {row["name"]: row["model"] for row in csv_rows(hostile / "plan/devices.csv")}
    assert found == wanted


def csv_rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda own: st.lists(own, max_size=4) | st.dictionaries(TEXTS, own, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_yaml_reads_back_as_what_was_written(value: Any) -> None:
    assert yaml.safe_load(dump(value)) == value


@pytest.mark.parametrize("text", HOSTILE)
def test_yaml_of_hostile_text_is_one_line_and_reads_back(text: str) -> None:
    made = dump({"x": text, "y": [Unsafe(text)]})
    assert all(line.isascii() and line.isprintable() for line in made.split("\n"))
    wanted = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    read = yaml.safe_load(made.replace("!unsafe ", ""))
    assert read == {"x": wanted, "y": [wanted]}


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_avd_gets_no_template_and_no_second_line(text: str) -> None:
    """Ansible runs templates in all variables that AVD's role reads, files included."""
    from dataclasses import replace

    model = leaf("eos")
    interfaces = tuple(replace(port, description=text) for port in model.interfaces)
    neighbors = tuple(replace(one, description=text) for one in model.routing.bgp.neighbors)
    bgp = replace(model.routing.bgp, neighbors=neighbors)
    banner = replace(model.management, banner=text)
    made = structured(replace(model, interfaces=interfaces, routing=replace(model.routing, bgp=bgp), management=banner))
    shown = json.dumps(made)
    assert not any(mark in shown for mark in ("{{", "{%", "{#"))
    descriptions = [port.get("description", "") for port in made["ethernet_interfaces"]]
    assert all(one.isprintable() and one.isascii() for one in descriptions)
    assert made["banners"]["login"].count("\n") == 1
