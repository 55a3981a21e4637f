"""What is wrong in a file that a model reads, and where: the places pydantic doesn't know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..compose.tree import ListNode, MapNode, Node, Place
from ..errors import Usage
from .nearest import nearest
from .schema import Schema, known_keys, schema

# by the last comma: what is said has some of its own
_AT_THE_END = re.compile(r"(.*), (.+):(\d+):(\d+)", re.DOTALL)
_LONGEST = 200

# pydantic's names of what is wrong -> this house's words, with the error's context
_WORDS = {
    "missing": "is missing",
    "string_type": "wants text",
    "int_type": "wants a whole number",
    "float_type": "wants a number",
    "bool_type": "wants true or false",
    "list_type": "wants a list",
    "dict_type": "wants a mapping",
    "model_type": "wants a mapping",
    "is_instance_of": "wants a mapping",
    "literal_error": "wants {expected}",
    "string_pattern_mismatch": "doesn't fit {pattern}",
    "greater_than": "has to be more than {gt}",
    "greater_than_equal": "has to be {ge} or more",
    "less_than_equal": "has to be {le} or less",
    "too_short": "is empty",
    "value_error": "{error}",
}


@dataclass(frozen=True)
class Fault:
    """`path` is where in the file, as `probes[0].httpGet`; empty for the file itself."""

    path: str
    what: str
    place: Place
    hint: str = ""

    @property
    def text(self) -> str:
        said = f"{self.path}: {self.what}" if self.path else self.what
        return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"

    def __str__(self) -> str:
        return f"{self.text}, {self.place}"


def refusal(faults: Sequence[Fault]) -> Usage:
    """All of them as one error."""
    return Usage("\n".join(map(str, faults)), faults[0].hint, code="profile_invalid")


def of_usage(error: Usage, label: str) -> Fault:
    """What was refused by a room whose messages end with their place."""
    message, hint = error.detail.message, error.detail.hint
    found = _AT_THE_END.fullmatch(message)
    if found is None:
        return Fault("", message.removesuffix(f", {label}"), Place(label, 1, 1), hint)
    place = Place(found[2], int(found[3]), int(found[4]))
    return Fault("", found[1], place, hint)


def of_pydantic(error: ValidationError, tree: MapNode, whole: Schema | None = None) -> list[Fault]:
    """A fault for each place, in the order of the file; `whole` is its schema, else a profile's."""
    found: dict[str, Fault] = {}
    for one in error.errors(include_url=False):
        fault = _fault(one, tree, whole or schema())
        # of a value that may be of several types each type complains
        found.setdefault(fault.path, fault)
    return sorted(found.values(), key=lambda fault: (fault.place.line, fault.place.column))


def place_of(tree: MapNode, path: Sequence[str | int]) -> Place:
    """Where a value stands, as far as the path leads; a mapping's entry where its key does."""
    return _walk(tree, path)[1]


def dotted(path: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _fault(error: ErrorDetails, tree: MapNode, whole: Schema) -> Fault:
    path, place = _walk(tree, error["loc"])
    if error["type"] == "missing":
        return Fault(dotted([*path, error["loc"][-1]]), _WORDS["missing"], place)
    if error["type"] == "extra_forbidden":
        known = known_keys(path[:-1], whole)
        what = f"there is no such key{nearest(str(path[-1]), known)}"
        return Fault(dotted(path), what, place, "there are " + ", ".join(known))
    words = _WORDS.get(error["type"])
    context: dict[str, Any] = error.get("ctx", {})
    return Fault(dotted(path), words.format(**context) if words else error["msg"], place)


def _walk(tree: MapNode, path: Sequence[str | int]) -> tuple[list[str | int], Place]:
    """The part of the path that is in the file: pydantic goes on into the types of a value."""
    node: Node = tree
    place = tree.place
    walked: list[str | int] = []
    for part in path:
        if isinstance(node, MapNode) and isinstance(part, str):
            entry = next(((k, v) for k, v in node.entries if k.text == part), None)
            if entry is None:
                break
            place, node = entry[0].place, entry[1]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = node.place
        else:
            break
        walked.append(part)
    return walked, place
