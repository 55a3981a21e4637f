"""The document that goes to the host: plain JSON types, and the digests of such things."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from .stack import Healthcheck, Port, Service, Stack

SCHEMA = 1

Document = dict[str, Any]


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
        "volumes": {name: {} for name in stack.volumes},
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
    return {
        "image": service.image,
        "command": _words(service.command),
        "entrypoint": _words(service.entrypoint),
        "environment": dict(service.environment),
        "working_dir": service.working_dir,
        "user": service.user,
        "init": service.init,
        "labels": dict(service.labels),
        "restart": service.restart,
        "volumes": [
            {"volume": mount.volume, "target": mount.target, "read_only": mount.read_only}
            for mount in service.volumes
        ],
        "ports": [_port(port) for port in service.ports],
        "expose": [_port(port) for port in service.expose],
        "depends_on": {
            name: {"condition": dependency.condition}
            for name, dependency in service.depends_on.items()
        },
        "healthcheck": _healthcheck(service.healthcheck),
    }


def _words(argv: tuple[str, ...] | None) -> list[str] | None:
    return None if argv is None else list(argv)


def _port(port: Port) -> dict[str, Any]:
    return {"target": port.target, "protocol": port.protocol}


def _healthcheck(check: Healthcheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    if check.test == ("NONE",):
        return {"test": ["NONE"]}
    return {
        "test": list(check.test),
        "interval": check.interval,
        "timeout": check.timeout,
        "retries": check.retries,
        "start_period": check.start_period,
    }
