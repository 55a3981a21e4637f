"""Has a host show its keys, by libssh. A program of its own: hostkey.py runs it as a child, because
the library holds the interpreter while it waits, and puts a limit to single steps alone.

Standard input: {"host": "h1", "port": 22, "family": "any", "folder": an empty folder, "asked":
[[["rsa-sha2-512"], false]]}: the algorithms of one kind of key, and whether it matters where
another kind was shown already.
Standard output: {"shown": {kind: key}}, or {"error": text}.
It never logs in, and learns nothing: what it is shown it writes into that folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from pylibsshext.errors import LibsshSessionException
from pylibsshext.session import Session

FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
LONGER_THAN_ANYBODY_WAITS = 60
NO_SUCH_KEY = "no match for method server host key algo"


class Shown(Exception):
    """The host has shown its key."""


class Stranger(Session):  # type: ignore[misc]
    """A connection that ends where the host has shown its key, before any login.

    A policy for missing keys isn't asked about one that /etc/ssh/ssh_known_hosts knows: there the
    library would go on, to the login.
    """

    def verify_knownhost(self) -> NoReturn:
        self.hostkey_auto_add("")  # into the file that `knownhosts` names
        raise Shown


def main() -> None:
    request = json.load(sys.stdin)
    try:
        answer: dict[str, Any] = {"shown": look(**request)}
    except (OSError, LibsshSessionException) as error:
        said = error.strerror if isinstance(error, OSError) else None
        answer = {"error": said or str(error)}
    json.dump(answer, sys.stdout)


def look(
    host: str, port: int, family: str, folder: str, asked: list[tuple[list[str], bool]]
) -> dict[str, str]:
    shown: dict[str, str] = {}
    for algorithms, always in asked:
        if always or not shown:
            try:
                with connected(host, port, family) as connection:
                    kind, key = show(connection, algorithms, Path(folder))
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)  # the library leaves it open
            except LibsshSessionException as error:
                refusal = error
                if NO_SUCH_KEY not in str(error):
                    raise
            else:
                shown[kind] = key
    if not shown:
        raise refusal
    return shown


def connected(host: str, port: int, family: str) -> socket.socket:
    """A connection to the first address that takes one, as ssh does it."""
    refusal = OSError(0, "it has no address")
    for found in socket.getaddrinfo(host, port, FAMILIES.get(family, 0), socket.SOCK_STREAM):
        made = socket.socket(*found[:3])
        try:
            made.connect(found[4])
        except OSError as error:
            made.close()
            refusal = error
        else:
            return made
    raise refusal


def show(connection: socket.socket, algorithms: list[str], folder: Path) -> tuple[str, str]:
    session = Stranger()
    read_its_configuration(session)
    file = folder / "known_hosts"
    file.unlink(missing_ok=True)
    with contextlib.suppress(Shown):
        session.connect(
            fd=os.dup(connection.fileno()),
            host="host",  # for its file alone: it looks nothing up
            port=22,
            hostkeys=",".join(algorithms),
            knownhosts=str(file),
            timeout=LONGER_THAN_ANYBODY_WAITS,
            log_verbosity=0,
        )
    _, kind, key = file.read_text().split()
    return kind, key


def read_its_configuration(session: Session) -> None:
    """Have the library read ssh's configuration now, which it does at its first connection alone.

    At the real one it would put UserKnownHostsFile (the key would become known by looking) and
    HostKeyAlgorithms from there above what it is told.
    """
    ours, theirs = socket.socketpair()
    theirs.close()
    with contextlib.suppress(LibsshSessionException):
        session.connect(fd=ours.detach(), host="host", log_verbosity=0)


if __name__ == "__main__":
    main()
