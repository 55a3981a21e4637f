"""What was timed, as rows: each median beside the limit for its verb, of the same run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from tests.bench.contenders import AGAIN, BARE, CREATE, DESTROY, EMPTY, PLAY


class Timed(NamedTuple):
    """What a span of time is of. `temperature`: whether ssh had a connection open, warm or cold."""

    temperature: str
    verb: str
    contender: str


@dataclass(frozen=True)
class Row:
    """A line of build/bench.json. `ratio` is `median_s` as a part of what `of` names."""

    name: str
    host: str
    ratio: float
    of: str
    median_s: float
    runs: int


# What each verb is measured by: the sum of these.
LIMITS: Mapping[str, Sequence[tuple[str, str]]] = {
    CREATE: [(CREATE, BARE), (PLAY, EMPTY)],
    AGAIN: [(PLAY, EMPTY)],
    DESTROY: [(DESTROY, BARE), (PLAY, EMPTY)],
    PLAY: [(PLAY, EMPTY)],
}


def rows(host: str, spans: Mapping[Timed, Sequence[float]]) -> list[Row]:
    """One row for whatever was timed, in the order in which it was."""
    medians = {timed: median(seconds) for timed, seconds in spans.items()}
    found = []
    for timed, middle in medians.items():
        limit = LIMITS[timed.verb]
        whole = sum(medians[Timed(timed.temperature, *part)] for part in limit)
        found.append(
            Row(
                name=f"{timed.verb}, {timed.temperature}: {timed.contender}",
                host=host,
                ratio=round(middle / whole, 3),
                of=" + ".join(contender for _, contender in limit),
                median_s=round(middle, 3),
                runs=len(spans[timed]),
            )
        )
    return found
