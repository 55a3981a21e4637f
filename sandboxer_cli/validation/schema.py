"""The JSON Schema of e2e/e2e.yml, for editors."""

from __future__ import annotations

import json
from functools import cache

from ..profiles.schema import Schema


@cache
def schema() -> Schema:
    """That of the model; keys that begin with x- may stand in each mapping that has its own."""
    from .model import E2e

    whole = E2e.model_json_schema()
    definitions = {name: _open(one) for name, one in whole.pop("$defs").items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_open(whole),
        "title": "e2e/e2e.yml, version 1",
        "oneOf": [{"required": ["test_command"]}, {"required": ["steps"]}],
        "$defs": definitions,
    }


def document() -> str:
    """What is published as e2e.schema.json."""
    return json.dumps(schema(), indent=2) + "\n"


def _open(found: Schema) -> Schema:
    if found.get("additionalProperties") is False:
        return {**found, "patternProperties": {"^x-": {}}}
    return found
