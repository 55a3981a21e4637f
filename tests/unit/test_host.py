"""What a host program answers, as the program says it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sandboxer_cli import connection, host
from sandboxer_cli.errors import Usage


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
