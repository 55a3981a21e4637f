"""What the tests of several rooms share: a state folder, and a record to change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import lease
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


@pytest.fixture
def at() -> Now:
    return Now(wall=1_000_000.0, boot=5_000.0, boot_id="this-boot")


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(str(tmp_path / "state"), str(tmp_path / "srv"))
    made.prepare()
    return made


@pytest.fixture
def no_engine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which there is none: the folder, for a fake."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def make_record(at: Now) -> Callable[..., Record]:
    """A ready sandbox with ten minutes left, changed as the test says."""

    def make(**changes: Any) -> Record:
        values: dict[str, Any] = {
            "id": "sbx-one",
            "name": "one",
            "owner": "me",
            "generation": 1,
            "state": "ready",
            "wanted": "present",
            "program": "0.1.0-abc.pyz",
            "lease": lease.grant(600, 600, at).as_dict(),
            "engine": "podman",
            "request": {"profile": "sha256:0"},
        }
        return Record(**{**values, **changes})

    return make
