"""Host ports for what a sandbox publishes, from the account's own range."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection
from typing import Any

from .errors import HostError
from .record import Record, read_all
from .state import State, read_json


def account_range(state: State) -> tuple[int, int]:
    """First and last port of this account: from `host.json`, else computed from the uid.

    Below the kernel's ephemeral ports (32768 and up), so that no client meets them by chance.
    """
    prepared: Any = read_json(state.host_file) or {}
    if "ports" in prepared:
        first, last = prepared["ports"]
        return int(first), int(last)
    uid = os.geteuid()
    if uid == 0:
        return 20000, 29999
    first = 10000 + uid % 100 * 100
    return first, first + 99


def plan(
    first: int, last: int, taken: Collection[int], count: int, is_free: Callable[[int], bool]
) -> list[int]:
    """`count` ports of the range that no record holds and that can be bound just now."""
    found: list[int] = []
    for port in range(first, last + 1):
        if len(found) == count:
            break
        if port not in taken and is_free(port):
            found.append(port)
    if len(found) < count:
        raise HostError(
            "ports_exhausted",
            f"no free port left in {first}-{last}",
            "destroy a sandbox, or widen the range with `sandboxer host prepare`",
            retryable=True,
        )
    return found


def taken(records: Collection[Record]) -> set[int]:
    """The ports that records hold."""
    return {int(item["key"]) for one in records for item in one.holdings if item["kind"] == "port"}


def was_taken(error: HostError) -> bool:
    """Whether an engine could not start something because a stranger has its port."""
    told = str(error).lower()
    return "address already in use" in told or "port is already allocated" in told


def move(state: State, current: Record, services: Collection[str]) -> Record | None:
    """The record with other ports for these services, where theirs are not free; None where all
    are. Under the host's lock, so that nobody else is given the same."""
    first, last = account_range(state)
    endpoints = [dict(item) for item in current.reachability["endpoints"]]
    lost = [
        item for item in endpoints if item["service"] in services and not is_free(item["host_port"])
    ]
    if not lost:
        return None
    held = [dict(item) for item in current.holdings]
    chosen = plan(first, last, taken(read_all(state)), len(lost), is_free)
    for item, port in zip(lost, chosen):
        old = {"kind": "port", "key": str(item["host_port"])}
        held[held.index(old)] = {"kind": "port", "key": str(port)}
        scheme = item["url"].partition("://")[0]
        item.update(host_port=port, url=f"{scheme}://127.0.0.1:{port}")
    reachability = {**current.reachability, "endpoints": endpoints}
    return current._replace(holdings=tuple(held), reachability=reachability)


def addresses(publish: str, carries_ipv6: bool) -> tuple[str, ...]:
    """Where ports listen: on this host's loopback, or on all its addresses that lead on."""
    if publish != "host":
        return ("127.0.0.1",)
    return ("0.0.0.0", *(["[::]"] if carries_ipv6 and _has_ipv6() else []))  # noqa: S104


def is_free(port: int) -> bool:
    """Whether nobody listens on `port`, for TCP and UDP, on any address of this host."""
    families = [socket.AF_INET, *([socket.AF_INET6] if _has_ipv6() else [])]
    return all(
        _can_be_bound(family, kind, port)
        for family in families
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    )


def _can_be_bound(family: int, kind: int, port: int) -> bool:
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # a port in TIME_WAIT is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def _has_ipv6() -> bool:
    """Whether any interface has an address of it, as one's own loopback does."""
    try:
        with open("/proc/net/if_inet6", "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False
