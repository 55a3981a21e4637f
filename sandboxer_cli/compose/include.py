"""`include`: other compose files, each with a folder and variables of its own."""

from __future__ import annotations

from dataclasses import dataclass

from . import refusal
from .tree import ListNode, MapNode, Node, Place, ScalarNode, is_null, plain

_KEYS = ("path", "project_directory", "env_file")
_SHARED = ("services", "volumes", "networks", "secrets", "configs", "models")


@dataclass(frozen=True)
class Path:
    text: str
    place: Place


@dataclass(frozen=True)
class Include:
    """The paths are as written: from the folder of the file that includes."""

    paths: tuple[Path, ...]
    folder: Path | None
    env_files: tuple[Path, ...]


def read_includes(tree: MapNode) -> tuple[Include, ...]:
    """What a file includes, in its order. Raises Usage: `compose_invalid`."""
    node = tree.get("include")
    if node is None or is_null(node):
        return ()
    if not isinstance(node, ListNode):
        raise refusal.invalid("include: wants a list", node.place)
    return tuple(_include(item, f"include[{index}]") for index, item in enumerate(node.items))


def join_included(tree: MapNode, included: MapNode) -> MapNode:
    """The tree with what another file declares.

    Raises Usage: `compose_invalid` where both declare the same thing in two ways.
    """
    for section in _SHARED:
        theirs, ours = included.get(section), tree.get(section)
        if not isinstance(theirs, MapNode):
            continue
        if not isinstance(ours, MapNode):
            tree = tree.having(section, theirs)
            continue
        entries = {key.text: (key, value) for key, value in ours.entries}
        for key, value in theirs.entries:
            if key.text not in entries:
                entries[key.text] = (key, value)
            elif plain(entries[key.text][1]) != plain(value):
                raise refusal.invalid(
                    f"{section}.{key.text} is declared in an included file, too: {key.place}",
                    entries[key.text][0].place,
                    "change an included one by a second file in the path of its include",
                )
        tree = tree.having(section, MapNode(tuple(entries.values()), ours.place))
    return tree


def _include(node: Node, path: str) -> Include:
    if isinstance(node, ScalarNode):
        return Include(_paths(node, path), None, ())
    if not isinstance(node, MapNode):
        raise refusal.invalid(f"{path}: wants a path, or a mapping", node.place)
    found = {key.text: (key, value) for key, value in node.entries}
    for name, (key, _) in found.items():
        if name not in _KEYS:
            raise refusal.invalid(f"{path}.{name}: include has {', '.join(_KEYS)}", key.place)
    if "path" not in found:
        raise refusal.invalid(f"{path}: wants a path", node.place)
    folder = found["project_directory"][1] if "project_directory" in found else None
    return Include(
        _paths(found["path"][1], f"{path}.path"),
        _path(folder, f"{path}.project_directory") if folder else None,
        _paths(found["env_file"][1], f"{path}.env_file") if "env_file" in found else (),
    )


def _paths(node: Node, path: str) -> tuple[Path, ...]:
    if not isinstance(node, ListNode):
        return (_path(node, path),)
    if not node.items:
        raise refusal.invalid(f"{path}: an empty list", node.place)
    return tuple(_path(item, f"{path}[{index}]") for index, item in enumerate(node.items))


def _path(node: Node, path: str) -> Path:
    if not isinstance(node, ScalarNode) or node.is_null or not node.text:
        raise refusal.invalid(f"{path}: wants a path", node.place)
    if "://" in node.text or node.text.startswith("git@"):
        raise refusal.unsupported(
            f"{path}: a file from elsewhere", node.place, "fetch it into the source"
        )
    return Path(node.text, node.place)
