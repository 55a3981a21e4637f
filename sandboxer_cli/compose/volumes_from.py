"""`volumes_from`: the mounts of another service, written out for the one that takes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from .field import Field
from .stack import AnyMount, Mount, Tmpfs

Mounts = dict[str, tuple[AnyMount, ...]]


def with_others(
    own: Mapping[str, tuple[AnyMount, ...]], fields: Mapping[str, Field], volumes: Collection[str]
) -> tuple[Mounts, list[str]]:
    """(service -> its mounts, those of others included; names of volumes that had none).

    `fields` are the `volumes_from` of those services that have it, `volumes` the names in use.
    """
    found, named = dict(own), list[str]()
    waiting = dict(fields)
    while waiting:
        # one that takes from none that still has to take itself
        free = next(
            (name for name in waiting if not waiting.keys() & _lenders(waiting[name])), None
        )
        if free is None:
            circle = " and ".join(waiting)
            raise next(iter(waiting.values())).invalid(f"a circle, {circle} take from each other")
        taken: dict[str, AnyMount] = {}
        for item in waiting.pop(free).items():
            for mount in _take(item, found, volumes, named):
                taken[mount.target] = mount
        found[free] = tuple({**taken, **{mount.target: mount for mount in found[free]}}.values())
    return found, named


def _lenders(field: Field) -> set[str]:
    return {item.text().partition(":")[0] for item in field.items()}


def _take(item: Field, found: Mounts, volumes: Collection[str], named: list[str]) -> list[AnyMount]:
    """What the service that `item` names lends; memory is never lent."""
    lender, _, mode = item.text().partition(":")
    if lender == "container":
        raise item.refused(item.text(), "a sandbox has no part in other containers")
    if lender not in found:
        raise item.invalid(f"there is no service {lender}", "there are " + ", ".join(found))
    if mode not in ("", "rw", "ro"):
        raise item.invalid(f"{mode!r} is neither ro nor rw")
    item.note()
    found[lender] = tuple(_named(mount, lender, volumes, named) for mount in found[lender])
    return [
        replace(mount, read_only=mount.read_only or mode == "ro")
        for mount in found[lender]
        if not isinstance(mount, Tmpfs)
    ]


def _named(mount: AnyMount, service: str, volumes: Collection[str], named: list[str]) -> AnyMount:
    """An anonymous volume gets a name, so that another service can have it too."""
    if not isinstance(mount, Mount) or mount.volume is not None:
        return mount
    number = 1
    while (name := f"{service}.{number}") in volumes or name in named:
        number += 1
    named.append(name)
    return replace(mount, volume=name)
