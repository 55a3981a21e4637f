"""How things are called and in which order they start, whoever makes them; and the engine maker:
what a service of the document is, as arguments of the engine's `create`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .engine import Engine, labels_of
from .errors import HostError

LOG_SIZE = "10m"
_VARIABLE = re.compile(r"[A-Za-z0-9_.-]+")  # `*` would hand over the engine's own environment
# The engine itself lives by these: their values go through a file, never its environment.
_ENGINES_OWN = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "SHELL",
        "TERM",
        "TMPDIR",
        "LANG",
        "NOTIFY_SOCKET",
        "REGISTRY_AUTH_FILE",
        "SANDBOXER_FAULT",
    ]
)
_ENGINES_OWN_PREFIXES = (
    "LD_",
    "LC_",
    "XDG_",
    "CONTAINER",
    "PODMAN_",
    "BUILDAH_",
    "BUILDKIT_",
    "DOCKER_",
    "STORAGE_",
    "LISTEN_",
    "DBUS_",
    "GO",
    "_",
)


@dataclass(frozen=True)
class Wanted:
    """A container that a maker has to make: a service, and what was decided about it here.

    `volumes` is target -> volume name; `published` has `target`, `protocol` and `host_port`, at
    the address `bind`.
    """

    name: str
    spec: Mapping[str, Any]
    volumes: Mapping[str, str]
    published: Sequence[Mapping[str, Any]]
    bind: str


def container_name(sandbox_id: str, service: str) -> str:
    return f"{sandbox_id}.{service}"


def network_name(sandbox_id: str) -> str:
    return sandbox_id + ".default"


def volume_name(sandbox_id: str, volume: str) -> str:
    return f"{sandbox_id}.{volume}"


def image_volume_name(sandbox_id: str, service: str, target: str) -> str:
    """A volume that no one named: it gets a name all the same, so that it can be found.

    By digest, so that it is no other target's and none that the document names.
    """
    return f"{sandbox_id}.{service}.{hashlib.sha256(target.encode('utf-8')).hexdigest()[:16]}"


def service_volumes(
    sandbox_id: str, name: str, service: Mapping[str, Any], image_targets: Sequence[str]
) -> dict[str, str]:
    """Target -> volume name, for what the service mounts and for what its image asks for."""
    found = {}
    for item in service["volumes"]:
        target = item["target"]
        if item["volume"] is None:
            found[target] = image_volume_name(sandbox_id, name, target)
        else:
            found[target] = volume_name(sandbox_id, item["volume"])
    for target in image_targets:
        found.setdefault(target, image_volume_name(sandbox_id, name, target))
    return found


def split_environment(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(what goes through the engine's own environment, what goes through an env file).

    Values never stand in an argv. The engine's environment carries any text unchanged, but must
    not be given names that the engine lives by itself; the file, no line breaks. What neither
    would carry unchanged is HostError `usage`.
    """
    by_name: dict[str, str] = {}
    by_file: dict[str, str] = {}
    for key, value in environment.items():
        own = key in _ENGINES_OWN or key.startswith(_ENGINES_OWN_PREFIXES)
        (by_file if own else by_name)[key] = value
        if _VARIABLE.fullmatch(key) is None:
            raise HostError("usage", f"{key!r} is not the name of a variable")
        if "\0" in value or (own and ("\n" in value or "\r" in value)):
            raise HostError("usage", f"the value of {key} may not have line breaks or zero bytes")
    return by_name, by_file


def create_argv(
    engine: Engine,
    sandbox_id: str,
    generation: int,
    one: Wanted,
    env_file: str | None,
) -> list[str]:
    """`create …` for one service."""
    service = one.spec
    by_name = split_environment(service["environment"])[0]
    read_only = {item["target"] for item in service["volumes"] if item["read_only"]}
    argv = ["create", "--name", container_name(sandbox_id, one.name), "--pull", "never"]
    argv += ["--network", network_name(sandbox_id), "--network-alias", one.name]
    argv += ["--log-driver", engine.log_driver, "--log-opt", "max-size=" + LOG_SIZE]
    # we drive health checks: without systemd the engine never runs one, with it, it makes timers
    argv += ["--no-healthcheck"]
    if env_file is not None:
        argv += ["--env-file", env_file]
    for key in by_name:
        argv += ["--env", key]
    labels = {**service["labels"], **labels_of(sandbox_id, generation)}
    for key, value in labels.items():
        argv += ["--label", f"{key}={value}"]
    for port in one.published:
        argv += ["--publish", "{}:{host_port}:{target}/{protocol}".format(one.bind, **port)]
    for port in service["expose"]:
        argv += ["--expose", "{target}/{protocol}".format(**port)]
    for target, volume in one.volumes.items():
        argv += ["--volume", "{}:{}{}".format(volume, target, ":ro" if target in read_only else "")]
    if service["init"]:
        argv += ["--init"]
    if service["user"] is not None:
        argv += ["--user", service["user"]]
    if service["working_dir"] is not None:
        argv += ["--workdir", service["working_dir"]]
    argv += ["--restart", service["restart"]]
    command = service["command"] or []
    if service["entrypoint"] is not None:
        options, command = engine.entrypoint(service["entrypoint"], command)
        argv += options
    return [*argv, "--", service["image"], *command]


def start_order(services: Mapping[str, Any]) -> list[list[str]]:
    """Services in groups: each group depends only on the groups before it."""
    waiting = {name: set(service["depends_on"]) for name, service in services.items()}
    groups = []
    while waiting:
        free = sorted(name for name, needs in waiting.items() if not needs)
        if not free:
            raise ValueError(f"the services wait for each other: {sorted(waiting)}")
        groups.append(free)
        waiting = {n: needs - set(free) for n, needs in waiting.items() if n not in free}
    return groups


def completed_services(services: Mapping[str, Any]) -> set[str]:
    """Services that somebody waits for to end, so that an exit with 0 is what they are for."""
    return {
        needed
        for service in services.values()
        for needed, how in service["depends_on"].items()
        if how["condition"] == "service_completed_successfully"
    }
