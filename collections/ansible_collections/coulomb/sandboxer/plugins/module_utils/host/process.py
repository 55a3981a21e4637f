"""Processes of this host, read from /proc. A pid alone is nobody: it is used again. And where the
programs are that become processes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def argv(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def environment(pid: int) -> list[bytes]:
    """What it was started with, NAME=VALUE each; [] where it is gone or another account's."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def is_contained(pid: int) -> bool:
    """Whether it is a living process of a container, with process numbers of its own."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino != os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return False


def is_outside(pid: int) -> bool:
    """Whether it is a process of this account's and of no container."""
    try:
        same = os.stat(f"/proc/{pid}/ns/pid").st_ino == os.stat("/proc/self/ns/pid").st_ino
        return same and os.stat(f"/proc/{pid}").st_uid == os.geteuid()
    except OSError:
        return False


def start_ticks(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 where there is none."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def parent(pid: int) -> int:
    """The process that it is a child of; 0 where there is none."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def session(pid: int) -> int:
    """The session of a process; 0 where there is none."""
    fields = _stat(pid)
    return int(fields[3]) if fields else 0


def session_pids(session: int) -> list[int]:
    """The living processes of a session; a zombie does nothing any more."""
    return _living(3, session)


def group_pids(group: int) -> list[int]:
    """The living processes of a process group."""
    return _living(2, group)


def _living(field: int, value: int) -> list[int]:
    found = []
    for pid in all_pids():
        fields = _stat(pid)
        if fields and int(fields[field]) == value and fields[0] not in ("Z", "X"):
            found.append(pid)
    return found


def end_session(session: int, grace: float, patience: float = 10.0) -> bool:
    """End a session: its leader, after a grace the rest of it, by TERM and then by KILL.

    The grace lets a command that the leader has started finish what it has begun. Returns
    whether no process of the session is left.
    """
    return _end(lambda: session_pids(session), session, grace, patience)


def end_group(group: int, grace: float, patience: float = 10.0) -> bool:
    """The same for a process group."""
    return _end(lambda: group_pids(group), group, grace, patience)


def _end(find: Callable[[], list[int]], leader: int, grace: float, patience: float) -> bool:
    steps = (
        (signal.SIGTERM, {leader}, grace),
        (signal.SIGTERM, None, patience),
        (signal.SIGKILL, None, patience),
    )
    for number, only, seconds in steps:
        end = time.monotonic() + seconds
        signalled: set[int] = set()
        while True:
            pids = find()
            if not pids:
                return True
            for pid in pids:
                if pid not in signalled and (only is None or pid in only):
                    signalled.add(pid)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            if time.monotonic() >= end:
                break
            time.sleep(0.01)
    return False


def search_path() -> str:
    """PATH with the folders in which the engine's own tools are (runc, iptables), and `ip`. cron
    and plain logins leave them out."""
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*given, *(folder for folder in _SBIN if folder not in given)])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the command's name (`state` first); [] if gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()  # the name may hold spaces and brackets
