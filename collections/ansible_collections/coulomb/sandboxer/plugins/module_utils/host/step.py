"""One step of a test: a command on the host or in a service, its time, its output, its end."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from . import confined, inside, maker
from .engine import Engine
from .output import Kept, Live, Masked
from .state import write_bytes

GRACE_SECONDS = 2.0
_CHUNK = 64 * 1024
_LOOK_SECONDS = 0.5
_DRAIN_SECONDS = 0.5  # for what is still in the pipe of one that has ended


class Ended(NamedTuple):
    """exit_code is None where it had to be ended; a signal is 128 and more, as in a shell."""

    exit_code: int | None
    seconds: float
    timed_out: bool


class Output(NamedTuple):
    """Where its output goes: a file at `log`, text to `tell` as it comes, no secret to either."""

    log: str
    tell: Callable[[str], None]
    secrets: Sequence[bytes]


def on_host(
    place: confined.Place,
    words: Sequence[str],
    environment: Mapping[str, str],
    seconds: float,
    output: Output,
) -> Ended:
    """As the run account, kept apart. HostError `confinement_failed` where that can't be done."""
    begun = time.monotonic()
    child = confined.start(place, words, environment)
    try:
        timed_out = _pump(child.process, output, begun + seconds, lambda: child.end(GRACE_SECONDS))
    finally:
        child.process.kill()  # where we were interrupted; else it has ended already
        child.process.wait()
    child.check(timed_out)
    return _ended(child.process, begun, timed_out)


def in_service(
    engine: Engine,
    container: str,
    words: Sequence[str],
    environment: Mapping[str, str],
    env_file: str,
    seconds: float,
    output: Output,
) -> Ended:
    """Inside a container. `env_file` is a path for what the engine's environment can't carry."""
    begun = time.monotonic()
    by_name, by_file = maker.split_environment(environment)
    if by_file:
        lines = "".join("{}={}\n".format(*item) for item in by_file.items())
        write_bytes(env_file, lines.encode("utf-8", "surrogateescape"))
    mark = inside.new_mark()
    argv = inside.exec_argv(
        container, words, mark, names=by_name, env_file=env_file if by_file else None
    )
    try:
        child = subprocess.Popen(
            [engine.program, *engine.quietly, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=engine.surroundings(by_name),
        )
        try:
            timed_out = _pump(
                child,
                output,
                begun + seconds,
                lambda: inside.end(mark, child),
                lambda: inside.has_left_only_others(mark),
            )
        finally:
            if child.poll() is None or inside.marked(mark):
                inside.end(mark, child)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(env_file)
    return _ended(child, begun, timed_out)


def _ended(child: subprocess.Popen[bytes], begun: float, timed_out: bool) -> Ended:
    code = child.wait()
    code = 128 - code if code < 0 else code
    return Ended(None if timed_out else code, time.monotonic() - begun, timed_out)


def _pump(
    child: subprocess.Popen[bytes],
    output: Output,
    end: float,
    stop: Callable[[], None],
    is_waiting_for_others: Callable[[], bool] = lambda: False,
) -> bool:
    """Take in its output until it has ended. Whether its time was over (`end` is monotonic).

    Nobody is waited for who only holds its output.
    """
    pipe: Any = child.stdout
    kept, live, masked = Kept(output.log), Live(output.tell), Masked(output.secrets)
    timed_out, is_open, looked = False, True, time.monotonic()
    drained_at = None
    try:
        while is_open:
            now = time.monotonic()
            if child.poll() is not None:
                drained_at = drained_at or now + _DRAIN_SECONDS
                if now >= drained_at:
                    break
            elif now >= end and not timed_out:
                timed_out = True
                stop()
            elif now - looked >= _LOOK_SECONDS:
                looked = now
                if is_waiting_for_others():
                    stop()
            if select.select([pipe], [], [], 0.05)[0]:
                data = os.read(pipe.fileno(), _CHUNK)
                is_open = bool(data)
                data = masked.take(data)
                kept.write(data)
                live.write(data)
            live.show()
        rest = masked.rest()
        kept.write(rest)
        live.write(rest)
        live.show(last=True)
        while child.poll() is None and not timed_out:  # it has closed its output, and goes on
            if time.monotonic() >= end:
                timed_out = True
                stop()
            time.sleep(0.02)
        return timed_out
    finally:
        kept.close()
        pipe.close()


def environment(
    run_id: str,
    sandbox_id: str,
    folder: str,
    out: str,
    endpoints: Mapping[str, str],
    traceparent: str,
) -> dict[str, str]:
    """What a test sees of its sandbox. `folder` is where its source lies, empty inside a service;
    `endpoints`: SERVICE_PORT -> URL that answers there."""
    return {
        "SANDBOXER_ID": sandbox_id,
        "SANDBOXER_RUN": run_id,
        **({"SANDBOXER_REMOTE_DIR": folder} if folder else {}),
        "E2E_OUT": out,
        "TRACEPARENT": traceparent,
        **{f"SANDBOXER_ENDPOINT_{name}": url for name, url in endpoints.items()},
    }
