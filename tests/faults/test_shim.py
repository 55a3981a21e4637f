"""The old entries with real sandboxes, as scripts/verify-e2e-shim.sh tries them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.faults.test_validate import ROOT, machine, sandboxes  # noqa: F401

pytestmark = [pytest.mark.podman, pytest.mark.soak]


def test_the_old_entries_are_the_new_one(machine: Path) -> None:  # noqa: F811
    done = subprocess.run(
        [ROOT / "scripts/verify-e2e-shim.sh"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "passes: all three ended with 0",
        "fails: all three ended with 9",
        "wrong: all three ended with 2",
        "nothing is left",
    ]
    assert sandboxes() == []
