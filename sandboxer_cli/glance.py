"""Whether a create has anything to do, asked of a host directly, while Ansible is being started.

The host program is asked the play's own question, in check mode. Only the one answer is believed
that makes a play idle, from a program of this very version; for all else there is the play.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandboxer_cli import connection, host

PATIENCE = 0.3  # seconds, from the question on, also where Ansible is ready before that
LONGEST = 5.0  # where it never is
_TICK = 0.01


class Glance:
    """One question that is under way. It opens the connection that the play will use, if none is
    open; nobody has to wait for its answer."""

    def __init__(self, way: connection.Reach, request: Mapping[str, object]) -> None:
        """`request` is what the play would ask this host's program for."""
        self.way = way
        self.began = time.monotonic()
        self._request: bytes | None = json.dumps({**request, "check": True}).encode()
        self._child = connection.begin(way, host.own_argv("present"))

    def look(self) -> bool:
        """Whether its end has come, within a moment."""
        request, self._request = self._request, None
        try:
            self._said, _ = self._child.communicate(request, timeout=_TICK)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kept(self) -> dict[str, Any] | None:
        """The sandbox that is there, once its end has come; None where something is to be done."""
        try:
            answer = json.loads(self._said)
        except ValueError:
            return None
        if self._child.returncode != 0 or answer["action"] != "keep":
            return None
        found: dict[str, Any] = answer["object"]
        return found


def kept(glances: Sequence[Glance], is_late: Callable[[], bool]) -> dict[str, dict[str, Any]]:
    """The sandboxes by host where nothing is to be done on any of them; else empty. Waits no longer
    than is_late says: PATIENCE at least, and at most LONGEST."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(glances)
    while waiting:
        for one in [one for one in waiting if one.look()]:
            there = one.kept()
            if there is None:
                return {}
            found[one.way.host] = there
        waiting = [one for one in waiting if one.way.host not in found]
        lasted = time.monotonic() - glances[0].began
        if waiting and (lasted > LONGEST or (lasted > PATIENCE and is_late())):
            return {}
    return found
