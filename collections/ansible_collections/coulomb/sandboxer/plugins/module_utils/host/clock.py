"""Now, on the two clocks that a lease needs, and which boot this is."""

from __future__ import annotations

import time
from typing import NamedTuple

from . import process


class Now(NamedTuple):
    """`wall` in seconds since the epoch (UTC), `boot` in seconds since the kernel started."""

    wall: float
    boot: float
    boot_id: str


def now() -> Now:
    return Now(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), boot_id())


def boot_id() -> str:
    """The kernel's boot id, and the start of process 1: a system container reboots alone."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return f"{file.read().strip()}-{process.start_ticks(1)}"


def instant(seconds: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339, in UTC: how instants leave the host."""
    if seconds is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
