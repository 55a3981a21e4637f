"""One run of an engine's command: begun, and ended within its time."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from .errors import HostError

CALL_SECONDS = 120.0
END_SECONDS = 5.0


class Call:
    """A command that runs. Who leaves it before it has ended has it end, and waits for that."""

    def __init__(self, argv: Sequence[str], child: subprocess.Popen[bytes], seconds: float) -> None:
        """`argv` begins with the program; `seconds` are counted from now."""
        self._argv = argv
        self._child = child
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def done(self) -> subprocess.CompletedProcess[bytes]:
        """What came of it. Raises HostError `engine_failed` where it outlives its time."""
        child = self._child
        try:
            out, err = child.communicate(timeout=max(self._until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired as error:
            child.terminate()
            program, verb = self._argv[:2]
            raise HostError(
                "engine_failed",
                f"`{program} {verb}` did not end in {self._seconds:.0f} s",
                f"does `{program} ps` answer on the host?",
                retryable=True,
            ) from error
        return subprocess.CompletedProcess(child.args, child.returncode, out, err)

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave(time.monotonic() + END_SECONDS)

    def leave(self, until: float) -> None:
        """Have it end until then (monotonic)."""
        if self._child.returncode is None:
            await_end(self._child, max(until - time.monotonic(), 0))


def await_end(child: subprocess.Popen[bytes], seconds: float = END_SECONDS) -> None:
    """Let a command finish what it has begun: one that is killed in the middle of it leaves
    behind what it had not yet written down (a network namespace, for one)."""
    try:
        child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
