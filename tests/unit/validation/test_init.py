"""A first contract, from a compose file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxer_cli.errors import Conflict, SandboxerError, Usage
from sandboxer_cli.profiles.schema import EDITOR_LINE
from sandboxer_cli.validation.init import contract_text, init
from sandboxer_cli.validation.lint import faults
from sandboxer_cli.validation.load import load


def test_it_is_right_as_it_is_written(shop: Path) -> None:
    assert init(shop) == ["e2e/e2e.yml", "e2e/e2e.schema.json"]
    assert faults(shop) == []
    contract = load(shop)
    assert [probe.asked() for probe in contract.health] == [
        {"service": "web", "http": {"port": 80, "path": "/", "status": None, "contains": None}},
        {"service": "db", "exec": {"command": ["pg_isready", "-q"]}},
    ]
    # nobody takes it for a test that passes
    assert contract.steps[0].run[-1].endswith("exit 1")
    assert (shop / "e2e/e2e.yml").read_text().startswith(EDITOR_LINE + "e2e.schema.json\n")


@pytest.mark.parametrize(
    ("service", "health"),
    [
        ("ports: [6379]", "tcp: {port: 6379}"),
        ("ports: ['8000:3000']", "http: {port: 3000, path: /}"),
        ("ports: ['53:53/udp']", None),
        ("expose: [80]", None),
        ("healthcheck: {test: 'a b || exit 1'}", "command: [sh, -c, a b || exit 1]"),
        ("ports: [80]\n    healthcheck: {test: [NONE]}", "http: {port: 80, path: /}"),
        ("ports: [80]\n    healthcheck: {test: [CMD, '0o7', 'yes', '1e3']}", "exec:"),
    ],
)
def test_health(shop: Path, service: str, health: str | None) -> None:
    (shop / "compose.yml").write_text(f"services:\n  a:\n    image: x.io/y\n    {service}\n")
    text = contract_text(shop)
    assert ("health:" in text) is (health is not None)
    assert health is None or health in text
    init(shop)
    assert faults(shop) == []


def test_words_stay_words(shop: Path) -> None:
    words = [
        "a",
        "0o7",
        "yes",
        "1e3",
        "null",
        "~",
        "1.0",
        "x: y",
        "# z",
        "é\U0001f600",
        "two\nlines",
    ]
    (shop / "compose.yml").write_text(
        f"services: {{a: {{image: x.io/y, healthcheck: {{test: {['CMD', *words]!r}}}}}}}".replace(
            "'two\\nlines'", '"two\\nlines"'
        )
    )
    init(shop)
    [probe] = load(shop).health
    assert probe.asked()["exec"]["command"] == words


def test_what_a_variable_says_is_not_written_down(shop: Path) -> None:
    (shop / ".env").write_text("PW=canary\n")
    (shop / "compose.yml").write_text(
        "services: {a: {image: x.io/y, healthcheck: {test: mysqladmin -p$PW ping}}}"
    )
    assert "canary" not in contract_text(shop)
    init(shop)
    assert load(shop).health == ()


def test_nothing_is_overwritten(shop: Path) -> None:
    (shop / "e2e/e2e.yml").write_text("mine")
    with pytest.raises(Conflict) as caught:
        init(shop)
    assert caught.value.detail.code == "contract_exists"
    assert (shop / "e2e/e2e.yml").read_text() == "mine"
    (shop / "e2e/e2e.yml").unlink()
    (shop / "e2e/e2e.schema.json").write_text("mine")
    assert init(shop) == ["e2e/e2e.yml"]
    assert (shop / "e2e/e2e.schema.json").read_text() == "mine"


@pytest.mark.parametrize("what", ["file", "folder"])
def test_nothing_is_written_through_a_link(shop: Path, what: str) -> None:
    outside = shop.parent / "outside"
    outside.mkdir()
    if what == "file":
        (shop / "e2e/e2e.yml").symlink_to(outside / "e2e.yml")
    else:
        (shop / "e2e").rmdir()
        (shop / "e2e").symlink_to(outside)
    with pytest.raises(SandboxerError):
        init(shop)
    assert list(outside.iterdir()) == []


def test_a_file_in_the_folders_place(shop: Path) -> None:
    (shop / "e2e").rmdir()
    (shop / "e2e").write_text("a file")
    with pytest.raises(Conflict):
        init(shop)


def test_without_a_compose_file(shop: Path) -> None:
    (shop / "compose.yml").unlink()
    with pytest.raises(Usage) as caught:
        init(shop)
    assert caught.value.detail.code == "compose_missing"
    assert list((shop / "e2e").iterdir()) == []
