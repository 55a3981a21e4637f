"""A compose program as the maker: podman-compose itself, and named fakes for the troubles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.faults.conftest import HostProgram, assert_nothing_left

pytestmark = pytest.mark.podman

REAL = str(Path(sys.executable).parent / "podman-compose")


def test_a_stack_comes_up(host: HostProgram, before: dict[str, list[str]]) -> None:
    made = host.made(compose_cmd=REAL)
    assert (made["state"], made["error"]) == ("ready", None)
    assert (made["maker"], made["compose_cmd"]) == ("compose", REAL)
    with urlopen(made["reachability"]["endpoints"][0]["url"], timeout=5) as answer:
        assert answer.read() == b"it answers\n"
    gone = host.destroy("one")["receipt"]
    assert gone["remains"] == []
    assert_nothing_left(host, before)
