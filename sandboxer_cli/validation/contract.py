"""A repository's contract once it is read: all defaults in it, spans of time in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..compose.tree import MapNode
from ..probe import Probe

Keep = Literal["never", "on-failure", "always"]
Setting = str | int | bool


@dataclass(frozen=True)
class SandboxRequest:
    """What is to be made. `files` are compose files of the repository, in order, or none: its
    default ones. `settings` are what `--set` gives; spans of time as `--ttl` takes them."""

    profile: str
    files: tuple[str, ...]
    settings: Mapping[str, Setting]
    ttl: str
    deadline: str


@dataclass(frozen=True)
class Step:
    """`where` is `host` or the name of a service."""

    name: str
    run: tuple[str, ...]
    where: str
    timeout: int


@dataclass(frozen=True)
class Timeouts:
    """`test` is for all steps, retries too."""

    provision: int
    health: int
    test: int
    collect: int


@dataclass(frozen=True)
class Reports:
    """Globs of files, from the root of the repository on; none leads out of it."""

    junit: tuple[str, ...]
    artifacts: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    """`digest` is of what it says, not of how it is written; `tree` knows where that stands."""

    digest: str
    sandbox: SandboxRequest
    secrets: tuple[str, ...]
    health: tuple[Probe, ...]
    steps: tuple[Step, ...]
    timeouts: Timeouts
    reports: Reports
    retries: int
    keep: Keep
    tree: MapNode = field(repr=False, compare=False)
