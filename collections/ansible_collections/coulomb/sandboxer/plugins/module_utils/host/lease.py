"""How long a sandbox may live, on a clock that nobody can turn back.

Within one boot the boot clock decides, so that steps of the wall clock are harmless; after a
reboot the wall clock does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .clock import Now
from .errors import HostError

TTL_DEFAULT = 30 * 60
TTL_LEAST = 10
TTL_GREATEST = 24 * 60 * 60
MAKING_DEFAULT = 10 * 60
MAKING_GREATEST = 2 * 60 * 60
FAILED = 15 * 60


class Lease(NamedTuple):
    """Instants in seconds: `*_at` since the epoch (UTC), `*_boot` since the boot `boot_id`."""

    ttl: float
    expires_at: float
    expires_boot: float
    max_expires_at: float
    max_expires_boot: float
    boot_id: str

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Lease:
        names = [name for name in cls._fields if name != "boot_id"]
        return cls(**{name: float(data[name]) for name in names}, boot_id=str(data["boot_id"]))

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()


def check_ttl(seconds: float) -> float:
    if not TTL_LEAST <= seconds <= TTL_GREATEST:
        raise HostError(
            "usage",
            f"a ttl of {seconds:g} s is out of range",
            f"from {TTL_LEAST} s to {TTL_GREATEST // 3600} h",
        )
    return float(seconds)


def check_making(seconds: float) -> float:
    if not 1 <= seconds <= MAKING_GREATEST:
        raise HostError(
            "usage",
            f"a making deadline of {seconds:g} s is out of range",
            f"from 1 s to {MAKING_GREATEST // 3600} h",
        )
    return float(seconds)


def grant(seconds: float, ttl: float, now: Now, greatest: float = TTL_GREATEST) -> Lease:
    """A new lease that ends in `seconds`, for a sandbox whose user asked for `ttl`."""
    return Lease(
        ttl=ttl,
        expires_at=now.wall + seconds,
        expires_boot=now.boot + seconds,
        max_expires_at=now.wall + max(seconds, greatest),
        max_expires_boot=now.boot + max(seconds, greatest),
        boot_id=now.boot_id,
    )


def remaining(lease: Lease, now: Now) -> float:
    """Seconds until the lease ends; negative once it has."""
    if lease.boot_id == now.boot_id:
        return lease.expires_boot - now.boot
    return lease.expires_at - now.wall


def extend(lease: Lease, seconds: float, now: Now) -> Lease:
    """The lease that ends in `seconds`, never sooner than before, never after its maximum."""
    left = remaining(lease, now)
    if left <= 0:
        raise HostError("expired", f"its lease ended {-left:.0f} s ago", "create a new one")
    if lease.boot_id == now.boot_id:
        most = lease.max_expires_boot - now.boot
    else:
        most = lease.max_expires_at - now.wall
    wanted = max(left, min(seconds, most))
    return lease._replace(
        ttl=max(seconds, lease.ttl),
        expires_at=now.wall + wanted,
        expires_boot=now.boot + wanted,
        max_expires_at=now.wall + most,
        max_expires_boot=now.boot + most,
        boot_id=now.boot_id,
    )


def is_due(lease: Lease, state: str, now: Now, working: bool) -> bool:
    """Whether the reaper takes a sandbox away now.

    All that it goes by are `lease` and `state` of a record, of any version, and whether some
    process is at work on it.
    """
    if state in ("destroying", "stuck") and not working:
        return True  # somebody began to take it away
    if state == "creating" and (lease.boot_id != now.boot_id or not working):
        return True  # its maker is dead
    return remaining(lease, now) <= 0
