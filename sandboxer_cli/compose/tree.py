"""A YAML document as a tree in which every node knows where it stands in its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .scalars import value_of


@dataclass(frozen=True)
class Place:
    """A file's name, and a line and a column that are counted from one."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class ScalarNode:
    """The text as written. `plain` means without quotes, so that it may be more than text.

    `interpolated` text has its variables' values in it, and nobody knows its kind any more.
    """

    text: str
    plain: bool
    place: Place
    interpolated: bool = False


@dataclass(frozen=True)
class ListNode:
    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True)
class MapNode:
    """The entries in the order of the file; each key once, merge keys already merged."""

    entries: tuple[tuple[ScalarNode, Node], ...]
    place: Place

    def get(self, name: str) -> Node | None:
        return next((value for key, value in self.entries if key.text == name), None)


Node = ScalarNode | ListNode | MapNode


def plain(node: Node) -> Any:
    """The same as plain Python data: dict, list, str, int, float, bool, None."""
    if isinstance(node, MapNode):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return value_of(node.text) if node.plain else node.text
