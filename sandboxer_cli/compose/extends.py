"""`extends`: a service that takes over another one, of the same file or of another.

Everything of the other service comes along but what it refers to: its volumes, networks, secrets
and the services that it depends on have to be declared where they are used.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field

from . import refusal
from .merge import merge
from .tags import Marks
from .tree import MapNode, Node, Place, ScalarNode, is_null

_LONGEST_CHAIN = 50


@dataclass(frozen=True, eq=False)
class Loaded:
    """A file as it is before `extends`: its name, its tree, and what it says anew."""

    name: str
    tree: MapNode
    marks: Marks

    def service(self, name: str) -> Node | None:
        services = self.tree.get("services")
        return services.get(name) if isinstance(services, MapNode) else None


@dataclass(frozen=True)
class _Reference:
    service: str
    file: str | None
    place: Place


@dataclass
class Extends:
    """`open_file` reads another file, at a path below the source that stands at a place."""

    open_file: Callable[[str, Place], Loaded]
    _opened: dict[str, Loaded] = field(default_factory=dict)
    _done: dict[tuple[Loaded, str], MapNode] = field(default_factory=dict)

    def resolve(self, file: Loaded) -> MapNode:
        """The file's tree, its services with all that they extend.

        Raises Usage: `compose_invalid`, `source_outside`, `source_file_missing`.
        """
        services = file.tree.get("services")
        if not isinstance(services, MapNode):
            return file.tree
        entries = tuple(
            (key, self._service(file, key.text, value, ())) for key, value in services.entries
        )
        return file.tree.having("services", MapNode(entries, services.place))

    def _service(
        self, file: Loaded, name: str, node: Node, chain: tuple[tuple[Loaded, str], ...]
    ) -> Node:
        found = node.get("extends") if isinstance(node, MapNode) else None
        if found is None or not isinstance(node, MapNode):
            return node
        here = (file, name)
        if here not in self._done:
            self._done[here] = self._extended(file, name, node, found, (*chain, here))
        return self._done[here]

    def _extended(
        self,
        file: Loaded,
        name: str,
        node: MapNode,
        found: Node,
        chain: tuple[tuple[Loaded, str], ...],
    ) -> MapNode:
        path = f"services.{name}.extends"
        wanted = _reference(found, path)
        other = file if wanted.file is None else self._open(wanted.file, wanted.place)
        if (other, wanted.service) in chain:
            circle = [one for _, one in chain[chain.index((other, wanted.service)) :]]
            words = " -> ".join([*circle, wanted.service])
            raise refusal.invalid(f"{path}: a circle, {words}", wanted.place)
        if len(chain) > _LONGEST_CHAIN:
            raise refusal.invalid(f"{path}: a chain of more than {_LONGEST_CHAIN}", wanted.place)
        base = other.service(wanted.service)
        if base is None:
            raise refusal.invalid(
                f"{path}: there is no service {wanted.service} in {other.name}", wanted.place
            )
        base = self._service(other, wanted.service, base, chain)
        own = node.without("extends")
        if is_null(base):
            return own
        if not isinstance(base, MapNode):
            raise refusal.invalid(f"services.{wanted.service}: wants a mapping", base.place)
        return merge(base, own, file.marks, ("services", name))

    def _open(self, path: str, place: Place) -> Loaded:
        path = posixpath.normpath(path)
        if path not in self._opened:
            self._opened[path] = self.open_file(path, place)
        return self._opened[path]


def _reference(node: Node, path: str) -> _Reference:
    if isinstance(node, ScalarNode) and not node.is_null:
        return _Reference(node.text, None, node.place)
    if not isinstance(node, MapNode):
        raise refusal.invalid(f"{path}: wants a service's name, or a mapping", node.place)
    for key, value in node.entries:
        if key.text not in ("service", "file"):
            raise refusal.invalid(f"{path}.{key.text}: extends has service and file", key.place)
        if not isinstance(value, ScalarNode) or value.is_null:
            raise refusal.invalid(f"{path}.{key.text}: wants text", value.place)
    service, file = node.get("service"), node.get("file")
    if not isinstance(service, ScalarNode):
        raise refusal.invalid(f"{path}: wants the name of a service", node.place)
    if isinstance(file, ScalarNode):
        return _Reference(service.text, file.text, file.place)
    return _Reference(service.text, None, service.place)
