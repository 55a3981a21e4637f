"""The known name that an unknown one was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(name: str, known: Sequence[str]) -> str:
    """`: did you mean …?` for the end of a sentence, or nothing.

    A dotted name is also found by its last part: `hello` is near `profile.hello`.
    """
    by_last = {candidate.rpartition(".")[2]: candidate for candidate in known}
    found = difflib.get_close_matches(name, known, 1, 0.7) or [
        by_last[last]
        for last in difflib.get_close_matches(name.rpartition(".")[2], list(by_last), 1, 0.5)
    ]
    return f": did you mean {found[0]}?" if found else ""
