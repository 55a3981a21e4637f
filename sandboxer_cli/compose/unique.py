"""What makes two entries of a list the same one, so that the later takes the earlier's place."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import replace

from .tree import ListNode, MapNode, Node, ScalarNode

_PORT = re.compile(r"(?:(?:(?P<ip>\[[^\]]*\]|[^\[\]]*):)?(?P<published>[^:]*):)?(?P<target>[^:/]+)")

# Nothing is known of what has no key: it is the same as no other.
Key = Callable[[Node], Hashable | None]


def unique(node: ListNode, key: Key) -> ListNode:
    found: dict[Hashable, Node] = {}
    for index, item in enumerate(node.items):
        of_item = key(item)
        found[index if of_item is None else (of_item,)] = item
    return replace(node, items=tuple(found.values()))


def by_name(node: Node) -> Hashable | None:
    """The text up to an equals sign."""
    return node.text.partition("=")[0] if isinstance(node, ScalarNode) else None


def by_path(node: Node) -> Hashable | None:
    return _text(node, "path") if isinstance(node, MapNode) else by_name(node)


def by_mount(node: Node) -> Hashable | None:
    """A volume's or a device's target."""
    if isinstance(node, MapNode):
        return _text(node, "target")
    if not isinstance(node, ScalarNode):
        return None
    parts = node.text.split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def by_target(default: str) -> Key:
    """A secret's or a config's target, which is `default` and its name where it isn't given."""

    def key(node: Node) -> Hashable | None:
        if isinstance(node, ScalarNode):
            return default + node.text
        if not isinstance(node, MapNode):
            return None
        target, source = _text(node, "target"), _text(node, "source")
        if target is None:
            return None if source is None else default + source
        return target if target.startswith("/") else default + target

    return key


def by_port(node: Node) -> Hashable | None:
    """Where it comes out, what it leads to, and by which protocol."""
    if isinstance(node, MapNode):
        target, published = _text(node, "target"), _text(node, "published")
        ip, protocol = _text(node, "host_ip"), _text(node, "protocol")
    elif isinstance(node, ScalarNode):
        written, _, protocol = node.text.partition("/")
        match = _PORT.fullmatch(written)
        if match is None:
            return None
        ip, published, target = match["ip"], match["published"], match["target"]
    else:
        return None
    return (ip or "").strip("[]") or "0.0.0.0", published or "", target, protocol or "tcp"  # noqa: S104


def _text(node: MapNode, name: str) -> str | None:
    found = node.get(name)
    return found.text if isinstance(found, ScalarNode) and not found.is_null else None
