"""The built-in profiles, and names that are none."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.layers import built_in
from sandboxer_cli.profiles.load import load
from sandboxer_cli.profiles.model import Profile

KNOWN = ["profile.compose", "profile.hello"]


def test_the_built_in_ones() -> None:
    assert built_in().names() == KNOWN


@pytest.mark.parametrize("name", KNOWN)
def test_each_is_what_its_file_is_called(name: str) -> None:
    profile = load(name, built_in()).profile
    assert profile.name == name
    assert profile.ttl == 1800
    assert profile.summary.endswith(".")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("profile.helo", "there is no profile profile.helo: did you mean profile.hello?"),
        ("hello", "there is no profile hello: did you mean profile.hello?"),
        ("compose", "there is no profile compose: did you mean profile.compose?"),
        ("profile.zzz", "there is no profile profile.zzz"),
        ("", "there is no profile "),
        ("../../x", "there is no profile ../../x"),
        ("profile.../hello", "there is no profile profile.../hello: did you mean profile.hello?"),
    ],
)
def test_unknown(name: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        load(name, built_in())
    assert error.value.detail.code == "profile_unknown"
    assert error.value.detail.message == message
    assert error.value.detail.hint == "there are profile.compose, profile.hello"


MINIMAL: dict[str, Any] = {
    "name": "profile.x",
    "summary": "X.",
    "extension": "ext.compose",
    "ttl": "30m",
    "source": "compose",
}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x"},
        {"name": "profile.X"},
        {"extension": "compose"},
        {"publish": "world"},
        {"source": "git"},
        {"source": None},
        {"stack": parse(b"services: {}", "x.yml")},
        {"source": None, "stack": {}},
        {"hosts": "h1"},
        {"parameters": {"a": {"type": "text", "default": 1, "summary": ""}}},
        {"parameters": {"a": {"type": "integer", "default": True, "summary": ""}}},
        {"parameters": {"a": {"type": "float", "default": 1, "summary": ""}}},
        {"probes": [{"service": "web"}]},
        {"ttl": 1800},
        {"ttl": "25h"},
        {"images": {"a": {"rootfs": {"files": [{"path": "/a", "mode": 1}], "command": []}}}},
        {"images": {"a": {"rootfs": {"files": [{"path": "a", "mode": 1, "content": ""}]}}}},
    ],
)
def test_a_profile_is_strict(change: dict[str, Any]) -> None:
    assert Profile.model_validate(MINIMAL)
    with pytest.raises(ValidationError):
        Profile.model_validate(MINIMAL | change)
