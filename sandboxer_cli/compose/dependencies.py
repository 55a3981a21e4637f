"""What a service waits for, and whether that can ever come about."""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Mapping

from . import refusal
from .field import Field
from .stack import Dependency, Service

_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def read_depends_on(field: Field) -> dict[str, Dependency]:
    if field.is_list:
        return _from_list(field)
    found: dict[str, Dependency] = {}
    for name, entry in field.entries().items():
        keys = entry.keys("services.*.depends_on.*")
        if "condition" not in keys:
            raise entry.invalid("a dependency without a condition")
        condition = keys["condition"].text()
        if condition not in _CONDITIONS:
            raise keys["condition"].invalid(
                f"{condition!r} is not a condition", "it is " + ", ".join(_CONDITIONS)
            )
        found[name] = Dependency(
            condition,
            entry.key_place,
            required="required" not in keys or keys["required"].boolean(),
            restart="restart" in keys and keys["restart"].boolean(),
        )
    return found


def without_missing(field: Field, services: Collection[str]) -> dict[str, Dependency]:
    """What `depends_on` says, less what may be missing and is."""
    found = read_depends_on(field)
    for name, dependency in list(found.items()):
        if name not in services and not dependency.required:
            field.note(f"there is no service {name}, which isn't required")
            del found[name]
    return found


def _from_list(field: Field) -> dict[str, Dependency]:
    found: dict[str, Dependency] = {}
    for item in field.items():
        name = item.text()
        if name in found:
            raise item.invalid(f"{name} is given twice: {found[name].place}")
        found[name] = Dependency("service_started", item.node.place)
    return found


def check_dependencies(services: Mapping[str, Service]) -> None:
    """Every dependency is there, can be met, and no service waits for itself.

    Raises Usage: `compose_invalid`.
    """
    for name, service in services.items():
        for other, dependency in service.depends_on.items():
            path = f"services.{name}.depends_on"
            if other not in services:
                raise refusal.invalid(
                    f"{path}: there is no service {other}",
                    dependency.place,
                    "there are " + ", ".join(services),
                )
            if dependency.condition == "service_healthy" and _is_unchecked(services[other]):
                raise refusal.invalid(
                    f"{path}: {other} can't become healthy, its healthcheck is disabled",
                    dependency.place,
                    f"give {other} a healthcheck, or none at all where its image has one",
                )
    _check_circles(services)


def _is_unchecked(service: Service) -> bool:
    """Whether it says so. One that says nothing may have its image's own health check."""
    return service.healthcheck is not None and service.healthcheck.test == ("NONE",)


def _check_circles(services: Mapping[str, Service]) -> None:
    graph = {name: list(service.depends_on) for name, service in services.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle: list[str] = error.args[1][::-1]
        # say it from the service that stands first in the file
        first = min(circle, key=list(services).index)
        start = circle.index(first)
        circle = circle[start:-1] + circle[:start] + [first]
        place = services[first].depends_on[circle[1]].place
        raise refusal.invalid(
            f"services.{first}.depends_on: a circle, {' -> '.join(circle)}", place
        ) from error
