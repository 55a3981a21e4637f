"""Which reports are of this test: written since it began, and not what was there before."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence

from . import tree

MOST_BYTES = 64 * 1024 * 1024  # that are read before a test; of what is more the time alone counts
_CHUNK = 256 * 1024
_TICK = 0.02  # a file system's clock ticks a little coarser than ours


class Mark:
    """The beginning of a test, as reports are held against it."""

    def __init__(self, root: str, patterns: Sequence[str]) -> None:
        self._root = root
        self._patterns = patterns
        self._before: dict[str, str] = {}
        self._given_up: dict[str, tuple[int, int, int]] = {}
        self._at = time.time()

    def begin(self) -> None:
        """Now. What lies there already is remembered."""
        left = MOST_BYTES
        for entry in self._entries():
            left -= entry.found.st_size
            if left >= 0 and stat.S_ISREG(entry.found.st_mode):
                self._before[entry.path] = _digest(entry)
        self._at = time.time()

    def again(self) -> None:
        """An attempt is tried again: what it has left is not of the next one."""
        self._given_up = {one.path: _identity(one.found) for one in self._entries()}

    def stale(self, path: str, found: os.stat_result | None, mtime: float, digest: str) -> str:
        """Why a file is not of this test; empty where it is."""
        if mtime < self._at - _TICK:
            return "it is older than the test"
        if self._before.get(path) == digest:
            return "it is byte for byte what was there before the test"
        if found is not None and self._given_up.get(path) == _identity(found):
            return "it is of an attempt that was tried again"
        return ""

    def _entries(self) -> Iterator[tree.Entry]:
        try:
            yield from tree.entries(self._root, self._patterns)
        except tree.TooManyError:
            return


class BrokenOff(Mark):
    """Of a test that nobody has seen the end of."""

    def stale(self, path: str, found: os.stat_result | None, mtime: float, digest: str) -> str:
        return "its test broke off"


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_mtime_ns, found.st_size


def _digest(entry: tree.Entry) -> str:
    """Of as much as the file had when it was looked at; empty where it can't be read."""
    digest, left = hashlib.sha256(), entry.found.st_size
    try:
        with os.fdopen(tree.open_file(entry), "rb") as file:
            while left and (data := file.read(min(_CHUNK, left))):
                digest.update(data)
                left -= len(data)
    except OSError:
        return ""
    return digest.hexdigest()
