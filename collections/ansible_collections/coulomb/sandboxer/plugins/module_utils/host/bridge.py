"""The bridge of a network, and what a killed engine has left there: interfaces, and the network
namespaces they lead to. They would answer for the next one that gets the same addresses.

An engine takes a bridge away with the last that was plugged in, so after the containers nothing
is there; whatever is, is left behind.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import json
import os
import socket
import subprocess
from typing import Any, NamedTuple

from . import process
from .errors import HostError

SECONDS = 10.0
_MADE_BY_THE_ENGINE = "netns-"


class Interface(NamedTuple):
    """By name and number: the name is used again, the number is not."""

    name: str
    number: int


class Left(NamedTuple):
    """What is there of a bridge. The interfaces are itself and those plugged in."""

    bridge: Interface
    plugged: tuple[Interface, ...] = ()
    namespaces: tuple[str, ...] = ()  # those that they lead to

    def holdings(self) -> list[dict[str, str]]:
        names = [one.name for one in (self.bridge, *self.plugged)]
        found = [{"kind": "interface", "key": name} for name in names]
        return found + [{"kind": "netns", "key": name} for name in self.namespaces]


def look(bridge: str) -> Left | None:
    """What is there of it now; None where it is gone. Errors: `packages_missing`, `ip_failed`."""
    # told by the kernel itself, so a host without `ip` can say at least that there is nothing
    if not bridge or all(name != bridge for _index, name in socket.if_nameindex()):
        return None
    links = _ip("link", "show")
    itself = [one for one in links if one["ifname"] == bridge]
    if not itself:  # gone by now
        return None
    plugged = [one for one in links if one.get("master") == bridge]
    behind = {one["link_netnsid"] for one in plugged if "link_netnsid" in one}
    named = _ip("netns", "list") if behind else []
    return Left(
        _interface(itself[0]),
        tuple(_interface(one) for one in plugged),
        tuple(
            one["name"]
            for one in named
            if one.get("id") in behind and one["name"].startswith(_MADE_BY_THE_ENGINE)
        ),
    )


def remove(left: Left) -> None:
    """Remove it from its far end, so that what can't be removed stays plugged in and is found
    again. Whether it worked, ask `look`.

    The network that has the bridge to itself must be there yet: after it another may take the
    name.
    """
    for name in left.namespaces:
        _try("netns", "delete", name)
    now = look(left.bridge.name)
    if now and not now.namespaces:
        for port in now.plugged:
            _delete(port)
        now = look(left.bridge.name)
    if now and not now.plugged:
        _delete(now.bridge)


def _delete(interface: Interface) -> None:
    # `if7` is number 7: by then a neighbour may have the name
    _try("link", "delete", "dev", f"if{interface.number}")


def _interface(link: dict[str, Any]) -> Interface:
    return Interface(link["ifname"], link["ifindex"])


def _ip(*words: str) -> list[dict[str, Any]]:
    """What `ip` finds."""
    done = _run("-json", *words)
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _failed(words, lines[-1] if lines else f"exit status {done.returncode}")
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout.strip() or b"[]")
    except ValueError:
        raise _failed(words, "its answer is no JSON") from None
    return found


def _try(*words: str) -> None:
    """One change. What is gone by now makes it fail, so its exit status tells nothing."""
    _run(*words)


def _run(*words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ip", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "PATH": process.search_path()},
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise HostError(
            "packages_missing",
            "not installed: iproute2, without which a bridge that was left behind can't go",
            "run `sandboxer host prepare HOST`; the reaper tries again each minute",
        ) from None
    except subprocess.TimeoutExpired:
        raise _failed(words, f"no end in {SECONDS:.0f} s") from None


def _failed(words: tuple[str, ...], why: str) -> HostError:
    return HostError(
        "ip_failed",
        "`ip {}` failed: {}".format(" ".join(words), why),
        "try the same on the host by hand; the reaper tries again each minute",
        retryable=True,
    )
