"""One service: every key that it may have."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from . import addresses, confinement, networks, shellwords
from .build import read_build
from .dependencies import without_missing
from .field import Field
from .files import read_uses
from .healthcheck import read_healthcheck
from .images import read_image, read_name
from .pairs import (
    read_annotations,
    read_env_files,
    read_environment,
    read_label_files,
    read_labels,
)
from .ports import read_expose, read_ports
from .quantities import read_duration
from .resources import read_deploy, read_resources, read_restart_policy
from .stack import AnyMount, Attachment, Dependency, FileUse, Service

_RESTART = re.compile(r"no|always|unless-stopped|on-failure(?::[0-9]{1,4})?")
_SIGNAL = re.compile(r"(?:SIG)?[A-Z][A-Z0-9+-]{1,12}|[0-9]{1,2}", re.IGNORECASE | re.ASCII)
_PLATFORM = re.compile(r"[a-z0-9_-]+(?:/[a-z0-9_-]+(?:/[a-z0-9_]+)?)?", re.IGNORECASE)
# Names of an architecture, and the one that images have.
_ARCHITECTURES = {
    "amd64": "amd64",
    "arm64": "arm64",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "armhf": "arm/v7",
    "armel": "arm/v6",
    **{name: name for name in ("386", "arm", "ppc64le", "riscv64", "s390x")},
}
_PULL = {"always": "always", "never": "never", "missing": None, "if_not_present": None}
_A_SHELL = 'write [sh, -c, "…"] for one'
_BY_THE_CLOCK = re.compile(r"daily|weekly|every_[0-9]+[wdhms].*")
# What else a service may hold on to, and so waits for.
_SHARED = ("network_mode", "ipc", "pid")

Keys = Mapping[str, Field]


@dataclass(frozen=True)
class Surroundings:
    """What the file has beside the service. `built`: image -> who builds it."""

    services: Collection[str]
    networks: Collection[str]
    secrets: Mapping[str, Field]
    configs: Mapping[str, Field]
    built: Mapping[str, str]

    def built_by(self, image: Field) -> str | None:
        return self.built.get(read_name(image))


def read_service(
    field: Field, keys: Keys, mounts: tuple[AnyMount, ...], around: Surroundings
) -> Service:
    deployed = read_deploy(keys)
    attachments, network_mode = _networks(keys, around)
    image, built_by = _image(field, keys, around)
    service = Service(
        image=image,
        command=_argv(keys["command"]) if "command" in keys else None,
        entrypoint=_argv(keys["entrypoint"]) if "entrypoint" in keys else None,
        environment=_environment(keys),
        working_dir=_absolute(keys["working_dir"]) if "working_dir" in keys else None,
        user=keys["user"].text() if "user" in keys else None,
        init="init" in keys and keys["init"].boolean(),
        labels={
            **(read_label_files(keys["label_file"]) if "label_file" in keys else {}),
            **(read_labels(keys["labels"]) if "labels" in keys else {}),
        },
        restart=_restart(keys, deployed),
        volumes=mounts,
        ports=read_ports(keys["ports"]) if "ports" in keys else (),
        expose=read_expose(keys["expose"]) if "expose" in keys else (),
        depends_on=_dependencies(keys, around.services),
        healthcheck=read_healthcheck(keys["healthcheck"]) if "healthcheck" in keys else None,
        networks=attachments,
        build=read_build(keys["build"]) if "build" in keys else None,
        built_by=built_by,
        pull=_pull(keys["pull_policy"], "build" in keys) if "pull_policy" in keys else None,
        platform=_platform(keys["platform"]) if "platform" in keys else None,
        network_mode=network_mode,
        secrets=_uses(keys, "secrets", "/run/secrets", around.secrets),
        configs=_uses(keys, "configs", "", around.configs),
        read_only="read_only" in keys and keys["read_only"].boolean(),
        group_add=_groups(keys["group_add"]) if "group_add" in keys else (),
        stop_signal=(
            _matching(keys["stop_signal"], _SIGNAL, "signal").upper()
            if "stop_signal" in keys
            else None
        ),
        stop_grace=read_duration(keys["stop_grace_period"])
        if "stop_grace_period" in keys
        else None,
        tty="tty" in keys and keys["tty"].boolean(),
        stdin_open="stdin_open" in keys and keys["stdin_open"].boolean(),
        annotations=read_annotations(keys["annotations"]) if "annotations" in keys else {},
        **read_resources(keys, deployed),
    )
    if "logging" in keys and not keys["logging"].asks_for_nothing:
        keys["logging"].keys("services.*.logging")
        keys["logging"].note()
    return _confined(_addressed(service, keys), keys, around)


def _addressed(service: Service, keys: Keys) -> Service:
    name = addresses.read_host_name
    return replace(
        service,
        hostname=name(keys["hostname"]) if "hostname" in keys else None,
        domainname=name(keys["domainname"]) if "domainname" in keys else None,
        dns=addresses.read_dns(keys["dns"]) if "dns" in keys else (),
        dns_search=addresses.read_dns_search(keys["dns_search"]) if "dns_search" in keys else (),
        dns_opt=addresses.read_dns_opt(keys["dns_opt"]) if "dns_opt" in keys else (),
        extra_hosts=(
            addresses.read_extra_hosts(keys["extra_hosts"]) if "extra_hosts" in keys else {}
        ),
    )


def _confined(service: Service, keys: Keys, around: Surroundings) -> Service:
    if "cgroup" in keys:
        confinement.check_cgroup(keys["cgroup"])
    shared = around.services
    has_pid = "pid" in keys and not keys["pid"].is_null
    return replace(
        service,
        cap_add=confinement.read_cap_add(keys["cap_add"]) if "cap_add" in keys else (),
        cap_drop=confinement.read_cap_drop(keys["cap_drop"]) if "cap_drop" in keys else (),
        security_opt=(
            confinement.read_security_opt(keys["security_opt"]) if "security_opt" in keys else ()
        ),
        sysctls=confinement.read_sysctls(keys["sysctls"]) if "sysctls" in keys else {},
        ulimits=confinement.read_ulimits(keys["ulimits"]) if "ulimits" in keys else {},
        ipc=confinement.read_ipc(keys["ipc"], shared) if "ipc" in keys else None,
        pid=networks.read_shared(keys["pid"], shared) if has_pid else None,
    )


def _environment(keys: Keys) -> dict[str, str]:
    of_files = read_env_files(keys["env_file"]) if "env_file" in keys else {}
    if "environment" not in keys:
        return of_files
    return read_environment(keys["environment"], over=of_files)


def _image(field: Field, keys: Keys, around: Surroundings) -> tuple[str | None, str | None]:
    """(its image's name, the service that builds it): neither where it builds its own."""
    if "build" in keys:
        return None, None
    if "image" not in keys:
        raise field.invalid_key(
            "a service without an image", _unset_image(field) or "give it an image, or build one"
        )
    name = around.built_by(keys["image"])
    return (None, name) if name else (read_image(keys["image"]), None)


def _unset_image(field: Field) -> str:
    """The hint where there is an image, and it is empty as its variable is."""
    image = field.entries().get("image")
    return image.unset if image else ""


def _networks(keys: Keys, around: Surroundings) -> tuple[dict[str, Attachment], str | None]:
    mode = None
    if "network_mode" in keys:
        if "networks" in keys:
            raise keys["network_mode"].invalid_key(
                "there are networks too", "leave one of them out"
            )
        mode = networks.read_network_mode(keys["network_mode"], around.services)
    if mode is not None and "ports" in keys and keys["ports"].items():
        raise keys["ports"].invalid_key(
            f"a service whose network is {mode} has no ports of its own",
            "publish them where the network is" if mode != "none" else "",
        )
    attachments = {networks.DEFAULT: Attachment()}
    if "networks" in keys:
        attachments = networks.read_attachments(keys["networks"], around.networks)
    if "container_name" in keys:
        name = networks.read_container_name(keys["container_name"])
        attachments = networks.with_aliases(attachments, [name])
    return ({}, mode) if mode else (attachments, None)


def _dependencies(keys: Keys, services: Collection[str]) -> dict[str, Dependency]:
    """What the file says, and what the service holds on to.

    One that is linked, or whose spaces are shared, takes the service along when it is restarted,
    as compose does: what was held on to is gone then.
    """
    found = without_missing(keys["depends_on"], services) if "depends_on" in keys else {}
    held = [
        (key, item.text().partition(":")[0], item)
        for key in ("links", "volumes_from")
        if key in keys
        for item in keys[key].items()
    ]
    held += [
        (key, keys[key].text().removeprefix("service:"), keys[key])
        for key in _SHARED
        if key in keys and not keys[key].is_null and keys[key].text().startswith("service:")
    ]
    for key, name, where in held:
        restart = key != "volumes_from"
        found.setdefault(name, Dependency("service_started", where.node.place, restart=restart))
    return found


def _uses(keys: Keys, key: str, folder: str, declared: Mapping[str, Field]) -> tuple[FileUse, ...]:
    if key not in keys:
        return ()
    return tuple(read_uses(keys[key], f"services.*.{key}[]", folder, declared))


def _argv(field: Field) -> tuple[str, ...] | None:
    """Null is the image's own, an empty one is none; text is split as compose does."""
    if field.is_null:
        return None
    if not field.is_scalar:
        return tuple(item.text() for item in field.items())
    try:
        words, operator = shellwords.split(field.text())
    except ValueError as error:
        raise field.invalid(f"can't be split into words: {error}", _A_SHELL) from error
    if operator:
        field.note(f"all from the {operator} on, as with compose, which has no shell: {_A_SHELL}")
    return words


def _absolute(field: Field) -> str:
    path = field.text()
    if not path.startswith("/"):
        raise field.invalid(f"{path!r} is not an absolute path")
    return path


def _groups(field: Field) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.text_or_number() for item in field.items()))


def _matching(field: Field, pattern: re.Pattern[str], what: str) -> str:
    text = field.text_or_number()
    if pattern.fullmatch(text) is None:
        raise field.invalid(f"{text!r} is not a {what}")
    return text


def _platform(field: Field) -> str:
    """As images name theirs: `linux/x86_64` is linux/amd64, `amd64` that of Linux."""
    platform = _matching(field, _PLATFORM, "platform").lower()
    system, _, architecture = platform.partition("/")
    if not architecture and system in _ARCHITECTURES:
        system, architecture = "linux", system
    architecture = _ARCHITECTURES.get(architecture, architecture)
    return f"{system}/{architecture}" if architecture else system


def _pull(field: Field, builds: bool) -> str | None:
    policy = field.text()
    if _BY_THE_CLOCK.fullmatch(policy):
        field.changed("always: a sandbox keeps no time of the last pull")
        return "always"
    if policy == "build" and builds:
        return None
    if policy not in _PULL:
        raise field.invalid(
            "there is nothing to build"
            if policy == "build"
            else f"{policy!r} is not a pull policy",
            "it is always, missing or never" + (", or build" if builds else ", without a build"),
        )
    return _PULL[policy]


def _restart(keys: Keys, deployed: Keys) -> str:
    """`deploy.restart_policy` before `restart`, as compose has it."""
    own = keys.get("restart")
    policy = "no" if own is None else own.text()
    if own is not None and _RESTART.fullmatch(policy) is None:
        raise own.invalid(
            f"{policy!r} is not a restart policy",
            "it is no, always, unless-stopped, on-failure or on-failure:N",
        )
    if "restart_policy" not in deployed:
        return policy
    deploys = read_restart_policy(deployed["restart_policy"])
    if own is not None and deploys != policy:
        own.note(f"deploy.restart_policy is taken, as {deploys}")
    return deploys
