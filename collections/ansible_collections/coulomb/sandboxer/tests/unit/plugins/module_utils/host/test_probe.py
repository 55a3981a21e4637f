"""Probes against real sockets on loopback."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import probe, readiness
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman

Serve = Callable[[Callable[[socket.socket], None]], int]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nit answers"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that treat one connection as told; returns their port."""
    with contextlib.ExitStack() as stack:

        def start(treat: Callable[[socket.socket], None]) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run() -> None:
                with contextlib.suppress(OSError):
                    connection = listener.accept()[0]
                    with connection:
                        treat(connection)

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            return int(listener.getsockname()[1])

        yield start


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    def treat(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    return treat


@pytest.mark.parametrize(
    ("answer", "wanted", "reason"),
    [
        (OK, {}, ""),
        (OK, {"status": 200}, ""),
        (OK, {"contains": "answers"}, ""),
        (OK.replace(b"\r\n\r\n", b"\r\nX: y\r\n\r\n"), {"contains": "answers"}, ""),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", {"status": 404}, ""),
        (b"HTTP/1.1 503\r\n\r\n", {}, "got 503"),
        (b"HTTP/1.1 301 Moved\r\n\r\n", {}, ""),
        (b"HTTP/1.1 400 Bad\r\n\r\n", {}, "got 400"),
        (b"HTTP/1.1 199 Early\r\n\r\n", {}, "got 199"),
        (b"HTTP/1.1 301 Moved\r\n\r\n", {"status": 200}, "got 301"),
        (OK, {"status": 204}, "got 200"),
        (OK, {"contains": "something else"}, "does not hold"),
        (OK, {"contains": "200 OK"}, "does not hold"),  # a header is no body
        (b"SSH-2.0-OpenSSH_9.2\r\n", {}, "does not speak HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n", {}, "does not speak HTTP"),
        (b"HTTP/1.1\r\n\r\n", {}, "does not speak HTTP"),
        (b"\0\xff\xfe", {}, "does not speak HTTP"),
        (b"", {}, "closed the connection without an answer"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, {"contains": "answers"}, ""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n\r\n", {}, "got 503"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", {}, "closed the connection without an answer"),
        (CHUNKED + b"3\r\nit \r\n7;a=b\r\nanswers\r\n0\r\n\r\n", {"contains": "it answers"}, ""),
        (CHUNKED + b"3\r\nit \r\n7\r\nanswers\r\n0\r\n\r\n", {"contains": "7"}, "does not hold"),
        (CHUNKED + b"A\r\nit answers", {"contains": "it answers"}, ""),  # closed too early
        (CHUNKED + b"-1\r\nit answers", {"contains": "it answers"}, "does not hold"),
        (CHUNKED + b"it answers", {"contains": "it answers"}, "does not hold"),
    ],
)
def test_http(serve: Serve, answer: bytes, wanted: dict[str, Any], reason: str) -> None:
    got = probe.http("127.0.0.1", serve(answering(answer)), wanted)
    assert (reason in got) if reason else (got == ""), got


def test_what_is_asked(serve: Serve) -> None:
    asked: list[bytes] = []

    def treat(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(OK)

    port = serve(treat)
    assert probe.http("127.0.0.1", port, {"path": "/health?a=b"}) == ""
    assert asked[0].startswith(b"GET /health?a=b HTTP/1.1\r\n")
    assert b"\r\nConnection: close\r\n" in asked[0]
    assert f"Host: 127.0.0.1:{port}\r\n".encode() in asked[0]


def test_the_status_line_may_come_in_pieces(serve: Serve) -> None:
    def treat(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in OK:
            connection.send(bytes([byte]))

    assert probe.http("127.0.0.1", serve(treat), {"contains": "it answers"}) == ""


@pytest.mark.parametrize(
    "answer", [OK, CHUNKED + b"a\r\nit answers\r\n0\r\n\r\n"], ids=["length", "chunks"]
)
def test_one_that_does_not_close_is_not_waited_for(serve: Serve, answer: bytes) -> None:
    def treat(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)
        silence(connection)

    assert probe.http("127.0.0.1", serve(treat), {"contains": "it answers"}, seconds=0.5) == ""


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 4096)


def drip(connection: socket.socket) -> None:
    """A byte now and then, for five seconds: each of them comes in time."""
    for _each in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)


def silence(connection: socket.socket) -> None:
    connection.settimeout(5)
    while connection.recv(4096):
        pass


@pytest.mark.parametrize("contains", [None, "text"])
@pytest.mark.parametrize(
    ("treat", "reason"),
    [(endless, "does not hold"), (drip, "timed out"), (silence, "timed out")],
    ids=["endless", "drip", "silence"],
)
def test_nobody_can_hold_us(
    serve: Serve, treat: Callable[[socket.socket], None], reason: str, contains: str
) -> None:
    begin = time.monotonic()
    got = probe.http("127.0.0.1", serve(treat), {"contains": contains}, seconds=0.5)
    assert time.monotonic() - begin < 2
    assert reason in got or (treat is endless and contains is None and got == ""), got


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for got in (probe.tcp("127.0.0.1", port), probe.http("127.0.0.1", port, {})):
            assert "refused" in got
            assert str(port) in got


def greeting(connection: socket.socket) -> None:
    connection.sendall(b"220 hello\r\n")


def closing(connection: socket.socket) -> None:
    """As docker's proxy, where nobody listens in the container."""


def resetting(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("treat", "reason"),
    [
        (silence, ""),
        (greeting, ""),
        (closing, "closed at once: nobody listens behind it"),
        (resetting, "closed at once: nobody listens behind it"),
    ],
)
def test_tcp(serve: Serve, treat: Callable[[socket.socket], None], reason: str) -> None:
    got = probe.tcp("127.0.0.1", serve(treat), has_proxy=True)
    assert (reason in got) if reason else (got == ""), got
    assert probe.tcp("127.0.0.1", serve(treat)) == ""


def test_a_connection_that_is_reset_as_soon_as_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever is slow hears of both at once."""

    def reset(*_: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(socket, "create_connection", reset)
    assert probe.tcp("127.0.0.1", 1) == ""
    assert "nobody listens" in probe.tcp("127.0.0.1", 1, has_proxy=True)


def test_a_probe_is_asked_where_its_port_came_out(serve: Serve) -> None:
    port = serve(answering(OK))
    published = [
        {"service": "store", "port": 80, "host_port": 1},
        {"service": "web", "port": 81, "host_port": 1},
        {"service": "web", "port": 80, "host_port": port},
    ]
    item = {"service": "web", "http": {"port": 80, "path": "/x", "status": 200}}
    engine = Podman()
    [(container, ask)] = readiness.questions(item, published, engine, ["sbx-a.web"])
    assert (container, ask()) == ("sbx-a.web", "")
    [(_container, ask)] = readiness.questions(item, published[:2], engine, ["sbx-a.web"])
    assert ask() == "port 80 is not published"


def test_docker_accepts_for_nobody(serve: Serve) -> None:
    item = {"service": "web", "tcp": {"port": 80}}
    for engine, reason in ((Docker(), "web:80 was closed at once"), (Podman(), "")):
        published = [{"service": "web", "port": 80, "host_port": serve(closing)}]
        [(_container, ask)] = readiness.questions(item, published, engine, ["sbx-a.web"])
        got = ask()
        assert (reason in got) if reason else (got == "")


def test_a_wrong_answer_is_named_by_its_service(serve: Serve) -> None:
    port = serve(answering(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"))
    published = [{"service": "web", "port": 8080, "host_port": port}]
    item = {"service": "web", "http": {"port": 8080, "path": "/health"}}
    engine = Podman()
    [(_container, ask)] = readiness.questions(item, published, engine, ["sbx-a.web"])
    assert ask() == "got 502 from web:8080/health"


def test_headers_that_are_asked_for(serve: Serve) -> None:
    asked: list[bytes] = []

    def treat(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(OK)

    headers = [{"name": "host", "value": "shop.example"}, {"name": "X-Key", "value": "a b"}]
    assert probe.http("127.0.0.1", serve(treat), {"headers": headers}) == ""
    assert b"\r\nHost: shop.example\r\n" in asked[0]
    assert b"\r\nX-Key: a b\r\n" in asked[0]
    assert asked[0].count(b"Host:") == 1
