"""A service's volumes: named and anonymous ones, nothing of the host's own files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection

from .field import Field
from .stack import Mount

VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_DRIVE = re.compile(r"[A-Za-z]:")
_HOW_BIND = "named volumes are; files of the host belong into the image"


def read_mounts(field: Field, declared: Collection[str]) -> tuple[Mount, ...]:
    """The mounts; each volume must be among the `declared` ones, each target given once."""
    mounts: dict[str, Mount] = {}
    for item in field.items():
        mount = _short(item) if item.is_scalar else _long(item)
        if mount.volume is not None and mount.volume not in declared:
            raise item.invalid(
                f"the volume {mount.volume} is not declared",
                f"add it to the volumes of the file:  volumes: {{{mount.volume}: }}",
            )
        if mount.target in mounts:
            raise item.invalid(f"{mount.target} is mounted twice")
        mounts[mount.target] = mount
    return tuple(mounts.values())


def _short(item: Field) -> Mount:
    written = item.text()
    if written.startswith("\\\\") or _DRIVE.match(written):
        raise item.unsupported("bind mounts", _HOW_BIND)
    parts = written.split(":")
    if len(parts) == 1:
        return Mount(None, _target(item, written))
    if parts[0].startswith((".", "/", "~")):
        raise item.unsupported("bind mounts", _HOW_BIND)
    if len(parts) > 3:
        raise item.invalid(f"{written!r} has too many colons")
    options = parts[2] if len(parts) == 3 else "rw"
    if options not in ("ro", "rw"):
        raise item.unsupported(f"the volume option {options!r}")
    return Mount(_volume(item, parts[0]), _target(item, parts[1]), options == "ro")


def _long(item: Field) -> Mount:
    fields = item.entries()
    kind = fields["type"].text() if "type" in fields else ""
    if not kind:
        raise item.invalid("a volume without a type")
    if kind != "volume":
        what = "bind mounts" if kind == "bind" else f"mounts of type {kind}"
        raise item.unsupported(what, _HOW_BIND if kind == "bind" else "")
    keys = item.keys(("type", "source", "target", "read_only"))
    if "target" not in keys:
        raise item.invalid("a volume without a target")
    source = keys.get("source")
    return Mount(
        volume=_volume(source, source.text()) if source else None,
        target=_target(keys["target"], keys["target"].text()),
        read_only=keys["read_only"].boolean() if "read_only" in keys else False,
    )


def _volume(field: Field, name: str) -> str:
    if VOLUME_NAME.fullmatch(name) is None:
        raise field.invalid(f"{name!r} is not a volume's name")
    return name


def _target(field: Field, path: str) -> str:
    target = posixpath.normpath(path)
    # commas and colons would end the path in an engine's arguments
    odd = not path.isprintable() or any(c in path for c in ",:") or ".." in path.split("/")
    if odd or not target.startswith("/") or target.strip("/") == "":
        raise field.invalid(f"{path!r} is not a path to mount at", "it is absolute, and not /")
    return "/" + target.lstrip("/")
