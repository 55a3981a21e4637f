"""What the engine is called with."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Engine
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError


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


def test_a_missing_engine_is_said_with_the_folders_that_were_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    engine = Engine("no-such-engine")
    assert not engine.is_here()
    with pytest.raises(HostError) as caught:
        engine.run(["version"])
    assert caught.value.code == "engine_missing"
    assert str(caught.value) == (
        "there is no no-such-engine in /usr/bin:/usr/local/sbin:/usr/sbin:/sbin"
    )
