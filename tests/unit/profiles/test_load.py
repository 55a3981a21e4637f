"""The built-in profiles, and names that are none."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.load import known_profiles, load_profile
from sandboxer_cli.profiles.model import Profile


def test_known_profiles() -> None:
    assert known_profiles() == ["profile.compose", "profile.hello"]


@pytest.mark.parametrize("name", known_profiles())
def test_each_is_what_its_file_is_called(name: str) -> None:
    profile = load_profile(name)
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
        load_profile(name)
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
        {"host": "h1"},
        {"parameters": {"a": {"type": "text", "default": 1, "summary": ""}}},
        {"parameters": {"a": {"type": "integer", "default": True, "summary": ""}}},
        {"parameters": {"a": {"type": "float", "default": 1, "summary": ""}}},
        {"probes": [{"service": "web"}]},
        {"probes": [{"service": "web", "tcp": {"port": 1}, "http": {"port": 1}}]},
        {"probes": [{"service": "web", "tcp": {"port": 65536}}]},
        {"probes": [{"service": "web", "tcp": {"port": "1"}}]},
        {"images": {"a": {"rootfs": {"files": [{"path": "/a", "mode": 1}], "command": []}}}},
        {"images": {"a": {"rootfs": {"files": [{"path": "a", "mode": 1, "content": ""}]}}}},
    ],
)
def test_a_profile_is_strict(change: dict[str, Any]) -> None:
    assert Profile.model_validate(MINIMAL)
    with pytest.raises(ValidationError):
        Profile.model_validate(MINIMAL | change)
