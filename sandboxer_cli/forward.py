"""A sandbox's published ports on this machine's own loopback: which, where, and how long."""

from __future__ import annotations

import contextlib
import errno
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandboxer_cli import connection
from sandboxer_cli.errors import (
    Conflict,
    HostUnreachable,
    NotFound,
    NotReady,
    SandboxerError,
    TryAgain,
    Usage,
)

HERE = "127.0.0.1"
_FIRST_FOR_ALL = 1024  # those below are root's
_LOOK_SECONDS = 5.0  # its ports may be another's after it is gone

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Forward:
    """One endpoint, and where it is reached from here."""

    service: str
    port: int
    host_port: int
    local_port: int
    url: str


@dataclass(frozen=True)
class Forwarding:
    """Endpoints that are reached from here. `child` is None on the machine that has them."""

    found: Object
    forwards: Sequence[Forward]
    child: subprocess.Popen[bytes] | None
    look: Callable[[], Object | None]

    def wait(self) -> None:
        """As long as it lasts, which is no time where nothing is forwarded.

        Raises NotFound where the sandbox is gone, or has given its ports back; HostUnreachable:
        `connection_lost`.
        """
        if self.child is None:
            return
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(_LOOK_SECONDS)
                raise HostUnreachable(
                    f"the connection to {self.found['host']} was lost",
                    "what is on it is unknown until it answers again",
                    code="connection_lost",
                )
            found: Object | None = self.found
            with contextlib.suppress(SandboxerError):  # ssh itself says when that is for good
                found = self.look()
            self._check_held(found)

    def _check_held(self, found: Object | None) -> None:
        held = {one["host_port"] for one in found["reachability"]["endpoints"]} if found else set()
        if not held.issuperset(one.host_port for one in self.forwards):
            raise NotFound(f"{self.found['name']} is gone, or was made anew")

    def page(self) -> Forward:
        """What a browser shows: the only endpoint, or the only one that speaks HTTP.

        Raises Usage: `endpoint_ambiguous`.
        """
        if len(self.forwards) == 1:
            return self.forwards[0]
        pages = [one for one in self.forwards if one.url.startswith("http")]
        if len(pages) == 1:
            return pages[0]
        raise Usage(
            f"{self.found['name']} publishes more than one port",
            "say which: " + _names(pages or self.forwards),
            code="endpoint_ambiguous",
        )


def check_state(found: Object) -> None:
    """Raises Conflict: `not_running`; TryAgain: `busy`; NotReady."""
    name, state = found["name"], found["state"]
    if state == "stopped":
        raise Conflict(f"{name} is stopped", f"sandboxer start {name}", code="not_running")
    if state == "creating":
        raise TryAgain(f"{name} is still being made", "try again when it is ready", code="busy")
    if state != "ready":
        why = found["error"]["message"] if found.get("error") else ""
        raise NotReady(f"{name} is {state}" + (f": {why}" if why else ""))


def endpoints(found: Object, wanted: str | None) -> list[Object]:
    """The published endpoints of TCP: all, those of SERVICE, or that of SERVICE:PORT.

    Raises Usage: `endpoint_unknown`.
    """
    published = [
        one for one in found["reachability"]["endpoints"] if one.get("protocol", "tcp") == "tcp"
    ]
    service, colon, port = (wanted or "").partition(":")
    chosen = [
        one
        for one in published
        if (not service or one["service"] == service) and (not colon or str(one["port"]) == port)
    ]
    if chosen and not (colon and not service):
        return chosen
    said = ", ".join("{service}:{port}".format(**one) for one in published)
    raise Usage(
        f"{found['name']} publishes no port {wanted} of TCP"
        if wanted
        else f"{found['name']} publishes no port of TCP",
        f"it publishes {said}" if said else "what a service publishes stands below its `ports`",
        code="endpoint_unknown",
    )


def at_home(chosen: Sequence[Object]) -> list[Forward]:
    """Endpoints of this machine itself: they are reached where they are."""
    return [_forward(one, one["host_port"], one["url"]) for one in chosen]


def planned(chosen: Sequence[Object], local: int | None) -> list[Forward]:
    """A free port of this machine for each: `local`, or its own where that is free and not one of
    root's, or any.

    Raises Usage: `endpoint_ambiguous` for one port and several endpoints, `local_port_denied`;
    Conflict: `local_port_taken`.
    """
    if local is not None:
        if len(chosen) > 1:
            raise Usage(
                f"--local {local} is one port, and here are {len(chosen)}",
                "say which: " + ", ".join("{service}:{port}".format(**one) for one in chosen),
                code="endpoint_ambiguous",
            )
        _check_free(local)
        return [_forwarded(chosen[0], local)]
    found: list[Forward] = []
    for one in chosen:
        taken = [other.local_port for other in found]
        found.append(_forwarded(one, _own_or_any(one["port"], taken)))
    return found


@contextlib.contextmanager
def opened(
    way: connection.Reach, forwards: Sequence[Forward], on_line: Callable[[str], None]
) -> Iterator[subprocess.Popen[bytes]]:
    """The forwarding stands while this lasts; what ssh says of single connections goes to
    `on_line`. Raises as `connection.begin_forwarding` does."""
    ports = {one.local_port: one.host_port for one in forwards}
    child = connection.begin_forwarding(way, ports)
    threading.Thread(target=_pass_on, args=(child, on_line), daemon=True).start()
    try:
        yield child
    finally:
        connection.end_forwarding(child)


def _pass_on(child: subprocess.Popen[bytes], on_line: Callable[[str], None]) -> None:
    for line in child.stderr or ():
        on_line(line.decode(errors="replace").strip())


def _names(forwards: Sequence[Forward]) -> str:
    return ", ".join(f"{one.service}:{one.port}" for one in forwards)


def _forwarded(endpoint: Object, local: int) -> Forward:
    scheme = str(endpoint["url"]).partition("://")[0]
    return _forward(endpoint, local, f"{scheme}://{HERE}:{local}")


def _forward(endpoint: Object, local: int, url: str) -> Forward:
    return Forward(endpoint["service"], endpoint["port"], endpoint["host_port"], local, url)


def _own_or_any(port: int, taken: Sequence[int]) -> int:
    if port >= _FIRST_FOR_ALL and port not in taken:
        with contextlib.suppress(SandboxerError):
            _check_free(port)
            return port
    while True:
        with socket.socket() as asked:
            asked.bind((HERE, 0))
            found: int = asked.getsockname()[1]
        if found not in taken:
            return found


def _check_free(port: int) -> None:
    with socket.socket() as asked:
        # as ssh does: what was closed a moment ago is free
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((HERE, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise Usage(
                    f"port {port} of this machine is for root alone",
                    f"say --local with one of {_FIRST_FOR_ALL} and above",
                    code="local_port_denied",
                ) from error
            raise connection.local_port_taken(port) from error
