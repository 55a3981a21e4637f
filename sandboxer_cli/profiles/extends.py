"""`extends: NAME`: what a profile says, on top of what another one says."""

from __future__ import annotations

from ..compose.scalars import kind_of
from ..compose.tree import MapNode, Node, ScalarNode
from .fault import Fault, place_of, refusal
from .layers import Catalog, ProfileFile
from .nearest import nearest


def chain(file: ProfileFile, catalog: Catalog) -> tuple[ProfileFile, ...]:
    """The file itself, what it extends, what that extends, to the end.

    Raises Usage: `profile_invalid`, also where it comes back to one that it has passed.
    """
    found = [file]
    while (parent := _parent(found[-1], catalog)) is not None:
        if parent in found:
            names = " extends ".join(one.name for one in [*found, parent])
            place = place_of(found[-1].tree, ["extends"])
            raise refusal([Fault("extends", f"{names}, and so for ever", place)])
        found.append(parent)
    return tuple(found)


def merge(parent: MapNode, child: MapNode) -> MapNode:
    """Mappings merged key by key, all else replaced. Null takes away a key that the parent has.

    What comes out stands where it was written, in the one file or in the other.
    """
    entries = {key.text: (key, value) for key, value in parent.entries}
    for key, value in child.entries:
        inherited = entries.get(key.text)
        if inherited is None:
            entries[key.text] = (key, value)
        elif _is_null(value):
            del entries[key.text]
        elif isinstance(value, MapNode) and isinstance(inherited[1], MapNode):
            entries[key.text] = (key, merge(inherited[1], value))
        else:
            entries[key.text] = (key, value)
    return MapNode(tuple(entries.values()), child.place)


def _parent(child: ProfileFile, catalog: Catalog) -> ProfileFile | None:
    node = child.tree.get("extends")
    if node is None or _is_null(node):
        return None
    if not isinstance(node, ScalarNode):
        raise refusal([Fault("extends", "wants the name of one profile", node.place)])
    parent = catalog.parent(child, node.text)
    if parent is None:
        known = [name for name in catalog.names() if catalog.parent(child, name)]
        what = f"there is no profile {node.text}{nearest(node.text, known)}"
        hint = f"a {child.layer} profile can extend " + ", ".join(known)
        raise refusal([Fault("extends", what, node.place, hint)])
    return parent


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.plain and kind_of(node.text) == "null"
