"""The arithmetic of `make bench`, and the shape of what it writes. No test asserts a time."""

from __future__ import annotations

from dataclasses import asdict

from tests.bench.contenders import AGAIN, BARE, CREATE, EMPTY, PLAY, PROGRAM
from tests.bench.rows import Timed, rows

SPANS = {
    Timed("warm", CREATE, BARE): [0.5, 0.4, 9.0],
    Timed("warm", CREATE, PROGRAM): [1.2, 1.0, 1.2],
    Timed("warm", AGAIN, PROGRAM): [0.9, 0.8, 0.7],
    Timed("warm", PLAY, EMPTY): [1.0, 1.1, 0.9],
    Timed("cold", CREATE, BARE): [1.0, 1.0, 1.0],
    Timed("cold", CREATE, PROGRAM): [3.0, 3.0, 3.0],
    Timed("cold", PLAY, EMPTY): [2.0, 2.0, 2.0],
}


def test_a_row_is_a_median_beside_its_limit() -> None:
    found = [asdict(row) for row in rows("h1", SPANS)]
    assert found[1] == {
        "name": "create, warm: the program",
        "host": "h1",
        "ratio": 0.8,
        "of": "podman by a script + an empty play",
        "median_s": 1.2,
        "runs": 3,
    }
    assert [row["name"] for row in found] == [
        f"{one.verb}, {one.temperature}: {one.contender}" for one in SPANS
    ]


def test_each_verb_has_its_own_limit() -> None:
    ratios = {row.name: row.ratio for row in rows("h1", SPANS)}
    assert ratios["unchanged create, warm: the program"] == 0.8
    assert ratios["play, warm: an empty play"] == 1


def test_what_is_cold_is_held_against_what_is_cold() -> None:
    ratios = {row.name: row.ratio for row in rows("h1", SPANS)}
    assert ratios["create, cold: the program"] == 1
