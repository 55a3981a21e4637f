"""What a destroy answers: what was removed, what remains. Kept as a tombstone for 30 days."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from . import ids
from .clock import Now, instant
from .record import Record
from .state import State, read_json, write_json

KEPT_SECONDS = 30 * 24 * 3600


def make(
    record: Record, removed: list[dict[str, str]], remains: list[dict[str, str]], now: Now
) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "profile": record.profile,
        "destroyed_at": instant(now.wall),
        "removed": removed,
        "remains": remains,
    }


def bury(state: State, receipt: dict[str, Any]) -> None:
    write_json(state.tombstone(receipt["id"]), receipt)


def read(state: State, sandbox_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = read_json(state.tombstone(sandbox_id))
    return found


def forget_old(state: State, now: Now) -> None:
    for name in os.listdir(state.tombstones):
        sandbox_id, _dot, ending = name.partition(".")
        if ending != "json" or not ids.is_id(sandbox_id):
            continue
        path = os.path.join(state.tombstones, name)
        with contextlib.suppress(FileNotFoundError):
            if now.wall - os.stat(path).st_mtime > KEPT_SECONDS:
                os.unlink(path)
