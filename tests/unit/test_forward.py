"""Published ports at this machine's loopback: which, where, and that nothing of it stays."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from sandboxer_cli import client, connection, forward
from sandboxer_cli.cli.main import app
from sandboxer_cli.client import Client
from sandboxer_cli.errors import (
    Conflict,
    ConnectionRefused,
    HostUnreachable,
    NotFound,
    NotReady,
    SandboxerError,
    TryAgain,
    Usage,
)
from tests.lab.command import await_until
from tests.sshd import Sshd, free_port

pytestmark = pytest.mark.usefixtures("quiet_surroundings")


def endpoint(service: str, port: int, host_port: int, scheme: str = "tcp") -> dict[str, Any]:
    return {
        "service": service,
        "port": port,
        "protocol": "udp" if scheme == "udp" else "tcp",
        "host_port": host_port,
        "scope": "loopback",
        "url": f"{scheme}://127.0.0.1:{host_port}",
    }


def sandbox(*published: dict[str, Any], state: str = "ready", host: str = "box") -> dict[str, Any]:
    return {
        "id": "sbx-one",
        "name": "one",
        "owner": "me",
        "host": host,
        "state": state,
        "error": {"message": "web exited"} if state == "failed" else None,
        "reachability": {"endpoints": list(published)},
    }


SHOP = sandbox(
    endpoint("db", 5432, 20000),
    endpoint("web", 80, 20001, "http"),
    endpoint("web", 443, 20002, "https"),
    endpoint("web", 53, 20003, "udp"),
)


@pytest.fixture
def page() -> Iterator[int]:
    """The port of something on the host's loopback that keeps its connections open."""

    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def said(port: int) -> bytes:
    with urlopen(f"http://127.0.0.1:{port}", timeout=10) as answer:
        found: bytes = answer.read()
        return found


@pytest.mark.parametrize(
    ("wanted", "host_ports"),
    [
        (None, [20000, 20001, 20002]),
        ("web", [20001, 20002]),
        ("web:443", [20002]),
    ],
)
def test_which_endpoints_are_meant(wanted: str | None, host_ports: list[int]) -> None:
    assert [one["host_port"] for one in forward.endpoints(SHOP, wanted)] == host_ports


@pytest.mark.parametrize("wanted", ["shop", "web:81", "web:", "web:x", ":80", "web:53"])
def test_what_is_not_published_is_said_with_what_is(wanted: str) -> None:
    with pytest.raises(Usage) as caught:
        forward.endpoints(SHOP, wanted)
    assert caught.value.detail.code == "endpoint_unknown"
    assert "db:5432, web:80, web:443" in caught.value.detail.hint


def test_nothing_published() -> None:
    with pytest.raises(Usage, match="one publishes no port of TCP"):
        forward.endpoints(sandbox(), None)


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        ("stopped", Conflict, "not_running"),
        ("creating", TryAgain, "busy"),
        ("failed", NotReady, "not_ready"),
        ("destroying", NotReady, "not_ready"),
    ],
)
def test_only_what_is_ready(state: str, kind: type[SandboxerError], code: str) -> None:
    with pytest.raises(kind) as caught:
        forward.check_state(sandbox(state=state))
    assert caught.value.detail.code == code
    assert ("web exited" in str(caught.value)) == (state == "failed")


def test_the_port_inside_is_the_port_here_where_it_can_be() -> None:
    free = free_port()
    published = [endpoint("a", free, 1), endpoint("b", free, 2), endpoint("c", 80, 3, "http")]
    first, second, third = forward.planned(published, None)
    assert (first.local_port, first.url) == (free, f"tcp://127.0.0.1:{free}")
    assert len({one.local_port for one in (first, second, third)}) == 3
    assert third.local_port >= 1024
    assert third.url == f"http://127.0.0.1:{third.local_port}"


def test_a_port_here_that_is_taken(page: int) -> None:
    [found] = forward.planned([endpoint("web", page, 1)], None)
    assert found.local_port != page
    with pytest.raises(Conflict) as caught:
        forward.planned([endpoint("web", 80, 1)], page)
    assert caught.value.detail.code == "local_port_taken"
    assert "--local" in caught.value.detail.hint


def test_one_port_here_is_for_one_endpoint() -> None:
    with pytest.raises(Usage, match="is one port, and here are 2"):
        forward.planned([endpoint("a", 80, 1), endpoint("b", 80, 2)], 8080)


def test_what_a_browser_shows() -> None:
    def shown(*published: dict[str, Any]) -> str:
        found = sandbox(*published)
        return forward.Forwarding(found, forward.at_home(published), None, lambda: found).page().url

    tcp, http, https = (
        endpoint("a", 1, 1),
        endpoint("b", 2, 2, "http"),
        endpoint("c", 3, 3, "https"),
    )
    assert shown(tcp) == "tcp://127.0.0.1:1"
    assert shown(tcp, http) == "http://127.0.0.1:2"
    with pytest.raises(Usage) as caught:
        shown(tcp, http, https)
    assert caught.value.detail.hint == "say which: b:2, c:3"


def test_a_page_of_the_hosts_loopback_is_read_here(
    sshd: Sshd, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "show", lambda *_: sandbox(endpoint("web", 80, page, "http")))
    with Client([sshd.inventory()]).forward("one", "web") as forwarding:
        [found] = forwarding.forwards
        assert found.local_port != page
        assert said(found.local_port) == b"hello"
    assert not listens(found.local_port)


def test_the_shared_connection_forwards_nothing(sshd: Sshd, page: int) -> None:
    way = connection.reach("box", [sshd.inventory()])
    connection.run(way, ["true"], timeout=20)  # it is open now
    local = free_port()
    child = connection.begin_forwarding(way, {local: page})
    assert said(local) == b"hello"
    connection.end_forwarding(child)
    assert not listens(local)
    assert connection.run(way, ["true"], timeout=20).returncode == 0
    assert sum("Accepted publickey" in line for line in sshd.log) == 2


BEGIN = """
import sys
from sandboxer_cli import connection
way = connection.reach("box", [sys.argv[1]])
connection.begin_forwarding(way, {int(sys.argv[2]): int(sys.argv[3])})
print("stands", flush=True)
sys.stdin.read()
"""


def test_it_ends_with_a_program_that_is_killed(sshd: Sshd, page: int) -> None:
    """Also while somebody holds a connection through it, for which ssh by itself would wait."""
    local = free_port()
    argv = [sys.executable, "-c", BEGIN, str(sshd.inventory()), str(local), str(page)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout
        assert program.stdout.readline() == b"stands\n"
        with socket.create_connection(("127.0.0.1", local), 10) as held:
            held.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert held.recv(1)
            program.kill()
            program.wait()
            await_until(lambda: not listens(local), 10, "the port is free again")


def test_a_port_that_is_taken_in_between(sshd: Sshd, page: int) -> None:
    way = connection.reach("box", [sshd.inventory()])
    with pytest.raises(Conflict, match=f"port {page} of this machine is taken"):
        connection.begin_forwarding(way, {page: page})


def test_a_host_key_that_is_not_known_is_refused(sshd: Sshd, page: int) -> None:
    sshd.known_hosts.write_text("")
    way = connection.reach("box", [sshd.inventory()])
    with pytest.raises(ConnectionRefused) as caught:
        connection.begin_forwarding(way, {free_port(): page})
    assert caught.value.detail.code == "host_key_unknown"
    assert not sshd.logged_in


def test_a_host_that_is_not_there_is_told_in_sshs_own_words(sshd: Sshd, page: int) -> None:
    way = connection.reach("box", [sshd.inventory()])
    sshd.stop()
    with pytest.raises(HostUnreachable, match="refused"):
        connection.begin_forwarding(way, {free_port(): page})


def test_it_ends_when_the_sandbox_is_gone_or_the_link_is_cut(
    sshd: Sshd, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "_LOOK_SECONDS", 0.05)
    here = sandbox(endpoint("web", 80, page))
    looks = iter([here, ConnectionRefused("for a moment"), sandbox(endpoint("web", 80, page + 1))])

    def look(*_: object) -> object:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(Client, "show", lambda *_: here)
    monkeypatch.setattr(client, "_show", look)
    with Client([sshd.inventory()]).forward("one") as forwarding:
        with pytest.raises(NotFound, match="one is gone, or was made anew"):
            forwarding.wait()
        assert next(looks, None) is None
        monkeypatch.setattr(forward, "_LOOK_SECONDS", 10)
        assert forwarding.child
        assert forwarding.child.stdin
        forwarding.child.stdin.close()
        with pytest.raises(HostUnreachable) as caught:
            forwarding.wait()
        assert caught.value.detail.code == "connection_lost"


def test_what_ssh_says_of_a_connection_is_passed_on(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens behind it."""
    lines: list[str] = []
    nobody = sandbox(endpoint("web", 80, free_port()))
    monkeypatch.setattr(Client, "show", lambda *_: nobody)
    monkeypatch.setattr(client, "_show", lambda *_: None if lines else nobody)
    monkeypatch.setattr(forward, "_LOOK_SECONDS", 0.05)
    with Client([sshd.inventory()], lines.append).forward("one") as forwarding:
        with socket.create_connection(("127.0.0.1", forwarding.forwards[0].local_port), 10) as one:
            one.recv(1)
        with pytest.raises(NotFound):
            forwarding.wait()
    assert "open failed" in lines[0]


def test_on_this_machine_nothing_is_forwarded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = sandbox(endpoint("web", 80, 20001, "http"), host="localhost")
    monkeypatch.setattr(Client, "show", lambda *_: here)
    assert app(["forward", "one", "web"], standalone_mode=False) == 0
    printed = capsys.readouterr()
    assert printed.out == "http://127.0.0.1:20001\tweb:80\n"
    assert "on this machine" in printed.err
    with pytest.raises(Usage) as caught:
        app(["forward", "one", "--local", "8080"], standalone_mode=False)
    assert caught.value.detail.code == "forward_needless"
    assert "http://127.0.0.1:20001 reaches it" in str(caught.value)


@pytest.mark.parametrize("scheme", ["tcp", "http", "https"])
def test_open_shows_it_in_a_browser(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    scheme: str,
) -> None:
    here = sandbox(endpoint("web", 80, 20001, scheme), host="localhost")
    monkeypatch.setattr(Client, "show", lambda *_: here)
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(shown.append(url)))
    assert app(["open", "one"], standalone_mode=False) == 0
    assert shown == [f"{'http' if scheme == 'tcp' else scheme}://127.0.0.1:20001"]
    printed = capsys.readouterr()
    assert printed.out == f"{scheme}://127.0.0.1:20001\tweb:80\n"
    assert "no browser here" in printed.err
