"""The action plugin finds the profiles that the program finds, and makes the same of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.action import sandbox
from ansible_collections.coulomb.sandboxer.plugins.modules.sandbox import SPEC
from sandboxer_cli.client import Answer, Client, CreateRequest
from sandboxer_cli.profiles.resolve import resolve
from sandboxer_cli.profiles.resolved import ResolveRequest, handed_over
from tests.unit.profiles.conftest import Write


def asked(**given: Any) -> dict[str, Any]:
    args = {"settings": {}, "deadline": "10m", "owner": "me", "replace": False, "unreaped": False}
    defaults = {name: one.get("default") for name, one in SPEC.items()}
    request, _ = sandbox._resolve({**defaults, **args, **given})
    return request


def test_the_same_document(mine: Write, theirs: Write, project: Path) -> None:
    (project / "compose.yml").write_text(
        "services: {web: {image: docker.io/library/nginx, ports: ['80']}}\n"
    )
    mine("base", "extends: profile.compose\nttl: 2h\n")
    theirs("shop", "extends: profile.base\nprobes: [{service: web, tcpSocket: {port: 80}}]\n")
    request = asked(profile="profile.shop", source=str(project))
    found = resolve(ResolveRequest("profile.shop", project))
    assert request["document"] == found.document
    assert request["profile_hash"] == found.profile_hash
    assert (request["ttl"], request["name"]) == (7200, "shop")


def test_what_is_left_out_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program has told it the play is given what was resolved, and no more is said."""
    (project / "compose.yml").write_text(
        "version: '3'\nservices: {web: {image: docker.io/library/nginx, container_name: front}}\n"
    )
    told: list[str] = []
    monkeypatch.setattr(sandbox.Display, "warning", lambda _, text: told.append(text))
    asked(profile="profile.compose", source=str(project))
    said = "version is left out: it has no meaning any more, compose.yml:1:1"
    assert told == [said]  # what is changed is for `compose show`
    question = ResolveRequest("profile.compose", project)
    with handed_over(question, resolve(question)) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        asked(profile="profile.compose", source=str(project))
    assert told == [said]


@pytest.mark.parametrize(
    ("given", "surroundings", "counts"),
    [
        (None, None, "podman-compose"),
        (None, "/other", "podman-compose"),
        ("", None, None),
        ("/given", "/other", "/given"),
    ],
)
def test_ones_own_compose_program(
    mine: Write,
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    surroundings: str | None,
    counts: str | None,
) -> None:
    monkeypatch.delenv("SANDBOXER_COMPOSE_CMD", raising=False)
    if surroundings is not None:
        monkeypatch.setenv("SANDBOXER_COMPOSE_CMD", surroundings)
    mine("hello", "extends: profile.hello\ncompose_cmd: podman-compose\n")
    assert asked(profile="profile.hello", compose_cmd=given)["compose_cmd"] == counts


@pytest.mark.parametrize(("given", "host"), [(None, "h1"), ("h2", "h2")])
def test_ones_own_host(
    mine: Write, monkeypatch: pytest.MonkeyPatch, given: str | None, host: str
) -> None:
    played: list[tuple[str, Mapping[str, object]]] = []

    def play(
        self: Client, verb: str, wanted: str, variables: Mapping[str, object], **_: Any
    ) -> Any:
        played.append((wanted, variables))
        return Answer({})

    monkeypatch.setattr(Client, "_ways", lambda self, pattern: ())
    monkeypatch.setattr(Client, "_play", play)
    mine("hello", "extends: profile.hello\nhost: h1\ncompose_cmd: podman-compose\n")
    Client().create(CreateRequest(profile="profile.hello", host=given))
    [(wanted, variables)] = played
    assert wanted == host
    # as an extra variable it would win over the inventory
    assert "sandboxer_compose_cmd" not in variables
