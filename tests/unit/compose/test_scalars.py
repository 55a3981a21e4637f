"""What a scalar without quotes is."""

from __future__ import annotations

import pytest

from sandboxer_cli.compose.scalars import kind_of, number_as_text


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("null", ["", "~", "null", "NULL"]),
        ("boolean", ["true", "True", "FALSE"]),
        ("number", ["0", "-1", "+1", "8080", "1.5", "1.", ".5", "1e3", "0x1f", "0o7", "0b1"]),
        ("number", ["0644", "1_000", ".inf", "-.inf", ".nan", "9" * 50]),
        ("text", ["yes", "no", "on", "off", "y", "22:22", "1.2.3", "_1", "1a", ".", "-", "0x"]),
        ("text", ["2020-01-01", "nUll", "1e", "e3", "٣"]),
    ],
)
def test_kind(kind: str, texts: list[str]) -> None:
    assert {text: kind_of(text) for text in texts} == dict.fromkeys(texts, kind)


@pytest.mark.parametrize("text", ["0", "-1", "8080", "1.5", "0.25", "18446744073709551615"])
def test_numbers_that_are_read_alike(text: str) -> None:
    assert number_as_text(text) == text


@pytest.mark.parametrize(
    "text",
    ["1.0", "1.10", "0644", "0x1f", "0o7", "+1", "-0", "1_000", "1e3", ".5", ".inf", "9" * 20],
)
def test_numbers_that_are_not(text: str) -> None:
    assert number_as_text(text) is None
