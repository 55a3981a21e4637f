"""The one destroyer: it fences whoever works, and believes only what it sees."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    destroy,
    holdings,
    job,
    record,
    verbs,
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


def test_why_nobody_could_look_is_said(
    state: State, put: Callable[..., None], no_engine: Path
) -> None:
    broken = no_engine / "podman"
    broken.write_text("#!/bin/sh\necho it hangs >&2\nexit 125\n")
    broken.chmod(0o755)
    put(state="ready", holdings=(WEB,))
    with pytest.raises(HostError) as failed:
        verbs.run(state, "absent", {"ref": "sbx-one", "owner": "me", "check": False})
    assert failed.value.code == "residue"
    assert "left of container sbx-one.web: `podman ps --all` failed: it hangs" in str(failed.value)
    assert failed.value.hint.endswith("by hand; the reaper tries again each minute")


@pytest.mark.parametrize("was", ["ready", "stuck", "creating"])
def test_the_engine_is_waited_for_as_the_state_says(
    state: State,
    put: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    no_engine: Path,
    was: str,
) -> None:
    (no_engine / "podman").touch(0o755)
    asked = set()

    def remove(*_: Any, was: str) -> list[dict[str, str]]:
        asked.add(was)
        return []

    monkeypatch.setattr(holdings, "remove", remove)
    monkeypatch.setattr(holdings, "remaining", lambda *_: [])
    put(state=was, holdings=(WEB,))
    destroy.run(state, "sbx-one")
    assert asked == {was}


@pytest.fixture
def fake_podman(no_engine: Path, tmp_path: Path) -> Path:
    """A fake podman: it has the containers whose names are files of this folder, removes them by
    name, and writes down what it is asked."""
    there = tmp_path / "there"
    there.mkdir()
    program = no_engine / "podman"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"there = pathlib.Path({str(there)!r})\n"
        "with there.with_name('calls').open('a') as calls:\n"
        "    print(*sys.argv[1:], file=calls)\n"
        "found = {path.name: path for path in there.iterdir()}\n"
        "if sys.argv[1] == 'ps':\n"
        "    print(json.dumps([{'Id': name, 'Names': [name], 'State': 'running', 'Labels': {}}\n"
        "        for name in found]))\n"
        "if sys.argv[1] == 'rm':\n"
        "    for name in found.keys() & set(sys.argv):\n"
        "        found[name].unlink()\n"
        "        print(name)\n"
    )
    program.chmod(0o755)
    return there


def test_of_one_that_was_ready_the_containers_go_before_anybody_looks(
    state: State, put: Callable[..., None], fake_podman: Path
) -> None:
    (fake_podman / WEB["key"]).touch()
    put(holdings=(WEB,), containers={WEB["key"]: "running"})
    made = destroy.run(state, "sbx-one")
    assert made is not None
    assert (made["removed"], made["remains"]) == ([WEB], [])
    calls = fake_podman.with_name("calls").read_text().split("\n")
    assert [words for words in calls if words.startswith(("rm", "ps"))] == [
        "rm --force --volumes --time 2 -- sbx-one.web",
        "ps --all --external --format json",  # the proof
    ]


def test_what_nobody_knew_of_is_found_and_goes(
    state: State, put: Callable[..., None], fake_podman: Path
) -> None:
    for name in (WEB["key"], "sbx-one.more", "sbx-two.web"):
        (fake_podman / name).touch()
    put(holdings=(WEB,), containers={WEB["key"]: "running"})
    made = destroy.run(state, "sbx-one")
    assert made is not None
    more = {"kind": "container", "key": "sbx-one.more"}
    assert (made["removed"], made["remains"]) == ([WEB, more], [])
    assert [path.name for path in fake_podman.iterdir()] == ["sbx-two.web"]


def test_one_that_was_not_ready_is_looked_at_first(
    state: State, put: Callable[..., None], fake_podman: Path
) -> None:
    (fake_podman / WEB["key"]).touch()
    put(state="stopped", holdings=(WEB,), containers={WEB["key"]: "running"})
    destroy.run(state, "sbx-one")
    calls = fake_podman.with_name("calls").read_text().split("\n")
    assert [words.split()[0] for words in calls if words.startswith(("rm", "ps"))] == [
        *("ps", "rm", "ps")
    ]


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
