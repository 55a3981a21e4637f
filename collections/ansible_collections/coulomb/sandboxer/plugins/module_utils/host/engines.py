"""The engines that there are: podman where a host has it, else docker."""

from __future__ import annotations

from . import engine
from .docker import Docker
from .engine import Engine
from .errors import HostError
from .podman import Podman

_ALL: tuple[Engine, ...] = (Podman(), Docker())


def named(name: str) -> Engine:
    """The one that a record names, whether it is here or not."""
    for one in _ALL:
        if one.program == name:
            return one
    known = " and ".join(one.program for one in _ALL)
    raise HostError(
        "engine_missing",
        f"{name!r} is no engine that this version knows: it knows {known}",
        "install the version of sand-boxer that made it",
    )


def of_host() -> Engine:
    """The one by which this host makes sandboxes."""
    return all_here()[0]


def all_here() -> list[Engine]:
    """Those that this host has. HostError `engine_missing` where that is none."""
    found = [one for one in _ALL if one.is_here()]
    if not found:
        raise missing("run `sandboxer host prepare HOST`")
    return found


def missing(hint: str) -> HostError:
    return engine.missing("neither podman nor docker", hint)
