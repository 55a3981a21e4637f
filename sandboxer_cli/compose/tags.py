"""`!reset` and `!override`: what a file says anew, instead of adding to an earlier one."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from .tree import ListNode, MapNode, Node

Path = tuple[str, ...]
Marks = Set[Path]


def read_marks(tree: MapNode) -> tuple[MapNode, Marks]:
    """The tree without what is marked with `!reset` and without any mark; the marked paths."""
    marks: set[Path] = set()
    return _map(tree, (), marks), marks


def take_out(tree: MapNode, marks: Marks, path: Path = ()) -> MapNode:
    """The tree, which stands at `path`, without the marked paths."""
    if not marks:
        return tree
    entries = tuple(
        (key, take_out(value, marks, (*path, key.text)) if isinstance(value, MapNode) else value)
        for key, value in tree.entries
        if (*path, key.text) not in marks
    )
    return replace(tree, entries=entries)


def _map(node: MapNode, path: Path, marks: set[Path]) -> MapNode:
    entries = []
    for key, value in node.entries:
        inner = (*path, key.text)
        if value.tag:
            marks.add(inner)
        if value.tag != "reset":
            entries.append((key, _node(value, inner, marks)))
    return replace(node, entries=tuple(entries), tag="")


def _node(node: Node, path: Path, marks: set[Path]) -> Node:
    if isinstance(node, MapNode):
        return _map(node, path, marks)
    if isinstance(node, ListNode):
        items = [
            _node(item, (*path, str(index)), marks)
            for index, item in enumerate(node.items)
            if item.tag != "reset"
        ]
        return replace(node, items=tuple(items), tag="")
    return replace(node, tag="")
