"""`--set` against parameters of each type."""

from __future__ import annotations

from typing import Any

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.model import Profile
from sandboxer_cli.profiles.settings import apply_settings, as_text

PROFILE = Profile.model_validate(
    {
        "name": "profile.x",
        "summary": "X.",
        "extension": "ext.compose",
        "ttl": "30m",
        "source": "compose",
        "parameters": {
            "message": {"type": "text", "default": "hi", "summary": ""},
            "workers": {"type": "integer", "default": 2, "summary": ""},
            "debug": {"type": "boolean", "default": False, "summary": ""},
        },
    }
)


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({}, {}),
        ({"message": ""}, {"message": ""}),
        ({"message": "{{ lookup('pipe', 'x') }}"}, {"message": "{{ lookup('pipe', 'x') }}"}),
        ({"message": 5}, {"message": "5"}),
        ({"workers": "3"}, {"workers": 3}),
        ({"workers": -3}, {"workers": -3}),
        ({"debug": "true"}, {"debug": True}),
        ({"debug": True, "workers": 4}, {"debug": True, "workers": 4}),
    ],
)
def test_values(given: dict[str, Any], changed: dict[str, Any]) -> None:
    defaults: dict[str, Any] = {"message": "hi", "workers": 2, "debug": False}
    values = apply_settings(PROFILE, given)
    assert values == defaults | changed
    assert [type(value) for value in values.values()] == [str, int, bool]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("mesage", "profile.x has no setting mesage: did you mean message?"),
        ("zzz", "profile.x has no setting zzz"),
    ],
)
def test_unknown(key: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        apply_settings(PROFILE, {key: "x"})
    assert error.value.detail.code == "setting_unknown"
    assert error.value.detail.message == message
    assert error.value.detail.hint == "it has debug, message, workers"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"message": True}, "the setting message is text, not True"),
        ({"message": ["a"]}, "the setting message is text, not ['a']"),
        ({"message": "a\0"}, "the setting message holds a character that no program takes"),
        ({"message": "\ud800"}, "the setting message holds a character that no program takes"),
        ({"message": "ü" * 40000}, "the setting message is longer than 64 KiB"),
        ({"workers": "3.5"}, "the setting workers is a whole number, not '3.5'"),
        ({"workers": ""}, "the setting workers is a whole number, not ''"),
        ({"workers": True}, "the setting workers is a whole number, not True"),
        ({"workers": "9" * 5000}, f"the setting workers is a whole number, not '{'9' * 5000}'"),
        ({"debug": "yes"}, "the setting debug is true or false, not 'yes'"),
        ({"debug": 1}, "the setting debug is true or false, not 1"),
    ],
)
def test_invalid(given: dict[str, Any], message: str) -> None:
    with pytest.raises(Usage) as error:
        apply_settings(PROFILE, given)
    assert (error.value.detail.code, error.value.detail.message) == ("setting_invalid", message)


def test_as_text() -> None:
    assert [as_text(value) for value in ("a", 1, True, False)] == ["a", "1", "true", "false"]
