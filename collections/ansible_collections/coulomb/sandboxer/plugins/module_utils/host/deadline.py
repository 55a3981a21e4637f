"""An end to whatever a job does, however it hangs."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


class PassedError(Exception):
    """The time is over. Not a HostError: nothing on the way takes it for its own."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises PassedError in the middle of it. For the main thread of a job."""

    def passed(*_: object) -> None:
        raise PassedError

    signal.signal(signal.SIGALRM, passed)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
