"""What services have written: of one as it is, of several with their names before each line."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from . import record
from .engine import Container, Engine
from .hangup import Hangup
from .state import State

LOOK_SECONDS = 0.5


def show(
    state: State, engine: Engine, sandbox_id: str, asked: Mapping[str, Any], hangup: Hangup
) -> int:
    """Write logs to our own standard streams; with `follow` until the sandbox is gone.

    Asked: containers, follow, since (as the engine takes it, or None).
    """
    names = asked["containers"]
    readers = {
        name: _Reader(engine, name, prefix) for name, prefix in prefixes(sandbox_id, names).items()
    }
    try:
        if asked["follow"]:
            return _follow(state, engine, sandbox_id, readers, asked["since"], hangup)
        there = _containers(engine, sandbox_id)
        statuses = [
            reader.read_all(asked["since"], hangup)
            for name, reader in readers.items()
            if name in there
        ]
        return max(statuses, default=0)
    finally:
        for reader in readers.values():
            reader.stop()


def prefixes(sandbox_id: str, names: Sequence[str]) -> dict[str, bytes]:
    """Container -> what stands before each of its lines; nothing where it is the only one."""
    if len(names) == 1:
        return dict.fromkeys(names, b"")
    short = {name: name[len(sandbox_id) + 1 :] for name in names}
    width = max(map(len, short.values()))
    return {name: f"{one.ljust(width)} | ".encode() for name, one in short.items()}


def _follow(
    state: State,
    engine: Engine,
    sandbox_id: str,
    readers: Mapping[str, _Reader],
    since: str | None,
    hangup: Hangup,
) -> int:
    """The engine's own following ends with a container: what is started again is read on."""
    seen: dict[str, tuple[str, int]] = {}
    lost: set[str] = set()
    while not hangup.came(LOOK_SECONDS if seen else 0.0):
        current = record.read(state, sandbox_id)
        there = _containers(engine, sandbox_id)
        for name, reader in readers.items():
            one = there.get(name)
            if one is None or reader.is_at_work or seen.get(name) == (one.id, one.started_at):
                continue
            begin = engine.ended_at(one.id) if name in seen else since
            seen[name] = (one.id, one.started_at)
            reader.start(begin, follow=True)
        # the engine's client may miss that its container was taken away
        for name in lost - set(there):
            readers[name].stop()
        lost = {name for name in readers if name in seen and name not in there}
        gone = current is None or current.wanted == "absent" or current.state == "failed"
        if gone and not any(reader.is_at_work for reader in readers.values()):
            return 0
    return 1


def _containers(engine: Engine, sandbox_id: str) -> dict[str, Container]:
    return {one.name: one for one in engine.containers() if one.owner_id == sandbox_id}


class _Reader:
    """The engine's own `logs` of one container. Without a prefix it has our streams itself."""

    def __init__(self, engine: Engine, name: str, prefix: bytes) -> None:
        self._engine = engine
        self._name = name
        self._prefix = prefix
        self._child: subprocess.Popen[bytes] | None = None
        self._pumps: list[threading.Thread] = []

    @property
    def is_at_work(self) -> bool:
        running = self._child is not None and self._child.poll() is None
        return running or any(pump.is_alive() for pump in self._pumps)

    def read_all(self, since: str | None, hangup: Hangup) -> int:
        child = self.start(since, follow=False)
        if hangup.before_end_of(child):
            return 1
        for pump in self._pumps:
            pump.join()
        return child.returncode

    def start(self, since: str | None, *, follow: bool) -> subprocess.Popen[bytes]:
        argv = [self._engine.program, "logs"]
        argv += ["--follow"] if follow else []
        argv += ["--since", since] if since is not None else []
        where = subprocess.PIPE if self._prefix else None
        self._child = subprocess.Popen(
            [*argv, self._name],
            stdin=subprocess.DEVNULL,
            stdout=where,
            stderr=where,
            env=self._engine.surroundings(),
        )
        pairs = ((self._child.stdout, sys.stdout.buffer), (self._child.stderr, sys.stderr.buffer))
        self._pumps = [
            threading.Thread(target=self._pump, args=(theirs, ours), daemon=True)
            for theirs, ours in pairs
            if theirs is not None
        ]
        for pump in self._pumps:
            pump.start()
        return self._child

    def stop(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(5)

    def _pump(self, theirs: IO[bytes], ours: IO[bytes]) -> None:
        with theirs, contextlib.suppress(BrokenPipeError):
            for line in theirs:
                ours.write(self._prefix + line + (b"" if line.endswith(b"\n") else b"\n"))
                ours.flush()
