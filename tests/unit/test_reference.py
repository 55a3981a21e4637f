"""The generated pages of the reference say what the code says; the written one misses nothing."""

from __future__ import annotations

import re

import pytest

from sandboxer_cli import errors
from sandboxer_cli.compose import makers
from scripts import reference

PUBLISHED = reference.ROOT / "docs/reference"
# Molecule's scenarios and tests have variables of their own.
SOURCES = (
    reference.PROGRAM,
    reference.COLLECTION / "plugins",
    reference.COLLECTION / "roles",
    reference.ROOT / "awx",
)


@pytest.mark.parametrize("name", sorted(reference.documents()))
def test_what_is_published_is_what_the_code_says(name: str) -> None:
    """`make generate` writes them."""
    assert (PUBLISHED / name).read_text() == reference.documents()[name]


def test_a_code_has_the_status_of_its_kind() -> None:
    text = reference.documents()["error-codes.md"]
    for kind in errors.SandboxerError.__subclasses__():
        assert f"| {kind.exit_status} | `{kind.code}` |" in text
    assert "| `host_key_changed` | 3 | `ssh` |" in text
    assert "| `image_unavailable` | 7 | `provisioning_failed` |" in text


def test_every_variable_of_the_environment_has_its_row() -> None:
    used = {
        name
        for folder in SOURCES
        for path in folder.rglob("*")
        if path.suffix in (".py", ".yml")
        for name in re.findall(r"\bSANDBOXER_[A-Z_]+\b", path.read_text())
    }
    rows = re.findall(r"^\| `(SANDBOXER_\w+)`", (PUBLISHED / "environment.md").read_text(), re.M)
    assert sorted(rows) == sorted(used)


def test_each_argument_by_which_engines_differ_has_its_reason() -> None:
    assert reference.engine_arguments().keys() == makers.ARGUMENTS.keys()
