"""What the tests of several rooms share: a controller by itself, and a host for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.sshd import jump, sshd

__all__ = ["jump", "sshd"]


@pytest.fixture
def quiet_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of this machine's user, and a working folder of the test's own."""
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        if name != "ANSIBLE_SSH_CONTROL_PATH_DIR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
