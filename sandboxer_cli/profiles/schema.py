"""The JSON Schema of a profile's file, for editors; and which keys may stand where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

Schema = dict[str, Any]

# above each file, so that an editor completes and checks it
EDITOR_LINE = "# yaml-language-server: $schema="


@cache
def schema() -> Schema:
    """That of the model, less what is asked of the whole: a file may leave to the profile that
    it extends whatever stands in a mapping, and take it away with null."""
    from .model import Profile

    whole = Profile.model_json_schema()
    del whole["properties"]["name"]  # the file's own
    definitions = whole.pop("$defs")
    merged: Schema = {}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_partial(whole, definitions, merged),
        "title": "A profile of sand-boxer",
        "$defs": definitions | merged,
    }


def document() -> str:
    """What is published as profile.schema.json."""
    return json.dumps(schema(), indent=2) + "\n"


def known_keys(path: Sequence[str | int], whole: Schema) -> list[str]:
    """The keys that the mapping at that path of a file with the schema `whole` may have, sorted;
    none where any may stand."""
    found = whole
    for part in path:
        found = _resolved(found, whole["$defs"])
        if isinstance(part, int):
            found = found.get("items", {})
        else:
            found = found.get("properties", {}).get(part) or found.get("additionalProperties") or {}
    return sorted(_resolved(found, whole["$defs"]).get("properties", {}))


def _resolved(found: Schema, definitions: Schema) -> Schema:
    """What a reference means, and of several types the mapping or list."""
    if "anyOf" in found:
        found = next((one for one in found["anyOf"] if one.get("type") != "null"), {})
    if "$ref" in found:
        return _resolved(definitions[found["$ref"].rpartition("/")[2]], definitions)
    return found


def _partial(found: Schema, definitions: Schema, merged: Schema) -> Schema:
    """A mapping that is merged: nothing is required in it, and null takes a key away. A list is
    replaced, so its items are whole. The definitions that are met come into `merged`."""
    if "$ref" in found:
        name = found["$ref"].rpartition("/")[2]
        merged[name] = _partial(definitions[name], definitions, merged)
        return found
    changed = _without(found, "required")
    if "properties" in found:
        changed["properties"] = {
            key: _or_null(_partial(one, definitions, merged))
            for key, one in found["properties"].items()
        }
    if isinstance(found.get("additionalProperties"), dict):
        inner = _partial(found["additionalProperties"], definitions, merged)
        changed["additionalProperties"] = _or_null(inner)
    return changed


def _or_null(found: Schema) -> Schema:
    if {"type": "null"} in found.get("anyOf", []):
        return found
    said: Schema = {key: found[key] for key in ("description", "default", "title") if key in found}
    return {"anyOf": [_without(found, *said), {"type": "null"}], **said}


def _without(found: Schema, *keys: str) -> Schema:
    return {key: value for key, value in found.items() if key not in keys}
