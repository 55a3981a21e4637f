"""Files of this host that containers see: what lies in the source, and secrets and configs, which
are written here."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from typing import Any

from .errors import HostError
from .state import write_bytes

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ANY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o444  # what compose gives a secret that says nothing: each user of the container reads it


def source_path(root: str, path: str, create: bool = False) -> str:
    """Where `path`, below the folder `root`, lies on this host; no link is in what is returned.

    `create` makes the folder where nothing is. Raises HostError `source_outside` where a link
    leads out of the tree, and `file_missing` where nothing is there.
    """
    inside = os.path.realpath(root)
    found = os.path.realpath(os.path.join(inside, path))
    if found != inside and not found.startswith(inside + os.sep):
        raise _outside(path)
    parts = os.path.relpath(found, inside).split(os.sep)
    try:
        with contextlib.ExitStack() as opened:
            folder = _open(opened, inside, _FOLDER)
            # step by step: what was resolved above may be a link by now, which is not followed
            for number, part in enumerate(parts):
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=folder)
                last = number == len(parts) - 1
                folder = _open(opened, part, _ANY if last else _FOLDER, folder)
            if stat.S_ISLNK(os.fstat(folder).st_mode):
                raise _outside(path)
    except FileNotFoundError as error:
        raise HostError(
            "file_missing",
            f"the source has no {path}, which a service mounts",
            "is it ignored by git, or made by a step that has not run?",
        ) from error
    except OSError as error:  # a link, or a file where a folder is wanted
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise _outside(path) from error
    return found


def _open(opened: contextlib.ExitStack, path: str, flags: int, folder: int | None = None) -> int:
    descriptor = os.open(path, flags, dir_fd=folder)
    opened.callback(os.close, descriptor)
    return descriptor


def _outside(path: str) -> HostError:
    return HostError(
        "source_outside",
        f"{path} leads out of the source",
        "containers see only what lies in the source; put a copy of it there",
    )


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
