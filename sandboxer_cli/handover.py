"""What the program has worked out for a play that it starts, handed over in memory.

There may be secrets in it: it is in no file, no argument and no environment, and killed we leave
nothing behind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def given(variable: str, content: Any) -> Iterator[dict[str, str]]:
    """The variables by which a child process finds it, as long as this lasts; none on a system
    that has no such memory."""
    if not hasattr(os, "memfd_create"):
        yield {}
        return
    with os.fdopen(os.memfd_create("sandboxer"), "w", encoding="ascii") as file:
        json.dump(content, file)
        file.flush()
        yield {variable: f"/proc/{os.getpid()}/fd/{file.fileno()}"}


def taken(variable: str) -> Any:
    """What was handed to this process; None where nothing was, or its giver is gone."""
    try:
        return json.loads(Path(os.environ[variable]).read_text(encoding="ascii"))
    except (KeyError, OSError, ValueError):
        return None
