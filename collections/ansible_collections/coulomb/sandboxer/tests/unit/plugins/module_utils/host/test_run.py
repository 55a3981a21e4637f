"""A run's record: what a key answers with, who goes on, and when it is forgotten."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import ids, run
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.run import Run
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


def made(**changes: Any) -> Run:
    values: dict[str, Any] = {
        "id": "run-4f7kq2zdab",
        "key": "k1",
        "owner": "me",
        "sandbox": "sbx-4f7kq2zdab",
        "state": "testing",
        "document": {},
        "generation": 1,
        "job": {"boot_id": "this-boot"},
    }
    return Run(**{**values, **changes})


@pytest.mark.parametrize(
    ("current", "action"),
    [
        (None, "make"),
        (made(state="provisioning"), "follow"),
        (made(state="testing"), "follow"),
        (made(state="tested"), "follow"),
        (made(state="finished", result={"outcome": "passed"}), "keep"),
        (made(state="finished", result={"outcome": "failed"}), "keep"),
        (made(state="finished", result={"outcome": "timeout"}), "keep"),
        (made(state="finished", result={"outcome": "infra_error"}), "make"),
        (made(state="finished", result={"outcome": "cancelled"}), "make"),
        (made(state="finished", result={"outcome": "contract_error"}), "make"),
    ],
)
def test_what_a_key_answers_with(current: Run | None, action: str) -> None:
    assert run.plan(current) == action


@pytest.mark.parametrize(
    ("changes", "sandbox", "working", "code"),
    [
        ({}, {}, True, None),
        ({"state": "tested"}, {}, False, None),
        ({}, {}, False, "job_died"),
        ({}, {"wanted": "absent"}, False, "sandbox_died"),
        ({}, {"generation": 2}, False, "sandbox_died"),
        ({}, None, False, "sandbox_died"),
        ({"job": {"boot_id": "another"}}, {}, False, "sandbox_died"),
        ({"job": {}}, {}, False, "job_died"),
    ],
)
def test_why_nobody_goes_on(
    make_record: Callable[..., Record],
    changes: dict[str, Any],
    sandbox: dict[str, Any] | None,
    working: bool,
    code: str | None,
) -> None:
    carrier = None if sandbox is None else make_record(**sandbox)
    died = run.how_it_died(made(**changes), carrier, "this-boot", working=working)
    assert (died.code if died else None) == code


def test_found_by_its_key_of_its_owner(state: State) -> None:
    run.begin(state, made())
    assert run.find(state, "k1", "me") == made()
    assert run.find(state, "k1", "you") is run.find(state, "k2", "me") is None


def test_only_who_is_in_its_state_changes_it(state: State) -> None:
    run.begin(state, made())
    assert run.update(state, "run-4f7kq2zdab", "testing", died="so").died == "so"
    with pytest.raises(HostError, match="no longer provisioning"):
        run.update(state, "run-4f7kq2zdab", "provisioning", died="")


def test_fields_of_a_newer_program_survive(state: State) -> None:
    again = Run.from_dict({**made().as_dict(), "later": 1})
    assert again.as_dict()["later"] == 1
    assert again == made()._replace(unknown={"later": 1})


def test_forgotten_after_30_days_with_its_key(state: State, at: Now) -> None:
    for run_id, age in (("run-4f7kq2zdab", 31), ("run-4f7kq2zdac", 29)):
        run.begin(state, made(id=run_id, key=run_id))
        path = os.path.join(state.run(run_id), run.RECORD)
        os.utime(path, (at.wall - age * 86400,) * 2)
    run.forget_old(state, at)
    assert os.listdir(state.runs) == ["run-4f7kq2zdac"]
    assert run.find(state, "run-4f7kq2zdab", "me") is None
    assert run.find(state, "run-4f7kq2zdac", "me") is not None
    assert len(os.listdir(state.run_keys)) == 1


def test_a_key_that_has_gone_on_to_another_run_stays(state: State, at: Now) -> None:
    run.begin(state, made())
    os.utime(os.path.join(state.run("run-4f7kq2zdab"), run.RECORD), (0, 0))
    run.begin(state, made(id="run-4f7kq2zdac"))
    os.utime(os.path.join(state.run("run-4f7kq2zdac"), run.RECORD), (at.wall, at.wall))
    run.forget_old(state, at)
    found = run.find(state, "k1", "me")
    assert found is not None and found.id == "run-4f7kq2zdac"


@pytest.mark.parametrize(
    "value", ["", "run-", "run-4f7kq2zda", "run-4f7kq2zdabc", "run-../../etc", "run-4F7KQ2ZDAB"]
)
def test_no_other_word_is_an_id(value: str) -> None:
    with pytest.raises(HostError, match="not a valid id of a run"):
        ids.check_run_id(value)


@pytest.mark.parametrize("value", ["", "-a", "a b", "a\n", "ä", "a" * 129, "../a"])
def test_no_other_word_is_a_key(value: str) -> None:
    with pytest.raises(HostError, match="not a valid run key"):
        ids.check_run_key(value)
