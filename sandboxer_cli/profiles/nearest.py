"""The known name that an unknown one was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(name: str, known: Sequence[str]) -> str:
    """`: did you mean …?` for the end of a sentence, or nothing.

    Of dotted names the last part is compared: `hello` is near `profile.hello`, and what all have
    in common makes none alike.
    """
    by_last = {candidate.rpartition(".")[2]: candidate for candidate in known}
    found = difflib.get_close_matches(name.rpartition(".")[2], list(by_last), 1)
    return f": did you mean {by_last[found[0]]}?" if found else ""
