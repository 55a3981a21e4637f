"""The table of compose's keys beside an official schema of theirs: none is forgotten, none is made
up.

Debian carries the schema in the package of compose's own Go library. It is fetched by apt from the
sources that this machine has, as the lab's packages are, and kept nowhere.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.compose.keys import KEYS
from tests.lab import debian

PACKAGE = "golang-github-compose-spec-compose-go-dev"
SUITE = "trixie"  # the first that has it
SCHEMA = "usr/share/gocode/src/github.com/compose-spec/compose-go/schema/compose-spec.json"

# In ours and not in that schema, which is of version 2.4.8 of the library.
NEWER = {
    ("", "models"),
    ("services.*", "models"),
    ("services.*", "provider"),
    ("services.*", "use_api_socket"),
    ("services.*.build", "provenance"),
    ("services.*.build", "sbom"),
    ("services.*.networks.*", "interface_name"),
    ("services.*.volumes[]", "image"),
    ("services.*.volumes[].volume", "labels"),
}
# What the reader of files writes for a secret that an included file takes from a variable.
WRITTEN_BEFORE = {("secrets.*", "content")}
# Read before the table is asked, by the reader of files.
READ_BEFORE = {"include", "services.*.extends"}


def apt(folder: Path, *words: str) -> None:
    """apt-get with lists and a cache of its own: what this machine has installed is untouched."""
    options = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    given = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    subprocess.run(
        ["apt-get", "-q", *given, *words],
        cwd=folder,
        check=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("schema")
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    main = [one for one in debian.sources(SUITE) if one.suite == SUITE]
    (folder / "sources.list").write_text("".join(f"{one.line()}\n" for one in main))
    apt(folder, "update")
    apt(folder, "download", PACKAGE)
    [package] = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder / "package"], check=True)
    return json.loads((folder / "package" / SCHEMA).read_text())


def levels(schema: Any, node: Any, path: str) -> Iterator[tuple[str, str]]:
    """(level, key) of all mappings whose keys the schema names."""
    if "$ref" in node:
        yield from levels(schema, schema["definitions"][node["$ref"].rpartition("/")[2]], path)
        return
    for other in (*node.get("oneOf", ()), *node.get("anyOf", ())):
        yield from levels(schema, other, path)
    for key, inner in node.get("properties", {}).items():
        yield path, key
        yield from levels(schema, inner, f"{path}.{key}" if path else key)
    for pattern, inner in node.get("patternProperties", {}).items():
        if pattern != "^x-":
            yield from levels(schema, inner, f"{path}.*")
    if isinstance(node.get("items"), Mapping):
        yield from levels(schema, node["items"], f"{path}[]")


def is_read(level: str) -> bool:
    """Whether the table looks into a mapping: not into what is refused or left out whole."""
    if any(level.startswith(before) for before in READ_BEFORE):
        return False
    return all(KEYS[at][key].fate in ("kept", "changed") for at, key in above(level))


def above(level: str) -> Iterator[tuple[str, str]]:
    """The keys that lead to a level, each with its own level."""
    parts = level.split(".")
    for count, part in enumerate(parts):
        at, key = ".".join(parts[:count]), part.removesuffix("[]")
        if key in KEYS.get(at, {}):
            yield at, key


def test_each_key_of_the_schema_is_in_the_table_and_the_other_way_round(schema: Any) -> None:
    theirs = {(level, key) for level, key in levels(schema, schema, "") if is_read(level)}
    ours = {(level, key) for level, keys in KEYS.items() for key in keys}
    assert theirs - ours == set()
    assert ours - theirs == NEWER | WRITTEN_BEFORE
