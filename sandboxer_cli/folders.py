"""Folders for what isn't kept: short-lived ones, and that of control sockets and kept answers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sandboxer_cli.errors import ConnectionRefused

# ssh needs 108 bytes for the socket, of which the name takes 11 and a suffix of its own 17.
_LONGEST_CONTROL_DIRECTORY = 79

_PREFIX = "sandboxer.tmp-"  # of nothing else
_SHORT_LIVED = re.compile(re.escape(_PREFIX) + "[a-z0-9_]{8}")
_SETTLED_SECONDS = 60.0  # by then whoever makes one has locked it


def runtime_directory() -> Path:
    """Where short-lived files of ours lie: in the login's own folder, kept in memory, if any."""
    named = os.environ.get("XDG_RUNTIME_DIR")
    # After `su` the variable may still name the folder of the account one came from.
    if named and Path(named).is_dir() and Path(named).stat().st_uid == os.getuid():
        return Path(named)
    return Path(tempfile.gettempdir())


def private_directory() -> Path:
    """Where control sockets and kept answers lie: a short path that only this account can enter.

    Raises:
        ConnectionRefused: somebody else can.
    """
    bases = [runtime_directory() / "sandboxer", Path(f"/tmp/sandboxer-{os.getuid()}")]  # noqa: S108
    if runtime_directory() == Path(tempfile.gettempdir()):
        bases.pop(0)
    path = next(path for path in bases if len(os.fsencode(path)) <= _LONGEST_CONTROL_DIRECTORY)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not mine or stat.S_IMODE(found.st_mode) & 0o077:
        raise ConnectionRefused(
            f"{path} should be a folder that only this account can enter, and is not",
            "remove it",
            code="control_path_unsafe",
        )
    return path


@contextlib.contextmanager
def short_lived() -> Iterator[Path]:
    """A folder that only this account can enter, gone in the end.

    That of a program that was killed stays: the next one takes it away.
    """
    base = runtime_directory()
    made = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=base, ignore_cleanup_errors=True)
    with made as folder, contextlib.ExitStack() as kept:
        with contextlib.suppress(OSError):  # where none can be locked nobody takes one away
            kept.enter_context(_locked(folder))
        yield Path(folder)
    with contextlib.suppress(OSError):
        _sweep(base)


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """As long as this program lives, however it ends. OSError where somebody else has locked it."""
    here = os.open(folder, os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(here, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(here)


def _sweep(base: Path) -> None:
    long_ago = time.time() - _SETTLED_SECONDS
    with os.scandir(base) as found:
        for one in found:
            if _SHORT_LIVED.fullmatch(one.name):
                with contextlib.suppress(OSError):
                    there = one.stat(follow_symlinks=False)
                    if (
                        stat.S_ISDIR(there.st_mode)
                        and there.st_uid == os.getuid()
                        and there.st_mtime < long_ago
                    ):
                        with _locked(one.path):
                            shutil.rmtree(one.path)
