"""The module `sandbox`: what it hands on, and that a receipt which names something is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import verbs
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State
from ansible_collections.coulomb.sandboxer.plugins.modules import sandbox

REMAINS = {"remains": [{"kind": "container", "key": "sbx-one.web"}]}
PARAMS = {"id": None, "name": "one", "owner": "me", "resolved": "{}", "wait": True}


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(str(tmp_path / "state"), str(tmp_path / "srv"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the host library is asked for."""
    calls: list[tuple[str, Any]] = []

    def run(state: State, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        calls.append((verb, request.get("check")))
        return {"changed": True, "receipt": REMAINS, "action": "make", "object": {"id": "sbx-one"}}

    monkeypatch.setattr(verbs, "run", run)
    return calls


def test_a_check_stays_a_check(state: State, asked: list[tuple[str, Any]]) -> None:
    sandbox.present(state, PARAMS, True)
    sandbox.absent(state, PARAMS, True)
    assert asked == [("create", True), ("destroy", True)]


def test_what_remains_is_an_error(state: State, asked: list[tuple[str, Any]]) -> None:
    with pytest.raises(HostError) as failed:
        sandbox.absent(state, PARAMS, False)
    assert failed.value.code == "residue"
    assert asked == [("destroy", False)]
