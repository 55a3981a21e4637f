"""Every key of the compose specification, and what becomes of it: the one table.

The reader takes, notes and refuses by it, and `docs/reference/compose.md` is made from it, so
that the page says what the program does. A level is the path of a mapping whose keys compose
names: `*` is a name of the user's own, `[]` an item of a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Fate = Literal["kept", "changed", "left_out", "refused"]


@dataclass(frozen=True)
class Key:
    """`text` is what a kept key comes to, or the reason of any other fate; a note says it.

    `refuses` is why some values of a key that is not refused are.
    """

    fate: Fate
    text: str = ""
    refuses: str = ""


def _kept(text: str = "", refuses: str = "") -> Key:
    return Key("kept", text, refuses)


def _changed(text: str, refuses: str = "") -> Key:
    return Key("changed", text, refuses)


def _left_out(why: str, refuses: str = "") -> Key:
    return Key("left_out", why, refuses)


def _refused(why: str) -> Key:
    return Key("refused", why)


_KEPT = _kept()
_NOT_OURS = "a sandbox shares nothing with what lies outside of it"
_HOST = "it would give the container the host"
_WINDOWS = "it is for Windows only"
_SWARM = "it is for a swarm of hosts"
_LABELS = "sand-boxer's own labels say whose it is"
_RESERVED = (
    "`io.sandboxer.…`, `com.docker.compose.…` and `io.podman.compose.…` are refused: they say "
    "whose it is"
)
_OWN_NAME = "the sandbox's own name stands for it, so that two of them never meet"
_DEVICES = "devices of the host are not lent to a sandbox"
_OF_RESOURCES = "what is reserved for others is not known here"
_ADDRESS = "addresses are the host's to give; services find each other by name"
_WORDS = "text is split as compose does, without a shell: up to the first `;`, `&`, `|`, `<` or `>`"
_DRIVERS = "drivers and their options act on the host"

_TOP = {
    "name": _kept("what `${COMPOSE_PROJECT_NAME}` means; the sandbox has a name of its own"),
    "version": _left_out("it has no meaning any more"),
    "include": _kept("read before all else"),
    "services": _KEPT,
    "networks": _kept("those that a service uses"),
    "volumes": _kept("those that a service uses"),
    "secrets": _kept("those that a service uses"),
    "configs": _kept("those that a service uses"),
    "models": _left_out("no service has one: a sandbox has no runner for models"),
}

_SERVICE = {
    "annotations": _KEPT,
    "attach": _left_out("nothing is attached to; its logs stay on the host"),
    "blkio_config": _left_out("devices of one host are not those of another"),
    "build": _kept("built on the host, from the source"),
    "cap_add": _kept("", "it would give the container power over the host"),
    "cap_drop": _KEPT,
    "cgroup": _kept("private, which it is anyway", f"host: {_HOST}"),
    "cgroup_parent": _refused("the host decides what a sandbox's containers count for"),
    "command": _kept(_WORDS),
    "configs": _kept("a file in the container"),
    "container_name": _changed(
        "a name by which others on its networks find it; the container's own is the sandbox's"
    ),
    "cpu_count": _left_out(_WINDOWS),
    "cpu_percent": _left_out(_WINDOWS),
    "cpu_period": _kept("with `cpu_quota`, as so many `cpus`"),
    "cpu_quota": _kept("as so many `cpus`"),
    "cpu_rt_period": _left_out("real-time scheduling is the host's"),
    "cpu_rt_runtime": _left_out("real-time scheduling is the host's"),
    "cpu_shares": _KEPT,
    "cpus": _kept("left out where nothing bounds processors on the host, and that is said"),
    "cpuset": _KEPT,
    "credential_spec": _refused("a sandbox has no managed service accounts"),
    "depends_on": _KEPT,
    "deploy": _KEPT,
    "develop": _left_out("nothing is watched; create again after a change"),
    "device_cgroup_rules": _refused(_DEVICES),
    "devices": _refused(_DEVICES),
    "dns": _KEPT,
    "dns_opt": _KEPT,
    "dns_search": _KEPT,
    "domainname": _KEPT,
    "entrypoint": _kept(_WORDS),
    "env_file": _kept("read from the source, on the controller"),
    "environment": _kept("one without a value takes that of `.env`"),
    "expose": _KEPT,
    "extends": _kept("read before all else"),
    "external_links": _refused(_NOT_OURS),
    "extra_hosts": _KEPT,
    "gpus": _refused(_DEVICES),
    "group_add": _KEPT,
    "healthcheck": _kept("asked by sand-boxer, not by the engine"),
    "hostname": _KEPT,
    "image": _kept("a full name, unless a service builds it"),
    "init": _KEPT,
    "ipc": _kept("private, shareable or service:NAME", _HOST),
    "isolation": _left_out(_WINDOWS),
    "label_file": _kept(f"read from the source, on the controller; {_RESERVED}"),
    "labels": _kept(_RESERVED),
    "links": _changed("a dependency, and a name on the networks that both are on"),
    "logging": _changed("logs are bounded and stay on the host, where they end with the sandbox"),
    "mac_address": _left_out(_ADDRESS),
    "mem_limit": _KEPT,
    "mem_reservation": _KEPT,
    "mem_swappiness": _left_out("hosts with cgroups v2 don't know it"),
    "memswap_limit": _KEPT,
    "models": _refused("a sandbox has no runner for models"),
    "network_mode": _kept(
        "none or service:NAME; the sandbox's own network stands for bridge",
        "host and container:NAME would reach past the sandbox",
    ),
    "networks": _KEPT,
    "oom_kill_disable": _left_out("hosts with cgroups v2 don't know it"),
    "oom_score_adj": _KEPT,
    "pid": _kept("service:NAME", _HOST),
    "pids_limit": _KEPT,
    "platform": _KEPT,
    "ports": _changed("the host's side is a port of the host's own range: `sandboxer show`"),
    "post_start": _refused("hooks are not run yet, and without them another thing would run"),
    "pre_stop": _refused("hooks are not run yet, and without them another thing would run"),
    "privileged": _refused(_HOST),
    "profiles": _kept("read before all else"),
    "provider": _refused("what it makes would be no part of the sandbox"),
    "pull_policy": _kept("always, missing, never or build; by the clock it is always"),
    "read_only": _KEPT,
    "restart": _KEPT,
    "runtime": _refused("which runtime runs containers is the host's to say"),
    "scale": _kept("so many containers"),
    "secrets": _kept("a file in the container"),
    "security_opt": _kept(
        "no-new-privileges", "what confines a container is the host's own; it would be loosened"
    ),
    "shm_size": _KEPT,
    "stdin_open": _KEPT,
    "stop_grace_period": _KEPT,
    "stop_signal": _KEPT,
    "storage_opt": _refused("not every engine's storage has such options"),
    "sysctls": _kept("those of a container's own", "it would change the host"),
    "tmpfs": _kept("size, mode, exec and noexec"),
    "tty": _KEPT,
    "ulimits": _kept("lowered to what the host may give, and that is said"),
    "use_api_socket": _refused("it would give the container the host's engine"),
    "user": _KEPT,
    "userns_mode": _refused("whose accounts a container's are is the host's to say"),
    "uts": _refused(_HOST),
    "volumes": _kept(
        "volumes, tmpfs, and folders and files of the source",
        "files outside of the source don't travel, and the host's own are not lent",
    ),
    "volumes_from": _changed(
        "the other service's mounts, written out; not what only its image asks for"
    ),
    "working_dir": _KEPT,
}

_BUILD = {
    "additional_contexts": _refused("only one context is sent to a build yet"),
    "args": _kept(
        "one without a value takes that of `.env`", "the engine itself lives by that name"
    ),
    "cache_from": _left_out("the host's own cache is used"),
    "cache_to": _left_out("the host's own cache is used"),
    "context": _kept("a folder of the source", "nothing outside of the source is read"),
    "dockerfile": _kept("a file of the source"),
    "dockerfile_inline": _KEPT,
    "entitlements": _refused(_HOST),
    "extra_hosts": _KEPT,
    "isolation": _left_out(_WINDOWS),
    "labels": _kept(_RESERVED),
    "network": _kept("none, or the default", "host and others would reach past the sandbox"),
    "no_cache": _KEPT,
    "platforms": _left_out("it is built for the host, or for the service's `platform`"),
    "privileged": _refused(_HOST),
    "provenance": _left_out("nothing is published"),
    "pull": _KEPT,
    "sbom": _left_out("nothing is published"),
    "secrets": _refused("secrets don't reach a build yet"),
    "shm_size": _KEPT,
    "ssh": _refused("no keys are lent to a build"),
    "tags": _left_out("the image is the sandbox's and goes with it"),
    "target": _KEPT,
    "ulimits": _left_out("a build has the host's own"),
}

_DEPLOY = {
    "endpoint_mode": _left_out(_SWARM),
    "labels": _left_out(_SWARM),
    "mode": _left_out(_SWARM),
    "placement": _left_out(_SWARM),
    "replicas": _kept("so many containers"),
    "resources": _KEPT,
    "restart_policy": _changed("as `restart`, and before the service's own"),
    "rollback_config": _left_out(_SWARM),
    "update_config": _left_out(_SWARM),
}

_FILE_OF_A_SERVICE = {
    "source": _KEPT,
    "target": _KEPT,
    "uid": _KEPT,
    "gid": _KEPT,
    "mode": _KEPT,
}

_FILE = {
    "content": _KEPT,
    "driver": _refused(_DRIVERS),
    "driver_opts": _refused(_DRIVERS),
    "environment": _kept("a variable of `.env`"),
    "external": _refused(f"{_NOT_OURS}: give it a file"),
    "file": _kept("a file of the source"),
    "labels": _left_out(_LABELS),
    "name": _changed(_OWN_NAME),
    "template_driver": _refused(_DRIVERS),
}

KEYS: Mapping[str, Mapping[str, Key]] = {
    "": _TOP,
    "services.*": _SERVICE,
    "services.*.build": _BUILD,
    "services.*.configs[]": _FILE_OF_A_SERVICE,
    "services.*.depends_on.*": {
        "condition": _KEPT,
        "required": _KEPT,
        "restart": _KEPT,
    },
    "services.*.deploy": _DEPLOY,
    "services.*.deploy.resources": {"limits": _KEPT, "reservations": _KEPT},
    "services.*.deploy.resources.limits": {
        "cpus": _kept("as `cpus`"),
        "memory": _kept("as `mem_limit`"),
        "pids": _kept("as `pids_limit`"),
    },
    "services.*.deploy.resources.reservations": {
        "cpus": _left_out(_OF_RESOURCES),
        "devices": _refused(_DEVICES),
        "generic_resources": _left_out(_SWARM),
        "memory": _kept("as `mem_reservation`"),
    },
    "services.*.deploy.restart_policy": {
        "condition": _changed("as `restart`: any is unless-stopped"),
        "delay": _left_out("the engine waits as it sees fit"),
        "max_attempts": _changed("as `restart: on-failure:N`"),
        "window": _left_out("the engine waits as it sees fit"),
    },
    "services.*.env_file[]": {
        "format": _kept("raw: without quotes and variables"),
        "path": _KEPT,
        "required": _KEPT,
    },
    "services.*.healthcheck": {
        "disable": _kept("whatever the test"),
        "interval": _KEPT,
        "retries": _KEPT,
        "start_interval": _KEPT,
        "start_period": _KEPT,
        "test": _kept(
            "without one it is the image's own; CMD-SHELL takes further words as $0, $1 …"
        ),
        "timeout": _KEPT,
    },
    "services.*.logging": {
        "driver": _changed("k8s-file, or what the engine has like it"),
        "options": _changed("a greatest size"),
    },
    "services.*.networks.*": {
        "aliases": _KEPT,
        "driver_opts": _refused(_DRIVERS),
        "gw_priority": _left_out("the engine chooses the way out"),
        "interface_name": _left_out("the engine names interfaces"),
        "ipv4_address": _left_out(_ADDRESS),
        "ipv6_address": _left_out(_ADDRESS),
        "link_local_ips": _left_out(_ADDRESS),
        "mac_address": _left_out(_ADDRESS),
        "priority": _left_out("the engine chooses the order"),
    },
    "services.*.ports[]": {
        "app_protocol": _left_out("nothing here asks for it"),
        "host_ip": _changed("where a port listens is said by `--publish`"),
        "mode": _left_out(_SWARM),
        "name": _left_out("nothing here asks for it"),
        "protocol": _kept("tcp or udp", "not every engine carries sctp"),
        "published": _changed("a port of the host's own range"),
        "target": _KEPT,
    },
    "services.*.secrets[]": _FILE_OF_A_SERVICE,
    "services.*.ulimits.*": {"hard": _KEPT, "soft": _KEPT},
    "services.*.volumes[]": {
        "bind": _KEPT,
        "consistency": _left_out("it has no meaning on Linux"),
        "image": _refused("images are not mounted yet"),
        "read_only": _KEPT,
        "source": _KEPT,
        "target": _KEPT,
        "tmpfs": _KEPT,
        "type": _kept(
            "volume, bind or tmpfs", "only volumes, tmpfs and files of the source are mounted"
        ),
        "volume": _KEPT,
    },
    "services.*.volumes[].bind": {
        "create_host_path": _KEPT,
        "propagation": _left_out("mounts are private"),
        "recursive": _left_out("no other mounts lie below the source"),
        "selinux": _left_out("the host labels what it mounts"),
    },
    "services.*.volumes[].tmpfs": {"mode": _KEPT, "size": _KEPT},
    "services.*.volumes[].volume": {
        "labels": _left_out(_LABELS),
        "nocopy": _KEPT,
        "subpath": _refused("not every engine mounts a part of a volume"),
    },
    "networks.*": {
        "attachable": _left_out(_SWARM),
        "driver": _kept("bridge, which it is anyway", "others act on the host"),
        "driver_opts": _left_out(
            "the bridge's name and addresses are the host's to give", _DRIVERS
        ),
        "enable_ipv4": _left_out(_ADDRESS),
        "enable_ipv6": _left_out(_ADDRESS),
        "external": _refused(f"{_NOT_OURS}: leave `external` away, and it is made anew"),
        "internal": _KEPT,
        "ipam": _left_out(_ADDRESS),
        "labels": _left_out(_LABELS),
        "name": _changed(_OWN_NAME),
    },
    "volumes.*": {
        "driver": _kept("local, which it is anyway", "others act on the host"),
        "driver_opts": _refused(_DRIVERS),
        "external": _refused(f"{_NOT_OURS}: leave `external` away, and it is made empty"),
        "labels": _left_out(_LABELS),
        "name": _changed(_OWN_NAME),
    },
    "secrets.*": _FILE,
    "configs.*": {
        name: key for name, key in _FILE.items() if name not in ("driver", "driver_opts")
    },
}
