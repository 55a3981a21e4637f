"""From a compose file's tree to a stack: known keys are read, any other is refused by name.

Nothing is dropped in silence. What is ignored is what the compose specification itself says to
ignore (`version`, `x-…`), the project's `name`, which is the sandbox's, and where on the host a
port was to come out, which the host chooses.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping

from . import refusal
from .dependencies import check_dependencies, read_depends_on
from .field import Field
from .healthcheck import read_healthcheck
from .images import read_image
from .mounts import VOLUME_NAME, read_mounts
from .pairs import read_environment, read_labels
from .ports import read_expose, read_ports
from .stack import Service, Stack
from .tree import MapNode

TOP_KEYS = ("services", "volumes", "networks", "name", "version")
SERVICE_KEYS = (
    "image",
    "command",
    "entrypoint",
    "environment",
    "ports",
    "volumes",
    "depends_on",
    "healthcheck",
    "expose",
    "working_dir",
    "user",
    "labels",
    "restart",
    "init",
)
# It is part of a container's name and a name in the sandbox's DNS, hence the length.
_SERVICE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(?::[0-9]{1,4})?")


def rebuild(tree: MapNode, variables: Mapping[str, str] | None = None) -> Stack:
    """The stack that the tree describes, all `${name}` in it replaced; `variables` are theirs.

    Raises Usage: `compose_invalid`, `compose_unsupported`, `image_unqualified`, each with the
    file, line and column.
    """
    top = Field("", tree, tree.place, variables or {}).keys(TOP_KEYS)
    for key in ("name", "version"):
        if key in top:
            top[key].raw()
    if "networks" in top:
        _check_networks(top["networks"])
    volumes = _volumes(top["volumes"]) if "volumes" in top else ()
    entries = top["services"].entries() if "services" in top else {}
    if not entries:
        raise refusal.invalid("the file has no services", tree.place)
    services = {name: _service(name, entry, volumes) for name, entry in entries.items()}
    check_dependencies(services)
    return Stack(services, volumes)


def _check_networks(field: Field) -> None:
    """The default network is what every sandbox has; it can be named, not changed."""
    if field.is_null:
        return
    for name, network in field.entries().items():
        if name != "default":
            raise network.unsupported(hint="every service is on the sandbox's one network")
        if not network.is_null:
            network.keys(())


def _volumes(field: Field) -> tuple[str, ...]:
    if field.is_null:
        return ()
    entries = field.entries()
    for name, volume in entries.items():
        if VOLUME_NAME.fullmatch(name) is None:
            raise volume.invalid_key("not a volume's name")
        if not volume.is_null:
            volume.keys(())
    return tuple(entries)


def _service(name: str, field: Field, volumes: Collection[str]) -> Service:
    if _SERVICE_NAME.fullmatch(name) is None:
        raise field.invalid_key(
            "not a service's name",
            "it is 1 to 63 letters, digits, dots, dashes and underscores, a letter or digit first",
        )
    keys = field.keys(SERVICE_KEYS)
    if "image" not in keys:
        raise field.invalid_key("a service without an image")
    return Service(
        image=read_image(keys["image"]),
        command=_argv(keys["command"]) if "command" in keys else None,
        entrypoint=_argv(keys["entrypoint"]) if "entrypoint" in keys else None,
        environment=read_environment(keys["environment"]) if "environment" in keys else {},
        working_dir=_working_dir(keys["working_dir"]) if "working_dir" in keys else None,
        user=_user(keys["user"]) if "user" in keys else None,
        init=keys["init"].boolean() if "init" in keys else False,
        labels=read_labels(keys["labels"]) if "labels" in keys else {},
        restart=_restart(keys["restart"]) if "restart" in keys else "no",
        volumes=read_mounts(keys["volumes"], volumes) if "volumes" in keys else (),
        ports=read_ports(keys["ports"]) if "ports" in keys else (),
        expose=read_expose(keys["expose"]) if "expose" in keys else (),
        depends_on=read_depends_on(keys["depends_on"]) if "depends_on" in keys else {},
        healthcheck=read_healthcheck(keys["healthcheck"]) if "healthcheck" in keys else None,
    )


def _argv(field: Field) -> tuple[str, ...] | None:
    """Null is the image's own, an empty one is none; text is split as a shell would, no more."""
    if field.is_null:
        return None
    if not field.is_scalar:
        return tuple(item.text() for item in field.items())
    try:
        return tuple(shlex.split(field.text()))
    except ValueError as error:
        raise field.invalid(f"can't be split into words: {str(error).lower()}") from error


def _working_dir(field: Field) -> str:
    path = field.text()
    if not path.startswith("/"):
        raise field.invalid(f"{path!r} is not an absolute path")
    return path


def _user(field: Field) -> str:
    user = field.text()
    if not user:
        raise field.invalid("an empty user")
    return user


def _restart(field: Field) -> str:
    policy = field.text()
    if _RESTART.fullmatch(policy) is None:
        raise field.invalid(
            f"{policy!r} is not a restart policy",
            "it is no, always, unless-stopped, on-failure or on-failure:N",
        )
    return policy
