"""Image names: fully qualified, and with a tag or a digest."""

from __future__ import annotations

import re

from ..errors import Usage
from .field import Field

_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LONGEST = 255
# one that a name can begin with, and nobody takes for a folder of another one
REGISTRY = r"(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::[0-9]{1,5})?|[a-z0-9-]+:[0-9]{1,5}"


def read_name(field: Field) -> str:
    """The name as engines spell it out: registry, path, and `:tag` or `@digest`."""
    written = field.text()
    name = full_name(written)
    if name is None:
        raise field.invalid(f"{written!r} is not an image's name")
    return name


def read_image(field: Field) -> str:
    """The name of an image that is pulled: fully qualified, or made so where that is asked for."""
    name, written = read_name(field), field.text()
    if has_registry(written):
        return name
    registry = field.reading.qualify
    if registry is None:
        error = field.invalid(f"{written} is not fully qualified: write {name}")
        raise Usage(
            error.detail.message,
            field.unset
            or "hosts refuse short names: the registry belongs to the name; a file that isn't "
            "yours runs as it is with --set qualify=docker.io",
            code="image_unqualified",
        )
    name = full_name(written, registry) or name
    field.changed(f"{name}, since qualify is {registry}")
    return name


def full_name(written: str, registry: str = "docker.io") -> str | None:
    """Docker's reading of a name, spelled out; None where it isn't one. A short one is of the
    `registry`.

    No tag means latest. With a digest a tag says nothing, and not every podman takes both.
    """
    rest, _, digest = written.partition("@")
    registry, path = rest.split("/", 1) if has_registry(rest) else (registry, rest)
    path, _, tag = path.partition(":")
    if registry == "docker.io" and "/" not in path:
        path = f"library/{path}"
    end = f"@{digest}" if digest else f":{tag or 'latest'}"
    good = (
        _DOMAIN.fullmatch(registry)
        and all(_PATH.fullmatch(part) for part in path.split("/"))
        and (_DIGEST.fullmatch(digest) if "@" in written else True)
        and (_TAG.fullmatch(tag) if ":" in rest.rsplit("/", 1)[-1] else True)
        and len(path) + len(registry) < _LONGEST
    )
    return f"{registry}/{path}{end}" if good else None


def has_registry(name: str) -> bool:
    first, slash, _ = name.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)
