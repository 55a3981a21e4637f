"""The bridge of a network, and what a killed engine has left there: interfaces, and the network
namespaces they lead to. They would answer for the next one that gets the same addresses.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_MADE_BY_THE_ENGINE = "netns-"


@dataclass(frozen=True)
class Port:
    """An interface by name and number: the name is used again, the number is not."""

    name: str
    index: int


def ports(bridge: str) -> list[Port]:
    """What is plugged in there now."""
    found = _ip("link", "show", "master", bridge) if bridge else []
    return [Port(one["ifname"], one["ifindex"]) for one in found]


def remove(bridge: str, left: Iterable[Port]) -> None:
    """Remove a bridge, and what is left of its ports; the containers behind them are gone.

    The network that has the bridge to itself must be there yet: after it another may take the
    name.
    """
    links = {one["ifname"]: one for one in _ip("link", "show")}
    for port in left:
        link = links.get(port.name)
        if link and link["ifindex"] == port.index:
            _unplug(link)
    if bridge in links:
        _ip("link", "delete", "dev", bridge, "type", "bridge")


def _unplug(link: dict[str, Any]) -> None:
    for namespace in _ip("netns", "list"):
        is_behind = namespace.get("id", -1) == link.get("link_netnsid")
        if is_behind and namespace["name"].startswith(_MADE_BY_THE_ENGINE):
            _ip("netns", "delete", namespace["name"])
    # the kernel removes it with its namespace, a moment later
    _ip("link", "delete", "dev", link["ifname"])


def _ip(*words: str) -> list[dict[str, Any]]:
    """What `ip` finds. What is gone by now is no error, and a host without it has no bridge."""
    try:
        done = subprocess.run(
            ["ip", "-json", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        return []
    return json.loads(done.stdout.strip() or b"[]") or []
