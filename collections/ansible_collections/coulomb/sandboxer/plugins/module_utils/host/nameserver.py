"""The names by which containers find each other. podman's networks share one server, aardvark-dns:
it has a list for each network, listens at that network's address, and ends when no list is left.

An engine takes a list away with the network's last container. A killed one may leave it, or not
have told the server so, which then answers at an address that the next network gets.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable

from . import process
from .engine import owner_of

SERVER = "aardvark-dns"
_PID_FILE = "aardvark.pid"


def left(sandbox_id: str) -> list[str]:
    """The lists of a sandbox whose containers are gone."""
    return [name for name in _lists() if owner_of({}, name) == sandbox_id]


def forget(lists: Iterable[str]) -> None:
    """Remove lists, and have the server look. Whether it worked, ask `left`."""
    for name in lists:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(_folder(), name))
    server = _server()
    if server and (lists or not _lists()):
        with contextlib.suppress(OSError):
            os.kill(server, signal.SIGHUP)


def _folder() -> str:
    """Where podman keeps the lists of this account's networks."""
    if os.geteuid() == 0:
        return "/run/containers/networks/" + SERVER
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    return os.path.join(runtime, "containers/networks", SERVER)


def _lists() -> list[str]:
    try:
        return sorted(name for name in os.listdir(_folder()) if name != _PID_FILE)
    except OSError:
        return []  # no network had a name yet


def _server() -> int:
    """The process of the server; 0 where none runs."""
    try:
        with open(os.path.join(_folder(), _PID_FILE), encoding="ascii") as file:
            pid = int(file.read())
    except (OSError, ValueError):
        return 0
    program = process.argv(pid)[:1]
    ours = program and os.path.basename(program[0]) == SERVER.encode() and process.is_outside(pid)
    return pid if ours else 0
