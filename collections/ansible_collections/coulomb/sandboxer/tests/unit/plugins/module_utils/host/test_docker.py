"""docker, by a fake that answers as the real one does; that one is met in tests/faults."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import docker, process
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Container
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError

ID = "sbx-one"


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Docker]:
    """One that answers to each of these words, its command's first ones; it notes its calls."""

    def make(**answers: str) -> Docker:
        cases = "".join(
            f"{words.replace('_', '*')}*) {line} ;;\n" for words, line in answers.items()
        )
        program = tmp_path / "docker"
        calls = tmp_path / "calls"
        program.write_text(
            f'#!/bin/sh\necho "$*" >>{calls}\ncase "$*" in\n{cases}*) exit 9 ;;\nesac\n'
        )
        program.chmod(0o755)
        return Docker(str(program))

    return make


def lines(*rows: Any) -> str:
    return "printf '%s\\n' " + " ".join(f"'{json.dumps(row)}'" for row in rows)


def test_containers(fake: Callable[..., Docker]) -> None:
    engine = fake(
        ps=lines(
            ["1", "sbx-one.web", "running", ID, "3", "", ""],
            ["2", "sbx-one.init", "exited", ID, "3", "", ""],
            ["3", "sbx-one_db_1,other/db", "created", "", "", ID, ""],
            ["4", "other/alias,stranger", "running", "", "", "other", ""],
        ),
        container_inspect=lines(
            ["1", 0, "2026-11-25T22:46:53.123456789Z"], ["2", 7, "0001-01-01T00:00:00Z"]
        )
        + "; echo 'Error response from daemon: No such container: 3' >&2; exit 1",
    )
    assert engine.containers() == [
        Container("1", "sbx-one.web", "running", 0, 1795646813, ID, "3"),
        Container("2", "sbx-one.init", "exited", 7, 0, ID, "3"),
        Container("3", "sbx-one_db_1", "created", 0, 0, ID, ""),
        Container("4", "stranger", "running", 0, 0, "", ""),
    ]


def test_a_label_may_hold_a_comma_and_what_looks_like_another(fake: Callable[..., Docker]) -> None:
    engine = fake(
        volume_ls=lines(["a", "x,io.sandboxer.id=sbx-one", "", "", ""], ["b", ID, "", "", ""])
    )
    assert engine.find("volume", ID) == ["b"]
    assert engine.find("pod", ID) == []


def test_why_it_failed_is_not_always_said_last(fake: Callable[..., Docker]) -> None:
    said = "Error response from daemon: the port is taken\\nError: failed to start containers: a"
    engine = fake(start=f"printf '{said}\\n' >&2; exit 1")
    with pytest.raises(HostError) as failed:
        engine.run(["start", "a"])
    assert "the port is taken" in str(failed.value)
    assert "to start containers" not in str(failed.value)


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ("Error: failed to start containers: x.b", "service b can't be started: no /nope"),
        ("failed to start containers: x.b, x.c", "service b can't be started: no /nope"),
        ("something else", "start x.a` failed: no /nope"),
    ],
)
def test_who_can_not_be_started(fake: Callable[..., Docker], last: str, told: str) -> None:
    said = f"Error response from daemon: no /nope\\n{last}"
    engine = fake(start=f"echo x.a; printf '{said}\\n' >&2; exit 1")
    with pytest.raises(HostError) as failed:
        engine.start(["x.a", "x.b", "x.c"])
    assert told in str(failed.value)
    assert failed.value.code == "engine_failed"


@pytest.mark.parametrize(
    "said",
    [
        "could not find an available, non-overlapping IPv4 address pool among the defaults to "
        "assign to the network",
        "all predefined address pools have been fully subnetted",
    ],
)
def test_no_subnet_left(fake: Callable[..., Docker], said: str) -> None:
    engine = fake(network_create=f"echo 'Error response from daemon: {said}' >&2; exit 1")
    with pytest.raises(HostError) as failed, engine.creating_networks({"sbx-one.a": False}, {}):
        pass
    assert (failed.value.code, failed.value.retryable) == ("networks_exhausted", True)
    assert said in str(failed.value)
    assert "default-address-pools" in failed.value.hint


def test_what_runs_gets_a_grace_before_it_is_removed(
    fake: Callable[..., Docker], tmp_path: Path
) -> None:
    engine = fake(stop="exit 0", rm="exit 0")
    one = Container("1", "a", "running", 0, 0, ID, "1")
    engine.remove_containers([one, Container("2", "b", "exited", 0, 0, ID, "1")])
    engine.remove("network", [])
    assert (tmp_path / "calls").read_text().splitlines() == [
        "stop -t 2 -- a",
        "rm --force --volumes -- a b",
    ]


def test_no_setting_of_the_account_leads_to_another_daemon(
    fake: Callable[..., Docker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2375")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    engine = fake(ps='echo "$DOCKER_HOST,$DOCKER_TLS_VERIFY"')
    assert engine.run(["ps"]).decode() == "unix:///var/run/docker.sock,\n"


@pytest.mark.parametrize(
    ("programs", "here"), [(("docker",), False), (("docker", "dockerd"), True)]
)
def test_a_command_without_a_daemon_is_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: tuple[str, ...], here: bool
) -> None:
    for name in programs:
        (tmp_path / name).touch(0o755)
    monkeypatch.setattr(process, "search_path", lambda: str(tmp_path))
    assert Docker().is_here() is here


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The daemon's socket."""
    monkeypatch.setattr(docker, "SOCKET", str(tmp_path / "docker.sock"))
    with listening(docker.SOCKET) as found:
        yield found


@contextlib.contextmanager
def listening(path: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as found:
        found.bind(path)
        found.listen()
        yield found


def connect(daemon: socket.socket) -> tuple[socket.socket, socket.socket]:
    client = socket.socket(socket.AF_UNIX)
    client.connect(daemon.getsockname())
    return client, daemon.accept()[0]


def test_a_command_that_was_killed_is_waited_for(
    fake: Callable[..., Docker], daemon: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "SETTLE_SECONDS", 0.3)
    engine = fake(ps="exit 0")
    living, answering = connect(daemon)
    engine.settle(ID)
    killed, at_work = connect(daemon)
    killed.close()
    begin = time.monotonic()
    with pytest.raises(HostError) as failed:
        engine.settle(ID)
    assert (failed.value.code, time.monotonic() - begin >= 0.3) == ("residue", True)
    at_work.close()
    engine.settle(ID)
    living.close()
    answering.close()


def test_a_strangers_command_that_was_killed_holds_nobody_up(
    fake: Callable[..., Docker], daemon: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """His `docker run` was killed, and its container lives on."""
    engine = fake(ps="exit 0")
    killed, at_work = connect(daemon)
    killed.close()
    begin = time.monotonic()
    assert list(engine.settle(ID, was="ready")) == []
    assert time.monotonic() - begin < docker.SETTLE_SECONDS / 2
    monkeypatch.setattr(docker, "SETTLE_SECONDS", 0.3)
    begin = time.monotonic()
    assert list(engine.settle(ID, was="stuck")) == []
    assert time.monotonic() - begin >= 0.3
    at_work.close()


def test_what_goes_on_inside_a_container_ends_with_it(
    fake: Callable[..., Docker],
    daemon: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Nobody waits for a command inside whose caller is gone, and no other's container goes."""
    killed, at_work = connect(daemon)
    killed.close()
    engine = fake(
        ps=lines(
            ["1", "sbx-one.web", "running", ID, "3", "", ""],
            ["2", "sbx-two.web", "running", "sbx-two", "3", "", ""],
        ),
        container_inspect="exit 0",
        stop="exit 0",
        rm="exit 0",
    )
    removed: list[str] = []

    def remove(_self: Docker, containers: list[Container], _graces: object) -> None:
        removed.extend(one.name for one in containers)
        at_work.close()

    monkeypatch.setattr(Docker, "remove_containers", remove)
    assert [one.name for one in engine.settle(ID)] == ["sbx-one.web"]
    assert removed == ["sbx-one.web"]


def test_its_socket_may_be_a_link(
    fake: Callable[..., Docker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(docker, "SOCKET", str(tmp_path / "link"))
    Path(docker.SOCKET).symlink_to(tmp_path / "docker.sock")
    with listening(str(tmp_path / "docker.sock")) as found:
        killed, at_work = connect(found)
        killed.close()
        with pytest.raises(HostError, match="still at work"):
            fake(ps="exit 0").settle(ID)
        at_work.close()


def test_another_daemon_is_none_of_ours(
    fake: Callable[..., Docker], daemon: socket.socket, tmp_path: Path
) -> None:
    """An account's own, for one."""
    (tmp_path / "run").mkdir()
    with listening(str(tmp_path / "run/docker.sock")) as theirs:
        killed, at_work = connect(theirs)
        killed.close()
        assert list(fake().settle(ID)) == []  # without a look at containers
        at_work.close()


def test_what_was_answered_is_garbage(fake: Callable[..., Docker], daemon: socket.socket) -> None:
    """The daemon keeps its end of each connection by which something ran inside a container."""
    killed, answered = connect(daemon)
    killed.close()
    asked: list[bytes] = []

    def collect() -> None:
        with daemon.accept()[0] as asking:
            asked.append(asking.recv(1024))
            answered.close()

    collecting = threading.Thread(target=collect, daemon=True)
    collecting.start()
    assert fake().settle(ID) == ()  # without a look at containers
    collecting.join(5)
    assert asked[0].startswith(b"GET /debug/pprof/heap?gc=1 ")


def test_without_ss_nobody_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "search_path", lambda: os.fspath(tmp_path))
    with pytest.raises(HostError) as failed:
        Docker().settle(ID)
    assert failed.value.code == "packages_missing"
