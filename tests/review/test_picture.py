"""Pictures of the graph: complete, legible where there are many devices, and safe whatever the names are."""

from __future__ import annotations

import itertools
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hostile import HOSTILE_BY_NAME

from fabric_compiler.compiler import Analysis, Options, analyse
from fabric_compiler.review.picture import dot, layout, page, svg
from fabric_compiler.review.picture.layout import HEIGHT, WIDTH, Picture

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def quickstart() -> Analysis:
    return analyse(ROOT / "intents/quickstart.yaml", Options())


@pytest.fixture(scope="module")
def large() -> Analysis:
    return analyse(ROOT / "intents/rail-1024.yaml", Options())


def data(text: str) -> dict[str, object]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found
    tree = json.loads(found[1])
    assert isinstance(tree, dict)
    return tree


def hostile(picture: Picture, text: str) -> Picture:
    return replace(picture, title=text, boxes=tuple(replace(box, label=text, detail=text) for box in picture.boxes))


def test_few_devices_stand_one_by_one(quickstart: Analysis) -> None:
    made = layout.picture(quickstart.graph)
    assert [box.label for box in made.boxes if box.role == "spine"] == ["backend-lab1-spine-1", "backend-lab1-spine-2"]
    assert sum(line.links for line in made.lines) == len(quickstart.graph.links)


def test_many_devices_are_folded_by_pod_and_group(large: Analysis) -> None:
    made = layout.picture(large.graph)
    assert sorted(member for box in made.boxes for member in box.members) == list(range(len(large.graph.devices)))
    assert {box.label for box in made.boxes} == {"32 servers", "8 leafs", "16 spines"}
    assert sum(line.links for line in made.lines) == len(large.graph.links)


@pytest.mark.parametrize("few", [1, 5000])
def test_no_box_lies_on_another_or_outside(large: Analysis, few: int) -> None:
    made = layout.picture(large.graph, few)
    places = sorted((box.y, box.x) for box in made.boxes)
    assert all(two[0] - one[0] >= HEIGHT or two[1] - one[1] >= WIDTH for one, two in itertools.pairwise(places))
    assert all(0 < box.x < made.width and 0 < box.y < made.height for box in made.boxes)


def test_the_svg_has_a_box_a_device_and_a_line_a_bundle(quickstart: Analysis) -> None:
    made = layout.picture(quickstart.graph)
    tree = ET.fromstring(svg.render(made))
    assert len(tree.findall(f"{SVG}g")) == len(made.boxes)
    assert len(tree.findall(f"{SVG}line")) == len(made.lines)


def test_the_page_knows_both_ends_of_every_link(quickstart: Analysis) -> None:
    made = layout.picture(quickstart.graph)
    tree = data(page.render(made, quickstart.graph, quickstart.cabling, [m.name for m in quickstart.catalog.media]))
    links = tree["links"]
    assert isinstance(links, dict)
    assert {len(column) for column in links.values()} == {len(quickstart.graph.links)}


@pytest.mark.parametrize("name", HOSTILE_BY_NAME)
def test_hostile_text_stays_text(quickstart: Analysis, name: str) -> None:
    made = hostile(layout.picture(quickstart.graph), HOSTILE_BY_NAME[name])
    drawn = svg.render(made)
    assert len(ET.fromstring(drawn).findall(f"{SVG}g")) == len(made.boxes)
    html = page.render(made, quickstart.graph, quickstart.cabling, [])
    assert data(html)["boxes"][0][0] == HOSTILE_BY_NAME[name]  # type: ignore[index]
    assert len(re.findall(r"<script", html)) == 2
    graphviz = dot.render(made)
    assert graphviz.count("\n") == len(graphviz.splitlines())
    assert len(re.findall(r"^  n\d+ \[label=\"(?:[^\"\\]|\\.)*\"\];$", graphviz, re.MULTILINE)) == len(made.boxes)
