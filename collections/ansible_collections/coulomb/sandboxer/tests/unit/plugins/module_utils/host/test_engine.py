"""What an engine is called with."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman


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
        assert Podman(str(program)).run([], environment=environment).decode() == seen


def test_a_command_that_takes_too_long_may_finish_what_it_has_begun(tmp_path: Path) -> None:
    """One that is killed in the middle leaves behind what it had not yet written down."""
    written = tmp_path / "written"
    program = tmp_path / "engine"
    lines = f"trap 'sleep 0.3; touch {written}; exit 0' TERM; while :; do sleep 0.1; done"
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)
    with pytest.raises(HostError) as failed:
        Podman(str(program)).run(["ps"], seconds=1)
    assert failed.value.code == "engine_failed"
    assert written.exists()


def test_so_may_one_whose_job_is_over(tmp_path: Path) -> None:
    written = tmp_path / "written"
    program = tmp_path / "engine"
    program.write_text(f"#!/bin/sh\nsleep 1; touch {written}\n")
    program.chmod(0o755)

    def over(number: int, frame: object) -> None:
        raise HostError("deadline", "its time is over")

    before = signal.signal(signal.SIGALRM, over)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(HostError) as failed:
            Podman(str(program)).run(["ps"])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert failed.value.code == "deadline"
    assert written.exists()


def test_a_missing_engine_is_said_with_the_folders_that_were_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    engine = Podman("no-such-engine")
    assert not engine.is_here()
    with pytest.raises(HostError) as caught:
        engine.run(["version"])
    assert caught.value.code == "engine_missing"
    assert str(caught.value) == (
        "there is no no-such-engine in /usr/bin:/usr/local/sbin:/usr/sbin:/sbin"
    )
