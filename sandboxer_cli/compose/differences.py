"""Where `docker compose config` says something else of the same files, and why.

A test asks it about the whole corpus, field by field, and holds what differs against this table
and that of the keys: nothing else may differ, and none be there for nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """`field` is a path in our document, `*` a name of the user's own. `theirs` and `ours` are
    regular expressions of the values as JSON, null for none."""

    field: str
    theirs: str
    ours: str
    reason: str

    def explains(self, path: tuple[str, ...], theirs: Any, ours: Any) -> bool:
        words = self.field.split(".")
        return (
            len(words) == len(path)
            and all(word in ("*", one) for word, one in zip(words, path, strict=True))
            and re.fullmatch(self.theirs, json.dumps(theirs)) is not None
            and re.fullmatch(self.ours, json.dumps(ours)) is not None
        )


_NOTHING = "null"
_SAYS_IT_ANYWAY = "It is so without a word."

# What compose takes and is refused here, beside keys and values of the table of keys: it and why.
REFUSED = (
    (
        "numbers such as `3.10`, `0644`, `1_000`, `.5` or `0x10` where text is wanted, as in "
        "`environment`",
        "Programs read and print them differently; in quotes they are taken as they are.",
    ),
    ("a second YAML document in a file", "Write it into a file of its own, and give both."),
    (
        "`size=50%` of a `tmpfs`",
        "A sandbox's memory is bounded in bytes, and half of a host's is not the same on each.",
    ),
)

DIFFERENCES = (
    Difference("networks.*.driver", '"bridge"', _NOTHING, _SAYS_IT_ANYWAY),
    Difference("volumes.*.driver", '"local"', _NOTHING, _SAYS_IT_ANYWAY),
    Difference("services.*.cgroup", '"private"', _NOTHING, _SAYS_IT_ANYWAY),
    Difference(
        "services.*.secrets.*.mode",
        "[0-9]+",
        "[0-9]+",
        "2.26 takes a mode in quotes for a decimal number; it is octal here, as it is in later "
        "versions.",
    ),
)
