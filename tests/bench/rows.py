"""What was timed, as rows: each median beside its limits, of the same run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from tests.bench.contenders import (
    AGAIN,
    BARE,
    BY_COMPOSE,
    COMPOSE,
    CREATE,
    DESTROY,
    EIGHT,
    EMPTY,
    PLAY,
    PROGRAM,
    STEPS,
    THREE,
)


class Timed(NamedTuple):
    """What a span of time is of. `temperature`: whether ssh had a connection open, warm or cold."""

    temperature: str
    verb: str
    contender: str
    where: str


class Limit(NamedTuple):
    """`most` times the sum of what these take. What was not timed cold counts as it was warm, which
    is the stricter; `host` is where it holds, empty: everywhere."""

    most: float
    of: Sequence[tuple[str, str]]
    host: str = ""


@dataclass(frozen=True)
class Row:
    """A line of build/bench.json. `ratio` is `median_s` as a part of what `of` names, at most
    `limit` where there is one, and `met` says whether it is."""

    name: str
    host: str
    ratio: float
    of: str
    limit: float | None
    met: bool | None
    median_s: float
    runs: int


_BARE_AND_EMPTY = ((CREATE, BARE), (PLAY, EMPTY))
_COMPOSE_AND_EMPTY = ((CREATE, COMPOSE), (PLAY, EMPTY))

LIMITS: Mapping[tuple[str, str], Sequence[Limit]] = {
    (CREATE, PROGRAM): [
        Limit(0.85, _BARE_AND_EMPTY),
        Limit(0.55, [(CREATE, COMPOSE)], "h1"),
        Limit(1.75, [(CREATE, COMPOSE)], "h2"),
        Limit(0.35, [(CREATE, STEPS)]),
    ],
    (AGAIN, PROGRAM): [Limit(0.8, [(PLAY, EMPTY)])],
    (DESTROY, PROGRAM): [Limit(0.75, [(DESTROY, BARE), (PLAY, EMPTY)])],
    (CREATE, BY_COMPOSE): [Limit(1.15, _COMPOSE_AND_EMPTY)],
    (CREATE, EIGHT): [Limit(2.5, [(CREATE, PROGRAM)])],
    (CREATE, THREE): [Limit(1.3, [(CREATE, PROGRAM)])],
}
# What has no limit is shown beside the yardstick of its verb.
BESIDE: Mapping[str, Sequence[tuple[str, str]]] = {
    CREATE: _BARE_AND_EMPTY,
    AGAIN: [(PLAY, EMPTY)],
    DESTROY: [(DESTROY, BARE), (PLAY, EMPTY)],
    PLAY: [(PLAY, EMPTY)],
}


def rows(spans: Mapping[Timed, Sequence[float]]) -> list[Row]:
    """A row for each limit of whatever was timed, in the order in which it was."""
    medians = {timed: median(seconds) for timed, seconds in spans.items()}
    found = []
    for timed in spans:
        limits = [
            one
            for one in LIMITS.get((timed.verb, timed.contender), ())
            if one.host in ("", timed.where) and _is_timed(timed, one.of, medians)
        ]
        if limits:
            found += [_row(timed, one.of, one.most, medians, spans) for one in limits]
        elif _is_timed(timed, BESIDE[timed.verb], medians):
            found.append(_row(timed, BESIDE[timed.verb], None, medians, spans))
    return found


def _is_timed(timed: Timed, of: Sequence[tuple[str, str]], medians: Mapping[Timed, float]) -> bool:
    """Whether there is something to hold it against: a host that is only one of three has less."""
    return all(
        any(Timed(temperature, *part, host) in medians for temperature in _temperatures(timed))
        for part in of
        for host in timed.where.split(",")
    )


def _temperatures(timed: Timed) -> tuple[str, str]:
    """Cold where it was timed."""
    return (timed.temperature, "warm")


def _row(
    timed: Timed,
    of: Sequence[tuple[str, str]],
    most: float | None,
    medians: Mapping[Timed, float],
    spans: Mapping[Timed, Sequence[float]],
) -> Row:
    ratio = medians[timed] / sum(_yardstick(timed, part, medians) for part in of)
    return Row(
        name=f"{timed.verb}, {timed.temperature}: {timed.contender}",
        host=timed.where,
        ratio=round(ratio, 3),
        of=" + ".join(contender for _, contender in of),
        limit=most,
        met=None if most is None else ratio <= most,
        median_s=round(medians[timed], 3),
        runs=len(spans[timed]),
    )


def _yardstick(timed: Timed, part: tuple[str, str], medians: Mapping[Timed, float]) -> float:
    """A part in seconds: on the same host, of several the slowest one."""
    return max(
        next(
            medians[found]
            for temperature in _temperatures(timed)
            if (found := Timed(temperature, *part, host)) in medians
        )
        for host in timed.where.split(",")
    )
