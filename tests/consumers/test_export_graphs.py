"""networkx reads the same graph from GraphML, from GEXF and from graph.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from exports import SMALL, build, changed, exported
from hostile import HOSTILE

from fabric_compiler.export.base import Parameters
from fabric_compiler.export.run import run

Edge = tuple[Any, ...]


def own(path: Path) -> Any:
    return nx.node_link_graph(json.loads((path / "graph.json").read_bytes()), edges="edges")


def nodes(graph: Any) -> dict[str, dict[str, Any]]:
    """GEXF has a label of each node besides."""
    return {name: {key: value for key, value in at.items() if key != "label"} for name, at in graph.nodes(data=True)}


def edges(graph: Any) -> list[Edge]:
    """Undirected: by their ends in order. Both formats number edges, which is no attribute of a link."""
    triples: Iterable[Any] = graph.edges(data=True)
    return sorted(
        (*sorted((a, b)), tuple(sorted((key, value) for key, value in at.items() if key != "id"))) for a, b, at in triples
    )


def graphml(path: Path) -> Any:
    (file,) = path.iterdir()
    return nx.read_graphml(file, force_multigraph=True)


def gexf(path: Path) -> Any:
    (file,) = path.iterdir()
    return nx.read_gexf(file)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("kind", "read"), [("graphml", graphml), ("gexf", gexf)])
def test_networkx_reads_what_graph_json_says(kind: str, read: Any, name: str) -> None:
    wanted, found = own(build(name)), read(exported(name, kind))
    assert nodes(found) == nodes(wanted)
    assert edges(found) == edges(wanted)


@pytest.mark.parametrize("kind", ["graphml", "gexf"])
def test_the_large_one_is_whole(kind: str) -> None:
    """networkx takes half a minute for it; what it has to read is counted."""
    from xml.etree.ElementTree import iterparse

    (file,) = exported("three-tier-16384", kind).iterdir()
    counts = Counter(element.tag.rpartition("}")[2] for _, element in iterparse(file))
    assert (counts["node"], counts["edge"]) == (3328, 49152)


def test_graphml_keeps_the_name_of_the_fabric() -> None:
    assert graphml(exported("quickstart", "graphml")).graph["fabric"] == "quickstart"


@pytest.mark.parametrize(("kind", "read"), [("graphml", graphml), ("gexf", gexf)])
def test_hostile_text_stays_one_attribute(kind: str, read: Any, tmp_path: Path) -> None:
    """What XML cannot hold at all becomes the replacement character."""
    texts = [text for text in HOSTILE if not any("\ud800" <= c <= "\udfff" for c in text)]  # no JSON file holds one

    def edit(content: bytes) -> bytes:
        document = json.loads(content)
        for node, text in zip(document["nodes"], texts, strict=False):
            node["model"] = text
        for edge, text in zip(document["edges"], texts, strict=False):
            edge["a_port"] = text
        return json.dumps(document, ensure_ascii=False).encode()

    copy = changed(build("rail-1024"), tmp_path / "copy", {"graph.json": edit})
    wanted, found = own(copy), read(run(copy, kind, tmp_path / "out", Parameters()).path)
    held = {name: at | {"model": fitting(at["model"])} for name, at in nodes(wanted).items()}
    assert nodes(found) == held
    assert sorted(at["a_port"] for *_, at in found.edges(data=True)) == sorted(
        fitting(at["a_port"]) for *_, at in wanted.edges(data=True)
    )


def fitting(text: str) -> str:
    """As XML 1.0 can hold it (W3C, production 2)."""
    return "".join(
        c if c in "\t\n\r" or (" " <= c <= "~") or ("\xa0" <= c <= "\ufffd") or c >= "\U00010000" else "\ufffd" for c in text
    )
