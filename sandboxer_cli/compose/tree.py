"""A YAML document as a tree in which every node knows where it stands in its file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from .scalars import kind_of, value_of


@dataclass(frozen=True)
class Place:
    """A file's name, and a line and a column that are counted from one."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


# How a file marks what is not to be merged with what an earlier one says.
Tag = Literal["", "reset", "override"]


@dataclass(frozen=True)
class ScalarNode:
    """The text as written. `plain` means without quotes, so that it may be more than text;
    `interpolated`, that a variable's value is in it: it may be meant as more than text, too.
    `unset` are the variables in it that have no value."""

    text: str
    plain: bool
    place: Place
    interpolated: bool = False
    tag: Tag = ""
    unset: tuple[str, ...] = ()

    @property
    def is_null(self) -> bool:
        return self.plain and kind_of(self.text) == "null"


@dataclass(frozen=True)
class ListNode:
    items: tuple[Node, ...]
    place: Place
    tag: Tag = ""


@dataclass(frozen=True)
class MapNode:
    """The entries in the order of the file; each key once, merge keys already merged."""

    entries: tuple[tuple[ScalarNode, Node], ...]
    place: Place
    tag: Tag = ""

    def get(self, name: str) -> Node | None:
        return next((value for key, value in self.entries if key.text == name), None)

    def having(self, name: str, value: Node) -> MapNode:
        """The same with another value of a key, or with the key at its end."""
        entries = [(key, value if key.text == name else old) for key, old in self.entries]
        if all(key.text != name for key, _ in entries):
            entries.append((ScalarNode(name, False, value.place), value))
        return replace(self, entries=tuple(entries))

    def without(self, name: str) -> MapNode:
        return replace(
            self, entries=tuple(entry for entry in self.entries if entry[0].text != name)
        )


Node = ScalarNode | ListNode | MapNode


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_null


def plain(node: Node) -> Any:
    """The same as plain Python data: dict, list, str, int, float, bool, None."""
    if isinstance(node, MapNode):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return value_of(node.text) if node.plain else node.text
