"""A service's mounts: volumes, memory, and files of the source; nothing of the host's own."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection
from dataclasses import replace

from .field import Field
from .inside import as_files, inside, is_there
from .keys import KEYS
from .quantities import read_mode, read_size
from .stack import AnyMount, Bind, Mount, Tmpfs

VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_DRIVE = re.compile(r"([A-Za-z]):(/.*)", re.DOTALL)
# Options of the short form that are keys of the long one, and are left out as those are.
_LEFT_OUT = {
    "cached": KEYS["services.*.volumes[]"]["consistency"],
    "delegated": KEYS["services.*.volumes[]"]["consistency"],
    "consistent": KEYS["services.*.volumes[]"]["consistency"],
    "private": KEYS["services.*.volumes[].bind"]["propagation"],
    "rprivate": KEYS["services.*.volumes[].bind"]["propagation"],
    "slave": KEYS["services.*.volumes[].bind"]["propagation"],
    "rslave": KEYS["services.*.volumes[].bind"]["propagation"],
    "shared": KEYS["services.*.volumes[].bind"]["propagation"],
    "rshared": KEYS["services.*.volumes[].bind"]["propagation"],
    "z": KEYS["services.*.volumes[].bind"]["selinux"],
    "Z": KEYS["services.*.volumes[].bind"]["selinux"],
}
_ENGINES = re.compile(r".*/(docker|podman|containerd|crio)\.sock")
_HOSTS_TIME = ("/etc/localtime", "/etc/timezone")
_TMPFS_AS_IT_IS = {"rw", "nosuid", "nodev"}
# podman knows none of these
_TMPFS_LEFT_OUT = {"suid", "dev", "noatime", "relatime", "uid", "gid"}


def read_mounts(field: Field, declared: Collection[str]) -> tuple[AnyMount, ...]:
    """The mounts, each target once; each volume must be among the `declared` ones."""
    mounts: dict[str, tuple[AnyMount, Field]] = {}
    for item in field.items():
        mount = _short(item) if item.is_scalar else _long(item)
        volume = mount.volume if isinstance(mount, Mount) else None
        if volume is not None and volume not in declared:
            raise item.invalid(
                f"the volume {volume} is not declared",
                f"add it to the volumes of the file:  volumes: {{{volume}: }}",
            )
        if mount.target in mounts:
            mounts[mount.target][1].given_again(mount.target, item)
        mounts[mount.target] = (mount, item)
    for mount, item in mounts.values():
        if isinstance(mount, Bind):  # whoever mounts a file wants it, also where git ignores it
            item.reading.files.extend(as_files(item, mount.source))
    return tuple(mount for mount, _ in mounts.values())


def check_volume(field: Field) -> None:
    """That a volume of the file is one which every engine makes."""
    if field.is_null:
        return
    keys = field.keys("volumes.*")
    if "name" in keys:
        keys["name"].text()
        keys["name"].note()
    if "driver" in keys and keys["driver"].text() not in ("local", "default", ""):
        raise keys["driver"].refused(keys["driver"].text())


def read_tmpfs(field: Field) -> tuple[Tmpfs, ...]:
    """`tmpfs: /run`, or a list, each with options as in `/run:size=64m,mode=1777`."""
    mounts: dict[str, tuple[Tmpfs, Field]] = {}
    for item in field.texts():
        mount = _tmpfs(item)
        if mount.target in mounts:
            mounts[mount.target][1].given_again(mount.target, item)
        mounts[mount.target] = (mount, item)
    return tuple(mount for mount, _ in mounts.values())


def _short(item: Field) -> AnyMount:
    written = item.text()
    if drive := _DRIVE.match(written):
        long = f"{{type: volume, source: {drive[1]}, target: {drive[2]}}}"
        why = "compose takes it for a path of Windows, on a drive"
        raise item.refused(written, why, f"a volume of that name has the long form, {long}")
    if written.startswith("\\\\") or written[1:3] == ":\\":
        raise item.refused(written)
    parts = written.split(":")
    if len(parts) == 1:
        return Mount(None, _target(item, written))
    if len(parts) > 3:
        raise item.invalid(f"{written!r} has too many colons")
    read_only, nocopy = _options(item, parts[2] if len(parts) == 3 else "rw")
    target = _target(item, parts[1])
    if parts[0].startswith((".", "/", "~")):
        return Bind(_source(item, parts[0]), target, item.node.place, read_only, create=True)
    return Mount(_volume(item, parts[0]), target, read_only, nocopy)


def _options(item: Field, written: str) -> tuple[bool, bool]:
    """(read only, nocopy)"""
    options = set(written.split(","))
    if unknown := sorted(options - _LEFT_OUT.keys() - {"ro", "rw", "nocopy"}):
        raise item.unsupported(f"the volume option {unknown[0]!r}")
    for option in sorted(options & _LEFT_OUT.keys()):
        item.note(f"{option}: {_LEFT_OUT[option].text}")
    return "ro" in options, "nocopy" in options


def _long(item: Field) -> AnyMount:
    keys = item.keys("services.*.volumes[]")
    kind = keys["type"].text() if "type" in keys else ""
    if not kind:
        raise item.invalid("a volume without a type")
    if kind not in ("volume", "bind", "tmpfs"):
        raise keys["type"].refused(f"mounts of type {kind}")
    if "target" not in keys:
        raise item.invalid("a volume without a target")
    for other in {"volume", "bind", "tmpfs"} - {kind}:
        if other in keys:
            raise keys[other].invalid_key(f"a mount of type {kind} has no {other}")
    target = _target(keys["target"], keys["target"].text())
    read_only = keys["read_only"].boolean() if "read_only" in keys else False
    more = keys[kind].keys(f"services.*.volumes[].{kind}") if kind in keys else {}
    source = keys.get("source")
    if kind == "tmpfs":
        return Tmpfs(
            target,
            size=read_size(more["size"]) if "size" in more else None,
            mode=read_mode(more["mode"]) if "mode" in more else None,
        )
    if kind == "volume":
        return Mount(
            volume=_volume(source, source.text()) if source else None,
            target=target,
            read_only=read_only,
            nocopy=more["nocopy"].boolean() if "nocopy" in more else False,
        )
    if source is None:
        raise item.invalid("a bind mount without a source")
    create = more["create_host_path"].boolean() if "create_host_path" in more else True
    below = _source(replace(source, key=item.key), source.text())
    if not create and not is_there(source, below):
        raise source.invalid(f"there is no {source.text()}")
    return Bind(below, target, source.node.place, read_only, create)


def _source(field: Field, written: str) -> str:
    if _ENGINES.fullmatch(written):
        raise field.refused(written, "it would give the container the host's engine")
    if posixpath.normpath(written) in _HOSTS_TIME:
        hint = "leave it out, and set the variable TZ, as in  environment: {TZ: Europe/Berlin}"
        raise field.refused(written, hint=hint)
    return inside(field, written)


def _tmpfs(item: Field) -> Tmpfs:
    path, _, options = item.text().partition(":")
    size = mode = None
    flags: tuple[str, ...] = ()
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        said = item.part(value)
        if name == "size":
            size = read_size(said)
        elif name == "mode":
            mode = read_mode(said)
        elif option in ("exec", "noexec"):
            flags = (option,)  # said, as engines differ in what they do unasked
        elif name in _TMPFS_LEFT_OUT:
            item.note(f"{option}: not every engine has it")
        elif option not in _TMPFS_AS_IT_IS:
            raise item.unsupported(f"the tmpfs option {option!r}")
    return Tmpfs(_target(item, path), size, mode, flags=flags)


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
