"""What is wrong with this machine and with hosts, and the command that mends it. Reads only."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandboxer_cli import connection
from sandboxer_cli.doctor import controller, host
from sandboxer_cli.doctor.row import Row, refused
from sandboxer_cli.errors import SandboxerError

__all__ = ["Row", "exit_status", "run"]

_AT_ONCE = 16  # hosts


def run(pattern: str, inventories: Sequence[Path | str] = ()) -> list[Row]:
    """Check this machine, then each host of the pattern. Never raises for what it finds.

    On each host the rows that others depend on come first. A command of ours that mends names
    the inventories that were given.
    """
    rows = list(controller.check())
    try:
        ways = connection.reach_all(pattern, inventories)
    except SandboxerError as error:
        rows.append(refused(pattern, "inventory", error))
    else:
        with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(ways))) as pool:
            for found in pool.map(host.check, ways):
                rows += found
    for row in rows:
        row["mend"] = _with_inventories(row["mend"], inventories)
    return rows


def exit_status(rows: Sequence[Row]) -> int:
    """That of the first failure: what comes after it often only follows from it."""
    return next((row["exit_status"] for row in rows if row["result"] == "fail"), 0)


_OUR_COMMAND = re.compile(r"(?<!\S)sandboxer (?=host |list )")


def _with_inventories(mend: str, inventories: Sequence[Path | str]) -> str:
    words = "".join(f"-i {shlex.quote(str(one))} " for one in inventories)
    return _OUR_COMMAND.sub(lambda found: found[0] + words, mend)
