"""Progress on standard error: one line that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from sandboxer_cli.result import printable


@contextlib.contextmanager
def lines(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function that shows a line. Standard error is what is asked for a terminal, so that a
    pipe behind standard output changes nothing."""
    if quiet:
        yield lambda line: None
        return
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield plain
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("working …") as status:

        def show(line: str) -> None:
            console.print(printable(line), markup=False, highlight=False, style="dim")
            status.update(printable(line).partition(": ")[2] or "working …")

        yield show


def plain(line: str) -> None:
    """Show a line as it is, beside what goes to standard output."""
    sys.stderr.write(f"{printable(line)}\n")
    sys.stderr.flush()
