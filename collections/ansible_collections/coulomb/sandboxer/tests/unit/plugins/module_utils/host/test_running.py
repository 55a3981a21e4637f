"""What stop, start and restart amount to, by tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    logs,
    running,
    stopping,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record

MakeRecord = Callable[..., Record]
UP: dict[str, Any] = {"runs": ["sbx-one.web"]}


@pytest.mark.parametrize(
    ("verb", "state", "seen", "action"),
    [
        ("stop", "ready", UP, "stop"),
        ("stop", "ready", {}, "stop"),  # all of it was killed: the record does not know
        ("stop", "stopped", {}, "keep"),
        ("stop", "stopped", UP, "stop"),
        ("start", "ready", UP, "keep"),
        ("start", "ready", {"drift": "web is exited"}, "repair"),
        ("start", "stopped", {}, "repair"),
        ("start", "stopped", {"working": True}, "follow"),
        ("restart", "ready", UP, "restart"),
        ("restart", "stopped", {}, "restart"),
    ],
)
def test_plan(
    make_record: MakeRecord, at: Now, verb: str, state: str, seen: dict[str, Any], action: str
) -> None:
    assert running.plan(verb, make_record(state=state), at, **seen).action == action


@pytest.mark.parametrize("verb", ["stop", "start", "restart"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "failed"}, "conflict"),
        ({"state": "destroying"}, "conflict"),
        ({"state": "stuck"}, "conflict"),
        ({"wanted": "absent"}, "conflict"),
        ({"state": "creating"}, "busy"),
    ],
)
def test_not_the_time_for_it(
    make_record: MakeRecord, at: Now, verb: str, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(HostError) as error:
        running.plan(verb, make_record(**changes), at)
    assert error.value.code == code


def test_a_lease_that_has_ended_is_not_started(make_record: MakeRecord, at: Now) -> None:
    later = Now(at.wall + 601, at.boot + 601, at.boot_id)
    with pytest.raises(HostError) as error:
        running.plan("start", make_record(state="stopped"), later)
    assert error.value.code == "expired"


def test_who_is_restarted_with_a_service() -> None:
    services = {
        "db": {"depends_on": {}},
        "app": {"depends_on": {"db": {"condition": "service_started", "restart": True}}},
        "web": {"depends_on": {"app": {"condition": "service_started", "restart": True}}},
        "other": {"depends_on": {"db": {"condition": "service_started"}}},
        "beside": {"depends_on": {}, "network_mode": "service:other"},
    }
    assert running.restarted_with(services, "db") == ("db", "app", "web")
    assert running.restarted_with(services, "other") == ("other", "beside")


@pytest.mark.parametrize(("grace", "seconds"), [(0.5, "1"), (3.0, "3"), (0.0, "0"), (None, "2")])
def test_no_grace_is_cut_short(tmp_path: Path, grace: float | None, seconds: str) -> None:
    program = tmp_path / "podman"
    calls = tmp_path / "calls"
    listed = json.dumps([{"Names": ["sbx-one.web"], "State": "running"}])
    program.write_text(
        f"#!/bin/sh\n[ $1 = stop ] && echo $* >{calls}\n[ -e {calls} ] || echo '{listed}'\n"
    )
    program.chmod(0o755)
    web: dict[str, Any] = {"depends_on": {}}
    if grace is not None:
        web["stop_grace"] = grace
    stopping.stop(Podman(str(program)), "sbx-one", {"web": web}, {"web"})
    assert calls.read_text() == f"stop -t {seconds} sbx-one.web\n"


def test_prefixes_of_logs() -> None:
    assert logs.prefixes("sbx-a", ["sbx-a.web"]) == {"sbx-a.web": b""}
    assert logs.prefixes("sbx-a", ["sbx-a.web", "sbx-a.store.2"]) == {
        "sbx-a.web": b"web     | ",
        "sbx-a.store.2": b"store.2 | ",
    }
