"""Runs the contenders in turn, so that what else this machine does falls on all of them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from tests.bench.connections import Connections
from tests.bench.contenders import Argv, Contender
from tests.bench.rows import Timed
from tests.lab.doors import Controller

WARM = "warm"
COLD = "cold"


class BenchError(Exception):
    """There is nothing to compare; the message says why."""


def run(
    contenders: Sequence[Contender],
    controller: Controller,
    connections: Connections,
    count: int,
    say: Callable[[str], None],
) -> dict[Timed, list[float]]:
    """Each contender `count` times: seconds."""
    say("a first time, which does not count")
    for _ in _warm([one for one in contenders if one.starts], controller):
        pass
    spans: dict[Timed, list[float]] = defaultdict(list)
    for number in range(1, count + 1):
        say(f"round {number} of {count}")
        for timed, seconds in _round(contenders, controller, connections):
            spans[timed].append(seconds)
    return dict(spans)


def _round(
    contenders: Sequence[Contender], controller: Controller, connections: Connections
) -> Iterator[tuple[Timed, float]]:
    yield from _warm(contenders, controller)
    for one in contenders:
        for verb in one.cold:
            connections.close()
            seconds = seconds_of(controller, one.verbs[verb])
            yield Timed(COLD, verb, one.name, one.where), seconds


def _warm(contenders: Sequence[Contender], controller: Controller) -> Iterator[tuple[Timed, float]]:
    for one in contenders:
        for verb, argv in one.verbs.items():
            yield Timed(WARM, verb, one.name, one.where), seconds_of(controller, argv)
        if one.after:
            seconds_of(controller, one.after)


def seconds_of(controller: Controller, argv: Argv) -> float:
    """How long a command took. Raises BenchError where it did not end well."""
    started = time.monotonic()
    said = controller.run(*argv)
    seconds = time.monotonic() - started
    if said.status != 0:
        raise BenchError(f"{' '.join(argv)} ended with {said.status}:\n{said.out}{said.err}")
    return seconds
