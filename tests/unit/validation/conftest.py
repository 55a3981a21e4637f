"""Repositories with a contract, and a home of nobody but the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

COMPOSE = """
services:
  web:
    image: docker.io/library/nginx
    ports: ["8080:80", "53:53/udp"]
  db:
    image: docker.io/library/postgres
    healthcheck: {test: [CMD, pg_isready, -q]}
"""

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / ".config/sandboxer").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository with a compose file, and no contract yet."""
    folder = tmp_path / "shop"
    (folder / "e2e").mkdir(parents=True)
    (folder / "compose.yml").write_text(COMPOSE)
    return folder


@pytest.fixture
def write(shop: Path) -> Write:
    """Write its contract; the repository."""

    def written(text: str | bytes) -> Path:
        content = text.encode() if isinstance(text, str) else text
        (shop / "e2e/e2e.yml").write_bytes(content)
        return shop

    return written
