"""How long a sandbox lives, as people write it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.ttl import parse_past, parse_since, parse_ttl


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("45s", 45),
        ("30m", 1800),
        ("1h30m", 5400),
        ("1h0m30s", 3630),
        ("90m", 5400),
        ("24h", 86400),
        ("0h10s", 10),
    ],
)
def test_taken(text: str, seconds: int) -> None:
    assert parse_ttl(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", " ", "30", "30 m", "30M", "m", "1.5h", "-30m", "30m1h", "1d", "٣0m", "9" * 9999 + "s", 30],
)
def test_no_time(text: Any) -> None:
    with pytest.raises(Usage, match="is not a time") as error:
        parse_ttl(text)
    assert error.value.detail.code == "ttl_invalid"


@pytest.mark.parametrize("text", ["9s", "0s", "24h1s", "25h", "99999h"])
def test_out_of_bounds(text: str) -> None:
    with pytest.raises(Usage, match="is out of bounds") as error:
        parse_ttl(text)
    assert (error.value.detail.code, error.value.exit_status) == ("ttl_invalid", 2)


@pytest.mark.parametrize("text", ["5", "2026-11-26T08:00:00", "49h", ""])
def test_since_says_both_that_it_takes(text: str) -> None:
    with pytest.raises(Usage) as error:
        parse_since(text)
    assert error.value.detail.code == "since_invalid"
    assert "or give an instant" in error.value.detail.hint


def test_since_is_a_span_or_an_instant() -> None:
    now = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
    assert parse_since("30m") == "1800s"
    assert parse_since("2026-11-26T08:00:00Z") == "2026-11-26T08:00:00+00:00"
    assert parse_past("30m", now) == parse_past("2026-11-26T08:00:00Z", now)
