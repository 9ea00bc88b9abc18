"""A configuration as it was written: nested values that each know where they stand.

File, variables and flags meet in one tree before anything is validated, so that every problem can be shown
at its place and every effective value can tell where it came from. A scalar is text or null (a file) or
whatever Python gave (the demo); nothing is guessed from how a value looks.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config.problems import Loc, Origin


@dataclass(slots=True)
class Node:
    """One value and its place.

    `content` is a dict of nodes by key, a list of nodes, or a scalar. `named_at` is the place of its key.
    `written` is what an expanded scalar was before; `failed` marks one that could not be expanded.
    """

    origin: Origin
    content: Any
    named_at: Origin | None = None
    written: str | None = None
    failed: bool = False

    def child(self, part: str | int) -> "Node | None":
        """What stands under this key or position, if anything does."""
        found: Node | None = None
        if isinstance(self.content, dict):
            found = self.content.get(part)
        elif isinstance(self.content, list) and isinstance(part, int) and part < len(self.content):
            found = self.content[part]
        return found

    def children(self) -> Iterator["Node"]:
        """The values right below."""
        if isinstance(self.content, dict):
            yield from self.content.values()
        elif isinstance(self.content, list):
            yield from self.content

    def below(self) -> Iterator["Node"]:
        """This node and everything under it."""
        yield self
        for child in self.children():
            yield from child.below()

    def plain(self) -> Any:
        """The values alone, as Python has them."""
        if isinstance(self.content, dict):
            return {key: child.plain() for key, child in self.content.items()}
        if isinstance(self.content, list):
            return [child.plain() for child in self.content]
        return self.content

    def copied(self, count: Callable[[], object]) -> "Node":
        """A copy that shares nothing; `count` is called for every node and may raise to stop."""
        count()
        content = self.content
        if isinstance(content, dict):
            content = {key: child.copied(count) for key, child in content.items()}
        elif isinstance(content, list):
            content = [child.copied(count) for child in content]
        return Node(self.origin, content, self.named_at, self.written, self.failed)


def from_plain(value: object, origin: Origin) -> Node:
    """A tree over plain Python values, all of one origin."""
    if isinstance(value, Mapping):
        return Node(origin, {str(key): from_plain(child, origin) for key, child in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Node(origin, [from_plain(child, origin) for child in value], origin)
    return Node(origin, value, origin)


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8. Variables that cannot reach Python with lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def find(root: Node, loc: Loc) -> Node | None:
    """The value that was written at this place."""
    node: Node | None = root
    for part in loc:
        node = None if node is None else node.child(part)
    return node


def placed(written: str, loc: Loc, root: Node, base_dir: Path) -> Path:
    """Where the file is that the value at this place names.

    What a variable or a flag says is relative to the working directory, what the file says (or leaves to the
    default) is relative to the file.
    """
    node = find(root, loc)
    from_file = node is None or node.origin.line is not None
    return base_dir / written if from_file else Path(written)


def nearest(root: Node, loc: Loc) -> Node:
    """The value at this place, or the innermost one around it that was written."""
    node = root
    for part in loc:
        child = node.child(part)
        if child is None:
            break
        node = child
    return node


def put(root: Node, loc: Loc, node: Node) -> None:
    """Set a value, making the mappings on its way.

    Where something else stands in the way, it stays, to be found wrong by validation.
    """
    holder = root
    for part in loc[:-1]:
        if not isinstance(holder.content, dict):
            return
        child = holder.child(part)
        if child is None or child.content is None:
            child = holder.content[part] = Node(node.origin, {}, node.origin)
        holder = child
    if isinstance(holder.content, dict):
        holder.content[loc[-1]] = node
