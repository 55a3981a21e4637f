"""Where a compose program makes something else than the engine maker, where docker is asked
otherwise than podman, and why.

Tests have both makers make the same documents, of each key and of the shape of real files, compare
all that the engine's `inspect` says, and hold the differences against the tables: none may be
missing in them, and none be there for nothing.
Another one has the engine maker write its arguments for both engines, of each key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ALL = "1.0.3, 1.3.0, 1.6.0"
DOCKER_COMPOSE = "2.26.1"


@dataclass(frozen=True)
class Difference:
    """`field` is a regular expression of a field's whole path in the engine's `inspect`; `versions`
    those of the compose program."""

    field: str
    reason: str
    versions: str = ALL

    def explains(self, field: str, version: str) -> bool:
        return self.is_of(version) and re.fullmatch(self.field, field) is not None

    def is_of(self, version: str) -> bool:
        return version in self.versions.split(", ")


@dataclass(frozen=True)
class LeftOut:
    """A key that podman-compose does not pass on. `versions` of those that were read."""

    key: str
    versions: str
    then: str

    def is_of(self, version: str) -> bool:
        return version in self.versions.split(", ")


DIFFERENCES = (
    Difference(r"Config\.CreateCommand", "The command by which it was made."),
    Difference(
        r"Config\.Labels\.(com\.docker\.compose\..*|io\.podman\.compose\..*|PODMAN_SYSTEMD_UNIT)",
        "Its own labels, by which its other commands find their containers. Nothing here asks for "
        "them, but for what a killed one has left.",
    ),
    Difference(
        r"Config\.StopTimeout",
        "It takes `stop_grace_period` for its own `stop` only. The time is given with each stop, "
        "so that a service has what it asks for whoever has made it.",
    ),
    Difference(r"HostConfig\.CpusetCpus", "It knows no `cpuset`.", "1.0.3, 1.3.0"),
    Difference(r"HostConfig\.PidsLimit", "It knows no `pids_limit`.", "1.0.3, 1.3.0"),
    Difference(r"HostConfig\.MemorySwap", "It knows no `memswap_limit`."),
    Difference(r"HostConfig\.OomScoreAdj", "It knows no `oom_score_adj`."),
    Difference(
        r"(HostConfig\.Binds|Mounts)\..*",
        "It mounts a volume without `nocopy`.",
    ),
)

# of `docker inspect`, by docker compose
DOCKERS = (
    Difference(
        r"Config\.Labels\.com\.docker\.compose\..*",
        "Its own labels, as above.",
        DOCKER_COMPOSE,
    ),
    Difference(
        r"Config\.(Entrypoint|Cmd)",
        "The option of docker's `create` takes one word of an entrypoint: the others stand before "
        "the command. `Path` and `Args`, what runs in the end, agree.",
        DOCKER_COMPOSE,
    ),
    Difference(
        r"Config\.(AttachStdin|StdinOnce)",
        "docker's `create` means its own terminal by `--interactive`. Nobody attaches to one here: "
        "`OpenStdin`, which is what `stdin_open` asks for, agrees.",
        DOCKER_COMPOSE,
    ),
    Difference(
        r"Mounts\..*\.Mode",
        "The options as they were written, which it asks for in another form. `RW`, what comes of "
        "them, agrees.",
        DOCKER_COMPOSE,
    ),
    Difference(
        r"NetworkSettings\.Networks\..*\.Aliases",
        "It gives a container's own name as one more alias. docker knows it by that name anyway.",
        DOCKER_COMPOSE,
    ),
    Difference(
        r"NetworkSettings\.Networks\..*\.DNSNames",
        "docker works them out when a container is put on a network: on the first one when it "
        "starts, on others by `docker network connect` at once.",
        DOCKER_COMPOSE,
    ),
)

SAID = "left out, and said while it is made"
REFUSED = "refused"
FAILS = "it fails, and its words are in the error"
LEFT_OUT = (
    LeftOut("memory_swap, oom_score_adj", ALL, SAID),
    LeftOut("ipc: private, shareable", ALL, SAID),
    LeftOut("ipc: service", ALL, REFUSED),
    LeftOut("nocopy of a volume", ALL, "left out"),
    LeftOut("stop_grace", ALL, "kept: it is given with each stop"),
    LeftOut("cpuset, pids_limit", "1.0.3, 1.3.0", SAID),
    LeftOut("dns_opt, dns_search", "1.0.3", SAID),
    LeftOut("dns, group_add, pid", "1.0.3", REFUSED),
    LeftOut("platform", "1.0.3", "left out: the image is there already"),
    LeftOut("aliases, replicas, network_mode", "1.0.3", FAILS),
)


@dataclass(frozen=True)
class Engines:
    """A thing that the two engines do otherwise."""

    what: str
    podman: str
    docker: str


# key of a service, or empty for what each container has -> why its arguments differ
ARGUMENTS = {
    "": "The one whose logs are files that the engine bounds.",
    "networks": "docker's `create` takes one network before 25: it is put on the others with "
    "`docker network connect`, before it starts.",
    "entrypoint": "docker's option takes one word: the others stand before the command.",
    "domainname": "podman has no domain name of its own: it is part of the host name.",
}
ENGINES = (
    Engines(
        "networks",
        "made with `isolate=true`: without it two networks of podman reach each other",
        "docker keeps them apart by itself",
    ),
    Engines(
        "`publish: host`",
        "on the host's addresses of IPv4. What comes by IPv6 would reach a container only where "
        "its network has IPv6; names would lead there too then, where many services don't listen",
        "on those of IPv6 too, where the host has any: docker itself hands on what comes there",
    ),
    Engines(
        "`ulimits`",
        "lowered to what the account may give, which makes the container; `nofile` and `nproc` "
        "are named with any other, as podman would raise them to its greatest",
        "lowered to what the daemon may give, which makes the container",
    ),
    Engines(
        "a command that is killed",
        "its work ends with it; monitors of containers and a build's working containers are "
        "looked for, and ended",
        "the daemon works on: what it makes is waited for, and only then removed",
    ),
    Engines(
        "a build",
        "in a process namespace of its own, which ends with it",
        "the daemon's; it gives up one whose command is gone",
    ),
    Engines(
        "what a build makes",
        "an image of docker's format (`--format docker`): its own knows no `HEALTHCHECK` and no "
        "`SHELL`",
        "the same",
    ),
    Engines(
        "an auth file",
        "`--authfile`",
        "a folder for `DOCKER_CONFIG`, with a link to it, as long as the command runs",
    ),
    Engines("`annotations`", "kept", "kept; 20.10 doesn't know them, and fails"),
)
SAME = (
    "Health checks are asked by sand-boxer, not by the engine (`--no-healthcheck`): podman runs "
    "none without systemd, and so both have one meaning.",
    "An image that is built has the label `io.sandboxer.build`, never a sandbox's id: whatever "
    "somebody makes of an image inherits its labels.",
    "`host-gateway` is the gateway of one of the service's networks.",
    "What publishes a port, what is mounted and all other arguments are the same.",
)
