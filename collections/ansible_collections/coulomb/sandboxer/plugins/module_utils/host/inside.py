"""A command inside a container: how the engine is asked for it, and how it ends.

An engine's client that is killed leaves the command running. So each gets a mark in its
environment, by which its processes are found on the host.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Sequence

from . import process
from .engine import Engine
from .errors import HostError

MARK = "SANDBOXER_EXEC"
GRACE_SECONDS = 2.0
_QUIET_SECONDS = 0.5  # so long nothing new must have come up
_PATIENCE_SECONDS = 10.0


def new_mark() -> str:
    return secrets.token_hex(8)


def exec_argv(
    container: str,
    words: Sequence[str],
    mark: str,
    *,
    names: Collection[str] = (),
    env_file: str | None = None,
    user: str | None = None,
    workdir: str | None = None,
    stdin: bool = False,
    tty: bool = False,
) -> list[str]:
    """`exec …`; the variables `names` get the values that the engine's own have."""
    argv = ["exec"]
    argv += ["--interactive"] if stdin else []
    argv += ["--tty"] if tty else []
    argv += ["--user", user] if user is not None else []
    argv += ["--workdir", workdir] if workdir is not None else []
    argv += ["--env-file", env_file] if env_file is not None else []
    for name in names:
        argv += ["--env", name]
    return [*argv, "--env", f"{MARK}={mark}", container, *words]


def run(
    engine: Engine, container: str, words: Sequence[str], seconds: float
) -> subprocess.CompletedProcess[bytes] | None:
    """One command to its end; None where it had not ended in time, and has been ended."""
    mark = new_mark()
    late = threading.Event()

    def over() -> None:
        late.set()
        end(mark)

    timer = threading.Timer(seconds, over)
    timer.daemon = True
    timer.start()
    try:
        done = engine.attempt(
            exec_argv(container, words, mark), seconds=seconds + _PATIENCE_SECONDS
        )
    except HostError as error:
        if late.is_set() and error.code == "engine_failed":
            return None
        raise
    finally:
        timer.cancel()
    return None if late.is_set() else done


def end(mark: str, client: subprocess.Popen[bytes] | None = None) -> None:
    """End what carries the mark, with all of its sessions: TERM, a grace, KILL. The client ends
    by itself when its command has, and is ended where it doesn't."""
    began = quiet_since = time.monotonic()
    told: set[int] = set()
    while time.monotonic() - began < _PATIENCE_SECONDS:
        elapsed = time.monotonic() - began
        found = marked(mark)
        number = signal.SIGTERM if elapsed < GRACE_SECONDS else signal.SIGKILL
        for pid in found:
            if number == signal.SIGKILL or pid not in told:
                told.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        waiting = client is not None and client.poll() is None
        if client is not None and waiting and not found and elapsed >= GRACE_SECONDS:
            client.kill()
        if found or waiting:
            quiet_since = time.monotonic()
        elif told or time.monotonic() - quiet_since >= _QUIET_SECONDS:
            return
        time.sleep(0.02)


def has_left_only_others(mark: str) -> bool:
    """Whether the command has ended, and only what it has started lives on: the engine's client
    waits for those as long as they hold its output."""
    own = {pid for pid in marked(mark) if process.is_contained(pid)}
    return bool(own) and all(process.is_contained(process.parent(pid)) for pid in own)


def marked(mark: str) -> set[int]:
    """The processes that carry the mark, and those of their sessions inside the container."""
    word = f"{MARK}={mark}".encode("ascii")
    own = {pid for pid in process.all_pids() if word in process.environment(pid)}
    sessions = {process.session(pid) for pid in own} - {0}
    beside = {pid for one in sessions for pid in process.session_pids(one)}
    return {pid for pid in own | beside if process.is_contained(pid)}
