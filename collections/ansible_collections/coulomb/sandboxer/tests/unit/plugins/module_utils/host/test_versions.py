"""Which versions are too old, and when a program is asked for its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import versions
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


@pytest.mark.parametrize(
    ("version", "least", "older"),
    [
        ("4.3.1", "4.3", False),
        ("4.3", "4.3", False),
        ("4.2.9", "4.3", True),
        ("4.10.0", "4.3", False),
        ("3.4.4", "4.3", True),
        ("5.0.0-dev", "4.3", False),
        ("4.9.4-rhel", "4.3", False),
        ("20.10.24+dfsg1", "20.10", False),
        ("19.03.15", "20.10", True),
        ("26.1.5+dfsg1", "20.10", False),
        ("v2.26.1-4", "2", False),
        ("1.29.2", "2", True),
        ("v1.9.0", "2", True),
        ("", "2", False),
        ("unknown", "2", False),
    ],
)
def test_what_is_older(version: str, least: str, older: bool) -> None:
    assert versions.is_older(version, least) is older


class Asked:
    """A program that says its version, and how often it was asked."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        return self.version


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(str(tmp_path / "state"), str(tmp_path / "srv"))
    made.prepare()
    return made


def test_it_is_asked_once_until_its_file_changes(state: State, tmp_path: Path) -> None:
    path = tmp_path / "engine"
    path.write_bytes(b"one")
    asked = Asked("4.3.1")
    for _time in range(3):
        versions.refuse_old(state, "podman", str(path), "4.3", asked)
    assert asked.times == 1
    versions.refuse_old(state, "docker", str(path), "4.3", asked)
    assert asked.times == 2
    os.utime(path, (1, 1))
    versions.refuse_old(state, "podman", str(path), "4.3", asked)
    assert asked.times == 3
    noted = json.loads((tmp_path / "state" / versions.FILE).read_text())
    assert {name: one["version"] for name, one in noted.items()} == {
        "podman": "4.3.1",
        "docker": "4.3.1",
    }


def test_one_that_is_too_old_is_refused_each_time(state: State, tmp_path: Path) -> None:
    path = tmp_path / "engine"
    path.write_bytes(b"one")
    asked = Asked("4.2.1")
    for _time in range(2):
        with pytest.raises(HostError, match=r"podman 4\.2\.1 is too old: 4\.3 is the") as error:
            versions.refuse_old(state, "podman", str(path), "4.3", asked)
        assert (error.value.code, bool(error.value.hint)) == ("too_old", True)
    asked.version = "4.3.1"
    versions.refuse_old(state, "podman", str(path), "4.3", asked)
    with pytest.raises(HostError):  # as a newer version of ours may want
        versions.refuse_old(state, "podman", str(path), "5.0", asked)
    assert asked.times == 4
