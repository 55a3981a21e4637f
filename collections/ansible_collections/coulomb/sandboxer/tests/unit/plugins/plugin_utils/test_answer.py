"""What only the controller knows of an object."""

from __future__ import annotations

import getpass
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer, task

ENDPOINT = {"service": "web", "port": 80, "host_port": 20000, "url": "http://127.0.0.1:20000"}


def complete(scope: str, ssh: dict[str, Any] | None) -> str:
    found = {"id": "sbx-a", "reachability": {"endpoints": [{**ENDPOINT, "scope": scope}]}}
    [endpoint] = answer.complete(found, "h1", ssh, False)["reachability"]["endpoints"]
    return str(endpoint["url"])


@pytest.mark.parametrize(
    ("scope", "address", "url"),
    [
        ("loopback", "192.0.2.11", "http://127.0.0.1:20000"),
        ("host", "192.0.2.11", "http://192.0.2.11:20000"),
        ("host", "h1.example", "http://h1.example:20000"),
        ("host", "2001:db8::1", "http://[2001:db8::1]:20000"),
    ],
)
def test_an_address_that_people_can_reach(scope: str, address: str, url: str) -> None:
    assert complete(scope, {"host": address, "port": 22, "user": "root"}) == url


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (None, None),
        ("", None),
        ("/a/$HOME/${HOME}/~", Path("/a/$HOME/${HOME}/~")),
        ("~/shop", Path.home() / "shop"),
    ],
)
def test_a_folder_of_the_controller(given: str | None, path: Path | None) -> None:
    assert answer.folder(given) == path


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_an_account_without_a_name(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """As in a container that runs as a number."""

    def getuser() -> str:
        raise error("no name")

    monkeypatch.setattr(getpass, "getuser", getuser)
    monkeypatch.delenv("SANDBOXER_OWNER", raising=False)
    with pytest.raises(HostError) as refused:
        answer.owner(None)
    assert refused.value.code == "usage"
    assert "SANDBOXER_OWNER" in refused.value.hint
    with pytest.raises(AnsibleActionFail, match="SANDBOXER_OWNER") as failed:
        task.owner(None)
    assert failed.value.result["sandboxer_error"]["code"] == "usage"
    monkeypatch.setenv("SANDBOXER_OWNER", "ci")
    assert (answer.owner(None), task.owner(None), task.owner("me")) == ("ci", "ci", "me")


def test_what_can_not_be_reached_from_here_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        endpoint = {**ENDPOINT, "scope": "host", "url": f"http://127.0.0.1:{port}"}
        found = {"host": "h1", "reachability": {"endpoints": [endpoint]}}
        assert answer.unreachable(found) == ""
    told = answer.unreachable(found)
    assert told.startswith(f"web:80 answers on h1, and not at 127.0.0.1:{port}")
    inside = {**endpoint, "scope": "loopback"}
    assert answer.unreachable({"host": "h1", "reachability": {"endpoints": [inside]}}) == ""


def test_health_is_asked_from_here_where_it_is_published_for_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        endpoint = {**ENDPOINT, "scope": "host", "url": f"http://127.0.0.1:{port}"}
        found = {"host": "h1", "reachability": {"endpoints": [endpoint]}}
        tcp = {"service": "web", "tcp": {"port": 80}}
        http = {"service": "web", "http": {"port": 80, "path": "/health"}, "timeoutSeconds": 0.1}
        others = [{"service": "web", "exec": {"command": ["true"]}}, {**http, "service": "db"}]
        assert answer.unhealthy(found, [tcp, *others], seconds=1) == ""
        told = answer.unhealthy(found, [tcp, http], seconds=1)
        assert told.startswith("web:80 is healthy on h1, and not from here: no answer from 127.")
        inside = {"host": "h1", "reachability": {"endpoints": [{**endpoint, "scope": "loopback"}]}}
        assert answer.unhealthy(inside, [http], seconds=1) == ""


def test_it_is_asked_again_until_its_time_is_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    endpoint = {**ENDPOINT, "scope": "host", "url": f"http://127.0.0.1:{port}"}
    found = {"host": "h1", "reachability": {"endpoints": [endpoint]}}
    late: list[socket.socket] = []
    timer = threading.Timer(0.7, lambda: late.append(socket.create_server(("127.0.0.1", port))))
    timer.start()
    assert answer.unhealthy(found, [{"service": "web", "tcp": {"port": 80}}], 10) == ""
    timer.join()
    late[0].close()
