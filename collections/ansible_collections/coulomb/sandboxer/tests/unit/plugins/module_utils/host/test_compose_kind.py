"""Which compose programs are taken, and on which host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import compose_kind
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Engine
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["podman-compose"], "podman-compose"),
        (["/opt/pc/bin/podman-compose", "--verbose"], "podman-compose"),
        (["podman", "compose"], "podman compose"),
        (["/usr/bin/docker", "compose", "--ansi", "never"], "docker compose"),
        (["docker-compose"], "docker-compose"),
        (["docker"], ""),
        (["podman", "play"], ""),
        (["nerdctl", "compose"], ""),
        (["my-compose"], ""),
        (["sudo", "docker", "compose"], ""),
    ],
)
def test_which_are_known(words: list[str], name: str) -> None:
    found = ""
    try:
        found = " ".join(compose_kind.known(words))
    except HostError as error:
        assert error.code == "usage"
        assert "docker compose" in error.hint
    assert found == name


@pytest.mark.parametrize(
    ("program", "words", "engine", "answer", "code"),
    [
        ("podman-compose", [], Podman(), "exit 1", ""),  # some version of somebody's own
        ("podman-compose", [], Podman(), "echo podman-compose version: 1.0.3", ""),
        ("podman-compose", [], Podman(), "echo podman-composer version  0.1.11", "too_old"),
        ("podman-compose", [], Docker(), "exit 0", "usage"),
        ("docker", ["compose"], Docker(), "echo 2.26.1-4", ""),
        ("docker", ["compose"], Docker(), "echo v5.0.0", ""),
        ("docker", ["compose"], Podman(), "echo 2.26.1-4", "usage"),
        ("docker", ["compose"], Docker(), "echo no such >&2; exit 1", "compose_program_missing"),
        ("docker-compose", [], Docker(), "echo 1.29.2", "too_old"),
        ("docker-compose", [], Docker(), "echo 2.26.1", ""),
        ("podman", ["compose"], Podman(), "echo 1.3.0", ""),
        ("podman", ["compose"], Podman(), "exit 125", "compose_program_missing"),
    ],
)
def test_which_fit_a_host(
    tmp_path: Path, program: str, words: list[str], engine: Engine, answer: str, code: str
) -> None:
    state = State(str(tmp_path / "state"), str(tmp_path / "srv"))
    state.prepare()
    path = tmp_path / program
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)
    found = ""
    try:
        compose_kind.refuse_unfit(state, [str(path), *words], engine)
    except HostError as error:
        found = error.code
    assert found == code
