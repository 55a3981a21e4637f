"""What a compose program is told: its argv and its file, by tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import compose_program
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.maker import Wanted

PLAIN: dict[str, Any] = {
    "image": "registry.example/web:1",
    "command": None,
    "entrypoint": None,
    "environment": {},
    "working_dir": None,
    "user": None,
    "init": False,
    "labels": {},
    "restart": "no",
    "volumes": [],
    "ports": [],
    "expose": [],
    "depends_on": {"store": {"condition": "service_healthy"}},
    "healthcheck": {"test": ["CMD", "true"]},
}


def document(
    volumes: dict[str, str] | None = None,
    published: list[dict[str, Any]] | None = None,
    bind: str = "127.0.0.1",
    **changes: Any,
) -> Any:
    one = Wanted("web", {**PLAIN, **changes}, volumes or {}, published or [], bind)
    return compose_program.document("k8s-file", "sbx-a", 3, [one])


def test_the_plain_service() -> None:
    """No depends_on (1.3.0), no networks of a service (1.0.3), no pod (1.3.0)."""
    assert document() == {
        "services": {
            "web": {
                "container_name": "sbx-a.web",
                "image": "registry.example/web:1",
                "pull_policy": "never",
                "environment": {},
                "labels": {"io.sandboxer.id": "sbx-a", "io.sandboxer.generation": "3"},
                "logging": {"driver": "k8s-file", "options": {"max-size": "10m"}},
                "healthcheck": {"test": ["NONE"]},
                "restart": "no",
                "init": False,
            }
        },
        "networks": {"default": {"external": True, "name": "sbx-a.default"}},
        "volumes": {},
        "x-podman": {"in_pod": False},
    }


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"init": True}, {"init": True}),
        ({"user": "1000:1000"}, {"user": "1000:1000"}),
        ({"working_dir": "/srv"}, {"working_dir": "/srv"}),
        ({"restart": "on-failure:3"}, {"restart": "on-failure:3"}),
        ({"command": ["a", "$b"]}, {"command": ["a", "$$b"]}),
        ({"command": []}, {}),
        ({"entrypoint": ["a", 'b "c"']}, {"entrypoint": ["a", 'b "c"']}),
        ({"environment": {"A": "${B:-c} $$"}}, {"environment": {"A": "$${B:-c} $$$$"}}),
        ({"expose": [{"target": 53, "protocol": "udp"}]}, {"expose": ["53/udp"]}),
        (
            {"published": [{"target": 80, "protocol": "tcp", "host_port": 20001}]},
            {"ports": ["127.0.0.1:20001:80/tcp"]},
        ),
        (
            {
                "published": [{"target": 53, "protocol": "udp", "host_port": 20001}],
                "bind": "0.0.0.0",
            },
            {"ports": ["0.0.0.0:20001:53/udp"]},
        ),
        (
            {
                "volumes": {"/data": "sbx-a.data", "/x": "sbx-a.web.0123456789abcdef"},
            },
            {
                "volumes": [
                    {
                        "type": "volume",
                        "source": "sbx-a.data",
                        "target": "/data",
                        "read_only": False,
                    },
                    {
                        "type": "volume",
                        "source": "sbx-a.web.0123456789abcdef",
                        "target": "/x",
                        "read_only": False,
                    },
                ]
            },
        ),
    ],
    ids=str,
)
def test_each_key(changes: dict[str, Any], wanted: dict[str, Any]) -> None:
    web = document(**changes)["services"]["web"]
    assert web == {**document()["services"]["web"], **wanted}


def test_its_volumes_are_there_already_under_their_own_names() -> None:
    volumes = document(volumes={"/data": "sbx-a.data", "/other": "sbx-a.data"})["volumes"]
    assert volumes == {"sbx-a.data": {"external": True, "name": "sbx-a.data"}}


def test_a_volume_that_is_read_only() -> None:
    mount = {"volume": "data", "target": "/data", "read_only": True}
    one = Wanted("web", {**PLAIN, "volumes": [mount]}, {"/data": "sbx-a.data"}, [], "127.0.0.1")
    [mounted] = compose_program.document("k8s-file", "sbx-a", 3, [one])["services"]["web"][
        "volumes"
    ]
    assert mounted["read_only"] is True


def test_our_labels_win() -> None:
    web = document(labels={"io.sandboxer.id": "sbx-other", "a": "b"})["services"]["web"]
    assert web["labels"] == {"a": "b", "io.sandboxer.id": "sbx-a", "io.sandboxer.generation": "3"}


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f389 h\u00e4",
        "\x7f\x80\x85\x9f",
        "\u2028\u2029\ufeff\ufffe\uffff",
        "\0\x1b\t\n\r",
        "/",
    ],
    ids=ascii,
)
def test_its_json_is_the_same_as_yaml(text: str) -> None:
    value = {"<<": text, text: [text, "no", "1_000", "~", "=", "2001-01-01"]}
    written = compose_program.as_yaml(value)
    assert json.loads(written) == value
    assert yaml.safe_load(written) == value


def test_an_emoji_is_written_as_itself() -> None:
    assert "\U0001f389" in compose_program.as_yaml(["\U0001f389"])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("podman-compose", ["podman-compose"]),
        ("  podman   compose ", ["podman", "compose"]),
        ("/opt/a\\ b/pc --podman-path '/usr/bin/my podman'", ["/opt/a b/pc", "--podman-path"]),
        ("pc $HOME `id` $(id) ~ * ; && | #", ["pc", "$HOME", "`id`", "$(id)", "~", "*", ";"]),
    ],
)
def test_a_command_is_split_and_not_expanded(command: str, words: list[str]) -> None:
    assert compose_program.split(command)[: len(words)] == words


@pytest.mark.parametrize("command", ["", " \n", "'a", "a\\", "./a", "bin/a", "a\0"])
def test_what_is_no_command(command: str) -> None:
    with pytest.raises(HostError) as caught:
        compose_program.split(command)
    assert caught.value.code == "usage"


def test_its_argv() -> None:
    assert compose_program.up_argv(["podman", "compose"], "sbx-a", "/job/compose.json") == [
        *["podman", "compose", "-p", "sbx-a", "-f", "/job/compose.json", "up", "--no-start"]
    ]


def test_of_what_it_says_the_end_is_kept(tmp_path: Path) -> None:
    lines = "yes much | head -n 100000; echo the end"
    said = compose_program._run(["sh", "-c", lines], str(tmp_path), {})
    assert said.endswith(b"much\nthe end\n")
    assert len(said) == 64 * 1024


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": {"a$b": ""}},
        {"labels": {"x" * 1001: ""}},
        {"environment": {"x" * 1001: ""}},
    ],
    ids=["dollar", "long label", "long variable"],
)
def test_names_that_none_of_them_carries(changes: dict[str, Any]) -> None:
    with pytest.raises(HostError) as caught:
        compose_program.check("podman-compose", {"web": {**PLAIN, **changes}})
    assert caught.value.code == "usage"
    compose_program.check("podman-compose", {"web": PLAIN})
