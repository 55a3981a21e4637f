"""How things are called and in which order they start, whoever makes them; and the engine maker:
what a service of the document is, as arguments of the engine's `create`."""

from __future__ import annotations

import hashlib
import math
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .engine import STOP_SECONDS, Engine, labels_of
from .errors import HostError
from .variables import ENGINES_OWN, ENGINES_SIGHT, NAME

LOG_SIZE = "10m"
_SHARED = ("network_mode", "ipc", "pid")  # keys by which a service may live in another one's
_ALIAS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Mount(NamedTuple):
    """`kind`: volume | bind | tmpfs; `source`: a volume's name, a path of this host, or ''.
    `options` are the engine's: nocopy, or size=, mode=, exec and noexec of a tmpfs."""

    kind: str
    source: str
    target: str
    read_only: bool = False
    options: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """A container that a maker has to make: a service, and what was decided about it here.

    `instance` is the service's name, with a number from the second of its containers on.
    `published` has `target`, `protocol` and `host_port`, at each address of `bind`. `gateway` is
    this host as the container sees it; empty where no network has one.
    """

    name: str
    instance: str
    spec: Mapping[str, Any]
    image: str
    mounts: Sequence[Mount] = ()
    published: Sequence[Mapping[str, Any]] = ()
    bind: Sequence[str] = ("127.0.0.1",)
    gateway: str = ""


def instances(name: str, service: Mapping[str, Any]) -> list[str]:
    """A service's containers, as parts of their names: web, web.2, web.3 …"""
    return [name if n == 1 else f"{name}.{n}" for n in range(1, service.get("replicas", 1) + 1)]


def container_name(sandbox_id: str, instance: str) -> str:
    return f"{sandbox_id}.{instance}"


def container_names(sandbox_id: str, name: str, service: Mapping[str, Any]) -> list[str]:
    return [container_name(sandbox_id, one) for one in instances(name, service)]


def network_name(sandbox_id: str, network: str = "default") -> str:
    return f"{sandbox_id}.{network}"


def networks(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Network -> its keys. A document of schema 1 has the default one."""
    found: Mapping[str, Any] = document.get("networks", {"default": {}})
    return found


def joined(service: Mapping[str, Any]) -> Mapping[str, Any]:
    """The networks that a service is on, with its aliases there."""
    found: Mapping[str, Any] = service.get("networks", {"default": {}})
    return {} if service.get("network_mode") else found


def aliases(one: Wanted, network: str) -> list[str]:
    """Its names on a network: the service's, its own where there are several, and others."""
    own = joined(one.spec)[network] or {}
    return list(dict.fromkeys([one.instance, one.name, *own.get("aliases", ())]))


def joined_as(sandbox_id: str, one: Wanted) -> dict[str, list[str]]:
    """The engine's networks that a container is on, with its names there."""
    return {network_name(sandbox_id, name): aliases(one, name) for name in joined(one.spec)}


def volume_name(sandbox_id: str, volume: str) -> str:
    return f"{sandbox_id}.{volume}"


def image_volume_name(sandbox_id: str, instance: str, target: str) -> str:
    """A volume that no one named: it gets a name all the same, so that it can be found.

    By digest, so that it is no other target's and none that the document names.
    """
    return f"{sandbox_id}.{instance}.{hashlib.sha256(target.encode('utf-8')).hexdigest()[:16]}"


def service_mounts(
    sandbox_id: str,
    instance: str,
    service: Mapping[str, Any],
    image_targets: Sequence[str],
    sources: Mapping[str, str],
    files: Mapping[str, str],
) -> list[Mount]:
    """What the service mounts, and volumes for what its image asks for.

    `sources` is a bind's path below the source -> its path on this host; `files` target -> file,
    for secrets and configs.
    """
    found = []
    for item in service["volumes"]:
        target, read_only = item["target"], item["read_only"]
        kind = item.get("type", "volume")
        if kind == "bind":
            found.append(Mount(kind, sources[item["source"]], target, read_only))
        elif kind == "tmpfs":
            found.append(Mount(kind, "", target, options=_tmpfs_options(item)))
        else:
            named = item["volume"] is not None
            name = (
                volume_name(sandbox_id, item["volume"])
                if named
                else image_volume_name(sandbox_id, instance, target)
            )
            options = ("nocopy",) if item.get("nocopy") else ()
            found.append(Mount(kind, name, target, read_only, options))
    taken = {posixpath.normpath(one.target) for one in found}
    for target in image_targets:
        if posixpath.normpath(target) not in taken:
            found.append(Mount("volume", image_volume_name(sandbox_id, instance, target), target))
    return found + [Mount("bind", path, target, True) for target, path in files.items()]


def _tmpfs_options(item: Mapping[str, Any]) -> tuple[str, ...]:
    size = ["size={}".format(item["size"])] if "size" in item else []
    mode = ["mode={:04o}".format(item["mode"])] if "mode" in item else []
    return (*size, *mode, *item.get("flags", ()))


def check(services: Mapping[str, Any]) -> None:
    """Refuse what the engine would not carry unchanged, before anything is made."""
    seen: dict[str, str] = {}
    for name, service in services.items():
        split_environment(service["environment"])
        for instance in instances(name, service):
            if instance in seen:
                raise HostError(
                    "usage",
                    f"a container of {name} and one of {seen[instance]} would be called {instance}",
                    "call one of the services otherwise",
                )
            seen[instance] = name
        for network in joined(service).values():
            for alias in (network or {}).get("aliases", ()):
                if _ALIAS.fullmatch(alias) is None:
                    raise HostError("usage", f"service {name}: {alias!r} is no name on a network")
        for item in service["volumes"]:
            _check_mount(name, item)
        for key in LISTED:
            for word in _words(service.get(key) or ()):
                if "," in word or '"' in word or "\n" in word:
                    raise HostError(
                        "usage", f"service {name}: {key} can't have a comma or a quote: {word!r}"
                    )


def _check_mount(name: str, item: Mapping[str, Any]) -> None:
    if item.get("subpath"):
        raise HostError(
            "usage",
            f"service {name}: the engine can't mount {item['subpath']}, a part of a volume",
            "mount the whole volume, or a folder of the source",
        )
    for flag in item.get("flags", ()):
        if flag not in ("exec", "noexec"):
            raise HostError("usage", f"service {name}: {flag!r} is no flag of a tmpfs here")
    for path in (item["target"], item.get("source", "")):
        if ":" in path or "\n" in path:
            raise HostError(
                "usage", f"service {name}: a path that is mounted has no colon: {path!r}"
            )


def _words(value: Any) -> Iterator[str]:
    """All texts in a key's value."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _words(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _words(one)
    else:
        yield str(value)


def split_environment(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(what goes through the engine's own environment, what goes through an env file).

    Values never stand in an argv. The engine's environment carries any text unchanged, but must
    not be given names that the engine lives by itself; the file, no line breaks. What neither
    would carry unchanged is HostError `usage`.
    """
    by_name: dict[str, str] = {}
    by_file: dict[str, str] = {}
    for key, value in environment.items():
        own = ENGINES_OWN.fullmatch(key) or ENGINES_SIGHT.fullmatch(key)
        (by_file if own else by_name)[key] = value
        if NAME.fullmatch(key) is None:
            raise HostError("usage", f"{key!r} is not the name of a variable")
        if "\0" in value or (own and ("\n" in value or "\r" in value)):
            raise HostError("usage", f"the value of {key} may not have line breaks or zero bytes")
    return by_name, by_file


def _one(option: str) -> Callable[[Any], list[str]]:
    return lambda value: [option, str(value)]


def _flag(option: str) -> Callable[[Any], list[str]]:
    return lambda value: [option] if value else []


def _each(option: str) -> Callable[[Any], list[str]]:
    return lambda values: [word for one in values for word in (option, str(one))]


def _pairs(option: str) -> Callable[[Any], list[str]]:
    return lambda values: [w for key, one in values.items() for w in (option, f"{key}={one}")]


def _expose(ports: Sequence[Mapping[str, Any]]) -> list[str]:
    return [w for port in ports for w in ("--expose", "{target}/{protocol}".format(**port))]


def _ulimits(limits: Mapping[str, Mapping[str, int]]) -> list[str]:
    return [
        word
        for name, limit in limits.items()
        for word in ("--ulimit", "{}={soft}:{hard}".format(name, **limit))
    ]


# A key of a service -> arguments of `create`, the same in podman 4.3 and 5.4 and in docker 26.1
# (20.10 knows no annotations). What needs more than the key's own value is in `create_argv`.
ARGUMENTS: Mapping[str, Callable[[Any], list[str]]] = {
    "annotations": _pairs("--annotation"),
    "cap_add": _each("--cap-add"),
    "cap_drop": _each("--cap-drop"),
    "cpu_shares": _one("--cpu-shares"),
    "cpus": _one("--cpus"),
    "cpuset": _one("--cpuset-cpus"),
    "dns": _each("--dns"),
    "dns_opt": _each("--dns-option"),
    "dns_search": _each("--dns-search"),
    "expose": _expose,
    "group_add": _each("--group-add"),
    "init": _flag("--init"),
    "memory": _one("--memory"),
    "memory_reservation": _one("--memory-reservation"),
    "memory_swap": _one("--memory-swap"),
    "oom_score_adj": _one("--oom-score-adj"),
    "pids_limit": _one("--pids-limit"),
    "platform": _one("--platform"),
    "read_only": _flag("--read-only"),
    "restart": _one("--restart"),
    "security_opt": _each("--security-opt"),
    "shm_size": _one("--shm-size"),
    "stdin_open": _flag("--interactive"),
    "stop_signal": _one("--stop-signal"),
    "sysctls": _pairs("--sysctl"),
    "tty": _flag("--tty"),
    "ulimits": _ulimits,
    "user": _one("--user"),
    "working_dir": _one("--workdir"),
}
# keys whose values some version of podman splits at commas
LISTED = (
    *("annotations", "cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "extra_hosts"),
    *("group_add", "security_opt", "sysctls", "ulimits"),
)


def create_argv(
    engine: Engine,
    sandbox_id: str,
    generation: int,
    one: Wanted,
    env_file: str | None,
) -> list[str]:
    """`create …` for one container."""
    service = one.spec
    by_name = split_environment(service["environment"])[0]
    argv = ["create", "--name", container_name(sandbox_id, one.instance), "--pull", "never"]
    argv += _networks(engine, sandbox_id, one)
    argv += ["--log-driver", engine.log_driver, "--log-opt", "max-size=" + LOG_SIZE]
    # we drive health checks: without systemd the engine never runs one, with it, it makes timers
    argv += ["--no-healthcheck", "--stop-timeout", str(stop_grace(service))]
    if env_file is not None:
        argv += ["--env-file", env_file]
    for key in by_name:
        argv += ["--env", key]
    labels = {**service["labels"], **labels_of(sandbox_id, generation)}
    for key, value in labels.items():
        argv += ["--label", f"{key}={value}"]
    argv += _each("--publish")(published(one))
    for mount in one.mounts:
        argv += _mount(mount)
    for key in ("ipc", "pid"):
        if key in service:
            argv += ["--" + key, namespace(sandbox_id, service[key])]
    for key, value in host_names(engine, one).items():
        argv += ["--" + key, value]
    argv += _each("--add-host")(extra_hosts(one))
    for key, arguments in ARGUMENTS.items():
        if service.get(key) is not None:
            argv += arguments(service[key])
    command = service["command"] or []
    if service["entrypoint"] is not None:
        options, command = engine.entrypoint(service["entrypoint"], command)
        argv += options
    return [*argv, "--", one.image, *command]


def published(one: Wanted) -> list[str]:
    """As engines and compose programs take it: address:port of the host:port/protocol."""
    ports = [(address, port) for port in one.published for address in one.bind]
    return ["{}:{host_port}:{target}/{protocol}".format(where, **port) for where, port in ports]


def _networks(engine: Engine, sandbox_id: str, one: Wanted) -> list[str]:
    mode = one.spec.get("network_mode")
    if mode:
        return ["--network", namespace(sandbox_id, mode)]
    on = joined_as(sandbox_id, one)
    return engine.network_options(on) if on else ["--network", "none"]


def _mount(one: Mount) -> list[str]:
    if one.kind == "tmpfs":
        return ["--tmpfs", tmpfs(one)]
    options = ",".join([*(["ro"] if one.read_only else []), *one.options])
    return ["--volume", ":".join([one.source, one.target, *([options] if options else [])])]


def tmpfs(one: Mount) -> str:
    """As engines and compose programs take it: /path:size=…,mode=…"""
    return one.target + (":" + ",".join(one.options) if one.options else "")


def namespace(sandbox_id: str, value: str) -> str:
    """A value of network_mode, ipc or pid as the engine knows it."""
    kind, _colon, service = value.partition(":")
    return "container:" + container_name(sandbox_id, service) if kind == "service" else value


def host_names(engine: Engine, one: Wanted) -> dict[str, str]:
    """hostname and domainname, where the engine is not to choose. podman has no domain name of
    its own."""
    host, domain = one.spec.get("hostname", ""), one.spec.get("domainname", "")
    if domain and not engine.has_domainname:
        return {"hostname": f"{host or one.name}.{domain}"}
    return {key: name for key, name in (("hostname", host), ("domainname", domain)) if name}


def extra_hosts(one: Wanted) -> list[str]:
    """name:address. podman 4.3 does not know `host-gateway`: it is the gateway of a network."""
    found = []
    for name, addresses in one.spec.get("extra_hosts", {}).items():
        for address in addresses:
            if address == "host-gateway" and not one.gateway:
                raise HostError(
                    "usage",
                    f"service {one.name}: {name} can't be this host: no network of it leads there",
                    "put the service on a network that is not internal",
                )
            found.append(f"{name}:{one.gateway if address == 'host-gateway' else address}")
    return found


def stop_grace(service: Mapping[str, Any]) -> int:
    """Whole seconds that it has to end by itself: its own, or ours."""
    seconds: float = service.get("stop_grace", STOP_SECONDS)
    return math.ceil(seconds)


def stop_graces(sandbox_id: str, services: Mapping[str, Any]) -> dict[str, int]:
    """Container -> whole seconds, for those that have their own."""
    return {
        container: stop_grace(service)
        for name, service in services.items()
        if "stop_grace" in service
        for container in container_names(sandbox_id, name, service)
    }


def shared_with(service: Mapping[str, Any]) -> set[str]:
    """Services in whose network, memory or processes it lives: they are there before it."""
    values = (service.get(key, "").partition(":") for key in _SHARED)
    return {name for kind, _colon, name in values if kind == "service"}


def restarted_by(service: Mapping[str, Any]) -> set[str]:
    """Services with which it is started anew: it lives in what is theirs, or it says so."""
    needs = service["depends_on"].items()
    return shared_with(service) | {needed for needed, how in needs if how.get("restart")}


def make_order(services: Mapping[str, Any]) -> list[list[str]]:
    """Services in groups, as `start_order`: the engine makes none in another that isn't there."""
    return _groups({name: shared_with(service) for name, service in services.items()})


def start_order(services: Mapping[str, Any]) -> list[list[str]]:
    """Services in groups: each group depends only on the groups before it."""
    return _groups({name: start_after(name, services) for name in services})


def start_after(name: str, services: Mapping[str, Any]) -> set[str]:
    """The services that have to be started before this one is."""
    service = services[name]
    return services.keys() & {*service["depends_on"], *shared_with(service)}


def start_conditions(name: str, services: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The services that this one waits for, each with what it is to have become by then."""
    return [
        (needed, how["condition"])
        for needed, how in services[name]["depends_on"].items()
        if needed in services
    ]


def _groups(waiting: Mapping[str, set[str]]) -> list[list[str]]:
    groups = []
    while waiting:
        groups.append(free(waiting))
        waiting = {name: waiting[name] for name in waiting if name not in groups[-1]}
    return groups


def free(waiting: Mapping[str, set[str]]) -> list[str]:
    """Those that wait for none of the others."""
    found = sorted(name for name, needs in waiting.items() if not needs & waiting.keys())
    if not found:
        raise ValueError(f"the services wait for each other: {sorted(waiting)}")
    return found


def completed_services(services: Mapping[str, Any]) -> set[str]:
    """Services that somebody waits for to end, so that an exit with 0 is what they are for."""
    return {
        needed
        for service in services.values()
        for needed, how in service["depends_on"].items()
        if how["condition"] == "service_completed_successfully"
    }


def ending_services(document: Mapping[str, Any]) -> set[str]:
    """Services that may end by themselves, with 0, and have done what they are for: those that
    somebody waits for to end, and those of which nobody expects that they serve anything."""
    services = document["services"]
    serving = {one["service"] for one in document["probes"]}
    for service in services.values():
        serving |= shared_with(service)
        needs = service["depends_on"].items()
        serving |= {needed for needed, how in needs if how["condition"] == "service_healthy"}
    return completed_services(services) | {
        name
        for name, service in services.items()
        if name not in serving
        and not (service["ports"] or service.get("expose") or _is_checked(service))
        and service["restart"].partition(":")[0] in ("no", "on-failure")
    }


def _is_checked(service: Mapping[str, Any]) -> bool:
    check = service["healthcheck"]
    return check is not None and check["test"][:1] != ["NONE"]


def optional_services(services: Mapping[str, Any]) -> set[str]:
    """Services that somebody depends on, and nobody so that it must have them."""
    wanted: dict[str, bool] = {}
    for service in services.values():
        for needed, how in service["depends_on"].items():
            wanted[needed] = wanted.get(needed, False) or how.get("required", True)
    return {needed for needed, required in wanted.items() if not required}
