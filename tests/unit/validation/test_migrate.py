"""Older files, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.tree import plain
from sandboxer_cli.errors import Usage
from sandboxer_cli.validation.load import load
from sandboxer_cli.validation.migrate import Migrated, migrate, write


def migrated(shop: Path, text: str) -> Migrated:
    file = shop / "e2e/e2e.yml"
    file.write_text(text)
    return migrate(file)


def said(found: Migrated) -> dict[str, Any]:
    return dict(plain(parse(found.text.encode(), "x")))


GET = {"service": "web", "http": {"port": 80, "path": "/health"}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("command: ./run", {"test_command": "./run"}),
        ("test: [a, b]", {"test_command": ["a", "b"]}),
        ("script: |\n  a\n  b: c\n", {"test_command": "a\nb: c\n"}),
        ("timeout: 600", {"timeouts": {"test": "600s"}}),
        ("timeout: 10m\nhealth_timeout: 30", {"timeouts": {"test": "10m", "health": "30s"}}),
        ("profile: compose", {"sandbox": {"profile": "profile.compose"}}),
        ("profile: profile.x", {"sandbox": {"profile": "profile.x"}}),
        ("compose_file: c.yml\nttl: 900", {"sandbox": {"compose": "c.yml", "ttl": "900s"}}),
        ("env: {A: '1'}", {"sandbox": {"environment": {"A": "1"}}}),
        ("secrets: {TOKEN: canary}", {"sandbox": {"secrets": ["TOKEN"]}}),
        ("secrets: TOKEN", {"sandbox": {"secrets": ["TOKEN"]}}),
        ("junit: a.xml\nartifacts: [b]", {"reports": {"junit": ["a.xml"], "artifacts": ["b"]}}),
        ("keep: true", {"keep": "always"}),
        ("keep: false", {"keep": "never"}),
        ("keep_on_failure: true", {"keep": "on-failure"}),
        ("health_url: http://localhost:8080/health", {"health": [GET]}),  # as compose publishes it
        ("health_url: http://web:80/health", {"health": [GET]}),
        ("health: http://localhost:8080/health", {"health": [GET]}),
        ("health_url: localhost:8080/health", {"health": [GET]}),
        ("health_url: http://x:8080/health\nhealth_service: web", {"health": [GET]}),
        ("reachability: {remote_dir: /srv/x}", {}),
        ("host: h1\naccount: root\npolicy: none", {}),
        ("frob: {a: 1}", {"x-frob": {"a": 1}}),
        ("x-mine: 1", {"x-mine": 1}),
        ("timeouts: 5\ntimeout: 6", {"timeouts": {"test": "6s"}}),
    ],
)
def test_keys(shop: Path, old: str, new: dict[str, Any]) -> None:
    found = migrated(shop, old)
    assert said(found) == {"version": 1, **new}
    assert "canary" not in found.text + "".join(found.notes)


def test_a_whole_one_is_right(shop: Path) -> None:
    text = (
        "profile: compose\nhealth_url: http://localhost:8080/\ncommand: ./e2e/run.sh\n"
        "timeout: 300\nreachability: {remote_dir: /srv/shop}\n"
    )
    found = migrated(shop, text)
    assert (found.changed, found.faults) == (True, [])
    assert [note.partition(" ")[0] for note in found.notes] == ["reachability"]
    backup = write(shop / "e2e/e2e.yml", found.text)
    assert (backup.name, backup.read_text()) == ("e2e.yml.bak", text)
    assert load(shop).timeouts.test == 300
    assert migrate(shop / "e2e/e2e.yml").changed is False


def test_what_it_cannot_tell_is_said(shop: Path) -> None:
    found = migrated(shop, "health_url: https://shop.test/health?a=1\n")
    assert said(found)["health"] == [
        {
            "service": "CHANGE-ME",
            "http": {"port": 443, "path": "/health?a=1", "scheme": "HTTPS"},
        }
    ]
    assert [note[:5] for note in found.notes] == ["TODO:", "TODO:"]
    assert found.faults  # there is no test


def test_a_backup_overwrites_nothing(shop: Path) -> None:
    file = shop / "e2e/e2e.yml"
    for number in (1, 2, 3):
        file.write_text(f"command: {number}")
        write(file, "new")
    assert sorted(path.name for path in file.parent.iterdir()) == [
        *("e2e.yml", "e2e.yml.bak", "e2e.yml.bak2", "e2e.yml.bak3"),
    ]
    assert file.with_name("e2e.yml.bak").read_text() == "command: 1"
    assert file.read_text() == "new"


@pytest.mark.parametrize("text", ["version: 1\ntest_command: a", "version: 1\nfrob: 1"])
def test_a_new_one_stays(shop: Path, text: str) -> None:
    found = migrated(shop, text)
    assert (found.changed, found.text) == (False, text)


@pytest.mark.parametrize("text", ["", "- a", "a: [", "a: !!python/object x", "#" * 2_000_000])
def test_what_is_no_such_file(shop: Path, text: str) -> None:
    with pytest.raises(Usage) as caught:
        migrated(shop, text)
    assert caught.value.detail.code == "contract_error"
    with pytest.raises(Usage):
        migrate(shop / "nothing.yml")
