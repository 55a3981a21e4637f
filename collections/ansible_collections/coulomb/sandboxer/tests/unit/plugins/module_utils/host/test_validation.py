"""A run's verbs: what several controllers may ask at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    job,
    program,
    record,
    run,
    validation,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.run import Run
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

DOCUMENT = {"health": [], "steps": [], "reports": {}, "timeouts": {}}


@pytest.fixture
def begun(state: State, make_record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch) -> Run:
    """One whose sandbox is ready."""
    made = Run(
        id="run-4f7kq2zdab",
        key="k1",
        owner="me",
        sandbox="sbx-4f7kq2zdab",
        state="provisioning",
        document=DOCUMENT,
        instants={"begun_at": 1.0},
    )
    run.begin(state, made)
    os.makedirs(state.sandbox(made.sandbox))
    record.write(state, make_record(id=made.sandbox))
    monkeypatch.setattr(validation, "document_of", lambda *_: {"services": {}})
    return made


@pytest.mark.parametrize("goes_on", [False, True], ids=["ends at once", "goes on"])
def test_a_test_is_begun_once(
    state: State, begun: Run, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    """By one of two who have both seen that it is not begun yet; the other one follows it."""
    both = threading.Barrier(2, timeout=10)
    monkeypatch.setattr(program, "install", lambda _state: both.wait())
    jobs: list[int] = []

    def start(_state: State, _program: str, _run: str, _generation: int, work: int) -> None:
        jobs.append(os.dup(work) if goes_on else -1)

    monkeypatch.setattr(job, "start", start)
    answers: list[dict[str, Any]] = []

    def ask() -> None:
        answers.append(validation.test(state, {"run": begun.id, "seconds": 0}))

    asking = [threading.Thread(target=ask, daemon=True) for _each in range(2)]
    for one in asking:
        one.start()
    for one in asking:
        one.join(10)
    assert len(jobs) == 1
    assert [one["run"]["id"] for one in answers] == [begun.id, begun.id]
