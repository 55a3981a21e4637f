"""What the engine is called with."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Engine


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("/usr/bin:/bin", "/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"),  # cron's
        ("/usr/sbin:/usr/bin", "/usr/sbin:/usr/bin:/usr/local/sbin:/sbin"),
        (None, "/bin:/usr/bin:/usr/local/sbin:/usr/sbin:/sbin"),
    ],
)
def test_the_engine_finds_its_own_tools(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str | None, seen: str
) -> None:
    program = tmp_path / "engine"
    program.write_text('#!/bin/sh\nprintf "%s" "$PATH"\n')
    program.chmod(0o755)
    if given is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", given)
    for environment in ({}, {"X": "y"}):
        assert Engine(str(program)).run([], environment=environment).decode() == seen
