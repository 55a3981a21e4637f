"""Whether the reaper of a host is late, and what one pass of it may do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    lease,
    process,
    reap,
    record,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State, write_json

BOOTED = 5000  # as a system container sees it, which has its host's boot clock
PREPARED = {"reaper": "systemd"}


@pytest.mark.parametrize(
    ("prepared", "beat", "up", "wanted"),
    [
        # nothing was set up that could beat
        (None, None, 9999, "none"),
        ({"ports": [1, 2]}, None, 9999, "none"),
        ({"reaper": "none"}, None, 9999, "none"),
        # the last beat, on the boot clock
        (PREPARED, ("this", 1000), 1000, "ok"),
        (PREPARED, ("this", 1000), 1180, "ok"),
        (PREPARED, ("this", 1000), 1181, "late"),
        # none in this boot yet: counted from the boot
        (PREPARED, None, 100, "ok"),
        (PREPARED, None, 181, "late"),
        (PREPARED, ("older", 10**6), 100, "ok"),
        (PREPARED, ("older", 10**6), 181, "late"),
    ],
)
def test_beat(
    state: State,
    monkeypatch: pytest.MonkeyPatch,
    prepared: Any,
    beat: Any,
    up: float,
    wanted: str,
) -> None:
    ticks = BOOTED * os.sysconf("SC_CLK_TCK")
    monkeypatch.setattr(process, "start_ticks", lambda pid: ticks if pid == 1 else 0)
    if prepared is not None:
        write_json(state.host_file, prepared)
    if beat is not None:
        last = {"boot_id": beat[0], "boot": BOOTED + beat[1], "wall": 0.0}
        write_json(state.beat_file, last)
    assert reap.beat(state, Now(wall=0.0, boot=BOOTED + up, boot_id="this")) == wanted


@pytest.fixture
def due(
    state: State,
    make_record: Callable[..., Record],
    no_engine: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> State:
    """A state folder with a sandbox whose lease has ended; it holds nothing."""
    ended = lease.grant(0, 600, Now(0.0, 0.0, "an older boot")).as_dict()
    os.makedirs(state.sandbox("sbx-one"))
    record.write(state, make_record(lease=ended))
    monkeypatch.setenv("SANDBOXER_STATE", os.path.dirname(state.root))
    return state


def test_one_pass_at_a_time(due: State) -> None:
    lock = due.try_reap_lock()
    assert lock is not None
    assert reap.run(due)["destroyed"] == []
    os.close(lock)
    assert reap.run(due)["destroyed"] == ["sbx-one"]


def test_what_killed_writers_left_goes(due: State) -> None:
    dead = 2**22 + 1  # greater than any pid
    left = [
        Path(f"{path}.{dead}.tmp")
        for path in (due.tombstone("sbx-old"), due.host_file, f"{due.programs}/0.0.1-abc.pyz")
    ]
    for path in left:
        path.write_text("{")
    reap.run(due)
    assert not any(path.exists() for path in left)


def test_what_was_not_taken_away_is_left_and_said(due: State) -> None:
    program = Path(due.programs, "0.1.0-abc.pyz")  # the one that its record names
    program.write_text("raise SystemExit(1)")
    found = reap.run(due)
    assert (found["destroyed"], found["left"]) == ([], ["sbx-one"])


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("broken", [True, False])
def test_a_program_that_a_record_may_name_is_not_forgotten(
    state: State, make_record: Callable[..., Record], at: Now, named: bool, broken: bool
) -> None:
    old = Path(state.programs, "0.0.1-abc.pyz")
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    os.makedirs(state.sandbox("sbx-one"))
    record.write(state, make_record(program=old.name if named else "0.1.0-abc.pyz"))
    if broken:
        Path(state.record("sbx-one")).write_text("{")
    reap._forget_programs(state, "0.1.0-abc.pyz", at)
    assert old.exists() is (named or broken)
