"""No key is ever dropped: whatever is put anywhere is taken, or refused by its own name."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from sandboxer_cli.compose.emit import build_document
from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.rebuild import SERVICE_KEYS, TOP_KEYS, rebuild
from sandboxer_cli.errors import Usage

FULL: dict[str, Any] = {
    "name": "shop",
    "version": "3",
    "services": {
        "web": {
            "image": "docker.io/library/nginx",
            "command": ["a"],
            "entrypoint": "b",
            "environment": {"A": "b"},
            "ports": [{"target": 80, "published": 80, "host_ip": "::1", "protocol": "tcp"}],
            "volumes": [{"type": "volume", "source": "data", "target": "/x", "read_only": True}],
            "depends_on": {"db": {"condition": "service_started"}},
            "healthcheck": {
                "test": "a",
                "interval": "1s",
                "timeout": "1s",
                "retries": 1,
                "start_period": "1s",
                "disable": False,
            },
            "expose": ["81"],
            "working_dir": "/",
            "user": "a",
            "labels": {"A": "b"},
            "restart": "always",
            "init": True,
        },
        "db": {"image": "docker.io/library/postgres"},
    },
    "volumes": {"data": {}},
    "networks": {"default": {}},
}

# Every mapping whose keys are compose's, and the keys that are taken there.
LEVELS: list[tuple[tuple[str | int, ...], set[str]]] = [
    ((), set(TOP_KEYS)),
    (("services", "web"), set(SERVICE_KEYS)),
    (("services", "web", "ports", 0), {"target", "published", "host_ip", "protocol"}),
    (("services", "web", "volumes", 0), {"type", "source", "target", "read_only"}),
    (("services", "web", "depends_on", "db"), {"condition"}),
    (
        ("services", "web", "healthcheck"),
        {"test", "interval", "timeout", "retries", "start_period", "disable"},
    ),
    (("volumes", "data"), set()),
    (("networks",), {"default"}),
    (("networks", "default"), set()),
]

# Keys of the compose specification at any level, and a few that are of no use anywhere.
SPECIFIED = """
annotations app_protocol attach attachable bind blkio_config build cap_add cap_drop cgroup
cgroup_parent cluster command condition configs consistency container_name cpu_count cpu_percent
cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec default
depends_on deploy develop device_cgroup_rules devices disable dns dns_opt dns_search domainname
driver driver_opts enable_ipv6 entrypoint env_file environment expose extends external
external_links extra_hosts file gpus group_add healthcheck host_ip hostname image include init
internal interval ipam ipc isolation label_file labels links logging mac_address mem_limit
mem_reservation mem_swappiness memswap_limit mode models name network_mode networks nocopy
oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged
profiles protocol provider published pull_policy read_only required restart retries rootfs runtime
scale secrets security_opt services shm_size source start_interval start_period stdin_open
stop_grace_period stop_signal storage_opt subpath sysctls target test timeout tmpfs tty type
ulimits use_api_socket user userns_mode uts version volume volumes volumes_from working_dir
"""
ODD = ["", " ", "image ", "Image", "IMAGE", "ключ", "a.b", "a[0]", "x", "xx", "x_", "X-a", "--tls"]
KEYS = [*SPECIFIED.split(), *ODD]
VALUES: list[Any] = [None, "a", [], {}, False]


def random_keys() -> Iterator[str]:
    letters = random.Random(4)  # noqa: S311
    for _ in range(50):
        key = "".join(letters.choices("abcdefghijklmnopqrstuvwxyz_-$", k=letters.randint(1, 12)))
        if not key.startswith("x-"):  # an extension: the next test's
            yield key


def rebuilt(document: Any) -> dict[str, Any]:
    tree = parse(json.dumps(document).encode(), "compose.yml")
    return build_document(rebuild(tree), images={}, probes=[], publish="loopback")


def level_of(document: Any, level: tuple[str | int, ...]) -> Any:
    for part in level:
        document = document[part]
    return document


def path_of(level: tuple[str | int, ...], key: str) -> str:
    path = ""
    for part in (*level, key):
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def test_the_full_document_uses_every_key_that_is_taken() -> None:
    assert rebuilt(FULL)
    for level, taken in LEVELS:
        assert set(level_of(FULL, level)) == taken


# A set's order differs between the processes of a parallel run: it may not be part of a test's id.
@pytest.mark.parametrize(("level", "taken"), LEVELS, ids=[str(level) for level, _ in LEVELS])
def test_any_other_key_is_refused_by_name(level: tuple[str | int, ...], taken: set[str]) -> None:
    for index, key in enumerate(sorted({*KEYS, *random_keys()} - taken)):
        document = copy.deepcopy(FULL)
        level_of(document, level)[key] = VALUES[index % len(VALUES)]
        with pytest.raises(Usage) as error:
            rebuilt(document)
        message = error.value.detail.message
        assert error.value.detail.code == "compose_unsupported", message
        assert message.startswith(f"not supported yet: {path_of(level, key)}, compose.yml:1:")


# In `networks` an x-a is a network's name.
@pytest.mark.parametrize("level", [level for level, _ in LEVELS if level != ("networks",)])
def test_extensions_change_nothing(level: tuple[str | int, ...]) -> None:
    document = copy.deepcopy(FULL)
    level_of(document, level)["x-a"] = {"build": "${X}"}
    assert rebuilt(document) == rebuilt(FULL)


@pytest.mark.parametrize("level", [("environment",), ("labels",)])
def test_names_of_the_users_own_are_kept(level: tuple[str]) -> None:
    for key in (key for key in KEYS if key.strip() == key != ""):
        document = copy.deepcopy(FULL)
        document["services"]["web"][level[0]][key] = "v"
        assert rebuilt(document)["services"]["web"][level[0]][key] == "v"


def test_every_value_that_is_taken_matters() -> None:
    """Taking a key away changes the document, or the key is one of those that say nothing."""
    silent = {("name",), ("version",), ("networks",)}
    for level, taken in LEVELS[:2]:
        for key in taken - {"services", "image", "volumes"}:
            document = copy.deepcopy(FULL)
            del level_of(document, level)[key]
            assert (rebuilt(document) == rebuilt(FULL)) == ((*level, key) in silent), key
