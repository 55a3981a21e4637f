"""Engine settings of ours: only where they are allowed, and taken back where they don't help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import trial
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "conf.d" / "ours.conf"
    monkeypatch.setattr(trial, "SETTINGS_FILE", str(path))
    return path


def play(monkeypatch: pytest.MonkeyPatch, *works: bool) -> None:
    """What each trial comes to."""
    told = iter(works)

    def run(*_: Any) -> None:
        if not next(told):
            raise HostError("engine_failed", "it does not answer")

    monkeypatch.setattr(trial, "run", run)


@pytest.mark.parametrize("before", [None, "of an older version\n"])
def test_settings_that_do_not_help_are_taken_back(
    state: State, settings: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is not None:
        settings.parent.mkdir()
        settings.write_text(before)
    play(monkeypatch, False, False)
    with pytest.raises(HostError) as failed:
        trial.prove(Podman(), state, fix=True)
    assert failed.value.code == "engine_failed"
    assert (settings.read_text() if settings.exists() else None) == before


def test_settings_that_help_stay(
    state: State, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, False, True)
    assert trial.prove(Podman(), state, fix=True)
    assert settings.read_text() == trial.SETTINGS


def test_without_leave_nothing_is_written(
    state: State, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, False)
    with pytest.raises(HostError) as failed:
        trial.prove(Podman(), state, fix=False)
    assert "--fix-engine" in failed.value.hint
    assert not settings.exists()


def test_settings_are_podmans(
    state: State, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, False)
    with pytest.raises(HostError) as failed:
        trial.prove(Docker(), state, fix=True)
    assert "--fix-engine" not in failed.value.hint
    assert not settings.exists()
