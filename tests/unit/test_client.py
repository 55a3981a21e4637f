"""What a client says of several hosts, where one of them can't be asked: a played host each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sandboxer_cli import client
from sandboxer_cli.cli.answer import emit_plan
from sandboxer_cli.client import Answer, Client
from sandboxer_cli.errors import HostUnreachable, Usage

SILENT = HostUnreachable("h2 does not answer")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The variables of each play: h1 has what is asked for, h2 is silent."""
    plays: list[dict[str, Any]] = []

    def show(way: Any, reference: str, owner: str) -> dict[str, str]:
        if way.host == "h2":
            raise SILENT
        return {"host": way.host}

    def play(_self: Client, _verb: str, pattern: str, variables: Any, **_more: Any) -> Answer:
        plays.append({**variables, "hosts": pattern})
        return Answer({"h1": {"changed": True}})

    hosts = tuple(SimpleNamespace(host=name) for name in ("h1", "h2"))
    monkeypatch.setattr(Client, "_each", lambda _self, _pattern: hosts)
    monkeypatch.setattr(Client, "_play", play)
    monkeypatch.setattr(client, "_show", show)
    return plays


VERBS: dict[str, Callable[..., Answer]] = {
    "destroy": lambda of, *words: of.destroy(*words),
    "stop": lambda of, *words: of.stop(*words),
    "start": lambda of, *words: of.start(*words),
    "restart": lambda of, name, *words: of.restart(name, None, *words),
    "extend": lambda of, name, *words: of.extend(name, "1h", *words),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_host_that_is_meant_and_silent_is_named(played: list[dict[str, Any]], verb: str) -> None:
    """It may have one of them, too."""
    answer = VERBS[verb](Client(), "one", "h1,h2")
    assert (answer.results, answer.failures) == ({"h1": {"changed": True}}, {"h2": SILENT})
    assert [one["hosts"] for one in played] == ["h1"]
    # where no host is meant it is that of the host that has it
    assert VERBS[verb](Client(), "one").failures == {}


@pytest.mark.parametrize(
    ("reference", "variables"),
    [
        ("one", {"sandboxer_name": "one", "sandboxer_id": ""}),
        ("sbx-one", {"sandboxer_id": "sbx-one", "sandboxer_name": ""}),
    ],
)
def test_no_other_one_of_an_inventory_is_meant(
    played: list[dict[str, Any]], reference: str, variables: dict[str, str]
) -> None:
    """Which may have a sandboxer_id, or a name, for what is created there."""
    Client().stop(reference, "h1")
    assert variables.items() <= played[0].items()


def test_what_is_not_asked_for_is_for_the_inventory(
    played: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that the program gives would win."""
    monkeypatch.setattr(client.connection, "start_master", lambda way: None)
    here = (SimpleNamespace(host="h1", name=None, compose_cmd=None, variables=()),)
    monkeypatch.setattr(Client, "_ways", lambda _self, _pattern: here)
    flags = {"sandboxer_replace", "sandboxer_unreaped", "sandboxer_wait"}
    request = client.CreateRequest(profile="profile.hello", host="h1", check=True)
    Client().create(request)
    assert not flags & played[0].keys()
    Client().create(replace(request, replace=True, unreaped=True, wait=False))
    assert {name: played[1][name] for name in flags} == {
        "sandboxer_replace": True,
        "sandboxer_unreaped": True,
        "sandboxer_wait": False,
    }


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_a_deadline_is_looked_at_first(played: list[dict[str, Any]], verb: str) -> None:
    with pytest.raises(Usage) as refused:
        getattr(Client(), verb)("one", deadline="soon")
    assert (refused.value.detail.code, played) == ("deadline_invalid", [])


def test_a_dry_run_says_who_could_not_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer({"h1": {"changed": True}}, {"h2": SILENT})
    assert emit_plan(answer, json=False) == SILENT.exit_status
    told = capsys.readouterr()
    assert told.out == "h1: would change\n"
    assert "h2 does not answer [host_unreachable]" in told.err
    assert emit_plan(answer, json=True) == SILENT.exit_status
    assert json.loads(capsys.readouterr().out)["errors"]["h2"]["code"] == "host_unreachable"
