"""Verbs against a state folder: what a check may do, and when a lease is not extended."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    destroy,
    lease,
    observe,
    prepare,
    record,
    verbs,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now, now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State, write_json

ENDED = lease.grant(0, 600, Now(0.0, 0.0, "an older boot")).as_dict()
CREATE = {
    "name": "new",
    "owner": "me",
    "request": {"profile": "sha256:0"},
    "document": {"services": {}, "volumes": {}},
}
REQUESTS = {
    "absent": {"ref": "one", "owner": "me"},
    "create": CREATE,
    "destroy": {"ref": "one", "owner": "me"},
    "extend": {"ref": "one", "owner": "me", "ttl": 3600},
    "present": {**CREATE, "wait": True},
    "reap": {},
}


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    paths = sorted(folder.rglob("*"))
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in paths
    }


@pytest.fixture
def there(state: State, make_record: Callable[..., Record], no_engine: Path) -> State:
    """Two sandboxes: one that lives, one that is due."""
    alive = lease.grant(600, 600, now()).as_dict()
    for name, granted in (("one", alive), ("due", ENDED)):
        os.makedirs(state.sandbox(f"sbx-{name}"))
        made = make_record(id=f"sbx-{name}", name=name, lease=granted)
        record.write(state, made)
    return state


@pytest.mark.skipif(os.geteuid() != 0, reason="sandboxes are made as root for now")
@pytest.mark.parametrize("verb", REQUESTS)
def test_a_check_writes_nothing(there: State, tmp_path: Path, verb: str) -> None:
    before = tree(tmp_path)
    answer = verbs.run(there, verb, {**REQUESTS[verb], "check": True})
    assert tree(tmp_path) == before
    if verb == "reap":
        assert (answer["destroyed"], answer["kept"]) == (["sbx-due"], ["sbx-one"])


@pytest.mark.skipif(os.geteuid() != 0, reason="sandboxes are made as root for now")
def test_a_check_of_a_create_makes_no_state_folder(tmp_path: Path) -> None:
    untouched = State(str(tmp_path / "state"), str(tmp_path / "srv"))
    answer = verbs.run(untouched, "create", {**CREATE, "check": True})
    assert (answer["changed"], answer["object"]) == (True, None)
    assert list(tmp_path.iterdir()) == []


def test_a_check_of_a_preparation_writes_nothing(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = prepare.Machine(
        "debian", "13", 0, "none", (32768, 60999), "p.pyz", "podman", "5.4.2", "4.3", "e"
    )
    nothing = prepare.Condition((), {}, "", "", {}, False, {})
    monkeypatch.setattr(prepare, "look", lambda state: machine)
    monkeypatch.setattr(prepare, "read", lambda *_: nothing)
    monkeypatch.setattr(prepare, "_missing_packages", lambda machine: ())
    monkeypatch.setattr(prepare, "write", lambda *_: pytest.fail("it writes"))
    before = tree(tmp_path)
    assert verbs.run(state, "prepare", {"check": True})["changed"] is True
    assert tree(tmp_path) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="sandboxes are made as root for now")
def test_an_id_that_is_another_ones_is_a_conflict(there: State, tmp_path: Path) -> None:
    before = tree(tmp_path)
    for words in ({"name": "two"}, {"name": "one", "owner": "you"}):
        with pytest.raises(HostError) as failed:
            verbs.run(there, "create", {**CREATE, "id": "sbx-one", **words})
        assert failed.value.code == "conflict"
    assert tree(tmp_path).keys() == before.keys()


def test_only_root_makes_sandboxes_for_now(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError) as failed:
        verbs.run(state, "create", {**CREATE, "check": True})
    assert failed.value.code == "account_unsupported"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"wanted": "absent"}, "expired"),
        ({"state": "creating"}, "busy"),
        ({"lease": ENDED}, "expired"),
    ],
)
def test_what_is_not_extended(
    state: State, make_record: Callable[..., Record], changes: dict[str, Any], code: str
) -> None:
    os.makedirs(state.sandbox("sbx-one"))
    alive = lease.grant(600, 600, now()).as_dict()
    record.write(state, make_record(**{"lease": alive, **changes}))
    with pytest.raises(HostError) as failed:
        verbs.run(state, "extend", {"ref": "sbx-one", "owner": "me", "ttl": 3600})
    assert failed.value.code == code


@pytest.mark.parametrize("remains", [[], [{"kind": "container", "key": "sbx-one.web"}]])
def test_what_remains_of_one_that_is_to_be_absent_is_an_error(
    state: State, monkeypatch: pytest.MonkeyPatch, remains: list[dict[str, str]]
) -> None:
    os.makedirs(state.sandbox("sbx-one"))
    monkeypatch.setattr(destroy, "run", lambda *_: {"remains": remains})
    request = {"ref": "sbx-one", "owner": "me", "check": False}
    if not remains:
        assert verbs.run(state, "absent", request)["receipt"] == {"remains": []}
        return
    with pytest.raises(HostError) as failed:
        verbs.run(state, "absent", request)
    assert failed.value.code == "residue"


@pytest.mark.parametrize(("works", "asked"), [([True, False], 0), ([False], 1)])
def test_a_job_that_ends_while_it_is_followed_is_believed(
    state: State,
    make_record: Callable[..., Record],
    monkeypatch: pytest.MonkeyPatch,
    works: list[bool],
    asked: int,
) -> None:
    os.makedirs(state.job("sbx-one"))
    made = make_record(id="sbx-one", state="ready", containers={"sbx-one.web": "running"})
    record.write(state, made)
    at_work = iter(works)
    monkeypatch.setattr(State, "is_working", lambda *_: next(at_work))
    questions: list[Any] = []
    monkeypatch.setattr(
        observe, "containers", lambda engines: questions.append(engines) or {"podman": []}
    )
    answer = verbs.run(state, "follow", {"id": "sbx-one", "to_end": True})
    assert len(questions) == asked
    assert answer["object"]["state"] == ("stopped" if asked else "ready")


@pytest.mark.skipif(os.geteuid() != 0, reason="sandboxes are made as root for now")
@pytest.mark.parametrize("verb", ["create", "start", "stop", "restart"])
def test_an_engine_that_fails_is_no_sandbox_that_is_missing(
    state: State,
    make_record: Callable[..., Record],
    no_engine: Path,
    tmp_path: Path,
    verb: str,
) -> None:
    broken = no_engine / "podman"
    broken.write_text("#!/bin/sh\necho the database is locked >&2\nexit 125\n")
    broken.chmod(0o755)
    os.makedirs(state.job("sbx-one"))
    alive = lease.grant(600, 600, now()).as_dict()
    made = make_record(lease=alive, containers={"sbx-one.web": "running"})
    record.write(state, made)
    write_json(os.path.join(state.job("sbx-one"), "spec.json"), CREATE)
    before = tree(tmp_path)
    request = {**CREATE, "name": "one", "ref": "one", "ttl": 600, "wait": False}
    with pytest.raises(HostError, match="the database is locked") as failed:
        verbs.run(state, verb, request)
    assert failed.value.code == "engine_failed"
    assert {path: was for path, was in tree(tmp_path).items() if "sandboxes" in path} == {
        path: was for path, was in before.items() if "sandboxes" in path
    }
    assert verbs.run(state, "show", request)["state"] == "ready"
    assert [one["state"] for one in verbs.run(state, "list", {})] == ["ready"]


@pytest.mark.parametrize("changes", [{"generation": 2}, {"wanted": "absent"}])
def test_a_piece_of_the_source_is_for_a_making_that_is_still_the_same(
    state: State, make_record: Callable[..., Record], changes: dict[str, Any]
) -> None:
    os.makedirs(state.sandbox("sbx-one"))
    record.write(state, make_record(state="creating", **changes))
    piece = {"id": "sbx-one", "generation": 1, "sender": "abcdefgh", "at": 0, "data": ""}
    with pytest.raises(HostError) as failed:
        verbs.receive(state, {**piece, "last": False, "wait": False})
    assert failed.value.code == "fenced"
