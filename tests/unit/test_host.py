"""What a host program answers, as the program says it."""

from __future__ import annotations

import getpass
import json
import subprocess
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import engine
from sandboxer_cli import connection, host
from sandboxer_cli.errors import SandboxerError, Usage


def test_a_host_program_that_is_older_than_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A fake of its words: it stands on hosts that an earlier version has prepared."""
    said = {"error": {"code": "usage", "message": "no verb 'open'; there are list, show"}}
    done = subprocess.CompletedProcess([], 1, json.dumps(said).encode(), b"")
    monkeypatch.setattr(connection, "run", lambda *_, **__: done)
    monkeypatch.chdir(tmp_path)
    [way] = connection.reach_all("localhost", ())
    with pytest.raises(Usage) as caught:
        host.ask(way, "open", {})
    assert caught.value.detail.code == "program_older"
    assert "host prepare localhost" in caught.value.detail.hint


def test_an_engine_that_is_slow_to_say_no_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host knows best that its engine has stopped answering: it may say so itself."""
    waits: list[float] = []

    def run(*_: object, timeout: float, **__: object) -> subprocess.CompletedProcess[bytes]:
        waits.append(timeout)
        return subprocess.CompletedProcess([], 0, b"[]", b"")

    monkeypatch.setattr(connection, "run", run)
    [way] = connection.reach_all("localhost", ())
    host.ask(way, "list", {})
    assert waits[0] >= engine.QUERY_SECONDS + 10


def test_a_login_shell_that_says_something(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 0, b"Welcome!\n[]\n", b"")
    monkeypatch.setattr(connection, "run", lambda *_, **__: done)
    [way] = connection.reach_all("localhost", ())
    assert host.ask(way, "list", {}) == []


def test_a_host_program_that_says_nothing_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 1, b"Welcome!\n", b"Traceback:\nIt broke\n")
    monkeypatch.setattr(connection, "run", lambda *_, **__: done)
    [way] = connection.reach_all("localhost", ())
    with pytest.raises(SandboxerError, match="the host program of localhost failed: It broke"):
        host.ask(way, "list", {})


def test_an_account_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def getuser() -> str:
        raise OSError("no name")

    monkeypatch.setattr(getpass, "getuser", getuser)
    monkeypatch.delenv("SANDBOXER_OWNER", raising=False)
    with pytest.raises(Usage) as caught:
        host.owner(None)
    assert "SANDBOXER_OWNER" in caught.value.detail.hint
    assert host.owner("me") == "me"
