"""From bytes to a tree: YAML, without what a compose file has no honest use for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import yaml

from .refusal import invalid, unsupported
from .scalars import kind_of
from .tree import ListNode, MapNode, Node, Place, ScalarNode, Tag

# Nodes are counted as if each alias were written out, which is what an alias bomb is made of.
_MOST_NODES = 20_000
_MOST_DEPTH = 40
_TAGS: dict[str, Tag] = {"!reset": "reset", "!override": "override"}
_TAB = "there is a tab: YAML is indented by spaces"
_LOOK_ABOVE = "that is where reading ended: what is wrong may stand above it"


def parse(content: bytes, file: str, *, tags: bool = False) -> MapNode:
    """The one mapping that the YAML text `content` holds; `file` is what places call it.

    With `tags` it may have `!reset` and `!override`, which its nodes keep.

    Raises Usage: `compose_invalid`, `compose_unsupported`.
    """
    text = _decode(content, file)
    try:
        return _Builder(file, yaml.parse(text, Loader=_Loader), tags).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(file, mark) if mark else file
        hint = _TAB if "'\\t'" in (error.problem or "") else _LOOK_ABOVE
        raise invalid(f"not YAML: {error.problem or error.context}", place, hint) from error
    except yaml.reader.ReaderError as error:
        place = _end_of(text[: error.position], file)
        raise invalid(
            f"not YAML: the character U+{error.character:04X}", place, "take it out"
        ) from error


class _Loader(yaml.SafeLoader):
    """PyYAML's own takes a tab for no space at all. One that doesn't indent is one, as every other
    reader has it: after a value, before a comment, and anywhere within brackets."""

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()


def _decode(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        hint = "save the file as UTF-8"
        raise invalid("not UTF-8", _end_of(before, file), hint) from error


def _end_of(before: str, file: str) -> Place:
    return Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


class _Mark(Protocol):
    """PyYAML has two classes of them."""

    line: int
    column: int


def _place(file: str, mark: _Mark | None) -> Place:
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


class _Builder:
    """One pass over the parser's events. An anchor counts from where its node is complete."""

    def __init__(self, file: str, events: Iterator[yaml.Event], tags: bool) -> None:
        self._file = file
        self._tags = _TAGS if tags else {}
        self._events = events
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0

    def document(self) -> MapNode:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise invalid("the file is empty", self._file)
        root = self._node(next(self._events), "", 0)
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise unsupported("a second YAML document", self._place(after))
        if not isinstance(root, MapNode):
            raise invalid("the file is not a mapping", root.place)
        return root

    def _place(self, event: yaml.Event) -> Place:
        return _place(self._file, event.start_mark)

    def _count(self, nodes: int, place: Place) -> None:
        self._nodes += nodes
        if self._nodes > _MOST_NODES:
            raise invalid(f"more than {_MOST_NODES} values, aliases written out", place)

    def _node(self, event: yaml.Event, path: str, depth: int) -> Node:
        place = self._place(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)  # noqa: S101
        if depth > _MOST_DEPTH:
            raise invalid(f"nested more than {_MOST_DEPTH} deep", place)
        tag: Tag = ""
        if event.tag is not None:
            if event.tag not in self._tags:
                raise unsupported(f"the YAML tag {event.tag}", place)
            tag = self._tags[event.tag]
        before = self._nodes
        self._count(1, place)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = ScalarNode(event.value, event.style is None, place, tag=tag)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(place, path, depth, tag)
        else:
            node = self._map(place, path, depth, tag)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._nodes - before)
        return node

    def _alias(self, event: yaml.AliasEvent, place: Place) -> Node:
        if event.anchor not in self._anchors:
            raise invalid(f"the alias *{event.anchor} names nothing that ends above it", place)
        node, nodes = self._anchors[event.anchor]
        self._count(nodes, place)
        return node

    def _list(self, place: Place, path: str, depth: int, tag: Tag) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return ListNode(tuple(items), place, tag)

    def _map(self, place: Place, path: str, depth: int, tag: Tag) -> MapNode:
        own: dict[str, tuple[ScalarNode, Node]] = {}
        merged: list[MapNode] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path, depth)
            inner = f"{path}.{key.text}" if path else key.text
            if key.text in own:
                first = own[key.text][0].place
                raise invalid(
                    f"{inner} is given twice: {first}", key.place, "leave one of them out"
                )
            own[key.text] = (key, self._node(next(self._events), inner, depth + 1))
        if "<<" in own and own["<<"][0].plain:
            merged = _merged(own.pop("<<")[1])
        for other in merged:  # one's own key wins, then the first merged
            for key, value in other.entries:
                own.setdefault(key.text, (key, value))
        return MapNode(tuple(own.values()), place, tag)

    def _key(self, event: yaml.Event, path: str, depth: int) -> ScalarNode:
        key = self._node(event, path, depth + 1)
        if not isinstance(key, ScalarNode):
            raise invalid(f"a key of {path or 'the file'} is not text", key.place)
        if key.tag:
            raise unsupported(f"the YAML tag !{key.tag} of a key", key.place)
        if key.plain and kind_of(key.text) != "text":
            raise invalid(
                f"the key {key.text or '(empty)'} is not text", key.place, "write it in quotes"
            )
        return key


def _merged(node: Node) -> list[MapNode]:
    parts = node.items if isinstance(node, ListNode) else (node,)
    maps = [part for part in parts if isinstance(part, MapNode)]
    if len(maps) != len(parts):
        raise invalid("<< merges mappings only", node.place)
    return maps
