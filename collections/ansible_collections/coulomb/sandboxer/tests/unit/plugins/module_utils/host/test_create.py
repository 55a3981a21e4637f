"""What a create amounts to: every row of DESIGN's 'Idempotence, spelled out', as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import create, lease
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now, now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

SAME = {"profile": "sha256:0"}
OTHER = {"profile": "sha256:1"}
MORE = {"profile": "sha256:0", "compose": "sha256:2"}


def test_nothing_there_is_made(at: Now) -> None:
    assert create.plan(None, SAME, at).action == "make"
    assert create.plan(None, SAME, at, replace_it=True).replaces == ""


@pytest.mark.parametrize(
    ("record", "request_", "options", "action", "replaces"),
    [
        # same hash
        ({}, SAME, {}, "keep", False),
        ({}, SAME, {"replace_it": True}, "keep", False),
        ({}, SAME, {"drift": "web is exited"}, "repair", False),
        ({"state": "stopped"}, SAME, {}, "repair", False),
        ({"state": "stopped"}, SAME, {"working": True}, "follow", False),
        ({}, SAME, {"working": True}, "follow", False),
        ({"state": "creating"}, SAME, {"working": True}, "follow", False),
        # nobody makes it any more
        ({"state": "creating"}, SAME, {}, "make", True),
        ({"state": "failed"}, SAME, {}, "make", True),
        ({"state": "destroying"}, SAME, {}, "make", True),
        ({"state": "destroying"}, SAME, {"working": True}, "make", True),
        ({"state": "stuck"}, SAME, {}, "make", True),
        ({"wanted": "absent"}, SAME, {}, "make", True),
        # another hash
        ({}, OTHER, {}, "conflict", False),
        ({}, MORE, {}, "conflict", False),
        ({"state": "creating"}, OTHER, {"working": True}, "conflict", False),
        ({"state": "stopped"}, OTHER, {}, "conflict", False),
        ({}, OTHER, {"drift": "web is missing"}, "conflict", False),
        ({}, OTHER, {"replace_it": True}, "make", True),
        ({"state": "creating"}, OTHER, {"working": True, "replace_it": True}, "make", True),
        # nothing to conflict with: it is on its way out
        ({"state": "failed"}, OTHER, {}, "make", True),
        ({"state": "creating"}, OTHER, {}, "make", True),
        ({"wanted": "absent"}, OTHER, {}, "make", True),
    ],
)
def test_plan(
    at: Now,
    make_record: Callable[..., Record],
    record: dict[str, Any],
    request_: dict[str, str],
    options: dict[str, Any],
    action: str,
    replaces: bool,
) -> None:
    found = create.plan(make_record(**record), request_, at, **options)
    assert (found.action, found.replaces) == (action, "sbx-one" if replaces else "")


@pytest.mark.parametrize("request_", [SAME, OTHER])
@pytest.mark.parametrize("state", ["ready", "stopped", "creating"])
@pytest.mark.parametrize("working", [True, False])
def test_an_expired_one_is_made_anew(
    at: Now, make_record: Callable[..., Record], request_: dict[str, str], state: str, working: bool
) -> None:
    moment = at._replace(boot=at.boot + 600)
    found = create.plan(make_record(state=state), request_, moment, working=working)
    assert (found.action, found.replaces) == ("make", "sbx-one")


@pytest.mark.parametrize(
    ("there", "asked", "differs"),
    [
        (SAME, OTHER, ("profile",)),
        (SAME, MORE, ("compose",)),
        (MORE, SAME, ("compose",)),
        ({"b": "1", "a": "1", "c": "1"}, {"b": "2", "a": "2", "c": "1"}, ("a", "b")),
        (SAME, {}, ("profile",)),
    ],
)
def test_a_conflict_names_the_keys_that_differ(
    at: Now,
    make_record: Callable[..., Record],
    there: dict[str, str],
    asked: dict[str, str],
    differs: tuple[str, ...],
) -> None:
    found = create.plan(make_record(request=there), asked, at)
    assert (found.action, found.differs) == ("conflict", differs)
    assert all(key in found.reason for key in differs)


@pytest.mark.parametrize(
    "words",
    [
        {"name": "../etc"},
        {"name": "one\n"},
        {"name": "sbx-one"},
        {"owner": "Me"},
        {"id": "sbx-"},
        {"id": "sbx-../../x"},
        {"ttl": 1},
        {"ttl": 86401},
        {"deadline": 7201},
    ],
)
def test_what_the_controller_sent_is_checked_again(state: State, words: dict[str, Any]) -> None:
    request = {"name": "one", "owner": "me", "request": SAME, "document": {"services": {}}, **words}
    with pytest.raises(HostError) as failed:
        create.run(state, request)
    assert failed.value.code == "usage"


def test_ports_are_chosen_under_the_hosts_lock(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two creates at once would choose the same."""
    found = []

    def begin(*_: Any) -> None:
        taken = state._try("host")
        found.append("free" if taken else "held")
        raise HostError("internal", "that's enough")

    monkeypatch.setattr(create, "_begin", begin)
    request = {"name": "one", "owner": "me", "request": SAME, "document": {"services": {}}}
    with pytest.raises(HostError, match="enough"):
        create.run(state, request)
    assert found == ["held"]


def test_the_lease_of_a_making_leaves_it_time_to_undo_itself(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its deadline, of which the job's own clock starts later, come the stops."""
    plain = {"depends_on": {}, "ports": [], "restart": "no", "healthcheck": None}
    services = {"web": plain, "worker": {**plain, "stop_grace": 29.5, "replicas": 2}}
    document = {"services": services, "volumes": {}, "networks": {}, "images": {}}
    wanted = {
        "name": "one",
        "owner": "me",
        "profile": "",
        "profile_hash": "",
        "extension": "",
        "request": SAME,
        "ttl": 600.0,
        "deadline": 20.0,
        "document": {**document, "probes": [], "publish": "loopback"},
    }
    found = create._plan_record(state, wanted, create.Plan("make"), "sbx-one", Podman(), "")
    granted = found.granted()
    left = lease.remaining(granted, now())
    assert 20 + 2 + 60 + create.UNDO_SECONDS - 5 < left <= 20 + 2 + 60 + create.UNDO_SECONDS
    assert granted.ttl == 600
