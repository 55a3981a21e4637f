"""The published schema says of a file what the program says of it."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.tree import plain
from sandboxer_cli.profiles.schema import EDITOR_LINE, document, known_keys, schema

BUILTIN = resources.files("sandboxer_cli.profiles") / "builtin"


def fits(text: bytes) -> bool:
    return bool(Draft202012Validator(schema()).is_valid(plain(parse(text, "x.yml"))))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json.loads(document()))


@pytest.mark.parametrize("name", ["hello.yml", "compose.yml"])
def test_the_built_in_ones_fit(name: str) -> None:
    content = (BUILTIN / name).read_bytes()
    assert fits(content)
    assert content.decode().startswith(EDITOR_LINE)


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        (b"extends: profile.compose", True),
        (b"extends: compose", False),
        (b"summary: A.\nttl: 1h30m\npublish: host", True),
        (b"ttl: 30", False),
        (b"ttl: 1 hour", False),
        (b"publish: moon", False),
        (b"name: profile.a", False),
        (b"hosts: h1", False),
        (b"parameters: {message: {default: x}}", True),  # the rest is the parent's
        (b"parameters: {message: null}\nsource: null\nprobes: null", True),
        (b"parameters: {message: {default: null}}", True),
        (b"parameters: {message: {type: float}}", False),
        (b"images: {a: {rootfs: {command: [x]}}}", True),
        (b"images: {a: {rootfs: {files: [{path: /a}]}}}", False),  # a list is replaced whole
        (b"probes: [{service: web, httpGet: {port: 80}}]", True),
        (b"probes: [{service: web, httpGet: {}}]", False),
        (b"probes: [{httpGet: {port: 80}}]", False),
        (b"probes: [{service: web, httpget: {port: 80}}]", False),
        (b"stack: {services: {web: {image: x}}}", True),
        (b"stack: []", False),
    ],
)
def test_what_fits(text: bytes, fitting: bool) -> None:
    assert fits(text) is fitting


@pytest.mark.parametrize(
    ("path", "some"),
    [
        ([], {"extends", "ttl", "probes"}),
        (["probes", 0], {"service", "httpGet"}),
        (["probes", 3, "httpGet"], {"port", "path", "contains"}),
        (["probes", 0, "httpGet", "httpHeaders", 0], {"name", "value"}),
        (["parameters", "any"], {"type", "default", "summary"}),
        (["images", "any", "rootfs", "files", 0], {"path", "mode"}),
    ],
)
def test_known_keys(path: list[str | int], some: set[str]) -> None:
    assert some <= set(known_keys(path, schema()))


@pytest.mark.parametrize("path", [["stack"], ["stack", "services"], ["ttl"]])
def test_where_any_key_may_stand(path: list[Any]) -> None:
    assert known_keys(path, schema()) == []
