"""Whether the reaper of a host is late."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import process, reap
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now
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
