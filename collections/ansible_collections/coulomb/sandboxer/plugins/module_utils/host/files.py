"""Files that are written here for containers to see: secrets and configs."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from typing import Any

from .state import write_bytes

_MODE = 0o444  # what compose gives a secret that says nothing: each user of the container reads it


def write_all(folder: str, document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Write each service's secrets and configs below `folder`, which nobody else enters.

    Service -> target -> file. Owner and mode are what the service says: in the container the file
    has the same.
    """
    found: dict[str, dict[str, str]] = {}
    wanted = {
        name: [
            (document[kind][item["source"]]["content"], item)
            for kind in ("secrets", "configs")
            for item in service.get(kind, ())
        ]
        for name, service in document["services"].items()
    }
    if not any(wanted.values()):
        return {name: {} for name in wanted}
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name, files in wanted.items():
        found[name] = {}
        for content, item in files:
            key = f"{name}:{item['target']}".encode()
            path = os.path.join(folder, hashlib.sha256(key).hexdigest()[:32])
            _write(path, base64.b64decode(content), item)
            found[name][item["target"]] = path
    return found


def _write(path: str, content: bytes, item: Mapping[str, Any]) -> None:
    owner, group = int(item.get("uid", 0)), int(item.get("gid", 0))
    write_bytes(path, content, 0o400)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, owner, group)
        os.fchmod(descriptor, item.get("mode", _MODE))
    finally:
        os.close(descriptor)
