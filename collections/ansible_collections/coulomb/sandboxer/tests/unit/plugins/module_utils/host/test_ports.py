"""Which ports are chosen, and whether a port counts as free."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import ports
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


@pytest.mark.parametrize(
    ("taken", "bound", "count", "chosen"),
    [
        (set(), set(), 0, []),
        (set(), set(), 2, [10, 11]),
        ({10}, set(), 2, [11, 12]),
        (set(), {10}, 2, [11, 12]),
        ({10}, {11}, 2, [12, 13]),
        ({10, 12}, set(), 2, [11, 13]),
        (set(), set(), 4, [10, 11, 12, 13]),
    ],
)
def test_plan(taken: set[int], bound: set[int], count: int, chosen: list[int]) -> None:
    assert ports.plan(10, 13, taken, count, lambda port: port not in bound) == chosen


@pytest.mark.parametrize(
    ("taken", "bound", "count"),
    [(set(), set(), 5), ({10, 11, 12}, set(), 2), ({10}, {11, 12, 13}, 1)],
)
def test_the_range_is_used_up(taken: set[int], bound: set[int], count: int) -> None:
    with pytest.raises(HostError) as failed:
        ports.plan(10, 13, taken, count, lambda port: port not in bound)
    assert (failed.value.code, failed.value.retryable) == ("ports_exhausted", True)


def test_ports_that_records_hold_are_not_even_tried() -> None:
    tried: list[int] = []

    def is_free(port: int) -> bool:
        tried.append(port)
        return True

    assert ports.plan(10, 13, {10, 11}, 1, is_free) == [12]
    assert tried == [12]


@pytest.fixture(params=[socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
def bound_port(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.socket(socket.AF_INET, request.param) as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == socket.SOCK_STREAM:
            listener.listen()
        yield listener.getsockname()[1]


def test_a_port_on_one_address_is_not_free(bound_port: int) -> None:
    assert not ports.is_free(bound_port)


def test_a_port_that_was_just_closed_is_free() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted = listener.accept()[0]
            accepted.close()  # it closes first, so TIME_WAIT is on this port
            client.recv(1)
    assert ports.is_free(port)


def test_the_range_of_an_account(state: State) -> None:
    first, last = ports.account_range(state)
    assert (first, last) == (20000, 29999) or os.geteuid() != 0
    assert 10000 <= first < last < 32768
    with open(state.host_file, "w", encoding="utf-8") as file:
        json.dump({"ports": [21000, 21003]}, file)
    assert ports.account_range(state) == (21000, 21003)


@pytest.mark.parametrize(
    ("publish", "carries", "there", "found"),
    [
        ("loopback", True, True, ("127.0.0.1",)),
        ("host", True, True, ("0.0.0.0", "[::]")),
        ("host", True, False, ("0.0.0.0",)),
        ("host", False, True, ("0.0.0.0",)),
    ],
)
def test_where_ports_listen(
    monkeypatch: pytest.MonkeyPatch,
    publish: str,
    carries: bool,
    there: bool,
    found: tuple[str, ...],
) -> None:
    monkeypatch.setattr(ports, "_has_ipv6", lambda: there)
    assert ports.addresses(publish, carries) == found


def test_a_listener_on_ipv6_alone_has_its_port() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert not ports.is_free(listener.getsockname()[1])
