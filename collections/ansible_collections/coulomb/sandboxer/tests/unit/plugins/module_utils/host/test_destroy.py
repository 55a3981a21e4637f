"""The one destroyer: it fences whoever works, and believes only what it sees."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    destroy,
    holdings,
    job,
    record,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

WEB = {"kind": "container", "key": "sbx-one.web"}


@pytest.fixture
def put(state: State, make_record: Callable[..., Record]) -> Callable[..., None]:
    """Write the record of sbx-one."""

    def write(**changes: Any) -> None:
        os.makedirs(state.job("sbx-one"))
        record.write(state, make_record(**changes))

    return write


@pytest.fixture
def deaf_engine(no_engine: Path) -> None:
    """An engine that says yes to everything and removes nothing."""
    container = {"Id": "1", "Names": [WEB["key"]], "State": "running", "Labels": {}}
    path = no_engine / "podman"
    path.write_text(f"#!/bin/sh\n[ $1 = ps ] && echo '{json.dumps([container])}'\nexit 0\n")
    path.chmod(0o755)


@pytest.mark.usefixtures("deaf_engine")
@pytest.mark.parametrize("end", [destroy.run, destroy.cancel])
def test_whoever_works_is_fenced(
    state: State, put: Callable[..., None], end: Callable[..., Any]
) -> None:
    put(state="creating", generation=3, holdings=(WEB,))
    end(state, "sbx-one")
    with pytest.raises(HostError) as failed:
        record.update(state, "sbx-one", 3, state="ready")
    assert failed.value.code == "fenced"


def test_nothing_is_removed_before_the_job_has_ended(
    state: State, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(state="creating", holdings=(WEB,))
    monkeypatch.setattr(job, "end", lambda current: False)
    monkeypatch.setattr(holdings, "remove", lambda *_: pytest.fail("it removes"))
    with pytest.raises(HostError) as failed:
        destroy.run(state, "sbx-one")
    assert failed.value.code == "residue"


@pytest.mark.usefixtures("deaf_engine")
def test_what_the_engine_only_says_it_removed_remains(
    state: State, put: Callable[..., None]
) -> None:
    put(holdings=(WEB,))
    made = destroy.run(state, "sbx-one")
    assert made is not None
    assert (made["removed"], made["remains"]) == ([], [WEB])
    left = record.read(state, "sbx-one")
    assert left is not None
    assert (left.state, left.wanted) == ("stuck", "absent")


@pytest.mark.usefixtures("no_engine")
def test_a_receipt_is_kept_and_given_again(state: State, put: Callable[..., None]) -> None:
    put()
    made = destroy.run(state, "sbx-one")
    assert made is not None
    assert made["remains"] == []
    assert state.sandbox_ids() == []
    assert destroy.run(state, "sbx-one") == made


def test_a_record_that_nobody_can_read_is_looked_for_in_each_engine(
    state: State, no_engine: Path, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    for name in ("podman", "docker", "dockerd"):
        (no_engine / name).write_text(f"#!/bin/sh\necho {name} $1 >>{calls}\n")
        (no_engine / name).chmod(0o755)
    (no_engine / "ss").symlink_to("/usr/bin/ss")
    os.makedirs(state.job("sbx-one"))
    Path(state.record("sbx-one")).write_text("{")
    made = destroy.run(state, "sbx-one")
    assert made is not None
    assert made["remains"] == []
    assert {"podman ps", "docker ps"} <= set(calls.read_text().splitlines())
