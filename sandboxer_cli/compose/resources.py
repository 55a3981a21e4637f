"""What a service may use and how many of it there are: its own keys and those of `deploy`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .field import Field
from .quantities import read_size

_MOST_REPLICAS = 100
_PERIOD = 100_000.0
_CPUSET = re.compile(r"[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*")
_LARGEST = 2**31 - 1
# What compose takes as a condition, words of `restart` too, as `restart`.
_CONDITIONS = {
    "none": "no",
    "no": "no",
    "on-failure": "on-failure",
    "any": "unless-stopped",
    "always": "always",
    "unless-stopped": "unless-stopped",
}

Keys = Mapping[str, Field]


def read_deploy(keys: Keys) -> Keys:
    if "deploy" not in keys or keys["deploy"].is_null:
        return {}
    return keys["deploy"].keys("services.*.deploy")


def read_resources(keys: Keys, deployed: Keys) -> dict[str, Any]:
    """The values of Service that say how much: those that are given."""
    level = "services.*.deploy.resources"
    resources = deployed["resources"].keys(level) if "resources" in deployed else {}
    limits = resources["limits"].keys(f"{level}.limits") if "limits" in resources else {}
    reserved = (
        resources["reservations"].keys(f"{level}.reservations")
        if "reservations" in resources
        else {}
    )
    found = {
        "replicas": _one(_replicas, keys.get("scale"), deployed.get("replicas")),
        "cpus": _one(_cpus, keys.get("cpus"), limits.get("cpus")),
        "memory": _one(read_size, keys.get("mem_limit"), limits.get("memory")),
        "memory_reservation": _one(read_size, keys.get("mem_reservation"), reserved.get("memory")),
        "memory_swap": _swap(keys["memswap_limit"]) if "memswap_limit" in keys else None,
        "pids_limit": _one(_pids, keys.get("pids_limit"), limits.get("pids")),
        "cpu_shares": keys["cpu_shares"].integer(0, 262144) if "cpu_shares" in keys else None,
        "cpuset": _cpuset(keys["cpuset"]) if "cpuset" in keys else None,
        "shm_size": read_size(keys["shm_size"]) if "shm_size" in keys else None,
        "oom_score_adj": (
            keys["oom_score_adj"].integer(-1000, 1000) if "oom_score_adj" in keys else None
        ),
    }
    if "cpu_quota" in keys and found["cpus"] is None:
        found["cpus"] = _of_quota(keys)
    return {name: value for name, value in found.items() if value is not None}


def read_restart_policy(policy: Field) -> str:
    """`deploy.restart_policy` as `restart`."""
    keys = policy.keys("services.*.deploy.restart_policy")
    condition = keys["condition"].text() if "condition" in keys else "any"
    if condition not in _CONDITIONS:
        raise keys["condition"].invalid(
            f"{condition!r} is not a condition", "it is none, on-failure or any"
        )
    attempts = keys["max_attempts"].integer(0, 9999) if "max_attempts" in keys else 0
    policy.note()
    if condition == "on-failure" and attempts:
        return f"on-failure:{attempts}"
    return _CONDITIONS[condition]


def _one(read: Any, own: Field | None, deployed: Field | None) -> Any:
    """Both may say it, if they say the same."""
    values = [read(field) for field in (own, deployed) if field is not None]
    if len(values) == 2 and own is not None and deployed is not None and values[0] != values[1]:
        raise deployed.invalid(f"it is another value than that of {own.path}: {own.node.place}")
    return values[0] if values else None


def _replicas(field: Field) -> int:
    return field.integer(0, _MOST_REPLICAS)


def _pids(field: Field) -> int:
    return field.integer(-1, _LARGEST)


def _cpus(field: Field) -> float | None:
    return field.number() or None


def _swap(field: Field) -> int:
    return -1 if field.raw() == "-1" else read_size(field)


def _cpuset(field: Field) -> str:
    written = field.raw()
    if _CPUSET.fullmatch(written) is None:
        raise field.invalid(f"{written!r} is not a set of processors", 'write "0-2,4"')
    return written


def _of_quota(keys: Keys) -> float | None:
    if keys["cpu_quota"].raw() == "-1":
        return None
    quota = keys["cpu_quota"].number()
    period = keys["cpu_period"].number() if "cpu_period" in keys else _PERIOD
    if not period:
        raise keys["cpu_period"].invalid("wants more than nothing")
    return round(quota / period, 6) or None
