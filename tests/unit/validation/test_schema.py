"""The published schema says of a file what the program says of it."""

from __future__ import annotations

import contextlib
import json

import pytest
from jsonschema import Draft202012Validator

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.tree import plain
from sandboxer_cli.errors import Usage
from sandboxer_cli.validation.schema import document, schema

from .test_load import FAULTS, LEAST, WHOLE

# what only a program can tell
BEYOND = (
    "timeouts: {",
    "sandbox: {ttl",
    "sandbox: {environment: {A-B",
    "sandbox: {secrets: [",
    "sandbox: {compose: ",
    "reports: {artifacts: [",
    "reports: {junit: [",
    "profile: profile.a\nsandbox",
    'x-a: "',
)


def fits(text: str) -> bool:
    return bool(Draft202012Validator(schema()).is_valid(plain(parse(text.encode(), "x.yml"))))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json.loads(document()))


@pytest.mark.parametrize("text", [LEAST, WHOLE, "version: 1\nsteps: [{name: a, run: [b]}]"])
def test_what_fits(text: str) -> None:
    assert fits(text)


def test_what_is_refused_does_not_fit() -> None:
    for more, _ in FAULTS:
        with contextlib.suppress(Usage):  # not YAML, or not ours
            assert more.startswith(BEYOND) or not fits(LEAST + more), more
