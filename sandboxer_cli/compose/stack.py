"""What a compose file comes to: services and volumes, everything resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .tree import Place


@dataclass(frozen=True)
class Port:
    target: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class Mount:
    """A volume at an absolute path; without a name it is an anonymous one."""

    volume: str | None
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Healthcheck:
    """`test` as compose has it: CMD and an argv, CMD-SHELL and one line, or NONE. Seconds."""

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0


@dataclass(frozen=True)
class Dependency:
    condition: str
    place: Place


@dataclass(frozen=True)
class Service:
    """For `command` and `entrypoint` None is the image's own, empty is none at all."""

    image: str
    command: tuple[str, ...] | None
    entrypoint: tuple[str, ...] | None
    environment: Mapping[str, str]
    working_dir: str | None
    user: str | None
    init: bool
    labels: Mapping[str, str]
    restart: str
    volumes: tuple[Mount, ...]
    ports: tuple[Port, ...]
    expose: tuple[Port, ...]
    depends_on: Mapping[str, Dependency]
    healthcheck: Healthcheck | None


@dataclass(frozen=True)
class Stack:
    services: Mapping[str, Service]
    volumes: tuple[str, ...]
