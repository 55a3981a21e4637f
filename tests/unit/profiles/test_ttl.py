"""How long a sandbox lives, as people write it."""

from __future__ import annotations

from typing import Any

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.ttl import parse_ttl


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
