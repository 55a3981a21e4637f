"""What a compose program is told: its argv and its file, by tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import compose_program
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Engine
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.maker import Mount, Wanted
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman

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


def document(instance: str = "web", **changes: Any) -> Any:
    own = {key: changes.pop(key) for key in ("mounts", "published", "bind") if key in changes}
    one = Wanted("web", instance, {**PLAIN, **changes}, PLAIN["image"], **own)
    return compose_program.document(Podman(), "sbx-a", 3, [one])


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
                "stop_grace_period": "2s",
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
                "bind": ("0.0.0.0", "[::]"),
            },
            {"ports": ["0.0.0.0:20001:53/udp", "[::]:20001:53/udp"]},
        ),
        (
            {"mounts": [Mount("volume", "sbx-a.data", "/data", True)]},
            {
                "volumes": [
                    {"type": "volume", "source": "sbx-a.data", "target": "/data", "read_only": True}
                ]
            },
        ),
        (
            {"mounts": [Mount("volume", "sbx-a.data", "/data", False, ("nocopy",))]},
            {
                "volumes": [
                    {
                        "type": "volume",
                        "source": "sbx-a.data",
                        "target": "/data",
                        "read_only": False,
                        "volume": {"nocopy": True},
                    }
                ]
            },
        ),
        (
            {"mounts": [Mount("bind", "/srv/$x", "/conf")]},
            {
                "volumes": [
                    {
                        "type": "bind",
                        "source": "/srv/$$x",
                        "target": "/conf",
                        "read_only": False,
                        "bind": {"create_host_path": False},
                    }
                ]
            },
        ),
        (
            {"mounts": [Mount("tmpfs", "", "/tmp", options=("size=1", "mode=1777"))]},
            {"tmpfs": ["/tmp:size=1,mode=1777"]},
        ),
        ({"memory": 5, "memory_swap": 6}, {"mem_limit": 5, "memswap_limit": 6}),
        ({"memory_reservation": 5}, {"mem_reservation": 5}),
        ({"stop_grace": 1.2}, {"stop_grace_period": "2s"}),
        ({"hostname": "a", "domainname": "b"}, {"hostname": "a.b"}),
        ({"sysctls": {"a.b": "1"}}, {"sysctls": ["a.b=1"]}),
        ({"annotations": {"a": "1"}}, {"annotations": ["a=1"]}),
        ({"extra_hosts": {"a": ["::1"]}}, {"extra_hosts": ["a:::1"]}),
        ({"ipc": "service:db"}, {"ipc": "container:sbx-a.db"}),
        ({"pid": "service:db"}, {"pid": "container:sbx-a.db"}),
        (
            {"networks": {"default": {"aliases": ["b"]}}},
            {"networks": {"default": {"aliases": ["b"]}}},
        ),
        *(
            ({key: value}, {key: value})
            for key, value in {
                "cap_add": ["A"],
                "cap_drop": ["A"],
                "cpu_shares": 5,
                "cpus": 0.5,
                "cpuset": "0",
                "dns": ["1.1.1.1"],
                "dns_opt": ["a"],
                "dns_search": ["a"],
                "group_add": ["1"],
                "oom_score_adj": 0,
                "pids_limit": -1,
                "platform": "linux",
                "read_only": True,
                "security_opt": ["a"],
                "shm_size": 5,
                "stdin_open": True,
                "stop_signal": "INT",
                "tty": True,
                "ulimits": {"core": {"soft": 0, "hard": 0}},
            }.items()
        ),
    ],
    ids=str,
)
def test_each_key(changes: dict[str, Any], wanted: dict[str, Any]) -> None:
    web = document(**changes)["services"]["web"]
    assert web == {**document()["services"]["web"], **wanted}


def test_its_volumes_are_there_already_under_their_own_names() -> None:
    mounts = [Mount("volume", "sbx-a.data", target) for target in ("/data", "/other")]
    volumes = document(mounts=[*mounts, Mount("bind", "/srv", "/srv")])["volumes"]
    assert volumes == {"sbx-a.data": {"external": True, "name": "sbx-a.data"}}


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ({"default": {}}, None),  # 1.0.3 takes no mapping: nothing is said where nothing has to be
        ({"back": {}, "front": None}, ["back", "front"]),
        (
            {"back": {"aliases": ["b"]}, "front": {}},
            {"back": {"aliases": ["b"]}, "front": {"aliases": []}},
        ),
    ],
)
def test_networks(networks: dict[str, Any], said: Any) -> None:
    made = document(networks=networks)
    assert made["services"]["web"].get("networks") == said
    assert made["networks"] == {
        name: {"external": True, "name": f"sbx-a.{name}"} for name in networks
    }


@pytest.mark.parametrize(("mode", "said"), [("none", "none"), ("service:db", "container:sbx-a.db")])
def test_no_network_of_its_own(mode: str, said: str) -> None:
    made = document(networks={}, network_mode=mode)
    assert made["services"]["web"]["network_mode"] == said
    assert "networks" not in made["services"]["web"]
    assert made["networks"] == {}


def test_the_second_container_of_a_service_is_a_service_of_its_own() -> None:
    made = document(instance="web.2")["services"]
    assert made["web.2"]["container_name"] == "sbx-a.web.2"
    assert made["web.2"]["networks"] == {"default": {"aliases": ["web"]}}


SHOWN = {"IpcMode": "container:0123", "Dns": ["10.0.0.1"], "OomScoreAdj": 5}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"ipc": "service:db", "dns": ["10.0.0.1"], "oom_score_adj": 5}, []),
        ({"oom_score_adj": 6}, ["pc leaves out oom_score_adj of service web"]),
        ({"pids_limit": 6}, ["pc leaves out pids_limit of service web"]),
        ({"dns": ["10.0.0.2"]}, None),
        ({"pid": "service:db"}, None),
    ],
)
def test_what_it_leaves_out_is_said(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], told: list[str] | None
) -> None:
    monkeypatch.setattr(Engine, "inspect", lambda *_: [{"HostConfig": SHOWN}])
    one = Wanted("web", "web", {**PLAIN, **asked}, "image")
    if told is not None:
        assert compose_program._left_out(Podman(), "pc", "sbx-a", [one]) == told
        return
    with pytest.raises(HostError) as caught:
        compose_program._left_out(Podman(), "pc", "sbx-a", [one])
    assert caught.value.code == "compose_failed"


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
