"""The document's keys as arguments of `podman create`, by tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import maker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Engine
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
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
    "depends_on": {},
    "healthcheck": None,
}
PUBLISHED = {"target": 80, "protocol": "tcp", "host_port": 20001}


def argv(
    volumes: dict[str, str] | None = None,
    published: list[dict[str, Any]] | None = None,
    bind: str = "127.0.0.1",
    env_file: str | None = None,
    engine: Engine = Podman(),  # noqa: B008 - it is frozen
    **changes: Any,
) -> list[str]:
    service = {**PLAIN, **changes}
    one = maker.Wanted("web", service, volumes or {}, published or [], bind)
    return maker.create_argv(engine, "sbx-a", 3, one, env_file)


def test_the_plain_service() -> None:
    assert argv() == [
        "create",
        *["--name", "sbx-a.web"],
        *["--pull", "never"],
        *["--network", "sbx-a.default"],
        *["--network-alias", "web"],
        *["--log-driver", "k8s-file"],
        *["--log-opt", "max-size=10m"],
        "--no-healthcheck",
        *["--label", "io.sandboxer.id=sbx-a"],
        *["--label", "io.sandboxer.generation=3"],
        *["--restart", "no"],
        "--",
        "registry.example/web:1",
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"init": True}, ["--init"]),
        ({"user": "1000:1000"}, ["--user", "1000:1000"]),
        ({"working_dir": "/srv"}, ["--workdir", "/srv"]),
        ({"restart": "on-failure:3"}, ["--restart", "on-failure:3"]),
        ({"labels": {"a": "b=c d"}}, ["--label", "a=b=c d"]),
        ({"expose": [{"target": 53, "protocol": "udp"}]}, ["--expose", "53/udp"]),
        ({"published": [PUBLISHED]}, ["--publish", "127.0.0.1:20001:80/tcp"]),
        (
            {"published": [PUBLISHED], "bind": "0.0.0.0"},
            ["--publish", "0.0.0.0:20001:80/tcp"],
        ),
        ({"volumes": {"/data": "sbx-a.data"}}, ["--volume", "sbx-a.data:/data"]),
        ({"env_file": "/job/env"}, ["--env-file", "/job/env"]),
        ({"entrypoint": ["a", 'b "c"']}, ["--entrypoint", json.dumps(["a", 'b "c"'])]),
        ({"entrypoint": []}, ["--entrypoint", ""]),
        ({"command": ["-c", "--name", "$(id)"]}, ["registry.example/web:1", "-c", "--name"]),
    ],
)
def test_each_key(changes: dict[str, Any], wanted: list[str]) -> None:
    got = argv(**changes)
    assert any(got[at : at + len(wanted)] == wanted for at in range(len(got))), got


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, ["--log-driver", "json-file", "--log-opt", "max-size=10m"]),
        ({"entrypoint": ["a", "-b"]}, ["--entrypoint", "a", "--", "registry.example/web:1", "-b"]),
        (
            {"entrypoint": ["a", "-b"], "command": ["c"]},
            ["--entrypoint", "a", "--", "registry.example/web:1", "-b", "c"],
        ),
        ({"entrypoint": []}, ["--entrypoint", "", "--"]),
    ],
)
def test_what_docker_is_told_otherwise(changes: dict[str, Any], wanted: list[str]) -> None:
    got = argv(engine=Docker(), **changes)
    assert any(got[at : at + len(wanted)] == wanted for at in range(len(got))), got


def test_a_volume_that_is_read_only() -> None:
    mounts = [
        {"volume": "data", "target": "/data", "read_only": True},
        {"volume": "data", "target": "/other", "read_only": False},
    ]
    service = {**PLAIN, "volumes": mounts}
    volumes = {"/data": "sbx-a.data", "/other": "sbx-a.data"}
    one = maker.Wanted("web", service, volumes, [], "127.0.0.1")
    got = maker.create_argv(Podman(), "sbx-a", 3, one, None)
    assert "sbx-a.data:/data:ro" in got
    assert "sbx-a.data:/other" in got


def test_nothing_of_the_document_can_become_an_option() -> None:
    got = argv(image="--privileged", command=["--privileged"])
    assert got[got.index("--") :] == ["--", "--privileged", "--privileged"]


def test_a_label_of_the_service_does_not_say_whose_it_is() -> None:
    got = argv(labels={"io.sandboxer.id": "sbx-b"})
    assert "io.sandboxer.id=sbx-a" in got
    assert "io.sandboxer.id=sbx-b" not in got


@pytest.mark.parametrize("key", ["PASSWORD", "PATH", "LD_PRELOAD", "LANG"])
def test_values_of_the_environment_never_stand_in_argv(key: str) -> None:
    got = argv(environment={key: "s3cret"}, env_file="/job/env")
    assert not any("s3cret" in word for word in got)


def test_split_environment() -> None:
    odd = "a\nb'\"$(id) \u00e4"
    environment = {"A": odd, "PATH": "/bin", "XDG_RUNTIME_DIR": "/x", "GODEBUG": "1", "": ""}
    environment.pop("")
    by_name, by_file = maker.split_environment(environment)
    assert by_name == {"A": odd}
    assert by_file == {"PATH": "/bin", "XDG_RUNTIME_DIR": "/x", "GODEBUG": "1"}
    got = argv(environment=environment)
    assert [got[at + 1] for at, word in enumerate(got) if word == "--env"] == ["A"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("PATH", "a\nB=c"),  # a line of its own in the file
        ("PATH", "a\r"),  # the engine drops it
        ("*", "a"),  # the engine would hand over all of its own environment
        ("A*", "a"),
        ("A=B", "a"),
        ("", "a"),
        ("A", "a\0b"),
        ("#A", "a"),
    ],
)
def test_what_the_engine_would_not_carry_unchanged_is_refused(key: str, value: str) -> None:
    with pytest.raises(HostError) as failed:
        maker.split_environment({key: value})
    assert failed.value.code == "usage"


@pytest.mark.parametrize("key", ["A", "a_1", "_A", "spring.datasource.url", "A-B", "1A"])
def test_names_that_are_carried(key: str) -> None:
    by_name, by_file = maker.split_environment({key: "v"})
    assert {**by_name, **by_file} == {key: "v"}


def needing(**needs: list[str]) -> dict[str, Any]:
    return {
        name: {"depends_on": {one: {"condition": "service_started"} for one in wanted}}
        for name, wanted in needs.items()
    }


@pytest.mark.parametrize(
    ("services", "groups"),
    [
        (needing(), []),
        (needing(b=[], a=[]), [["a", "b"]]),
        (needing(a=["b"], b=[]), [["b"], ["a"]]),
        (needing(a=["b", "c"], b=["c"], c=[]), [["c"], ["b"], ["a"]]),
        (needing(a=["c"], b=["c"], c=[], d=[]), [["c", "d"], ["a", "b"]]),
    ],
)
def test_start_order(services: dict[str, Any], groups: list[list[str]]) -> None:
    assert maker.start_order(services) == groups


@pytest.mark.parametrize("services", [needing(a=["a"]), needing(a=["b"], b=["a"])])
def test_a_circle_is_an_error_and_no_endless_loop(services: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        maker.start_order(services)


def test_completed_services() -> None:
    services = {
        "web": {
            "depends_on": {
                "migrate": {"condition": "service_completed_successfully"},
                "store": {"condition": "service_healthy"},
            }
        },
        "migrate": {"depends_on": {"store": {"condition": "service_started"}}},
        "store": {"depends_on": {}},
    }
    assert maker.completed_services(services) == {"migrate"}


def mounting(*mounts: tuple[str | None, str]) -> dict[str, Any]:
    return {"volumes": [{"volume": volume, "target": target} for volume, target in mounts]}


def test_service_volumes() -> None:
    service = mounting(("data", "/data"), (None, "/scratch"))
    found = maker.service_volumes("sbx-a", "web", service, ["/data", "/cache"])
    assert sorted(found) == ["/cache", "/data", "/scratch"]
    assert found["/data"] == "sbx-a.data"  # what is mounted there wins over the image's wish
    assert all(name.startswith("sbx-a.") for name in found.values())
    assert found == maker.service_volumes("sbx-a", "web", service, ["/data", "/cache"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("web", "/a/b"), ("web", "/a-b")),
        (("web", "/a"), ("web-a", "/")),
        (("web-a", "/b"), ("web", "/a/b")),
        (("web", "/\u00e4"), ("web", "/\u00f6")),
    ],
)
def test_unnamed_volumes_are_never_shared(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert maker.image_volume_name("sbx-a", *one) != maker.image_volume_name("sbx-a", *other)


def test_an_unnamed_volume_is_no_named_one() -> None:
    """`web` with an unnamed volume at /data, beside a volume that the file calls `web-data`."""
    service = mounting(("web-data", "/var"), (None, "/data"))
    found = maker.service_volumes("sbx-a", "web", service, [])
    assert found["/var"] != found["/data"]


def test_names_of_volumes_are_plain_letters() -> None:
    name = maker.image_volume_name("sbx-a", "web", "/d\u00e4ta/x y")
    assert name.isascii()
    assert " " not in name
