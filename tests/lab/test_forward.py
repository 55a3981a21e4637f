"""A page of a host's loopback, read here, and nothing that stays when the program has ended."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.lab.command import await_until
from tests.lab.doors import Controller
from tests.lab.hosts import Host

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.on("h2")]


@pytest.fixture
def controller(tmp_path: Path, lab: dict[str, Host]) -> Iterator[Controller]:
    home = tmp_path / "h"
    home.mkdir()
    found = Controller(home)
    hello = ("--profile", "profile.hello", "--host", "h2", "--name", "one", "--json")
    assert found.sandboxer("create", *hello).status == 0
    yield found
    assert found.sandboxer("destroy", "one", "--host", "h2").status == 0


def listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def assert_ends(controller: Controller, number: signal.Signals, status: int) -> None:
    child = controller.start(*controller.program("forward", "one", "web", "--host", "h2"))
    assert child.stdout
    url, _, reaches = child.stdout.readline().strip().partition("\t")
    assert reaches == "web:80", child.communicate()
    with urlopen(url, timeout=10) as answer:  # noqa: S310
        assert answer.read() == b"hello from sand-boxer\n"
    child.send_signal(number)
    assert child.wait(10) == status
    port = int(url.rpartition(":")[2])
    if number == signal.SIGKILL:  # nobody was left to wait for it
        await_until(lambda: not listens(port), 10, "nobody listens")
    assert not listens(port)
    child.communicate()


def test_until_it_is_told_and_no_longer(controller: Controller) -> None:
    assert_ends(controller, signal.SIGINT, 0)
    assert_ends(controller, signal.SIGTERM, 0)
    assert_ends(controller, signal.SIGKILL, -signal.SIGKILL)
