"""The table of keys is what the reader does: each key is kept, changed, left out or refused as it
says there, and any other one is refused by its own name."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.compose.emit import build_document
from sandboxer_cli.compose.keys import KEYS
from sandboxer_cli.compose.notes import Note
from sandboxer_cli.compose.pairs import RESERVED
from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.rebuild import rebuild
from sandboxer_cli.errors import Usage

Path_ = tuple[str | int, ...]

# Everything that the samples below want to stand beside them.
BASE: dict[str, Any] = {
    "services": {
        "web": {
            "image": "docker.io/library/nginx",
            "networks": {"back": {}},
            "configs": [{"source": "conf"}],
            "deploy": {
                "resources": {"limits": {}, "reservations": {}},
                "restart_policy": {"condition": "none"},
            },
            "depends_on": {"db": {"condition": "service_started"}},
            "env_file": [{"path": "a.env"}],
            "healthcheck": {"test": "a"},
            "logging": {"driver": "x"},
            "ports": [{"target": 80}],
            "secrets": [{"source": "key"}],
            "ulimits": {"nofile": {"soft": 1, "hard": 2}},
            "volumes": [
                {"type": "volume", "target": "/v"},
                {"type": "bind", "source": "html", "target": "/b", "bind": {}},
                {"type": "tmpfs", "target": "/t", "tmpfs": {}},
                {"type": "volume", "source": "data", "target": "/d", "volume": {}},
            ],
        },
        "built": {"build": {"context": "."}},
        "db": {"image": "docker.io/library/postgres"},
        "front": {"image": "docker.io/library/httpd", "networks": ["back"]},
    },
    "networks": {"back": {}},
    "volumes": {"data": {}, "other": {}},
    "secrets": {"key": {"file": "a.env"}},
    "configs": {"conf": {"file": "a.env"}, "other": {"file": "a.env"}},
}

WEB: Path_ = ("services", "web")
# Where each level's mapping stands in it.
LEVELS: dict[str, Path_] = {
    "": (),
    "services.*": WEB,
    "services.*.build": ("services", "built", "build"),
    "services.*.configs[]": (*WEB, "configs", 0),
    "services.*.depends_on.*": (*WEB, "depends_on", "db"),
    "services.*.deploy": (*WEB, "deploy"),
    "services.*.deploy.resources": (*WEB, "deploy", "resources"),
    "services.*.deploy.resources.limits": (*WEB, "deploy", "resources", "limits"),
    "services.*.deploy.resources.reservations": (*WEB, "deploy", "resources", "reservations"),
    "services.*.deploy.restart_policy": (*WEB, "deploy", "restart_policy"),
    "services.*.env_file[]": (*WEB, "env_file", 0),
    "services.*.healthcheck": (*WEB, "healthcheck"),
    "services.*.logging": (*WEB, "logging"),
    "services.*.networks.*": (*WEB, "networks", "back"),
    "services.*.ports[]": (*WEB, "ports", 0),
    "services.*.secrets[]": (*WEB, "secrets", 0),
    "services.*.ulimits.*": (*WEB, "ulimits", "nofile"),
    "services.*.volumes[]": (*WEB, "volumes", 0),
    "services.*.volumes[].bind": (*WEB, "volumes", 1, "bind"),
    "services.*.volumes[].tmpfs": (*WEB, "volumes", 2, "tmpfs"),
    "services.*.volumes[].volume": (*WEB, "volumes", 3, "volume"),
    "networks.*": ("networks", "back"),
    "volumes.*": ("volumes", "data"),
    "secrets.*": ("secrets", "key"),
    "configs.*": ("configs", "conf"),
}

GONE = object()  # the key itself is taken away
Sample = Any
FILE_OF_A_SERVICE = {"target": "/x", "uid": "1", "gid": "2", "mode": "0400"}
FILE: dict[str, Sample] = {
    "content": "x",
    "environment": "VALUE",
    "external": True,
    "file": "b.env",
    "labels": {"a": "b"},
    "name": "x",
    "template_driver": "x",
}
# A value of each key: with it the document is another one, if it is kept.
SAMPLES: dict[str, dict[str, Sample]] = {
    "": {
        "name": "shop",
        "version": "3",
        "include": ["x.yml"],
        "services": {"other": {"image": "docker.io/library/redis"}},
        "networks": {"back": {"internal": True}},
        "volumes": {"more": {}},
        "secrets": {"key": {"file": "b.env"}},
        "configs": {"conf": {"content": "b"}},
        "models": {"x": {"model": "y"}},
    },
    "services.*": {
        "annotations": {"a": "b"},
        "attach": False,
        "blkio_config": {"weight": 10},
        "build": ".",
        "cap_add": ["NET_ADMIN"],
        "cap_drop": ["ALL"],
        "cgroup": "private",
        "cgroup_parent": "x",
        "command": "a",
        "configs": ["other"],
        "container_name": "front",
        "cpu_count": 1,
        "cpu_percent": 1,
        "cpu_period": 100000,
        "cpu_quota": 50000,
        "cpu_rt_period": 1,
        "cpu_rt_runtime": 1,
        "cpu_shares": 512,
        "cpus": 0.5,
        "cpuset": "0-1",
        "credential_spec": {"file": "x"},
        "depends_on": [],
        "deploy": {"replicas": 2},
        "develop": {"watch": []},
        "device_cgroup_rules": ["c 1:3 mr"],
        "devices": ["/dev/kvm"],
        "dns": "9.9.9.9",
        "dns_opt": ["ndots:1"],
        "dns_search": "x.test",
        "domainname": "x.test",
        "entrypoint": "a",
        "env_file": "b.env",
        "environment": {"A": "b"},
        "expose": ["81"],
        "extends": {"service": "db"},
        "external_links": ["x"],
        "extra_hosts": ["a:1.2.3.4"],
        "gpus": "all",
        "group_add": ["x"],
        "healthcheck": {"disable": True},
        "hostname": "x",
        "image": "docker.io/library/redis",
        "init": True,
        "ipc": "shareable",
        "isolation": "hyperv",
        "label_file": "a.env",
        "labels": {"a": "b"},
        "links": ["front:other"],
        "logging": {"driver": "json-file"},
        "mac_address": "02:00:00:00:00:01",
        "mem_limit": "64m",
        "mem_reservation": "32m",
        "mem_swappiness": 1,
        "memswap_limit": "128m",
        "models": ["x"],
        "network_mode": "none",
        "networks": {"back": {"aliases": ["x"]}},
        "oom_kill_disable": True,
        "oom_score_adj": 0,
        "pid": "service:db",
        "pids_limit": 10,
        "platform": "linux/amd64",
        "ports": ["8080:81"],
        "post_start": [{"command": "a"}],
        "pre_stop": [{"command": "a"}],
        "privileged": True,
        "profiles": ["x"],
        "provider": {"type": "x"},
        "pull_policy": "always",
        "read_only": True,
        "restart": "always",
        "runtime": "runsc",
        "scale": 2,
        "secrets": [],
        "security_opt": ["no-new-privileges:true"],
        "shm_size": "64m",
        "stdin_open": True,
        "stop_grace_period": "1s",
        "stop_signal": "SIGINT",
        "storage_opt": {"size": "1G"},
        "sysctls": {"net.core.somaxconn": 1},
        "tmpfs": "/run",
        "tty": True,
        "ulimits": {"nproc": 1},
        "use_api_socket": True,
        "user": "a",
        "userns_mode": "host",
        "uts": "host",
        "volumes": ["data:/d"],
        "volumes_from": ["db"],
        "working_dir": "/",
    },
    "services.*.build": {
        "additional_contexts": ["a=."],
        "args": {"A": "b"},
        "cache_from": ["x"],
        "cache_to": ["x"],
        "context": "html",
        "dockerfile": "html/Dockerfile",
        "dockerfile_inline": "FROM scratch",
        "entitlements": ["x"],
        "extra_hosts": {"a": "1.2.3.4"},
        "isolation": "x",
        "labels": {"a": "b"},
        "network": "none",
        "no_cache": True,
        "platforms": ["linux/amd64"],
        "privileged": True,
        "provenance": True,
        "pull": True,
        "sbom": True,
        "secrets": ["key"],
        "shm_size": 1,
        "ssh": ["default"],
        "tags": ["x"],
        "target": "x",
        "ulimits": {"nproc": 1},
    },
    "services.*.configs[]": {"source": "other", **FILE_OF_A_SERVICE},
    "services.*.depends_on.*": {
        "condition": "service_completed_successfully",
        "required": False,
        "restart": True,
    },
    "services.*.deploy": {
        "endpoint_mode": "vip",
        "labels": {"a": "b"},
        "mode": "global",
        "placement": {},
        "replicas": 2,
        "resources": {"limits": {"pids": 1}},
        "restart_policy": {"condition": "any"},
        "rollback_config": {},
        "update_config": {},
    },
    "services.*.deploy.resources": {
        "limits": {"cpus": 1},
        "reservations": {"memory": "1m"},
    },
    "services.*.deploy.resources.limits": {"cpus": "0.5", "memory": "64m", "pids": 1},
    "services.*.deploy.resources.reservations": {
        "cpus": "0.5",
        "devices": [{"capabilities": ["gpu"]}],
        "generic_resources": [{}],
        "memory": "64m",
    },
    "services.*.deploy.restart_policy": {
        "condition": "any",
        "delay": "1s",
        "max_attempts": 3,
        "window": "1s",
    },
    "services.*.env_file[]": {"format": "raw", "path": "b.env", "required": False},
    "services.*.healthcheck": {
        "disable": False,
        "interval": "1s",
        "retries": 1,
        "start_interval": "1s",
        "start_period": "1s",
        "test": "b",
        "timeout": "1s",
    },
    "services.*.logging": {"driver": "json-file", "options": {"max-size": "1m"}},
    "services.*.networks.*": {
        "aliases": ["x"],
        "driver_opts": {"a": "b"},
        "gw_priority": 1,
        "interface_name": "eth0",
        "ipv4_address": "10.0.0.2",
        "ipv6_address": "fd00::2",
        "link_local_ips": ["169.254.0.2"],
        "mac_address": "02:00:00:00:00:01",
        "priority": 1,
    },
    "services.*.ports[]": {
        "app_protocol": "http",
        "host_ip": "127.0.0.1",
        "mode": "host",
        "name": "x",
        "protocol": "udp",
        "published": 8080,
        "target": 81,
    },
    "services.*.secrets[]": {"source": GONE, **FILE_OF_A_SERVICE},
    "services.*.ulimits.*": {"hard": 3, "soft": 2},
    "services.*.volumes[]": {
        "bind": GONE,
        "consistency": "cached",
        "image": {},
        "read_only": True,
        "source": "data",
        "target": "/x",
        "tmpfs": GONE,
        "type": "tmpfs",
        "volume": {"nocopy": True},
    },
    "services.*.volumes[].bind": {
        "create_host_path": False,
        "propagation": "shared",
        "recursive": "disabled",
        "selinux": "z",
    },
    "services.*.volumes[].tmpfs": {"mode": 1, "size": 1},
    "services.*.volumes[].volume": {"labels": {"a": "b"}, "nocopy": True, "subpath": "x"},
    "networks.*": {
        "attachable": True,
        "driver": "bridge",
        "driver_opts": {"com.docker.network.bridge.name": "x"},
        "enable_ipv4": False,
        "enable_ipv6": True,
        "external": True,
        "internal": True,
        "ipam": {"config": [{"subnet": "10.0.0.0/8"}]},
        "labels": {"a": "b"},
        "name": "x",
    },
    "volumes.*": {
        "driver": "local",
        "driver_opts": {"type": "nfs"},
        "external": True,
        "labels": {"a": "b"},
        "name": "x",
    },
    "secrets.*": {**FILE, "driver": "x", "driver_opts": {"a": "b"}},
    "configs.*": FILE,
}
# What may not stand beside a sample.
INSTEAD_OF = {
    ("services.*", "network_mode"): ["networks", "ports"],
    ("services.*", "build"): ["image"],
    ("services.*", "restart"): ["deploy"],
    ("services.*", "volumes"): ["volumes"],
    ("secrets.*", "environment"): ["file"],
    ("configs.*", "environment"): ["file"],
    ("configs.*", "content"): ["file"],
    ("secrets.*", "content"): ["file"],
}
# Kept, and the document is the same: each says why in the table.
NOTHING_TO_SAY = {
    ("", "name"),
    ("", "volumes"),
    ("services.*", "cgroup"),
    ("services.*", "cpu_period"),
    ("services.*.env_file[]", "required"),
    ("services.*.healthcheck", "disable"),
    ("networks.*", "driver"),
    ("volumes.*", "driver"),
}
READ_BEFORE = {("", "include"), ("services.*", "extends"), ("services.*", "profiles")}
# Values that are refused of keys that are taken.
REFUSED_VALUES: dict[tuple[str, str], Any] = {
    ("services.*", "cap_add"): ["SYS_ADMIN"],
    ("services.*", "cgroup"): "host",
    ("services.*", "ipc"): "host",
    ("services.*", "network_mode"): "host",
    ("services.*", "pid"): "host",
    ("services.*", "security_opt"): ["seccomp:unconfined"],
    ("services.*", "sysctls"): {"kernel.hostname": "x"},
    ("services.*", "volumes"): ["C:\\x:/y"],
    ("services.*.build", "args"): {"DOCKER_HOST": "x"},
    ("services.*.build", "context"): "https://example.test/x.git",
    ("services.*.build", "network"): "host",
    ("services.*.ports[]", "protocol"): "sctp",
    ("services.*.volumes[]", "type"): "npipe",
    ("networks.*", "driver"): "macvlan",
    ("networks.*", "driver_opts"): {"com.docker.network.bridge.enable_icc": "true"},
    ("volumes.*", "driver"): "nfs",
}

VALUES_OF_NOTHING: list[Any] = [None, False, "", [], {}, "false"]

EVERY = [(level, key) for level, keys in KEYS.items() for key in keys]
BY_FATE = {
    fate: [(level, key) for level, key in EVERY if KEYS[level][key].fate == fate]
    for fate in ("kept", "changed", "left_out", "refused")
}


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "html").mkdir()
    for name in ("Dockerfile", "html/Dockerfile"):
        (tmp_path / name).write_text("FROM scratch\n")
    (tmp_path / "a.env").write_text("A='a'\n")
    (tmp_path / "b.env").write_text("B=b\n")
    monkeypatch.chdir(tmp_path)


def rebuilt(document: Any) -> tuple[dict[str, Any], list[Note]]:
    tree = parse(json.dumps(document).encode(), "compose.yml")
    stack = rebuild(tree, source=Path(), variables={"VALUE": "v"})
    made = build_document(stack, images={}, probes=[], publish="loopback")
    return made, list(stack.notes)


def with_value(level: str, key: str, value: Any) -> Any:
    document = copy.deepcopy(BASE)
    mapping = document
    for part in LEVELS[level]:
        mapping = mapping[part]
    for other in INSTEAD_OF.get((level, key), []):
        mapping.pop(other, None)
    mapping[key] = value
    if level == "" and key == "services":
        document["services"] = {**BASE["services"], **value}
    elif level == "" and isinstance(value, dict) and key in BASE:
        document[key] = {**BASE[key], **value}
    return document


def path_of(level: str, key: str) -> str:
    path = ""
    for part in (*LEVELS[level], key):
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def test_there_is_a_sample_of_every_key() -> None:
    assert {level: set(keys) for level, keys in KEYS.items()} == {
        level: set(keys) for level, keys in SAMPLES.items()
    }
    assert set(REFUSED_VALUES) == {one for one in EVERY if KEYS[one[0]][one[1]].refuses}


@pytest.mark.parametrize(("level", "key"), BY_FATE["kept"])
def test_what_is_kept_is_in_the_document(level: str, key: str) -> None:
    value = SAMPLES[level][key]
    if value is GONE or (level, key) in READ_BEFORE:
        return
    made, notes = rebuilt(with_value(level, key, value))
    assert (made == rebuilt(BASE)[0]) == ((level, key) in NOTHING_TO_SAY)
    assert path_of(level, key) not in {note.path for note in notes}


@pytest.mark.parametrize(("level", "key"), sorted(READ_BEFORE))
def test_what_is_read_before_is_not_here_any_more(level: str, key: str) -> None:
    with pytest.raises(Usage) as error:
        rebuilt(with_value(level, key, SAMPLES[level][key]))
    assert error.value.detail.message.startswith(f"not supported yet: {path_of(level, key)}, ")


@pytest.mark.parametrize(("level", "key"), BY_FATE["changed"])
def test_what_is_changed_has_a_note(level: str, key: str) -> None:
    _, notes = rebuilt(with_value(level, key, SAMPLES[level][key]))
    path = path_of(level, key)
    found = [
        note for note in notes if path.startswith(note.path) or note.path.startswith(f"{path}[")
    ]
    assert found
    assert {note.kind for note in found} == {"changed"}


@pytest.mark.parametrize(("level", "key"), BY_FATE["left_out"])
def test_what_is_left_out_has_a_note_and_changes_nothing(level: str, key: str) -> None:
    made, notes = rebuilt(with_value(level, key, SAMPLES[level][key]))
    assert made == rebuilt(BASE)[0]
    [note] = [note for note in notes if note.path == path_of(level, key)]
    assert (note.kind, note.text) == ("left_out", KEYS[level][key].text)
    assert (note.place.file, note.place.line) == ("compose.yml", 1)


@pytest.mark.parametrize(("level", "key"), BY_FATE["refused"])
def test_what_is_refused_says_why(level: str, key: str) -> None:
    value = SAMPLES[level][key] or True
    with pytest.raises(Usage) as error:
        rebuilt(with_value(level, key, value))
    assert error.value.detail.code == "compose_unsupported"
    wanted = f"{path_of(level, key)} is refused: {KEYS[level][key].text}, compose.yml:1:"
    assert error.value.detail.message.startswith(wanted)


@pytest.mark.parametrize(("level", "key"), BY_FATE["refused"])
def test_what_asks_for_nothing_is_not_refused(level: str, key: str) -> None:
    nothing = VALUES_OF_NOTHING[BY_FATE["refused"].index((level, key)) % len(VALUES_OF_NOTHING)]
    made, notes = rebuilt(with_value(level, key, nothing))
    before, notes_before = rebuilt(BASE)
    assert (made, len(notes)) == (before, len(notes_before))


@pytest.mark.parametrize(("level", "key"), sorted(REFUSED_VALUES))
def test_values_that_are_refused_say_why(level: str, key: str) -> None:
    with pytest.raises(Usage) as error:
        rebuilt(with_value(level, key, REFUSED_VALUES[level, key]))
    assert error.value.detail.code == "compose_unsupported"
    message = error.value.detail.message
    assert message.startswith(path_of(level, key))
    assert f" is refused: {KEYS[level][key].refuses}, compose.yml:1:" in message


@pytest.mark.parametrize(
    ("level", "key"),
    [("services.*", "labels"), ("services.*", "label_file"), ("services.*.build", "labels")],
)
def test_labels_that_are_refused_are_in_the_table(level: str, key: str) -> None:
    assert all(f"`{prefix}…`" in KEYS[level][key].text for prefix in RESERVED)


ODD = ["", " ", "image ", "Image", "IMAGE", "ключ", "a.b", "a[0]", "x", "xx", "x_", "X-a", "--tls"]
VALUES: list[Any] = [None, "a", [], {}, False]


def random_keys() -> Iterator[str]:
    letters = random.Random(4)  # noqa: S311
    for _ in range(5):
        key = "".join(letters.choices("abcdefghijklmnopqrstuvwxyz_-$", k=letters.randint(1, 12)))
        if not key.startswith("x-"):  # an extension: the next test's
            yield key


@pytest.mark.parametrize("level", LEVELS)
def test_any_other_key_is_refused_by_name(level: str) -> None:
    of_others = {key for keys in KEYS.values() for key in keys}
    others = sorted(of_others - set(KEYS[level]))[:: len(LEVELS) // 3]
    for index, key in enumerate([*others, *{*ODD, *random_keys()}]):
        with pytest.raises(Usage) as error:
            rebuilt(with_value(level, key, VALUES[index % len(VALUES)]))
        message = error.value.detail.message
        assert error.value.detail.code == "compose_invalid", message
        wanted = f"{path_of(level, key)}: compose has no such key, compose.yml:1:"
        assert message.startswith(wanted)


@pytest.mark.parametrize("level", LEVELS)
def test_extensions_change_nothing(level: str) -> None:
    made, notes = rebuilt(with_value(level, "x-a", {"build": "${X}"}))
    before, notes_before = rebuilt(BASE)
    assert (made, len(notes)) == (before, len(notes_before))


@pytest.mark.parametrize("key", ["environment", "labels", "annotations"])
def test_names_of_the_users_own_are_kept(key: str) -> None:
    for name in (name for level in KEYS.values() for name in level):
        made, _ = rebuilt(with_value("services.*", key, {name: "v", f"x-{name}": "w"}))
        assert made["services"]["web"][key].items() >= {name: "v", f"x-{name}": "w"}.items()
