"""Runs the contenders in turn, so that what else this machine does falls on all of them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from tests.bench.connections import Connections
from tests.bench.contenders import BARE, CREATE, DESTROY, EMPTY, PLAY, PROGRAM, Contender
from tests.bench.rows import Timed
from tests.lab.doors import Controller

WARM = "warm"
COLD = "cold"
# a login more says nothing new about the others
_COLD_CONTENDERS = (BARE, PROGRAM, EMPTY)
_COLD_VERBS = (CREATE, DESTROY, PLAY)


class BenchError(Exception):
    """There is nothing to compare; the message says why."""


def run(
    contenders: Sequence[Contender],
    controller: Controller,
    connections: Connections,
    count: int,
    say: Callable[[str], None],
) -> dict[Timed, list[float]]:
    """Each contender `count` times, after a first time that does not count: seconds."""
    spans: dict[Timed, list[float]] = defaultdict(list)
    for number in range(count + 1):
        say(f"round {number} of {count}" if number else "a first time, which does not count")
        for timed, seconds in _round(contenders, controller, connections):
            if number:
                spans[timed].append(seconds)
    return dict(spans)


def _round(
    contenders: Sequence[Contender], controller: Controller, connections: Connections
) -> Iterator[tuple[Timed, float]]:
    for one in contenders:
        for verb, argv in one.verbs.items():
            yield Timed(WARM, verb, one.name), _seconds(controller, argv)
    for one in contenders:
        for verb, argv in one.verbs.items():
            if one.name in _COLD_CONTENDERS and verb in _COLD_VERBS:
                connections.close()
                yield Timed(COLD, verb, one.name), _seconds(controller, argv)


def _seconds(controller: Controller, argv: Sequence[str]) -> float:
    started = time.monotonic()
    said = controller.run(*argv)
    seconds = time.monotonic() - started
    if said.status != 0:
        raise BenchError(f"{' '.join(argv)} ended with {said.status}:\n{said.out}{said.err}")
    return seconds
