"""Catalogue files to plain trees: text, lists and mappings, with every feature of YAML refused that a product does not need.

A user's file is semi-trusted: it is read only if it is a regular file, and reading it takes bounded time and memory. Scalars
stay text, because YAML would read the release 4.30 as 4.3 and the platform `no` as false; the schema types them.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, Union

import yaml

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity, Span

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 16
MAX_NODES = 250_000

Tree: TypeAlias = Union[str, "list[Tree]", "dict[str, Tree]", None]
Place: TypeAlias = tuple[int, int]  # line and column, from 1
Marks: TypeAlias = dict[tuple[str | int, ...], Place]

# libyaml's parser is ten times faster. Only its events are used: nothing is constructed and nothing recurses.
_PARSER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULLS = frozenset({"", "~", "null"})


def fail(code: str, message: str, file: str, place: Place = (1, 1), hint: str = "") -> NoReturn:
    """Raises CompileError with one diagnostic."""
    raise CompileError([Diagnostic(code, Severity.ERROR, message, Span(file, *place), hint)])


def read_text(path: Path) -> str:
    """The text of a regular file of at most MAX_BYTES; raises CompileError (FC1001, FC1004, FC1006) for any other."""
    shown = str(path)
    try:
        # Not blocking, so that a FIFO cannot hang the compiler before it is recognised as one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            fail("FC1006", "the catalogue file is a symbolic link", shown, hint="put the file itself into the directory")
        fail("FC1001", f"the catalogue file cannot be read: {error.strerror}", shown)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        fail("FC1006", "the catalogue file is not a regular file", shown)
    with os.fdopen(descriptor, "rb") as file:
        try:
            content = file.read(MAX_BYTES + 1)
        except OSError as error:
            fail("FC1001", f"the catalogue file cannot be read: {error.strerror}", shown)
    if len(content) > MAX_BYTES:
        fail("FC1004", f"the catalogue file is larger than {MAX_BYTES} bytes", shown)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        fail("FC1002", f"the catalogue file is not UTF-8 (byte {error.start})", shown)


def parse(text: str, file: str, marks: Marks | None = None) -> Tree:
    """The one document in `text`; `marks`, when given, is filled with the place of every value.

    Raises CompileError: FC1002 for malformed YAML, FC1003 for features that catalogue files do not have, FC1004 for depth and
    size, FC1005 for a key that occurs twice.
    """
    try:
        parser = _PARSER(text)
        try:
            return _document(parser, file, marks)
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        fail("FC1002", error.problem or "malformed YAML", file, (mark.line + 1, mark.column + 1) if mark else (1, 1))
    except yaml.YAMLError as error:
        fail("FC1002", str(error).splitlines()[0], file)


class _Open:
    """A collection whose end is still to come."""

    __slots__ = ("key", "node", "path")

    def __init__(self, node: list[Tree] | dict[str, Tree], path: tuple[str | int, ...]) -> None:
        self.node = node
        self.path = path
        self.key: str | None = None


def _document(parser: Any, file: str, marks: Marks | None) -> Tree:
    stack: list[_Open] = []
    root: Tree = None
    path: tuple[str | int, ...]
    documents = nodes = 0
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, yaml.ScalarEvent):
            _refuse_features(event, file)
            null = event.style in (None, "") and event.value in _NULLS  # libyaml gives '' for a plain scalar
            value: Tree = None if null else event.value
        elif isinstance(event, yaml.MappingStartEvent):
            _refuse_features(event, file)
            value = {}
        elif isinstance(event, yaml.SequenceStartEvent):
            _refuse_features(event, file)
            value = []
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            stack.pop()
            continue
        else:
            documents += isinstance(event, yaml.DocumentStartEvent)
            if isinstance(event, yaml.AliasEvent):
                fail("FC1003", "catalogue files have no aliases", file, _place(event), "write the value out")
            if documents > 1:
                fail("FC1003", "a catalogue file holds one document", file, _place(event))
            continue
        nodes += 1
        if nodes > MAX_NODES:
            fail("FC1004", f"the catalogue file has more than {MAX_NODES} values", file, _place(event))
        top = stack[-1] if stack else None
        if top is None:
            root, path = value, ()
        elif isinstance(top.node, list):
            path = (*top.path, len(top.node))
            top.node.append(value)
        elif top.key is None:
            top.key = _key(event, value, top.node, file)
            continue
        else:
            path = (*top.path, top.key)
            top.node[top.key] = value
            top.key = None
        if marks is not None:
            marks[path] = _place(event)
        if isinstance(value, (dict, list)):
            stack.append(_Open(value, path))
            if len(stack) > MAX_DEPTH:
                fail("FC1004", f"the catalogue file nests deeper than {MAX_DEPTH}", file, _place(event))
    return root


def _key(event: Any, value: Tree, node: dict[str, Tree], file: str) -> str:
    if not isinstance(value, str):
        fail("FC1003", "a key must be text", file, _place(event))
    if value == "<<" and event.style in (None, ""):
        fail("FC1003", "catalogue files have no merge keys", file, _place(event), "write the values out")
    if value in node:
        fail("FC1005", f"the key {value[:60]!r} occurs twice", file, _place(event))
    return value


def _refuse_features(event: Any, file: str) -> None:
    if event.anchor is not None:
        fail("FC1003", "catalogue files have no anchors", file, _place(event), "write the value out")
    if event.tag is not None and event.tag != "!":  # "!" is what quotes imply
        fail("FC1003", "catalogue files have no tags", file, _place(event))


def _place(event: Any) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1
