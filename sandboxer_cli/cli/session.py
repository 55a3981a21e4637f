"""A client whose progress is shown while a verb runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sandboxer_cli.cli import progress, timing
from sandboxer_cli.client import Client


@contextlib.contextmanager
def client(inventory: list[Path] | None, quiet: bool) -> Iterator[Client]:
    timing.say("begin", timing.age())
    with progress.lines(quiet) as on_line:
        yield Client(inventories=tuple(inventory or ()), on_line=on_line)
