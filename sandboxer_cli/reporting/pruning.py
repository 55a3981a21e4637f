"""What is old goes from here: the reports of a run, and what a hub has been told of it.

It is looked for at the end of a run, once a day at most. What no hub has stays, however old it is:
the outbox itself is the record then. So does whatever lies in a folder that the user has named.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from sandboxer_cli.reporting.outbox import Outbox
from sandboxer_cli.xdg import state_folder

DAYS = 30
_DAY_SECONDS = 24 * 3600
_FOLDER = re.compile(
    r"run-[a-z0-9]{10}|\.run-[a-z0-9]{10}\.[0-9]+"
)  # half of one, of who was killed


def forget_old(outbox: Outbox, now: float | None = None) -> None:
    """Raises OSError, and SandboxerError where the outbox can't be used."""
    folder, days = state_folder(), _days()
    now = time.time() if now is None else now
    if folder is None or not days or not _is_time(folder / "pruned", now):
        return
    before = now - days * _DAY_SECONDS
    outbox.forget(f"{datetime.fromtimestamp(before, UTC):%Y-%m-%dT%H:%M:%SZ}")
    for path in _run_folders(folder / "runs"):
        with contextlib.suppress(OSError):  # somebody else is at it
            if _written_at(path) < before:
                shutil.rmtree(path)


def _days() -> int:
    """0 is for ever; more than a life, and what is no number, remove nothing, either."""
    said = os.environ.get("SANDBOXER_REPORTS_DAYS", str(DAYS))
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 5 else 0


def _is_time(stamp: Path, now: float) -> bool:
    """Whether nobody was at it for a day; from now on somebody was."""
    try:
        if 0 <= now - stamp.stat().st_mtime < _DAY_SECONDS:
            return False
    except FileNotFoundError:
        stamp.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp.touch(mode=0o600)
    os.utime(stamp, (now, now))
    return True


def _run_folders(base: Path) -> list[Path]:
    if not base.is_dir():
        return []
    return [path for path in base.iterdir() if _FOLDER.fullmatch(path.name)]


def _written_at(folder: Path) -> float:
    """When its reports were; of half a folder, when somebody last put something into it."""
    result = folder / "result.json"
    return (result if result.exists() else folder).stat().st_mtime
