"""From a compose file's tree to a stack: every key by the table of keys, nothing in silence."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from . import refusal
from .dependencies import check_dependencies
from .field import Field, Reading
from .files import read_content
from .images import read_name
from .mounts import VOLUME_NAME, check_volume, read_mounts, read_tmpfs
from .networks import NETWORK_NAME, read_links, read_network, with_aliases
from .service import Keys, Surroundings, read_service
from .stack import AnyMount, FileUse, Mount, Network, Service, Stack
from .tree import MapNode
from .volumes_from import with_others

# It is part of a container's name and a name in the sandbox's DNS, hence the length.
_SERVICE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
# Of these compose takes an empty text, as `${HOSTNAME:-}` may be one, as not given.
_EMPTY_IS_NOT_GIVEN = frozenset(
    [
        *("cgroup", "container_name", "cpuset", "domainname", "hostname", "image", "ipc"),
        *("network_mode", "pid", "platform", "restart", "stop_signal", "user", "working_dir"),
    ]
)


def rebuild(
    tree: MapNode,
    *,
    source: Path | None = None,
    variables: Mapping[str, str] | None = None,
    qualify: str | None = None,
) -> Stack:
    """The stack that the tree describes, with a note for each key that isn't as it was written.

    All `${name}` in it are replaced already. `source` is the folder below which files are read;
    `variables` are those of `.env`, which secrets and an environment may name; `qualify` is the
    registry of short image names.

    Raises Usage: `compose_invalid`, `compose_unsupported`, `image_unqualified`, each with the
    file, line and column.
    """
    reading = Reading(source, variables or {}, qualify)
    top = Field("", tree, tree.place, reading).keys("")
    for key in ("name", "include"):
        if key in top:
            _check_read_before(top[key])
    networks = _named(top, "networks", NETWORK_NAME)
    volumes = _named(top, "volumes", VOLUME_NAME)
    entries = top["services"].entries() if "services" in top else {}
    if not entries:
        raise refusal.invalid("the file has no services", tree.place)
    keys = {name: _keys(name, entry) for name, entry in entries.items()}
    mounts, shared = with_others(
        {name: _mounts(its, volumes) for name, its in keys.items()},
        {name: its["volumes_from"] for name, its in keys.items() if "volumes_from" in its},
        volumes,
    )
    around = Surroundings(
        services=entries,
        networks=networks,
        secrets=_entries(top, "secrets"),
        configs=_entries(top, "configs"),
        built=_built(keys),
    )
    services = {
        name: read_service(entry, keys[name], mounts[name], around)
        for name, entry in entries.items()
    }
    services = _linked(services, keys)
    check_dependencies(services)
    used = {name: None for service in services.values() for name in service.networks}
    mounted = {mount.volume for its in mounts.values() for mount in its if isinstance(mount, Mount)}
    for name, volume in volumes.items():
        if name in mounted:
            check_volume(volume)
    return Stack(
        services=services,
        volumes=tuple(name for name in (*volumes, *shared) if name in mounted),
        networks={
            name: read_network(networks[name]) if name in networks else Network() for name in used
        },
        secrets=_contents("secrets", [s.secrets for s in services.values()], around.secrets),
        configs=_contents("configs", [s.configs for s in services.values()], around.configs),
        notes=tuple(reading.notes),
        files=tuple(reading.files),
    )


def _check_read_before(field: Field) -> None:
    """`name` is only looked at. What the reader of files resolves isn't there any more."""
    if field.path == "name":
        field.raw()
    else:
        raise refusal.unsupported(field.path, field.key_place)


def _keys(name: str, field: Field) -> Keys:
    if _SERVICE_NAME.fullmatch(name) is None:
        raise field.invalid_key(
            "not a service's name",
            "it is 1 to 63 letters, digits, dots, dashes and underscores, a letter or digit first",
        )
    keys = field.keys("services.*")
    for key in ("extends", "profiles"):
        if key in keys:
            _check_read_before(keys[key])
    return {
        key: value
        for key, value in keys.items()
        if not (key in _EMPTY_IS_NOT_GIVEN and value.is_empty_text)
    }


def _entries(top: Keys, key: str) -> dict[str, Field]:
    return {} if key not in top or top[key].is_null else top[key].entries()


def _named(top: Keys, key: str, pattern: re.Pattern[str]) -> dict[str, Field]:
    """The file's networks or volumes. What they are is only read of those that a service uses."""
    entries = _entries(top, key)
    for name, entry in entries.items():
        if pattern.fullmatch(name) is None:
            raise entry.invalid_key(f"not a {key.removesuffix('s')}'s name")
    return entries


def _built(keys: Mapping[str, Keys]) -> dict[str, str]:
    """Full name of an image -> the first service that builds it."""
    found: dict[str, str] = {}
    for service, its in keys.items():
        if "build" in its and "image" in its:
            found.setdefault(read_name(its["image"]), service)
    return found


def _mounts(keys: Keys, volumes: Collection[str]) -> tuple[AnyMount, ...]:
    mounts = read_mounts(keys["volumes"], volumes) if "volumes" in keys else ()
    memory = read_tmpfs(keys["tmpfs"]) if "tmpfs" in keys else ()
    targets = [mount.target for mount in (*mounts, *memory)]
    if twice := next((target for target in targets if targets.count(target) > 1), None):
        raise keys["tmpfs"].invalid(f"{twice} is mounted twice")
    return (*mounts, *memory)


def _linked(services: dict[str, Service], keys: Mapping[str, Keys]) -> dict[str, Service]:
    """A link is a name of the other service, on the networks that both are on."""
    linked = dict(services)
    for name, its in keys.items():
        for other, alias, where in read_links(its["links"], services) if "links" in its else ():
            both = services[name].networks.keys() & services[other].networks.keys()
            if not both:
                raise where.invalid(f"{name} and {other} are on no network together")
            if alias != other:
                found = linked[other]
                networks = with_aliases(found.networks, [alias], both)
                linked[other] = replace(found, networks=networks)
    return linked


def _contents(
    key: str, uses: list[tuple[FileUse, ...]], declared: Mapping[str, Field]
) -> dict[str, bytes]:
    used = dict.fromkeys(use.source for found in uses for use in found)
    return {name: read_content(declared[name], f"{key}.*") for name in used}
