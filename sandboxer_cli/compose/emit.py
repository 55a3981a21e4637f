"""The document that goes to the host: plain JSON types, and the digests of such things."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from .stack import AnyMount, Bind, Healthcheck, Mount, Port, Service, Stack, Tmpfs

SCHEMA = 2

Document = dict[str, Any]

# Keys of a service that the document has only where they have a value, as Service has them.
_WHERE_GIVEN = (
    "build",
    "built_by",
    "pull",
    "platform",
    "network_mode",
    "secrets",
    "configs",
    "hostname",
    "domainname",
    "dns",
    "dns_search",
    "dns_opt",
    "extra_hosts",
    "cap_add",
    "cap_drop",
    "security_opt",
    "read_only",
    "group_add",
    "sysctls",
    "ulimits",
    "shm_size",
    "stop_signal",
    "stop_grace",
    "tty",
    "stdin_open",
    "pids_limit",
    "memory",
    "memory_reservation",
    "memory_swap",
    "cpus",
    "cpu_shares",
    "cpuset",
    "oom_score_adj",
    "ipc",
    "pid",
    "annotations",
)

# what compose takes where nothing is said
_HEALTHCHECK = {"interval": 30.0, "timeout": 30.0, "retries": 3, "start_period": 0.0}


def build_document(
    stack: Stack,
    *,
    images: Mapping[str, Mapping[str, Any]],
    probes: Iterable[Mapping[str, Any]],
    publish: str,
) -> Document:
    """Everything that a host needs to make the stack; durations are seconds.

    `images` are recipes of images that the host makes itself, `probes` say when a service
    answers, `publish` is `loopback` or `host`.
    """
    return {
        "schema": SCHEMA,
        "images": dict(images),
        "services": {name: _service(service) for name, service in stack.services.items()},
        "networks": _plain(stack.networks),
        "volumes": {name: {} for name in stack.volumes},
        **_given({"secrets": _files(stack.secrets), "configs": _files(stack.configs)}),
        "probes": list(probes),
        "publish": publish,
    }


def canonical_json(value: Any) -> bytes:
    """The same bytes for the same value: keys sorted, no spaces, UTF-8 without escapes.

    podman-compose 1.6 dies on an emoji that was written as an ASCII escape.
    """
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()


def digest(value: Any) -> str:
    """`sha256:<hex>` of the value's canonical JSON; of bytes, of the bytes themselves."""
    content = value if isinstance(value, bytes) else canonical_json(value)
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _service(service: Service) -> dict[str, Any]:
    made = {
        "image": service.image,
        "command": _plain(service.command),
        "entrypoint": _plain(service.entrypoint),
        "environment": dict(service.environment),
        "working_dir": service.working_dir,
        "user": service.user,
        "init": service.init,
        "labels": dict(service.labels),
        "restart": service.restart,
        "volumes": [_mount(mount) for mount in service.volumes],
        "ports": [_port(port) for port in service.ports],
        "expose": [_port(port) for port in service.expose],
        "depends_on": {
            name: {
                "condition": dependency.condition,
                **({} if dependency.required else {"required": False}),
                **_given({"restart": dependency.restart}),
            }
            for name, dependency in service.depends_on.items()
        },
        "healthcheck": _healthcheck(service.healthcheck),
        "networks": _plain(service.networks),
    }
    if service.replicas != 1:
        made["replicas"] = service.replicas
    return {**made, **_given({name: _plain(getattr(service, name)) for name in _WHERE_GIVEN})}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _given({one.name: _plain(getattr(value, one.name)) for one in fields(value)})
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say something: 0 does, false and empty don't."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and value is not False and value not in ([], {})
    }


def _mount(mount: AnyMount) -> dict[str, Any]:
    made: dict[str, Any] = {"target": mount.target, "read_only": mount.read_only}
    match mount:
        case Mount():
            return {"type": "volume", "volume": mount.volume, **made, **_plain(mount)}
        case Bind():
            return {
                "type": "bind",
                "source": mount.source,
                **made,
                **_given({"create": mount.create}),
            }
        case Tmpfs():
            return {"type": "tmpfs", **made, **_plain(mount)}


def _port(port: Port) -> dict[str, Any]:
    return {
        "target": port.target,
        "protocol": port.protocol,
        **_given({"published": port.published}),
    }


def _files(contents: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        name: {"content": base64.b64encode(content).decode()} for name, content in contents.items()
    }


def _healthcheck(check: Healthcheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    if check.test == ("NONE",):
        return {"test": ["NONE"]}
    given = _given(_plain(check))
    return {**_HEALTHCHECK, **given} if check.test else {"test": [], **given}
