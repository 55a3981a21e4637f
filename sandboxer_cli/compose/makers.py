"""Where a compose program makes something else than the engine maker, and why.

A test has both make the same documents, compares all that `podman inspect` says, and holds the
differences against this table: none may be missing in it, and none be there for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """`field` is a regular expression of a field's whole path in `podman inspect`."""

    field: str
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """A key that podman-compose does not pass on. `versions` of those that were read."""

    key: str
    versions: str
    then: str


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
    Difference(r"HostConfig\.MemorySwap", "It knows no `memswap_limit`."),
    Difference(r"HostConfig\.OomScoreAdj", "It knows no `oom_score_adj`."),
    Difference(
        r"(HostConfig\.Binds|Mounts)\..*",
        "It mounts a volume without `nocopy`.",
    ),
)

SAID = "left out, and said while it is made"
REFUSED = "refused"
LEFT_OUT = (
    LeftOut("memory_swap, oom_score_adj", "1.0.3, 1.3.0, 1.6.0", SAID),
    LeftOut("ipc: private, shareable", "1.0.3, 1.3.0, 1.6.0", SAID),
    LeftOut("ipc: service", "1.0.3, 1.3.0, 1.6.0", REFUSED),
    LeftOut("nocopy of a volume", "1.0.3, 1.3.0, 1.6.0", "left out"),
    LeftOut("stop_grace", "1.0.3, 1.3.0, 1.6.0", "kept: it is given with each stop"),
    LeftOut("cpuset, pids_limit", "1.0.3, 1.3.0", SAID),
    LeftOut("dns_opt, dns_search", "1.0.3", SAID),
    LeftOut("dns, group_add, pid", "1.0.3", REFUSED),
    LeftOut("platform", "1.0.3", "left out: the image is there already"),
    LeftOut(
        "aliases, replicas from the second on, network_mode",
        "1.0.3",
        "it fails, and its words are in the error",
    ),
)
