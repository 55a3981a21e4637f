"""Resource limits: what a container can be given by the process that starts it."""

from __future__ import annotations

import glob
import os
import resource
from collections.abc import Mapping

CAP_SYS_RESOURCE = 24
GROUPS = "/sys/fs/cgroup"
ALL_IDS = ["0", "0", str(2**32 - 1)]
Limits = Mapping[str, Mapping[str, int]]  # nofile -> soft, hard; -1 is no limit


def within(asked: Limits, starter: int) -> Limits:
    """A process without the host's own CAP_SYS_RESOURCE, as root is inside of a container, hands on
    nothing above its own hard limits: what asks for more is lowered to these. `starter` is its
    pid."""
    if _may_raise(starter):
        return asked
    return {name: _lowered(name, limit, starter) for name, limit in asked.items()}


def _may_raise(pid: int) -> bool:
    """In a user namespace of its own the capability is worth nothing."""
    with open(f"/proc/{pid}/uid_map", encoding="ascii") as file:
        is_hosts_own = file.read().split() == ALL_IDS
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        effective = next(line for line in file if line.startswith("CapEff:"))
    return is_hosts_own and bool(int(effective.split()[1], 16) >> CAP_SYS_RESOURCE & 1)


def _lowered(name: str, limit: Mapping[str, int], pid: int) -> Mapping[str, int]:
    number = getattr(resource, "RLIMIT_" + name.upper(), None)
    if number is None:
        return limit
    hard = resource.prlimit(pid, number)[1]
    return {which: _least(value, hard) for which, value in limit.items()}


def _least(value: int, hard: int) -> int:
    return min((value, hard), key=lambda each: float("inf") if each == -1 else each)


def bounds_processors(groups: str = GROUPS) -> bool:
    """Whether the kernel can hold a container to a part of the processors: a host that is a
    container itself may not have been given that. podman leaves it out then; docker fails."""
    if glob.glob(os.path.join(glob.escape(groups), "cpu*", "cpu.cfs_quota_us")):
        return True
    try:
        with open(os.path.join(groups, "cgroup.controllers"), encoding="ascii") as file:
            return "cpu" in file.read().split()
    except FileNotFoundError:
        return False
