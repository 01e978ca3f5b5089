"""YAML files as plain trees that know their places, read in bounded time and memory.

What is read may come from a stranger: a file is opened only when it is a regular one, and every feature of YAML that could
run code or grow without bound is refused on the event stream, before anything is built. Scalars stay text, because YAML would
read the ratio 1:1 as 61, the release 4.30 as 4.3 and the platform `no` as false; the schemas type them.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, Union

import yaml

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity, Span
from fabric_compiler.units import shorten

MAX_FINDINGS = 100  # of one file; more help nobody

Tree: TypeAlias = Union[str, "list[Tree]", "dict[str, Tree]", None]
Place: TypeAlias = tuple[int, int, int, int]  # line and column, end line and end column; from 1, the end exclusive

# libyaml's parser is ten times faster. Only its events are used: nothing is constructed and nothing recurses.
_PARSER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULLS = frozenset({"", "~", "null"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a kind of file may use; `what` is how messages call it. An alias counts with all that it stands for."""

    what: str
    depth: int
    nodes: int
    aliases: int = 0
    size: int = 4 * 1024 * 1024


class Node:
    """A value of a file: text, None for an empty one, a list or a mapping; `key` is the place of the key before it."""

    __slots__ = ("file", "key", "place", "value")

    def __init__(
        self, value: str | list[Node] | dict[str, Node] | None, file: str, place: Place, key: Place | None = None
    ) -> None:
        self.value = value
        self.file = file
        self.place = place
        self.key = key

    @property
    def span(self) -> Span:
        return Span(self.file, *self.place)

    @property
    def key_span(self) -> Span:
        """The place of the key; of the value, where a list or a file holds it."""
        return Span(self.file, *(self.key or self.place))

    def plain(self) -> Tree:
        """The values alone; None for what is empty."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, step: str | int) -> Node | None:
        """What stands under a key or at an index; None where nothing does."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None


def fail(code: str, message: str, file: str, place: tuple[int, ...] = (1, 1), hint: str = "") -> NoReturn:
    """Raises CompileError with one diagnostic."""
    raise CompileError([Diagnostic(code, Severity.ERROR, message, Span(file, *place), hint)])


def read_bytes(path: Path, shown: str, limits: Limits) -> bytes:
    """The content of a regular file; raises CompileError (FC1001, FC1004, FC1006) for any other. Messages name it `shown`."""
    what = limits.what
    try:
        # Not blocking, so that a FIFO cannot hang the compiler before it is recognised as one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and path.is_symlink():
            fail("FC1006", f"{what} is a symbolic link", shown, hint="put the file itself into the directory")
        reason = error.strerror if isinstance(error, OSError) else "its name is no file name"
        fail("FC1001", f"{what} cannot be read: {reason}", shown)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        fail("FC1006", f"{what} is not a regular file", shown)
    with os.fdopen(descriptor, "rb") as file:
        try:
            content = file.read(limits.size + 1)
        except OSError as error:
            fail("FC1001", f"{what} cannot be read: {error.strerror}", shown)
    if len(content) > limits.size:
        fail("FC1004", f"{what} is larger than {limits.size} bytes", shown)
    return content


def decode(content: bytes, shown: str, limits: Limits) -> str:
    """UTF-8 to text; raises CompileError (FC1002) with the place of the first byte that is none."""
    hint = "save the file as UTF-8 without a byte order mark"
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        fail("FC1002", f"{limits.what} begins with a byte order mark", shown, hint=hint)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        fail("FC1002", f"{limits.what} is not UTF-8 (byte {error.start})", shown, _place_of(content, error.start), hint)


def _place_of(content: bytes, offset: int) -> tuple[int, int]:
    before = content[:offset]
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace"))
    return before.count(b"\n") + 1, column + 1


def parse(text: str, file: str, limits: Limits) -> Node:
    """The one document in `text`.

    Raises CompileError: FC1002 for malformed YAML, FC1003 for features that such files do not have, FC1004 for depth and
    size, FC1005 for keys that occur twice.
    """
    try:
        parser = _PARSER(text)
        try:
            reader = _Reader(file, limits)
            return reader.document(parser)
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part) or "malformed YAML"
        fail("FC1002", problem, file, (mark.line + 1, mark.column + 1) if mark else (1, 1))
    except yaml.reader.ReaderError as error:
        place = _place_of(text.encode(), error.position) if isinstance(error.position, int) else (1, 1)
        fail("FC1002", f"the file holds a character that YAML does not allow: {error.reason}", file, place)
    except yaml.YAMLError as error:
        fail("FC1002", str(error).splitlines()[0], file)


class _Open:
    """A collection whose end is still to come."""

    __slots__ = ("anchor", "height", "key", "key_place", "node", "nodes")

    def __init__(self, node: Node, anchor: str | None, nodes: int) -> None:
        self.node = node
        self.anchor = anchor
        self.nodes = nodes  # of the file before this one
        self.height = 1
        self.key: str | None = None
        self.key_place: Place | None = None


class _Reader:
    """Builds the tree of one document from its events."""

    def __init__(self, file: str, limits: Limits) -> None:
        self.file = file
        self.limits = limits
        self.nodes = 0
        self.aliases = 0
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int, int]] = {}  # with the number of nodes and the height
        self.refused: set[str] = set()  # anchors that were reported already
        self.found: list[Diagnostic] = []

    def document(self, parser: Any) -> Node:
        root = Node(None, self.file, (1, 1, 1, 1))
        documents = 0
        while parser.check_event():
            event = parser.get_event()
            kind = type(event)
            if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self.close(event)
                continue
            if kind is yaml.ScalarEvent:
                # libyaml gives '' for the style of a plain scalar
                null = event.style in (None, "") and event.value in _NULLS
                node, size, height = Node(None if null else event.value, self.file, _place(event)), 1, 0
            elif kind is yaml.MappingStartEvent:
                node, size, height = Node({}, self.file, _place(event)), 1, 1
            elif kind is yaml.SequenceStartEvent:
                node, size, height = Node([], self.file, _place(event)), 1, 1
            elif kind is yaml.AliasEvent:
                node, size, height = self.alias(event)
            else:
                documents += kind is yaml.DocumentStartEvent
                if documents > 1:
                    self.stop("FC1003", f"{self.limits.what} holds more than one document", _place(event))
                continue
            self.count(event, size, height)
            if kind is not yaml.AliasEvent:
                self.check_features(event)
            if self.put(event, node):
                root = node
            if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self.stack.append(_Open(node, event.anchor, self.nodes - 1))
            elif kind is yaml.ScalarEvent and event.anchor is not None:
                self.anchors[event.anchor] = (node, 1, 0)
        if self.found:
            raise CompileError(self.found)
        return root

    def count(self, event: Any, size: int, height: int) -> None:
        self.nodes += size
        if self.nodes > self.limits.nodes:
            self.stop("FC1004", f"{self.limits.what} has more than {self.limits.nodes} values", _place(event))
        if len(self.stack) + height > self.limits.depth:
            self.stop("FC1004", f"{self.limits.what} nests deeper than {self.limits.depth}", _place(event))

    def alias(self, event: Any) -> tuple[Node, int, int]:
        name, place = event.anchor, _place(event)
        self.aliases += 1
        if not self.limits.aliases:
            if name not in self.refused:
                self.find("FC1003", f"{self.limits.what} cannot use aliases", place, "write the value out")
            return Node(None, self.file, place), 1, 0
        if self.aliases > self.limits.aliases:
            limit = self.limits.aliases
            self.stop("FC1003", f"{self.limits.what} uses more than {limit} aliases", place, "write the values out")
        if name not in self.anchors:
            self.stop("FC1002", f"the alias {shorten(name)} stands for nothing that ends before it", place)
        anchored, size, height = self.anchors[name]
        return Node(anchored.value, self.file, place), size, height

    def put(self, event: Any, node: Node) -> bool:
        """Puts the node where it belongs; True for the root of the document."""
        if not self.stack:
            return True
        top = self.stack[-1]
        holder = top.node.value
        if isinstance(holder, list):
            holder.append(node)
        elif isinstance(holder, dict):
            if top.key is None:
                top.key, top.key_place = self.key(event, node), node.place
                return False
            node.key = top.key_place
            if top.key in holder:
                first = holder[top.key]
                related = (("the first one", first.key_span),)
                self.find("FC1005", f"the key {shorten(top.key)} occurs twice", top.key_place or node.place, related=related)
            else:
                holder[top.key] = node
            top.key = None
        return False

    def key(self, event: Any, node: Node) -> str:
        if not isinstance(node.value, str):
            self.stop("FC1003", "a key must be text", node.place)
        if node.value == "<<" and getattr(event, "style", None) in (None, ""):
            self.find("FC1003", f"{self.limits.what} cannot use merge keys", node.place, "write the values out")
        return node.value

    def check_features(self, event: Any) -> None:
        if event.anchor is not None and not self.limits.aliases:
            self.refused.add(event.anchor)
            self.find("FC1003", f"{self.limits.what} cannot use anchors", _place(event), "write the value out")
        if event.tag is not None and event.tag != "!":  # "!" is what quotes imply
            self.find("FC1003", f"{self.limits.what} cannot use tags", _place(event), "every value is read as its key asks for")

    def close(self, event: Any) -> None:
        ended = self.stack.pop()
        node = ended.node
        mark = event.end_mark
        end = (mark.line + 1, mark.column + 1)
        if event.start_mark.index == mark.index:  # a block ends where its last value does, not where the next key begins
            children = node.value.values() if isinstance(node.value, dict) else node.value
            end = max((child.place[2:] for child in children or () if not isinstance(child, str)), default=node.place[2:])
        node.place = (*node.place[:2], *end)
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, ended.height + 1)
        if ended.anchor is not None:
            self.anchors[ended.anchor] = (node, self.nodes - ended.nodes, ended.height)

    def find(self, code: str, message: str, place: Place, hint: str = "", related: tuple[tuple[str, Span], ...] = ()) -> None:
        self.found.append(Diagnostic(code, Severity.ERROR, message, Span(self.file, *place), hint, related))
        if len(self.found) >= MAX_FINDINGS:
            raise CompileError(self.found)

    def stop(self, code: str, message: str, place: Place, hint: str = "") -> NoReturn:
        self.find(code, message, place, hint)
        raise CompileError(self.found)


def _place(event: Any) -> Place:
    start, end = event.start_mark, event.end_mark
    return start.line + 1, start.column + 1, end.line + 1, end.column + 1
