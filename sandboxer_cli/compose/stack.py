"""What a compose file comes to: services and what they share, everything resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .notes import Note
from .tree import Place


@dataclass(frozen=True)
class Port:
    """`published` is the host's side as the file said it, which is only shown."""

    target: int
    protocol: str = "tcp"
    published: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Mount:
    """A volume at an absolute path; without a name it is an anonymous one."""

    volume: str | None
    target: str
    read_only: bool = False
    nocopy: bool = False


@dataclass(frozen=True)
class Bind:
    """A file or folder of the source, by its path there; `create` makes a folder of what isn't."""

    source: str
    target: str
    place: Place = field(compare=False)
    read_only: bool = False
    create: bool = False


@dataclass(frozen=True)
class Tmpfs:
    """`size` in bytes; `flags` are exec or noexec, where it is said."""

    target: str
    size: int | None = None
    mode: int | None = None
    read_only: bool = False
    flags: tuple[str, ...] = ()


AnyMount = Mount | Bind | Tmpfs


@dataclass(frozen=True)
class Healthcheck:
    """`test` as compose has it: CMD and an argv, CMD-SHELL and one line, or NONE; nothing where it
    is the image's own. Seconds. None is not given."""

    test: tuple[str, ...] = ()
    interval: float | None = None
    timeout: float | None = None
    retries: int | None = None
    start_period: float | None = None
    start_interval: float | None = None


@dataclass(frozen=True)
class Dependency:
    """One that isn't `required` may be missing; `restart` follows the other's restarts."""

    condition: str
    place: Place
    required: bool = True
    restart: bool = False


@dataclass(frozen=True)
class Build:
    """`context` is a folder of the source, `dockerfile` a path from there, `shm_size` bytes."""

    context: str
    dockerfile: str | None = "Dockerfile"
    dockerfile_inline: str | None = None
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    shm_size: int | None = None
    extra_hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    network: str | None = None
    no_cache: bool = False
    pull: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attachment:
    """How a service is on a network: the names it is found by, besides its own."""

    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileUse:
    """A secret or a config as a file of a container."""

    source: str
    target: str
    uid: str | None = None
    gid: str | None = None
    mode: int | None = None


@dataclass(frozen=True)
class Ulimit:
    """-1 is without a limit."""

    soft: int
    hard: int


@dataclass(frozen=True)
class Service:
    """For `command` and `entrypoint` None is the image's own, empty is none at all.

    `image` is None where it is built, or is what the service `built_by` builds. Sizes are bytes,
    spans of time seconds. Below the line are the keys of which None or empty is the engine's own
    way: the document has them only where they have a value, under these names.
    """

    image: str | None
    command: tuple[str, ...] | None
    entrypoint: tuple[str, ...] | None
    environment: Mapping[str, str]
    working_dir: str | None
    user: str | None
    init: bool
    labels: Mapping[str, str]
    restart: str
    volumes: tuple[AnyMount, ...]
    ports: tuple[Port, ...]
    expose: tuple[Port, ...]
    depends_on: Mapping[str, Dependency]
    healthcheck: Healthcheck | None
    networks: Mapping[str, Attachment]
    # ---
    build: Build | None = None
    built_by: str | None = None
    replicas: int = 1
    pull: str | None = None
    platform: str | None = None
    network_mode: str | None = None
    secrets: tuple[FileUse, ...] = ()
    configs: tuple[FileUse, ...] = ()
    hostname: str | None = None
    domainname: str | None = None
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    extra_hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    read_only: bool = False
    group_add: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    shm_size: int | None = None
    stop_signal: str | None = None
    stop_grace: float | None = None
    tty: bool = False
    stdin_open: bool = False
    pids_limit: int | None = None
    memory: int | None = None
    memory_reservation: int | None = None
    memory_swap: int | None = None
    cpus: float | None = None
    cpu_shares: int | None = None
    cpuset: str | None = None
    oom_score_adj: int | None = None
    ipc: str | None = None
    pid: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    internal: bool = False


@dataclass(frozen=True)
class Stack:
    """Volumes, networks, secrets and configs are those that a service uses; of the last two their
    bytes."""

    services: Mapping[str, Service]
    volumes: tuple[str, ...]
    networks: Mapping[str, Network] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    configs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    notes: tuple[Note, ...] = ()
    files: tuple[str, ...] = ()
