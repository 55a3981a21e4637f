"""Two compose files as one: mappings deep, lists one after the other, as compose does it.

The exceptions stand in the two tables: what replaces, what has two forms that come together, and
in which lists a later entry takes the place of an earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from . import refusal
from .tags import Marks, Path, take_out
from .tree import ListNode, MapNode, Node, Place, ScalarNode, is_null
from .unique import Key, by_mount, by_name, by_path, by_port, by_target, unique

_KINDS = {ScalarNode: "a single value", ListNode: "a list", MapNode: "a mapping"}


def merge(base: MapNode, over: MapNode, marks: Marks, path: Path = ()) -> MapNode:
    """`over` put over `base`; `marks` are the paths that `over` says anew.

    Raises Usage: `compose_invalid`.
    """
    return _maps(take_out(base, marks, path), over, path)


def _maps(base: MapNode, over: MapNode, path: Path) -> MapNode:
    entries = {key.text: (key, value) for key, value in base.entries}
    for key, value in over.entries:
        if key.text in entries:
            first, below = entries[key.text]
            merged = _node(below, value, (*path, key.text))
            entries[key.text] = (key if merged is value else first, merged)
        else:
            entries[key.text] = (key, value)
    return replace(over, entries=tuple(entries.values()))


def _node(base: Node, over: Node, path: Path) -> Node:
    rule = _find(_RULES, path)
    if rule is _replace:
        return over
    if is_null(over):
        return base
    if is_null(base):
        return over
    if rule is not None:
        return rule(base, over, path)
    return _alike(base, over, path)


def _alike(base: Node, over: Node, path: Path) -> Node:
    if isinstance(base, MapNode) and isinstance(over, MapNode):
        return _maps(base, over, path)
    if isinstance(base, ListNode) and isinstance(over, ListNode):
        return _lists(base, over, path)
    if isinstance(base, ScalarNode) and isinstance(over, ScalarNode):
        return over
    raise refusal.invalid(
        f"{'.'.join(path)} is {_KINDS[type(over)]}, and {_KINDS[type(base)]} at {base.place}",
        over.place,
        "write both in one form, or mark this one with !override",
    )


def _lists(base: ListNode, over: ListNode, path: Path) -> ListNode:
    both = replace(over, items=base.items + over.items)
    key = _find(_UNIQUE, path)
    return unique(both, key) if key else both


def _replace(base: Node, over: Node, path: Path) -> Node:
    return over


def _pairs(base: Node, over: Node, path: Path) -> Node:
    """`KEY=value` in a list is the same as a mapping; one without a value has none then."""
    first, second = _as_map(base), _as_map(over)
    if isinstance(first, MapNode) and isinstance(second, MapNode):
        entries = {key.text: (key, value) for key, value in first.entries + second.entries}
        return replace(second, entries=tuple(entries.values()))
    return _alike(first, second, path)


def _names(base: Node, over: Node, path: Path) -> Node:
    """A list of names is the same as a mapping without values."""
    return _alike(_named(base, None), _named(over, None), path)


def _depends_on(base: Node, over: Node, path: Path) -> Node:
    return _alike(_named(base, "service_started"), _named(over, "service_started"), path)


def _build(base: Node, over: Node, path: Path) -> Node:
    def whole(node: Node) -> Node:
        if not isinstance(node, ScalarNode):
            return node
        return MapNode(((_key("context", node.place), node),), node.place)

    return _alike(whole(base), whole(over), path)


def _words(base: Node, over: Node, path: Path) -> Node:
    """A single value is the same as a list of one."""
    return _alike(_as_list(base), _as_list(over), path)


def _hosts(base: Node, over: Node, path: Path) -> Node:
    """Names of hosts and their addresses: one may have several, none twice."""
    first, second = _as_lines(base), _as_lines(over)
    if not isinstance(first, ListNode) or not isinstance(second, ListNode):
        return _alike(first, second, path)
    known = {item.text for item in first.items if isinstance(item, ScalarNode)}
    new = (i for i in second.items if not isinstance(i, ScalarNode) or i.text not in known)
    return replace(second, items=first.items + tuple(new))


def _logging(base: Node, over: Node, path: Path) -> Node:
    """Options are those of a driver: another driver has none of them."""
    if isinstance(base, MapNode) and isinstance(over, MapNode):
        drivers = [node.get("driver") for node in (base, over)]
        names = {node.text for node in drivers if isinstance(node, ScalarNode)}
        if len(names) > 1:
            return over
    return _alike(base, over, path)


def _key(text: str, place: Place) -> ScalarNode:
    return ScalarNode(text, False, place)


def _as_list(node: Node) -> Node:
    return ListNode((node,), node.place) if isinstance(node, ScalarNode) else node


def _as_map(node: Node) -> Node:
    if not isinstance(node, ListNode):
        return node
    entries: dict[str, tuple[ScalarNode, Node]] = {}
    for item in node.items:
        if not isinstance(item, ScalarNode):
            return node
        name, equals, value = item.text.partition("=")
        value_node = replace(item, text=value, plain=not equals)
        entries[name] = (_key(name, item.place), value_node)
    return MapNode(tuple(entries.values()), node.place)


def _named(node: Node, condition: str | None) -> Node:
    if not isinstance(node, ListNode):
        return node
    entries: dict[str, tuple[ScalarNode, Node]] = {}
    for item in node.items:
        if not isinstance(item, ScalarNode):
            return node
        place = item.place
        value: Node = ScalarNode("", True, place)
        if condition is not None:
            value = MapNode(((_key("condition", place), _key(condition, place)),), place)
        entries[item.text] = (_key(item.text, place), value)
    return MapNode(tuple(entries.values()), node.place)


def _as_lines(node: Node) -> Node:
    if not isinstance(node, MapNode):
        return node
    lines: list[Node] = []
    for key, value in node.entries:
        for one in value.items if isinstance(value, ListNode) else (value,):
            if not isinstance(one, ScalarNode):
                return node
            lines.append(replace(one, text=f"{key.text}={one.text}", plain=False))
    return ListNode(tuple(lines), node.place)


_Rule = Callable[[Node, Node, Path], Node]
_Found = TypeVar("_Found")
_SERVICE = ("services", "*")

_RULES: dict[Path, _Rule] = {
    (*_SERVICE, "command"): _replace,
    (*_SERVICE, "entrypoint"): _replace,
    (*_SERVICE, "healthcheck", "test"): _replace,
    (*_SERVICE, "ulimits", "*"): _replace,
    (*_SERVICE, "build"): _build,
    (*_SERVICE, "build", "args"): _pairs,
    (*_SERVICE, "build", "additional_contexts"): _pairs,
    (*_SERVICE, "build", "labels"): _pairs,
    (*_SERVICE, "build", "extra_hosts"): _hosts,
    (*_SERVICE, "environment"): _pairs,
    (*_SERVICE, "labels"): _pairs,
    (*_SERVICE, "annotations"): _pairs,
    (*_SERVICE, "sysctls"): _pairs,
    (*_SERVICE, "deploy", "labels"): _pairs,
    (*_SERVICE, "depends_on"): _depends_on,
    (*_SERVICE, "networks"): _names,
    (*_SERVICE, "models"): _names,
    (*_SERVICE, "dns"): _words,
    (*_SERVICE, "dns_opt"): _words,
    (*_SERVICE, "dns_search"): _words,
    (*_SERVICE, "env_file"): _words,
    (*_SERVICE, "label_file"): _words,
    (*_SERVICE, "tmpfs"): _words,
    (*_SERVICE, "extra_hosts"): _hosts,
    (*_SERVICE, "logging"): _logging,
    ("networks", "*", "labels"): _pairs,
    ("volumes", "*", "labels"): _pairs,
}

_UNIQUE: dict[Path, Key] = {
    (*_SERVICE, "ports"): by_port,
    (*_SERVICE, "volumes"): by_mount,
    (*_SERVICE, "devices"): by_mount,
    (*_SERVICE, "secrets"): by_target("/run/secrets/"),
    (*_SERVICE, "configs"): by_target("/"),
    (*_SERVICE, "env_file"): by_path,
    (*_SERVICE, "expose"): by_name,
    (*_SERVICE, "cap_add"): by_name,
    (*_SERVICE, "cap_drop"): by_name,
    (*_SERVICE, "dns"): by_name,
    (*_SERVICE, "dns_opt"): by_name,
    (*_SERVICE, "dns_search"): by_name,
    (*_SERVICE, "links"): by_name,
    (*_SERVICE, "profiles"): by_name,
    (*_SERVICE, "tmpfs"): by_name,
    (*_SERVICE, "networks", "*", "aliases"): by_name,
    (*_SERVICE, "build", "tags"): by_name,
    (*_SERVICE, "build", "platforms"): by_name,
}


def _find(table: Mapping[Path, _Found], path: Path) -> _Found | None:
    """What the table says of a path; `*` stands for any name."""
    for pattern, found in table.items():
        if len(pattern) == len(path) and all(
            one in ("*", other) for one, other in zip(pattern, path, strict=True)
        ):
            return found
    return None
