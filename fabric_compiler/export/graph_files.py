"""The graph as GraphML (graphml.graphdrawing.org) and as GEXF 1.2 (gexf.net), for drawing and analysis elsewhere.

Both hold what graph.json holds; networkx reads all three as the same graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, get_type_hints

import msgspec

from fabric_compiler.diagnostics import Report
from fabric_compiler.emit.graph_json import Edge, Node
from fabric_compiler.export.base import Export, Files, Parameters
from fabric_compiler.export.source import Source, wrong_build
from fabric_compiler.export.xml_text import xml

_FILE: Final = "graph.json"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NODES: Final = tuple(name for name in Node.__struct_fields__ if name != "id")
_EDGES: Final = tuple(name for name in Edge.__struct_fields__ if name not in ("source", "target", "key"))
_TYPES: Final = {str: "string", int: "long", float: "double"}


class _About(msgspec.Struct, frozen=True):
    fabric: str


class Document(msgspec.Struct, frozen=True):
    """graph.json, its types checked."""

    graph: _About
    nodes: list[Node]
    edges: list[Edge]


def document(source: Source) -> Document:
    """Raises CompileError (FC1001) where graph.json is none."""
    try:
        found = msgspec.json.decode(source.read(_FILE), type=Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise wrong_build(f"{_FILE} of the build is not a graph: {error}") from error
    known = {node.id for node in found.nodes}
    if any(edge.source not in known or edge.target not in known for edge in found.edges):
        raise wrong_build(f"{_FILE} of the build has an edge to a node that it does not have")
    return found


def graphml(source: Source, parameters: Parameters, report: Report) -> Files:
    """<fabric>.graphml"""
    found = document(source)
    keys = [("node", name, kind) for name, kind in _types(Node, _NODES)] + [
        ("edge", name, kind) for name, kind in _types(Edge, _EDGES)
    ]
    yield f"{source.fabric}.graphml", "".join(_graphml(found, keys)).encode()


def _graphml(found: Document, keys: list[tuple[str, str, str]]) -> Iterator[str]:
    yield _HEAD + '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    ids = {}
    for number, (of, name, kind) in enumerate(keys):
        ids[of, name] = f"d{number}"
        yield f'<key id="d{number}" for="{of}" attr.name="{name}" attr.type="{kind}"/>\n'
    yield '<key id="fabric" for="graph" attr.name="fabric" attr.type="string"/>\n'
    yield f'<graph edgedefault="undirected">\n<data key="fabric">{xml(found.graph.fabric)}</data>\n'
    node = "".join(f'<data key="{ids["node", name]}">%s</data>' for name in _NODES)
    for one in found.nodes:
        yield f'<node id="{_known(one.id)}">{node % _values(one, _NODES)}</node>\n'
    edge = "".join(f'<data key="{ids["edge", name]}">%s</data>' for name in _EDGES)
    for number, link in enumerate(found.edges):
        ends = f'id="e{number}" source="{_known(link.source)}" target="{_known(link.target)}"'
        yield f"<edge {ends}>{edge % _values(link, _EDGES)}</edge>\n"
    yield "</graph>\n</graphml>\n"


def gexf(source: Source, parameters: Parameters, report: Report) -> Files:
    """<fabric>.gexf"""
    yield f"{source.fabric}.gexf", "".join(_gexf(document(source))).encode()


def _gexf(found: Document) -> Iterator[str]:
    yield _HEAD + '<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2">\n'
    yield f"<meta><description>{xml(found.graph.fabric)}</description></meta>\n"
    yield '<graph mode="static" defaultedgetype="undirected">\n'
    yield from _attributes("node", Node, _NODES)
    yield from _attributes("edge", Edge, _EDGES)
    yield "<nodes>\n"
    node = "".join(f'<attvalue for="{name}" value="%s"/>' for name in _NODES)
    for one in found.nodes:
        name = _known(one.id)
        yield f'<node id="{name}" label="{name}"><attvalues>{node % _values(one, _NODES)}</attvalues></node>\n'
    yield "</nodes>\n<edges>\n"
    edge = "".join(f'<attvalue for="{name}" value="%s"/>' for name in _EDGES)
    for number, link in enumerate(found.edges):
        ends = f'id="{number}" source="{_known(link.source)}" target="{_known(link.target)}"'
        yield f"<edge {ends}><attvalues>{edge % _values(link, _EDGES)}</attvalues></edge>\n"
    yield "</edges>\n</graph>\n</gexf>\n"


def _attributes(of: str, struct: type[msgspec.Struct], names: Iterable[str]) -> Iterator[str]:
    yield f'<attributes class="{of}" mode="static">\n'
    for name, kind in _types(struct, names):
        yield f'<attribute id="{name}" title="{name}" type="{kind}"/>\n'
    yield "</attributes>\n"


def _values(one: msgspec.Struct, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([_known(v) if isinstance(v, str) else repr(v) for v in [getattr(one, name) for name in names]])


@lru_cache(maxsize=65536)
def _known(text: str) -> str:
    """Names of devices and ports come again and again."""
    return xml(text)


def _types(struct: type[msgspec.Struct], names: Iterable[str]) -> list[tuple[str, str]]:
    """Each name with its type's word in XML Schema."""
    hints = get_type_hints(struct)
    return [(name, _TYPES[hints[name]]) for name in names]


GRAPHML = Export("the graph as GraphML", graphml)
GEXF = Export("the graph as GEXF, for Gephi", gexf)
