"""Records: of other versions, damaged ones, and which one a reference means."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    lease,
    reap,
    record,
    verbs,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

MakeRecord = Callable[..., Record]


def put(state: State, sandbox_id: str, content: Any) -> None:
    os.makedirs(state.sandbox(sandbox_id))
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    with open(state.record(sandbox_id), "wb") as file:
        file.write(text)


def test_a_record_survives_being_written_down(state: State, make_record: MakeRecord) -> None:
    written = make_record(holdings=({"kind": "network", "key": "sbx-one.default"},))
    os.makedirs(state.sandbox("sbx-one"))
    record.write(state, written)
    assert record.read(state, "sbx-one") == written
    assert record.read(state, "sbx-two") is None


def test_unknown_fields_survive_a_rewrite(state: State, make_record: MakeRecord) -> None:
    newer = {**make_record().as_dict(), "schema": 2, "colour": "red", "nested": {"a": [1, None]}}
    put(state, "sbx-one", newer)
    record.update(state, "sbx-one", 1, state="stopped")
    with open(state.record("sbx-one"), encoding="utf-8") as file:
        assert json.load(file) == {**newer, "state": "stopped"}


def test_unknown_fields_of_the_lease_survive_too(state: State, make_record: MakeRecord) -> None:
    data = make_record().as_dict()
    put(state, "sbx-one", {**data, "lease": {**data["lease"], "paused": True}})
    record.update(state, "sbx-one", 1, state="stopped")
    found = record.read(state, "sbx-one")
    assert found is not None
    assert found.lease["paused"] is True


def test_missing_fields_have_defaults(state: State, make_record: MakeRecord) -> None:
    data = make_record().as_dict()
    least = ("id", "name", "owner", "generation", "state", "wanted", "program", "lease")
    put(state, "sbx-one", {key: data[key] for key in least})
    found = record.read(state, "sbx-one")
    assert found is not None
    assert (found.holdings, found.containers, found.error) == ((), {}, None)


def test_a_fenced_writer_changes_nothing(state: State, make_record: MakeRecord) -> None:
    put(state, "sbx-one", make_record(generation=2).as_dict())
    for sandbox_id, generation in (("sbx-one", 1), ("sbx-two", 1)):
        with pytest.raises(HostError) as failed:
            record.update(state, sandbox_id, generation, state="failed")
        assert failed.value.code == "fenced"
    found = record.read(state, "sbx-one")
    assert found is not None
    assert found.state == "ready"


def test_a_change_waits_for_whoever_has_the_records_lock(
    state: State, make_record: MakeRecord
) -> None:
    put(state, "sbx-one", make_record().as_dict())
    change = threading.Thread(
        target=record.update, args=(state, "sbx-one", 1), kwargs={"error": {}}
    )
    with state.record_lock("sbx-one"):
        change.start()
        change.join(0.1)
        record.write(state, make_record(state="stopped"))
    change.join(10)
    found = record.read(state, "sbx-one")
    assert found is not None
    assert (found.state, found.error) == ("stopped", {})


def test_a_record_for_newer_readers_is_not_interpreted(
    state: State, make_record: MakeRecord
) -> None:
    put(state, "sbx-one", {**make_record().as_dict(), "min_reader": 2})
    with pytest.raises(HostError) as failed:
        record.read(state, "sbx-one")
    assert failed.value.code == "newer_record"
    assert record.read_all(state) == []


def test_the_reaper_reads_a_record_of_a_far_future_version(state: State, at: Now) -> None:
    granted = lease.grant(600, 600, at)
    put(
        state,
        "sbx-one",
        {
            "schema": 99,
            "min_reader": 98,
            "ident": ["not", "what", "it", "was"],
            "state": "hibernating",
            "program": "7.0.0-fff.pyz",
            "lease": {**granted.as_dict(), "tenure": "long"},
        },
    )
    assert record.read_for_reaper(state, "sbx-one") == (granted, "hibernating", "7.0.0-fff.pyz")
    assert record.read_for_reaper(state, "sbx-two") is None


ENDED = lease.grant(0, 600, Now(0.0, 0.0, "an older boot")).as_dict()
LEASE_OF_WORDS = dict.fromkeys(lease.Lease._fields, "soon")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"id": "sbx-one", "sta',
        b"\0" * 100,
        b"\xff\xfe{}",
        b"[]",
        b"1",
        b"{}",
        {"lease": None},
        {"lease": []},
        {"lease": {}},
        {"lease": LEASE_OF_WORDS},
        {"min_reader": "two"},
        {"holdings": 1},
    ],
    ids=repr,
)
def test_a_broken_record_is_named_and_hides_no_other(
    state: State, make_record: MakeRecord, content: Any
) -> None:
    if isinstance(content, dict):
        content = {**make_record().as_dict(), **content}
    put(state, "sbx-one", content)
    put(state, "sbx-two", make_record(id="sbx-two", name="two").as_dict())
    with pytest.raises(HostError) as failed:
        record.read(state, "sbx-one")
    assert failed.value.code == "broken_record"
    assert state.record("sbx-one") in str(failed.value)
    assert [one.id for one in record.read_all(state)] == ["sbx-two"]
    listed = {one["id"]: one["state"] for one in verbs.list_all(state, {"owner": None})}
    assert listed == {"sbx-one": "unknown", "sbx-two": "ready"}


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("broken", [b"{", {"lease": LEASE_OF_WORDS}], ids=repr)
def test_a_broken_record_does_not_end_the_reapers_pass(
    state: State, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch, broken: Any
) -> None:
    """What can't be read is for a person; what is due is taken away all the same."""
    if isinstance(broken, dict):
        broken = {**make_record().as_dict(), **broken}
    put(state, "sbx-one", broken)
    put(state, "sbx-two", make_record(id="sbx-two", lease=ENDED).as_dict())
    monkeypatch.setenv("SANDBOXER_STATE", os.path.dirname(state.root))
    assert reap.run(state)["kept"] == ["sbx-one"]
    assert state.sandbox_ids() == ["sbx-one"]


A = {"id": "sbx-a", "name": "one", "owner": "me"}
OLD = {"id": "sbx-old", "name": "one", "owner": "me", "instants": {"created_at": 1.0}}
NEW = {"id": "sbx-new", "name": "one", "owner": "me", "instants": {"created_at": 2.0}}
THEIRS = {"id": "sbx-b", "name": "one", "owner": "you"}


@pytest.mark.parametrize(
    ("there", "reference", "owner", "found"),
    [
        ([], "one", "me", None),
        ([], "sbx-a", "me", None),
        ([A], "one", "me", "sbx-a"),
        ([A], "two", "me", None),
        ([A], "sbx-a", "you", "sbx-a"),  # an id works for every owner
        ([A, THEIRS], "one", "me", "sbx-a"),
        ([A, THEIRS], "one", "you", "sbx-b"),
        ([A, THEIRS], "one", "him", HostError),
        ([THEIRS], "one", "me", HostError),
        ([NEW, OLD], "one", "me", "sbx-new"),
        ([OLD, NEW], "one", "me", "sbx-new"),
        ([A], "", "me", HostError),
        ([A], "../a", "me", HostError),
        ([A], "one\n", "me", HostError),
    ],
)
def test_find(
    make_record: MakeRecord, there: list[Any], reference: str, owner: str, found: Any
) -> None:
    records = [make_record(**each) for each in there]
    if found is HostError:
        with pytest.raises(HostError):
            record.find(records, reference, owner)
        return
    got = record.find(records, reference, owner)
    assert (got.id if got else None) == found


def test_a_name_of_another_owner_is_a_conflict_that_says_what_helps(
    make_record: MakeRecord,
) -> None:
    with pytest.raises(HostError) as failed:
        record.find([make_record(**THEIRS)], "one", "me")
    assert failed.value.code == "conflict"
    assert "sbx-b" in failed.value.hint
    assert "you" in str(failed.value)
