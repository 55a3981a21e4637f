# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller adds to a host's answer: how the host is reached, and the results under the
names that the program, AWX and later plays read. The program uses this too."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import probe
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError

_PAUSE = 0.5


def owner(given: str | None) -> str:
    """Whose name it is: as given, SANDBOXER_OWNER, or the login name. Never a host's name.

    Raises HostError where there is none of them.
    """
    if given:
        return given
    found = os.environ.get("SANDBOXER_OWNER") or _login_name()
    return re.sub(r"[^a-z0-9._@-]", "-", found.lower())[:64]


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:  # the first since Python 3.13
        raise HostError(
            "usage",
            f"nobody can tell whose sandboxes are meant: the user {os.getuid()} has no name here",
            "set SANDBOXER_OWNER, or say --owner or sandboxer_owner",
        ) from error


def compose_cmd(given: str | None) -> str | None:
    """The compose program that makes the containers: as given, or SANDBOXER_COMPOSE_CMD. An empty
    one is none: the engine itself makes them."""
    return (os.environ.get("SANDBOXER_COMPOSE_CMD") if given is None else given) or None


def folder(given: str | None) -> Path | None:
    """A folder of the controller: `~` is the user's home, and a `$` is a `$`."""
    if not given:
        return None
    try:
        return Path(given).expanduser()
    except RuntimeError:  # nobody is called so here
        return Path(given)


def complete(
    found: Mapping[str, Any], host: str, ssh: Mapping[str, Any] | None, changed: bool
) -> dict[str, Any]:
    """The host's object with what only the controller knows: its part of the contract.

    `ssh` is host, port and user; None for a connection without.
    """
    reached = dict(ssh or {"host": host, "port": None, "user": None})
    reachability = {"ssh": reached, **found.get("reachability", {})}
    if "endpoints" in reachability:
        address = str(reached["host"]) if ssh else own_address()
        reachability["endpoints"] = [
            _reachable(endpoint, address) for endpoint in reachability["endpoints"]
        ]
    return {
        **found,
        "changed": changed,
        "host": host,
        "reachability": reachability,
        "cleanup_command": cleanup_command(found["id"], host),
    }


def _reachable(endpoint: Mapping[str, Any], address: str) -> dict[str, Any]:
    """An endpoint whose url says where it can be reached: on the host itself by loopback, one that
    is published on the host by the host's address."""
    host = address if endpoint.get("scope") == "host" else "127.0.0.1"
    scheme = str(endpoint["url"]).partition("://")[0]
    bracketed = f"[{host}]" if ":" in host else host
    return {**endpoint, "url": f"{scheme}://{bracketed}:{endpoint['host_port']}"}


def own_address() -> str:
    """The address by which others reach this machine, as far as its routes tell."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(asked.getsockname()[0])


def is_public(found: Mapping[str, Any]) -> bool:
    """Whether an object publishes something for others than its host."""
    return any(one["scope"] == "host" for one in found["reachability"].get("endpoints", []))


def unreachable(found: Mapping[str, Any], seconds: float = 3.0) -> str:
    """The first TCP endpoint published on the host that can't be reached from here, and why.
    Empty where all can be."""
    for endpoint in found["reachability"].get("endpoints", []):
        if endpoint["scope"] != "host" or endpoint.get("protocol", "tcp") != "tcp":
            continue
        where = urlsplit(endpoint["url"])
        try:
            socket.create_connection((where.hostname, where.port), seconds).close()
        except OSError as error:
            named = "{service}:{port}".format(**endpoint)
            return f"{named} answers on {found['host']}, and not at {where.netloc} ({error})"
    return ""


def unhealthy(found: Mapping[str, Any], health: Sequence[Mapping[str, Any]], seconds: float) -> str:
    """The first probe of a contract's `health` that fails from here, at a port that is published
    on the host, and why. Empty where each passes within so many seconds; of other ports nobody
    here can tell."""
    published = found["reachability"].get("endpoints", [])
    for one in health:
        kind = "http" if "http" in one else "tcp"
        for endpoint in published if kind in one else ():
            asked = (endpoint["service"], endpoint["port"], endpoint["scope"])
            if asked == (one["service"], one[kind]["port"], "host"):
                where = urlsplit(endpoint["url"])
                end = time.monotonic() + seconds
                reason = _asked_until(str(where.hostname), where.port or 0, one, end)
                if reason:
                    named = "{service}:{port}".format(**endpoint)
                    return f"{named} is healthy on {found['host']}, and not from here: {reason}"
    return ""


def _asked_until(host: str, port: int, asked: Mapping[str, Any], end: float) -> str:
    """Empty as soon as it passes; why not, once the time (monotonic) is over."""
    longest = float(asked.get("timeoutSeconds") or probe.SECONDS)
    while True:
        left = max(min(longest, end - time.monotonic()), 0.1)
        if "http" in asked:
            reason = probe.http(host, port, asked["http"], left)
        else:
            reason = probe.tcp(host, port, left)
        if not reason or time.monotonic() + _PAUSE >= end:
            return reason
        time.sleep(_PAUSE)


def is_direct(connection: Any) -> bool:
    """Whether this machine speaks to the host itself, not by a jump host or a proxy."""
    if connection.transport != "ssh":
        return True
    understood = _understood(connection)
    return "none" == understood.get("proxyjump", "none") == understood.get("proxycommand", "none")


def cleanup_command(sandbox_id: str, host: str) -> str:
    return f"sandboxer destroy {sandbox_id} --host {host}"


def ssh(connection: Any) -> dict[str, Any] | None:
    """Address, port and user as ssh itself understands them; None for a connection without."""
    if connection.transport != "ssh":
        return None
    understood = _understood(connection)
    return {
        "host": understood["hostname"],
        "port": int(understood["port"]),
        "user": understood["user"],
    }


def _understood(connection: Any) -> dict[str, str]:
    executable = connection.get_option("ssh_executable")
    argv = connection._build_command(executable, "ssh", "-G", connection.get_option("host"))
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return dict(line.partition(" ")[::2] for line in lines)


def stats(shown: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    """`ansible_stats` with what one host has to show; AWX and the program read them as artifacts.

    `variables` are the task's: which host this is, and which others the play has.
    """
    host = variables["inventory_hostname"]
    data: dict[str, Any] = {"sandboxer_results": {host: shown}}
    if variables.get("ansible_play_hosts_all", [host]) == [host]:
        data["sandboxer_result"] = shown
    return {"data": data, "per_host": False, "aggregate": True}
