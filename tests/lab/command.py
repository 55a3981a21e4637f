"""Running programs, and waiting for what they bring about."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class LabError(Exception):
    """The lab can't do what was asked; the message says why and what mends it."""


def say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)


def run(
    argv: Sequence[str],
    *,
    check: bool = True,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 600,
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        argv,
        input="" if stdin is None else stdin,
        capture_output=True,
        text=True,
        env=env,
        cwd=cwd,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode != 0:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        command = textwrap.shorten(" ".join(argv), 200, placeholder=" …")
        raise LabError(f"{command} ended with {done.returncode}:\n{last}")
    return done


def await_until(
    condition: Callable[[], bool], seconds: float, what: str, why: Callable[[], str] = str
) -> None:
    """Ask until it holds: what is waited for here tells nobody by itself."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:.0f} s in vain: {what}\n{why()}".rstrip())
        time.sleep(0.1)
