"""A YAML file as a tree of text with places: built from parser events, so nothing in it can act.

1. Every scalar is its text. Unquoted `null`, `~` or nothing is null. `on`, `1:30`, `010` and dates mean
   nothing here; the field they stand in says how its text is read.
2. Duplicate keys, keys that are not text, tags and merge keys (`<<`) are problems; so is a second document.
3. Aliases are copies. Size, depth and number of values are bounded, so no file can exhaust the machine.
4. What breaks the syntax ends the reading; everything else is collected.
"""

from typing import Any, Final, NoReturn

import yaml

from gateway.config.problems import Loc, Origin, Problem, problem_at, with_hint
from gateway.config.tree import Node, is_unicode

BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 16
NODES_MAX: Final = 50_000

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_HINTS: Final = {
    "while scanning an alias": "put quotes around a value that begins with '*'",
    "while parsing a flow node": "put quotes around a value that begins with '[' or ':'",
    "found character '\\t' that cannot start any token": "indent with spaces, not with tabs",
    "mapping values are not allowed here": "look at the indentation, or quote a value with ':' in it",
}


class _UnreadableError(Exception):
    """Ends the reading with its one problem; never leaves this module."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


def read_document(raw: bytes, source: str) -> tuple[Node | None, list[Problem]]:
    """The tree (None if there is none to speak of) and what is wrong with the text."""
    start = Origin(source, 1, 1)
    if len(raw) > BYTES_MAX:
        return None, [problem_at(start, (), "is larger than 1MiB")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        return None, [problem_at(Origin(source, line, column), (), "is not UTF-8 text")]
    try:
        reader = _Reader(text, source)
        root = reader.document()
    except _UnreadableError as unreadable:
        return None, [unreadable.problem]
    if not isinstance(root.content, dict):
        return None, [problem_at(root.origin, (), "must be a mapping: server:, store:, routes: and so on")]
    return root, reader.problems


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, text: str, source: str) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._anchors: dict[str | None, Node | None] = {}
        self._nodes = 0
        try:
            self._loader = yaml.SafeLoader(text)
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            origin = Origin(source, before.count("\n") + 1, error.position - before.rfind("\n"))
            raise _UnreadableError(problem_at(origin, (), "holds a control character")) from None

    def document(self) -> Node:
        """The one document of the stream. An empty one is an empty mapping."""
        self._event()
        event = self._event()
        if isinstance(event, yaml.StreamEndEvent):
            return Node(Origin(self._source, 1, 1), {})
        root = self._node(self._event(), (), 0)
        self._event()
        event = self._event()
        if not isinstance(event, yaml.StreamEndEvent):
            self._stop(event, (), "holds a second document: one file is one configuration")
        if root.content is None:
            root.content = {}
        return root

    def _event(self) -> yaml.Event:
        try:
            event: yaml.Event = self._loader.get_event()  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            hint = _HINTS.get(error.context or "", "") or _HINTS.get(error.problem or "", "")
            message = with_hint(f"is not YAML: {error.problem or error.context}", hint)
        except (yaml.YAMLError, ValueError, OverflowError):  # "\UFFFFFFFF", a version of 5000 digits
            mark = self._loader.get_mark()
            message = "is not YAML: a number or an escape is out of range"
        else:
            return event
        raise _UnreadableError(problem_at(self._place(mark), (), message))

    def _node(self, event: yaml.Event, loc: Loc, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._copy(event, loc)
        if depth > DEPTH_MAX:
            self._stop(event, loc, "is nested too deeply")
        self._count(event, loc)
        anchor = getattr(event, "anchor", None)
        self._anchors[anchor] = None
        if getattr(event, "tag", None) is not None:
            message = "tags ('!…') are not read; put quotes around a value that begins with '!'"
            self.problems.append(problem_at(self._origin(event), loc, message))
        node = Node(self._origin(event), self._content(event, loc, depth))
        self._anchors[anchor] = node
        return node

    def _content(self, event: yaml.Event, loc: Loc, depth: int) -> object:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(loc, depth)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, loc)
        items: list[Node] = []
        while not isinstance(item := self._event(), yaml.SequenceEndEvent):
            items.append(self._node(item, (*loc, len(items)), depth + 1))
        return items

    def _mapping(self, loc: Loc, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        lines: dict[str, int | None] = {}
        while not isinstance(event := self._event(), yaml.MappingEndEvent):
            key = self._node(event, loc, depth + 1)
            name = key.content
            value = self._node(self._event(), (*loc, str(name)), depth + 1)
            value.named_at = key.origin
            if not isinstance(name, str):
                self.problems.append(problem_at(key.origin, loc, "holds a key that is not text"))
            elif name == "<<":
                message = "merge keys ('<<') are not read: write the values out"
                self.problems.append(problem_at(key.origin, loc, message))
            elif name in found:
                message = f"duplicate key; the first one is on line {lines[name]}"
                self.problems.append(problem_at(key.origin, (*loc, name), message))
            else:
                found[name] = value
                lines[name] = key.origin.line
        return found

    def _scalar(self, event: yaml.ScalarEvent, loc: Loc) -> str | None:
        if event.style is None and event.value in _NULLS:
            return None
        if not is_unicode(event.value):
            self._stop(event, loc, "holds half a character (a lone surrogate)")
        return event.value

    def _copy(self, event: yaml.AliasEvent, loc: Loc) -> Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            known = event.anchor in self._anchors
            quoted = "has no anchor: put quotes around a value that begins with '*'"  # which may be a secret
            self._stop(event, loc, f"the alias {'stands inside its own anchor' if known else quoted}")
        return target.copied(lambda: self._count(event, loc))

    def _count(self, event: yaml.Event, loc: Loc) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._stop(event, loc, f"holds more than {NODES_MAX} values")

    def _stop(self, event: yaml.Event, loc: Loc, message: str) -> NoReturn:
        raise _UnreadableError(problem_at(self._origin(event), loc, message))

    def _origin(self, event: yaml.Event) -> Origin:
        return self._place(event.start_mark)

    def _place(self, mark: Any) -> Origin:
        return Origin(self._source, mark.line + 1, mark.column + 1)
