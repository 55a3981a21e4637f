"""A command's output as it is kept and as it is shown: bounded, whatever it writes."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Sequence

LIMIT = 8 * 1024 * 1024
LIVE_SECONDS = 0.2
LIVE_BYTES = 4096  # of what came since it was last shown
TAIL_LINES = 20
_TAIL_BYTES = 8192
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
MASK = b"***"
SHORTEST_SECRET = 4  # a shorter one would be found in any text


class Kept:
    """A log file of at most `limit` bytes: the first half, and of the rest the newest.

    Two files take turns for the newest; `close` puts all together at `path`.
    """

    def __init__(self, path: str, limit: int = LIMIT) -> None:
        self._path = path
        self._head_room = limit // 2
        self._turn = limit // 4
        self._room = self._turn
        self._all = 0
        self._file = os.open(path, _FLAGS, 0o600)
        self._tail: int | None = None

    def write(self, data: bytes) -> None:
        self._all += len(data)
        head, rest = data[: self._head_room], data[self._head_room :]
        self._head_room -= len(head)
        _write(self._file, head)
        while rest:
            if self._tail is None or not self._room:
                self._take_turn()
            part, rest = rest[: self._room], rest[self._room :]
            self._room -= len(part)
            if self._tail is not None:
                _write(self._tail, part)

    def close(self) -> None:
        if self._tail is not None:
            os.close(self._tail)
            newest = [one for one in (self._old, self._new) if os.path.exists(one)]
            kept = sum(os.stat(one).st_size for one in (self._path, *newest))
            if self._all > kept:
                told = f"\n[… {self._all - kept} bytes are left out here …]\n"
                _write(self._file, told.encode("utf-8"))
            with os.fdopen(os.dup(self._file), "wb") as whole:
                for one in newest:
                    with open(one, "rb") as part:
                        shutil.copyfileobj(part, whole)
                    os.unlink(one)
        os.close(self._file)

    def _take_turn(self) -> None:
        if self._tail is not None:
            os.close(self._tail)
            os.replace(self._new, self._old)
        self._tail = os.open(self._new, _FLAGS, 0o600)
        self._room = self._turn

    @property
    def _new(self) -> str:
        return self._path + ".tail"

    @property
    def _old(self) -> str:
        return self._path + ".old-tail"


class Masked:
    """Bytes with each secret replaced by ***, also where one comes in pieces."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        # the longest first: one may be part of another
        long_enough = [one for one in secrets if len(one) >= SHORTEST_SECRET]
        self._secrets = sorted(long_enough, key=len, reverse=True)
        self._held = b""

    def take(self, data: bytes) -> bytes:
        """What may go on by now. The end is held back as far as a secret may have begun there."""
        data = self._hidden(self._held + data)
        begun = max((_overlap(data, one) for one in self._secrets), default=0)
        self._held = data[len(data) - begun :]
        return data[: len(data) - begun]

    def rest(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def _hidden(self, data: bytes) -> bytes:
        for one in self._secrets:
            data = data.replace(one, MASK)
        return data


class Live:
    """Passes text on as it comes: a few times a second, and little of what comes in a flood."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._waiting = b""
        self._left_out = 0
        self._told = 0.0

    def write(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) > 2 * LIVE_BYTES:
            self._left_out += len(self._waiting) - LIVE_BYTES
            self._waiting = self._waiting[-LIVE_BYTES:]

    def show(self, last: bool = False) -> None:
        """Whole lines only, before the last time."""
        if not last and time.monotonic() - self._told < LIVE_SECONDS:
            return
        lines, newline, rest = self._waiting.rpartition(b"\n")
        if last:
            lines, rest = self._waiting, b""
        elif not newline:
            return
        self._waiting, self._told = rest, time.monotonic()
        text = lines.decode("utf-8", "replace").rstrip("\n")
        if self._left_out:
            text = f"[… {self._left_out} bytes are in the log only …]\n{text}"
            self._left_out = 0
        if text:
            self._tell(text)


def last_lines(path: str, count: int = TAIL_LINES) -> list[str]:
    """The last lines of a log, for a message."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
        text = file.read().decode("utf-8", "replace")
        return [line[:300] for line in text.splitlines() if line.strip()][-count:]
    return []


def _overlap(data: bytes, secret: bytes) -> int:
    """How much of a secret's beginning is the end of the data."""
    longest = min(len(data), len(secret) - 1)
    return next((n for n in range(longest, 0, -1) if data.endswith(secret[:n])), 0)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
