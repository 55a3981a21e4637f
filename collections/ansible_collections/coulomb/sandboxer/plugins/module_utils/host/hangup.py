"""Is the one who asked still there? Not after a signal, nor when nobody reads our output."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Hangup:
    """Watches from `with` on. For the whole of a process: its signals are not put back."""

    def __init__(self) -> None:
        self._told = False
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        # without an event: an error and a hang-up can't be left out
        self._poll.register(1, 0)

    def __enter__(self) -> Hangup:
        for number in _SIGNALS:
            signal.signal(number, self._tell)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)

    def _tell(self, *_: object) -> None:
        self._told = True

    def came(self, seconds: float) -> bool:
        """Wait for a hang-up, the end of a child, or so long. Whether there was a hang-up."""
        if not self._told:
            for descriptor, _event in self._poll.poll(seconds * 1000):
                if descriptor == self._read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._read, 512)
                else:
                    self._told = True
        return self._told

    def before_end_of(self, child: subprocess.Popen[bytes]) -> bool:
        """Wait for the end of a child. Whether a hang-up came before it."""
        while child.poll() is None:
            if self.came(60.0):
                return True
        return False
