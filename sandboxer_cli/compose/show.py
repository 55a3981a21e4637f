"""A document for people: YAML, with the reason of each change above what it changed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from .emit import Document
from .notes import Note

_PARTS = ("services", "networks", "volumes", "secrets", "configs")
_INDENT = "  "
# a part and a name in it; names may have dots
_DEPTH = 2


def without_secrets(document: Document) -> Document:
    """The same, and of each secret only how long it is."""
    secrets = {
        name: {"bytes": len(base64.b64decode(secret["content"]))}
        for name, secret in document.get("secrets", {}).items()
    }
    return {**document, "secrets": secrets} if secrets else document


def as_lines(document: Document, notes: Iterable[Note]) -> list[str]:
    """Its services and what they share; what says nothing is left away."""
    left = list(notes)
    parts = {part: document[part] for part in _PARTS if document.get(part)}
    lines = list(_lines(parts, (), left))
    return [*(f"# {note}" for note in left), *lines]


def _lines(value: Mapping[str, Any], path: tuple[str, ...], notes: list[Note]) -> Iterator[str]:
    """Notes that are told are taken out of `notes`: each stands as near as it can."""
    indent = _INDENT * len(path)
    for key, one in value.items():
        here = ".".join((*path, key))
        deeper = len(path) < _DEPTH and isinstance(one, Mapping) and one
        mine = [note for note in notes if _is_at(note.path, here)]
        if deeper:
            shown = {
                name: inner for name, inner in one.items() if _says_something(name, inner, here)
            }
            below = [f"{here}.{name}" for name in shown]
            mine = [note for note in mine if not any(_is_at(note.path, name) for name in below)]
        if here not in _PARTS:
            for note in mine:
                notes.remove(note)
                yield f"{indent}# {note}"
        if deeper:
            yield f"{indent}{_key(key)}:"
            yield from _lines(shown, (*path, key), notes)
        else:
            text = yaml.safe_dump({key: one}, sort_keys=False, allow_unicode=True, width=1000)
            yield from (indent + line for line in text.splitlines())


def _is_at(path: str, here: str) -> bool:
    return path == here or path.startswith((f"{here}.", f"{here}["))


def _key(key: str) -> str:
    return yaml.safe_dump({key: None}, allow_unicode=True).partition(": null")[0]


def _says_something(key: str, value: Any, path: str) -> bool:
    """A network or a volume is there though nothing is said of it; a service's key is not. An empty
    `entrypoint` or `command` takes away the image's own."""
    if not path.startswith("services.") or (value == [] and key in ("entrypoint", "command")):
        return True
    return value is not None and value is not False and value not in ([], {})
