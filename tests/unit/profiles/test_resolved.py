"""What the program resolved is handed to its play, which takes it for just that request."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandboxer_cli.profiles.resolve import resolve
from sandboxer_cli.profiles.resolved import VARIABLE, ResolveRequest, handed_over, taken_over


@pytest.fixture
def asked(tmp_path: Path) -> ResolveRequest:
    (tmp_path / "compose.yml").write_text("services: {web: {image: docker.io/library/nginx}}\n")
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("not UTF-8")
    return ResolveRequest("profile.compose", tmp_path, files=("compose.yml",))


def test_a_child_takes_what_was_resolved(
    asked: ResolveRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = resolve(asked)
    with handed_over(asked, found) as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        assert taken_over(asked) == replace(found, notes=())
        for other in (
            replace(asked, source=None),
            replace(asked, settings={"message": "x"}),
            replace(asked, publish="host"),
            replace(asked, files=()),
        ):
            assert taken_over(other) is None


def test_nothing_stays(asked: ResolveRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    with handed_over(asked, resolve(asked)) as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
    assert taken_over(asked) is None


def test_a_relative_source_is_the_same_one(
    asked: ResolveRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked.source is not None
    monkeypatch.chdir(asked.source.parent)
    relative = replace(asked, source=Path(asked.source.name))
    with handed_over(relative, resolve(relative)) as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        taken = taken_over(asked)
    assert taken is not None
    assert taken.listing is not None
    assert taken.listing.root == asked.source


def test_taking_it_over_imports_nothing_that_resolves() -> None:
    script = (
        "import sys\nfrom sandboxer_cli.profiles import resolved\n"
        "resolved.taken_over(resolved.ResolveRequest('profile.hello'))\n"
        "print(*(name for name in sys.modules if name in ('pydantic', 'yaml')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
