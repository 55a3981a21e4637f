"""`--set` against parameters of each type."""

from __future__ import annotations

from typing import Any

import pytest

from sandboxer_cli.compose.tree import MapNode, Place
from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.model import Profile
from sandboxer_cli.profiles.settings import apply_settings, as_text

PROFILE = Profile.model_validate(
    {
        "name": "profile.x",
        "summary": "X.",
        "extension": "ext.compose",
        "ttl": "30m",
        "stack": MapNode((), Place("x.yml", 1, 1)),
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


COMPOSE = Profile.model_validate(
    {
        "name": "profile.compose",
        "summary": "X.",
        "extension": "ext.compose",
        "ttl": "30m",
        "source": "compose",
    }
)


def test_a_profile_with_a_source_takes_any_variable() -> None:
    given: dict[str, Any] = {"TAG": "1.4", "_port2": 8080, "debug": True, "none": ""}
    assert apply_settings(COMPOSE, given) == {
        "TAG": "1.4",
        "_port2": "8080",
        "debug": "true",
        "none": "",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"2X": "a"}, "'2X' is not a variable's name"),
        ({"A-B": "a"}, "'A-B' is not a variable's name"),
        ({"A": ["a"]}, "the setting A is text, not ['a']"),
        ({"A": None}, "the setting A is text, not None"),
        ({"A": "\0"}, "the setting A holds a character that no program takes"),
    ],
)
def test_what_is_no_variable(given: dict[str, Any], message: str) -> None:
    with pytest.raises(Usage) as error:
        apply_settings(COMPOSE, given)
    assert (error.value.detail.code, error.value.detail.message) == ("setting_invalid", message)
