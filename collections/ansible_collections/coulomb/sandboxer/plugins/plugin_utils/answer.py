# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller adds to a host's answer: how the host is reached, and the results under the
names that the program, AWX and later plays read. The program uses this too."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any


def owner(given: str | None) -> str:
    """Whose name it is: as given, SANDBOXER_OWNER, or the login name. Never a host's name."""
    if given:
        return given
    found = os.environ.get("SANDBOXER_OWNER") or getpass.getuser()
    return re.sub(r"[^a-z0-9._@-]", "-", found.lower())[:64]


def compose_cmd(given: str | None) -> str | None:
    """The compose program that makes the containers: as given, or SANDBOXER_COMPOSE_CMD. An empty
    one is none: the engine itself makes them."""
    return (os.environ.get("SANDBOXER_COMPOSE_CMD") if given is None else given) or None


def complete(
    found: Mapping[str, Any], host: str, ssh: Mapping[str, Any] | None, changed: bool
) -> dict[str, Any]:
    """The host's object with what only the controller knows: its part of the contract.

    `ssh` is host, port and user; None for a connection without.
    """
    reached = dict(ssh or {"host": host, "port": None, "user": None})
    reachability = {"ssh": reached, **found.get("reachability", {})}
    return {
        **found,
        "changed": changed,
        "host": host,
        "reachability": reachability,
        "cleanup_command": cleanup_command(found["id"], host),
    }


def cleanup_command(sandbox_id: str, host: str) -> str:
    return f"sandboxer destroy {sandbox_id} --host {host}"


def ssh(connection: Any) -> dict[str, Any] | None:
    """Address, port and user as ssh itself understands them; None for a connection without."""
    if connection.transport != "ssh":
        return None
    executable = connection.get_option("ssh_executable")
    argv = connection._build_command(executable, "ssh", "-G", connection.get_option("host"))
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    understood = dict(line.partition(" ")[::2] for line in lines)
    return {
        "host": understood["hostname"],
        "port": int(understood["port"]),
        "user": understood["user"],
    }


def stats(shown: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    """`ansible_stats` with what one host has to show; AWX and the program read them as artifacts.

    `variables` are the task's: which host this is, and which others the play has.
    """
    host = variables["inventory_hostname"]
    data: dict[str, Any] = {"sandboxer_results": {host: shown}}
    if variables.get("ansible_play_hosts_all", [host]) == [host]:
        data["sandboxer_result"] = shown
    return {"data": data, "per_host": False, "aggregate": True}
