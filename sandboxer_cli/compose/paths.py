"""Relative paths of a file that stands elsewhere, written from the source folder on."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace

from .tree import ListNode, MapNode, Node, ScalarNode

_REMOTE = re.compile(r"[a-z-]+://|git@|github\.com/|service:")

_Change = Callable[[Node], Node]


def join(folder: str, path: str) -> str:
    """A path that is meant from `folder` on; what leads out of the source begins with `..`."""
    return posixpath.normpath(posixpath.join(folder, path))


def rebase(tree: MapNode, folder: str) -> MapNode:
    """The tree of a file whose paths go from `folder`, below the source, with paths from there."""
    if folder in ("", "."):
        return tree

    def path(node: Node) -> Node:
        if not isinstance(node, ScalarNode) or node.text.startswith(("/", "~")) or not node.text:
            return node
        return replace(node, text=join(folder, node.text), plain=False)

    def context(node: Node) -> Node:
        remote = isinstance(node, ScalarNode) and _REMOTE.match(node.text)
        return node if remote else path(node)

    def named_context(node: Node) -> Node:
        if not isinstance(node, ScalarNode) or "=" not in node.text:
            return node
        name, _, value = node.text.partition("=")
        rebased = context(replace(node, text=value))
        return replace(
            node, text=f"{name}={rebased.text}" if isinstance(rebased, ScalarNode) else ""
        )

    def build(node: Node) -> Node:
        if isinstance(node, MapNode):
            contexts = node.get("additional_contexts")
            each = named_context if isinstance(contexts, ListNode) else context
            inner = {"context": context, "additional_contexts": lambda found: _each(found, each)}
            return _inside(node, inner)
        return context(node)

    def mount(node: Node) -> Node:
        if isinstance(node, MapNode):
            kind = node.get("type")
            is_bind = isinstance(kind, ScalarNode) and kind.text == "bind"
            return _inside(node, {"source": path}) if is_bind else node
        if not isinstance(node, ScalarNode) or not node.text.startswith("."):
            return node
        source, colon, rest = node.text.partition(":")
        joined = join(folder, source)
        # without the dot it would be the name of a volume
        dotted = joined if joined.startswith(".") else f"./{joined}"
        return replace(node, text=f"{dotted}{colon}{rest}") if colon else node

    def file_of(node: Node) -> Node:
        return _inside(node, {"path": path}) if isinstance(node, MapNode) else path(node)

    def files(node: Node) -> Node:
        return _each(node, file_of) if isinstance(node, ListNode) else file_of(node)

    def extends(node: Node) -> Node:
        return _inside(node, {"file": path})

    def service(node: Node) -> Node:
        return _inside(
            node,
            {
                "build": build,
                "env_file": files,
                "label_file": files,
                "volumes": lambda found: _each(found, mount),
                "extends": extends,
            },
        )

    def file(node: Node) -> Node:
        return _inside(node, {"file": path})

    rebased = _inside(
        tree,
        {
            "services": lambda found: _each(found, service),
            "configs": lambda found: _each(found, file),
            "secrets": lambda found: _each(found, file),
        },
    )
    return replace(tree, entries=rebased.entries if isinstance(rebased, MapNode) else tree.entries)


def _inside(node: Node, changes: dict[str, _Change]) -> Node:
    """A mapping with some of its values changed; anything else as it is."""
    if not isinstance(node, MapNode):
        return node
    return replace(
        node,
        entries=tuple(
            (key, changes[key.text](value) if key.text in changes else value)
            for key, value in node.entries
        ),
    )


def _each(node: Node, change: _Change) -> Node:
    if isinstance(node, MapNode):
        return replace(node, entries=tuple((key, change(value)) for key, value in node.entries))
    if isinstance(node, ListNode):
        return replace(node, items=tuple(change(item) for item in node.items))
    return node
