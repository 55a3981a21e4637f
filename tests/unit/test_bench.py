"""The arithmetic of `make bench`, and the shape of what it writes. No test asserts a time."""

from __future__ import annotations

from dataclasses import asdict

from tests.bench.contenders import AGAIN, BARE, COMPOSE, CREATE, EMPTY, PLAY, PROGRAM, STEPS, THREE
from tests.bench.rows import Row, Timed, rows

SPANS = {
    Timed("warm", CREATE, BARE, "h1"): [0.5, 0.4, 9.0],
    Timed("warm", CREATE, PROGRAM, "h1"): [1.2, 1.0, 1.2],
    Timed("warm", AGAIN, PROGRAM, "h1"): [0.9, 0.8, 0.7],
    Timed("warm", PLAY, EMPTY, "h1"): [1.0, 1.1, 0.9],
    Timed("warm", CREATE, COMPOSE, "h1"): [3.0],
    Timed("warm", CREATE, STEPS, "h1"): [3.0],
    Timed("cold", CREATE, BARE, "h1"): [1.0, 1.0, 1.0],
    Timed("cold", CREATE, PROGRAM, "h1"): [3.0, 3.0, 3.0],
    Timed("cold", PLAY, EMPTY, "h1"): [2.0, 2.0, 2.0],
    Timed("warm", CREATE, PROGRAM, "h2"): [2.0],
    Timed("warm", CREATE, BARE, "h2"): [1.0],
    Timed("warm", PLAY, EMPTY, "h2"): [1.0],
    Timed("warm", CREATE, COMPOSE, "h2"): [1.0],
    Timed("warm", CREATE, STEPS, "h2"): [8.0],
    Timed("warm", CREATE, THREE, "h1,h2"): [2.4],
}


def of(host: str, name: str) -> list[Row]:
    return [row for row in rows(SPANS) if (row.host, row.name) == (host, name)]


def test_a_row_is_a_median_beside_its_limit() -> None:
    assert asdict(of("h1", "create, warm: the program")[0]) == {
        "name": "create, warm: the program",
        "host": "h1",
        "ratio": 0.8,
        "of": "podman by a script + an empty play",
        "limit": 0.85,
        "met": True,
        "median_s": 1.2,
        "runs": 3,
    }


def test_a_limit_counts_on_its_own_host() -> None:
    assert [row.limit for row in of("h1", "create, warm: the program")] == [0.85, 0.55, 0.35]
    assert [row.limit for row in of("h2", "create, warm: the program")] == [0.85, 1.75, 0.35]
    assert [row.met for row in of("h2", "create, warm: the program")] == [False, False, True]


def test_what_has_no_limit_is_shown_beside_its_yardstick() -> None:
    [row] = of("h1", "play, warm: an empty play")
    assert (row.ratio, row.limit, row.met) == (1, None, None)


def test_what_is_cold_is_held_against_what_is_cold_where_that_was_timed() -> None:
    ratios = {row.of: row.ratio for row in of("h1", "create, cold: the program")}
    assert ratios == {
        "podman by a script + an empty play": 1,
        "podman-compose by a script": 1,
        "a playbook of steps": 1,
    }


def test_several_hosts_are_held_against_the_slowest_alone() -> None:
    [row] = of("h1,h2", "create, warm: the program, on three hosts")
    assert (row.ratio, row.limit, row.met) == (1.2, 1.3, True)


def test_a_host_that_is_only_one_of_three_has_no_row_of_its_own() -> None:
    found = rows({**SPANS, Timed("warm", CREATE, PROGRAM, "h3"): [2.0]})
    assert found == rows(SPANS)
