"""The document's keys as arguments of `podman create`, by tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import maker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Engine
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.maker import Mount
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


def wanted(instance: str = "web", **changes: Any) -> maker.Wanted:
    """A container; `mounts`, `published`, `bind` and `gateway` are its own, the rest its keys."""
    own = {
        key: changes.pop(key)
        for key in ("mounts", "published", "bind", "gateway", "image")
        if key in changes
    }
    image = own.pop("image", PLAIN["image"])
    return maker.Wanted("web", instance, {**PLAIN, **changes}, image, **own)


def argv(
    env_file: str | None = None,
    engine: Engine = Podman(),  # noqa: B008 - it is frozen
    **changes: Any,
) -> list[str]:
    return maker.create_argv(engine, "sbx-a", 3, wanted(**changes), env_file)


def test_the_plain_service() -> None:
    assert argv() == [
        "create",
        *["--name", "sbx-a.web"],
        *["--pull", "never"],
        *["--network", "sbx-a.default:alias=web"],
        *["--log-driver", "k8s-file"],
        *["--log-opt", "max-size=10m"],
        "--no-healthcheck",
        *["--stop-timeout", "2"],
        *["--label", "io.sandboxer.id=sbx-a"],
        *["--label", "io.sandboxer.generation=3"],
        *["--restart", "no"],
        "--",
        "registry.example/web:1",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"init": True}, ["--init"]),
        ({"user": "1000:1000"}, ["--user", "1000:1000"]),
        ({"working_dir": "/srv"}, ["--workdir", "/srv"]),
        ({"restart": "on-failure:3"}, ["--restart", "on-failure:3"]),
        ({"labels": {"a": "b=c d"}}, ["--label", "a=b=c d"]),
        ({"expose": [{"target": 53, "protocol": "udp"}]}, ["--expose", "53/udp"]),
        ({"published": [PUBLISHED]}, ["--publish", "127.0.0.1:20001:80/tcp"]),
        (
            {"published": [PUBLISHED], "bind": ("0.0.0.0", "[::]")},
            ["--publish", "0.0.0.0:20001:80/tcp", "--publish", "[::]:20001:80/tcp"],
        ),
        (
            {"mounts": [Mount("volume", "sbx-a.data", "/data")]},
            ["--volume", "sbx-a.data:/data"],
        ),
        (
            {"mounts": [Mount("volume", "sbx-a.data", "/data", True, ("nocopy",))]},
            ["--volume", "sbx-a.data:/data:ro,nocopy"],
        ),
        (
            {"mounts": [Mount("bind", "/srv/a b", "/conf", True)]},
            ["--volume", "/srv/a b:/conf:ro"],
        ),
        ({"mounts": [Mount("tmpfs", "", "/tmp")]}, ["--tmpfs", "/tmp"]),
        (
            {"mounts": [Mount("tmpfs", "", "/tmp", options=("size=1", "mode=1777"))]},
            ["--tmpfs", "/tmp:size=1,mode=1777"],
        ),
        (
            {"networks": {"front": {}, "back": {"aliases": ["db", "web"]}}},
            ["--network", "sbx-a.front:alias=web"],
        ),
        (
            {"networks": {"front": {}, "back": {"aliases": ["db", "web"]}}},
            ["--network", "sbx-a.back:alias=web,alias=db"],
        ),
        ({"instance": "web.2"}, ["--network", "sbx-a.default:alias=web.2,alias=web"]),
        ({"instance": "web.2"}, ["--name", "sbx-a.web.2"]),
        ({"networks": {}, "network_mode": "none"}, ["--network", "none"]),
        ({"networks": {}}, ["--network", "none"]),
        ({"network_mode": "service:db"}, ["--network", "container:sbx-a.db"]),
        ({"ipc": "shareable"}, ["--ipc", "shareable"]),
        ({"ipc": "service:db"}, ["--ipc", "container:sbx-a.db"]),
        ({"pid": "service:db"}, ["--pid", "container:sbx-a.db"]),
        ({"hostname": "a"}, ["--hostname", "a"]),
        ({"hostname": "a", "domainname": "b.c"}, ["--hostname", "a.b.c"]),
        ({"domainname": "b.c"}, ["--hostname", "web.b.c"]),
        ({"dns": ["10.0.0.1", "::1"]}, ["--dns", "10.0.0.1", "--dns", "::1"]),
        ({"dns_search": ["a.b"]}, ["--dns-search", "a.b"]),
        ({"dns_opt": ["ndots:2"]}, ["--dns-option", "ndots:2"]),
        ({"extra_hosts": {"a": ["10.0.0.1", "::1"]}}, ["--add-host", "a:10.0.0.1"]),
        ({"extra_hosts": {"a": ["10.0.0.1", "::1"]}}, ["--add-host", "a:::1"]),
        (
            {"extra_hosts": {"a": ["host-gateway"]}, "gateway": "10.89.0.1"},
            ["--add-host", "a:10.89.0.1"],
        ),
        ({"cap_add": ["NET_ADMIN"]}, ["--cap-add", "NET_ADMIN"]),
        ({"cap_drop": ["ALL"]}, ["--cap-drop", "ALL"]),
        (
            {"security_opt": ["no-new-privileges:true"]},
            ["--security-opt", "no-new-privileges:true"],
        ),
        ({"read_only": True}, ["--read-only"]),
        ({"group_add": ["100", "x"]}, ["--group-add", "100", "--group-add", "x"]),
        ({"sysctls": {"net.core.somaxconn": 1024}}, ["--sysctl", "net.core.somaxconn=1024"]),
        ({"ulimits": {"nofile": {"soft": 1, "hard": -1}}}, ["--ulimit", "nofile=1:-1"]),
        ({"shm_size": 65536}, ["--shm-size", "65536"]),
        ({"stop_signal": "SIGINT"}, ["--stop-signal", "SIGINT"]),
        ({"stop_grace": 1.5}, ["--stop-timeout", "2"]),
        ({"stop_grace": 0}, ["--stop-timeout", "0"]),
        ({"tty": True, "stdin_open": True}, ["--tty"]),
        ({"tty": True, "stdin_open": True}, ["--interactive"]),
        ({"pids_limit": -1}, ["--pids-limit", "-1"]),
        ({"memory": 1048576}, ["--memory", "1048576"]),
        ({"memory_reservation": 1048576}, ["--memory-reservation", "1048576"]),
        ({"memory_swap": -1}, ["--memory-swap", "-1"]),
        ({"cpus": 0.5}, ["--cpus", "0.5"]),
        ({"cpu_shares": 512}, ["--cpu-shares", "512"]),
        ({"cpuset": "0-1"}, ["--cpuset-cpus", "0-1"]),
        ({"oom_score_adj": 0}, ["--oom-score-adj", "0"]),
        ({"platform": "linux/arm64"}, ["--platform", "linux/arm64"]),
        ({"annotations": {"a": "b=c"}}, ["--annotation", "a=b=c"]),
        ({"env_file": "/job/env"}, ["--env-file", "/job/env"]),
        ({"entrypoint": ["a", 'b "c"']}, ["--entrypoint", json.dumps(["a", 'b "c"'])]),
        ({"entrypoint": []}, ["--entrypoint", ""]),
        ({"command": ["-c", "--name", "$(id)"]}, ["registry.example/web:1", "-c", "--name"]),
    ],
)
def test_each_key(changes: dict[str, Any], words: list[str]) -> None:
    got = argv(**changes)
    assert any(got[at : at + len(words)] == words for at in range(len(got))), got


@pytest.mark.parametrize("key", sorted(maker.ARGUMENTS))
def test_what_is_not_said_is_not_passed_on(key: str) -> None:
    plain = [word for word in argv() if word not in ("--restart", "no")]
    assert argv(**{"restart": None, key: None}) == plain


@pytest.mark.parametrize(
    ("changes", "words"),
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
def test_what_docker_is_told_otherwise(changes: dict[str, Any], words: list[str]) -> None:
    got = argv(engine=Docker(), **changes)
    assert any(got[at : at + len(words)] == words for at in range(len(got))), got


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
    carried = {"A": odd, "GOOGLE_PRIVATE_KEY": "a\nb", "DOCKER_GID": "1", "CONTAINER_USER": "x"}
    own = {
        "PATH": "/bin",
        "XDG_RUNTIME_DIR": "/x",
        "GODEBUG": "1",
        "DOCKER_HOST": "x",
        "LC_ALL": "C",
    }
    by_name, by_file = maker.split_environment({**carried, **own})
    assert by_name == carried
    assert by_file == own
    got = argv(environment={**carried, **own})
    assert [got[at + 1] for at, word in enumerate(got) if word == "--env"] == list(carried)


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
        ("A B", "a"),
    ],
)
def test_what_the_engine_would_not_carry_unchanged_is_refused(key: str, value: str) -> None:
    with pytest.raises(HostError) as failed:
        maker.split_environment({key: value})
    assert failed.value.code == "usage"


@pytest.mark.parametrize(
    "key", ["A", "a_1", "_A", "spring.datasource.url", "A-B", "1A", "A:B", "A*B", "#A"]
)
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


def mounting(*mounts: tuple[str | None, str], **more: Any) -> dict[str, Any]:
    return {
        "volumes": [
            {"volume": volume, "target": target, "read_only": False, **more}
            for volume, target in mounts
        ]
    }


def mounted(
    service: dict[str, Any], image_targets: list[str], instance: str = "web"
) -> dict[str, str]:
    found = maker.service_mounts("sbx-a", instance, service, image_targets, {}, {})
    assert {one.kind for one in found} == {"volume"}
    return {one.target: one.source for one in found}


def test_volumes() -> None:
    service = mounting(("data", "/data"), (None, "/scratch"))
    found = mounted(service, ["/data/", "/cache"])
    assert sorted(found) == ["/cache", "/data", "/scratch"]
    assert found["/data"] == "sbx-a.data"  # what is mounted there wins over the image's wish
    assert all(name.startswith("sbx-a.") for name in found.values())
    assert found == mounted(service, ["/data", "/cache"])


def test_each_container_of_a_service_has_its_own_unnamed_volumes() -> None:
    service = mounting(("data", "/data"), (None, "/scratch"))
    one, other = mounted(service, ["/cache"]), mounted(service, ["/cache"], "web.2")
    assert one["/data"] == other["/data"]
    assert {one["/scratch"], one["/cache"]}.isdisjoint(other.values())


def test_mounts_of_each_kind() -> None:
    service = {
        "volumes": [
            {"type": "bind", "source": "conf", "target": "/conf", "read_only": True},
            {"type": "tmpfs", "target": "/tmp", "size": 65536, "mode": 0o1777, "read_only": False},
            {"type": "tmpfs", "target": "/run", "read_only": False, "flags": ["exec"]},
            {
                "type": "volume",
                "volume": "data",
                "target": "/data",
                "read_only": False,
                "nocopy": True,
            },
        ]
    }
    files = {"/run/secrets/a": "/job/files/1"}
    found = maker.service_mounts("sbx-a", "web", service, ["/tmp"], {"conf": "/srv/conf"}, files)
    assert found == [
        Mount("bind", "/srv/conf", "/conf", True),
        Mount("tmpfs", "", "/tmp", options=("size=65536", "mode=1777")),
        Mount("tmpfs", "", "/run", options=("exec",)),
        Mount("volume", "sbx-a.data", "/data", options=("nocopy",)),
        Mount("bind", "/job/files/1", "/run/secrets/a", True),
    ]


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
    found = mounted(mounting(("web-data", "/var"), (None, "/data")), [])
    assert found["/var"] != found["/data"]


def test_names_of_volumes_are_plain_letters() -> None:
    name = maker.image_volume_name("sbx-a", "web", "/d\u00e4ta/x y")
    assert name.isascii()
    assert " " not in name


@pytest.mark.parametrize(
    ("replicas", "names"),
    [({}, ["web"]), ({"replicas": 0}, []), ({"replicas": 3}, ["web", "web.2", "web.3"])],
)
def test_the_containers_of_a_service(replicas: dict[str, int], names: list[str]) -> None:
    assert maker.instances("web", replicas) == names


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ({}, ["default"]),  # schema 1
        ({"networks": {}}, []),
        ({"networks": {"front": {}, "back": {"internal": True}}}, ["front", "back"]),
    ],
)
def test_networks(document: dict[str, Any], names: list[str]) -> None:
    assert list(maker.networks(document)) == names


def test_who_lives_in_another_one_is_made_and_started_after_it() -> None:
    services = {
        "a": {"depends_on": {}, "network_mode": "service:b"},
        "b": {"depends_on": {}, "ipc": "service:c", "pid": "service:c"},
        "c": {"depends_on": {}, "ipc": "shareable"},
        "d": {"depends_on": {"a": {"condition": "service_started"}, "gone": {}}},
    }
    assert maker.make_order(services) == [["c", "d"], ["b"], ["a"]]
    assert maker.start_order(services) == [["c"], ["b"], ["a"], ["d"]]


def test_stop_graces() -> None:
    services = {"a": {"stop_grace": 10.5, "replicas": 2}, "b": {}, "c": {"stop_grace": 0.0}}
    assert maker.stop_graces("sbx-a", services) == {"sbx-a.a": 11, "sbx-a.a.2": 11, "sbx-a.c": 0}


TMPFS = {"type": "tmpfs", "target": "/x", "read_only": False}


@pytest.mark.parametrize(
    "services",
    [
        {"web": {"replicas": 2}, "web.2": {}},
        {"web": {"networks": {"default": {"aliases": ["a,ip=10.0.0.9"]}}}},
        {"web": {"networks": {"default": {"aliases": ["a:b"]}}}},
        {"web": {"volumes": [{**TMPFS, "target": "/x:ro"}]}},
        {"web": {"volumes": [{**TMPFS, "type": "bind", "source": "a:b"}]}},
        {"web": {"volumes": [{**TMPFS, "type": "volume", "volume": "v", "subpath": "a"}]}},
        {"web": {"volumes": [{**TMPFS, "flags": ["exec,suid"]}]}},
        {"web": {"annotations": {"a": "b,c=d"}}},
        {"web": {"cap_add": ["CHOWN,SYS_ADMIN"]}},
        {"web": {"sysctls": {"a": '"b"'}}},
        {"web": {"environment": {"A*": "b"}}},
    ],
    ids=str,
)
def test_what_is_refused_before_anything_is_made(services: dict[str, Any]) -> None:
    with pytest.raises(HostError) as failed:
        maker.check({name: {**PLAIN, **changes} for name, changes in services.items()})
    assert failed.value.code == "usage"


def test_what_is_not_refused() -> None:
    keys = {
        "replicas": 2,
        "networks": {"default": None, "b": {"aliases": ["db.example-1"]}},
        "ulimits": {"nofile": {"soft": 1, "hard": 2}},
        "extra_hosts": {"a": ["10.0.0.1", "::1"]},
        "sysctls": {"a": 1},
    }
    maker.check({"web": {**PLAIN, **keys}, "web.3": PLAIN})


def test_a_host_that_no_network_leads_to() -> None:
    with pytest.raises(HostError) as failed:
        argv(extra_hosts={"a": ["host-gateway"]})
    assert failed.value.code == "usage"
