"""Profiles of nobody but the test: a home, and a project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home/.config/sandboxer/profiles"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A source folder that has a folder for profiles."""
    folder = tmp_path / "shop"
    (folder / ".sandboxer/profiles").mkdir(parents=True)
    return folder


@pytest.fixture
def mine(home: Path) -> Write:
    """Write a profile of the user's."""
    return lambda name, text: _write(home / f"{name}.yml", text)


@pytest.fixture
def theirs(project: Path) -> Write:
    """Write a profile of the project's."""
    return lambda name, text: _write(project / f".sandboxer/profiles/{name}.yml", text)


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
