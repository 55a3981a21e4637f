"""Profiles of services: which of them run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from . import refusal
from .notes import Note
from .scalars import FALSE_WORDS
from .tree import ListNode, MapNode, Node, ScalarNode


def keep_active(tree: MapNode, profiles: Collection[str]) -> tuple[MapNode, tuple[Note, ...]]:
    """The tree without the services whose profiles aren't among `profiles`; `*` means all.

    A service that runs can't depend on one that doesn't, unless it is said not to be required,
    nor hold on to it in another way.
    Raises Usage: `compose_invalid`.
    """
    services = tree.get("services")
    if not isinstance(services, MapNode):
        return tree, ()
    named = {key.text: _profiles(key.text, value) for key, value in services.entries}
    active = {
        name for name, its in named.items() if not its or "*" in profiles or set(its) & {*profiles}
    }
    notes: list[Note] = []
    entries = tuple(
        (key, _service(key.text, value, active, named, notes))
        for key, value in services.entries
        if key.text in active
    )
    return tree.having("services", replace(services, entries=entries)), tuple(notes)


def _profiles(service: str, node: Node) -> tuple[str, ...]:
    found = node.get("profiles") if isinstance(node, MapNode) else None
    if found is None:
        return ()
    path = f"services.{service}.profiles"
    if not isinstance(found, ListNode):
        raise refusal.invalid(f"{path}: wants a list", found.place)
    for item in found.items:
        if not isinstance(item, ScalarNode) or item.is_null:
            raise refusal.invalid(f"{path}: wants names", item.place)
    return tuple(item.text for item in found.items if isinstance(item, ScalarNode))


def _service(
    name: str,
    node: Node,
    active: Collection[str],
    profiles: Mapping[str, tuple[str, ...]],
    notes: list[Note],
) -> Node:
    if not isinstance(node, MapNode):
        return node
    node = node.without("profiles")
    for by, word in _held(node):
        other = word.text.removeprefix("service:").partition(":")[0]
        if other in profiles and other not in active:
            raise _inactive(f"services.{name}.{by}", word, other, profiles[other])
    depends = node.get("depends_on")
    path = f"services.{name}.depends_on"
    if not isinstance(depends, MapNode):
        return node
    kept = []
    for key, value in depends.entries:
        if key.text in active or (_is_required(value) and key.text not in profiles):
            kept.append((key, value))
        elif _is_required(value):
            raise _inactive(path, key, key.text, profiles[key.text])
        else:
            what = f"{key.text} doesn't run here, and is not required"
            notes.append(Note(f"{path}.{key.text}", key.place, what, "left_out"))
    return node.having("depends_on", replace(depends, entries=tuple(kept)))


def _held(service: MapNode) -> Iterator[tuple[str, ScalarNode]]:
    """The words that name another service, each with its key, but for mappings."""
    for key in ("depends_on", "links", "volumes_from"):
        found = service.get(key)
        for item in found.items if isinstance(found, ListNode) else ():
            if isinstance(item, ScalarNode):
                yield key, item
    for key in ("network_mode", "ipc", "pid"):
        found = service.get(key)
        if isinstance(found, ScalarNode) and found.text.startswith("service:"):
            yield key, found


def _is_required(dependency: Node) -> bool:
    found = dependency.get("required") if isinstance(dependency, MapNode) else None
    return not (isinstance(found, ScalarNode) and found.text.lower() in FALSE_WORDS)


def _inactive(path: str, where: ScalarNode, service: str, profiles: tuple[str, ...]) -> Exception:
    return refusal.invalid(
        f"{path}: {service} runs only with the profile {' or '.join(profiles)}",
        where.place,
        f"give --compose-profile {profiles[0]}",
    )
