"""One pass of the reaper: whatever is due is destroyed by the program that made it."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from . import lease, process, program, receipt, record
from . import run as runs
from .clock import Now, now
from .errors import HostError
from .state import State, read_json, sweep, write_json

LATE_SECONDS = 180.0
DESTROY_SECONDS = 300.0
AT_ONCE = 4
PROGRAM_KEPT_SECONDS = 3600.0


def run(state: State, check: bool = False) -> dict[str, Any]:
    """One pass. Returns ids: `destroyed`, `left`, and `kept`; a pass that runs already: none.

    A check destroys nothing and writes nothing; `destroyed` then names what is due.
    """
    if not state.exists():
        return {"destroyed": [], "left": [], "kept": []}
    at = now()
    if check:
        due, kept = _sort(state, at)
        return {"destroyed": due, "left": [], "kept": kept}
    state.prepare()
    mine = program.install(state)
    write_json(state.beat_file, at._asdict())
    lock = state.try_reap_lock()
    if lock is None:
        return {"destroyed": [], "left": [], "kept": []}
    try:
        due, kept = _sort(state, at)
        gone = [sandbox_id for sandbox_id, is_gone in _destroy(state, due, mine) if is_gone]
        receipt.forget_old(state, at)
        runs.forget_old(state, at)
        _forget_programs(state, mine, at)
        for folder in (state.root, state.tombstones, state.programs):
            sweep(folder)
    finally:
        os.close(lock)
    return {"destroyed": gone, "left": sorted({*due} - {*gone}), "kept": kept}


def beat(state: State, at: Now) -> str:
    """ok | late | none. Late is three minutes on the boot clock, counted from boot at the earliest:
    the start of process 1, since a system container shares the clock of its host.

    `none` is a host on which nothing was set up that could beat.
    """
    prepared = read_json(state.host_file) or {}
    if prepared.get("reaper", "none") == "none":
        return "none"
    last = read_json(state.beat_file)
    since = last["boot"] if last and last["boot_id"] == at.boot_id else _booted()
    return "late" if at.boot - since > LATE_SECONDS else "ok"


def _booted() -> float:
    return process.start_ticks(1) / os.sysconf("SC_CLK_TCK")


def _sort(state: State, at: Now) -> tuple[list[str], list[str]]:
    """(what is due, what is not)."""
    due: list[str] = []
    kept: list[str] = []
    for sandbox_id in state.sandbox_ids():
        (due if _is_due(state, sandbox_id, at) else kept).append(sandbox_id)
    return due, kept


def _is_due(state: State, sandbox_id: str, at: Now) -> bool:
    working = state.is_working(sandbox_id)
    try:
        found = record.read_for_reaper(state, sandbox_id)
    except HostError:
        return False  # what can't be read is for a person
    if found is None:
        return not working  # a create that died before its record
    return lease.is_due(found[0], found[1], at, working)


def _destroy(state: State, due: list[str], mine: str) -> list[tuple[str, bool]]:
    """Start the record's own program for each, a few at once."""
    waiting = list(due)
    running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
    done: list[tuple[str, bool]] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            sandbox_id = waiting.pop(0)
            running[sandbox_id] = (_start(state, sandbox_id, mine), time.monotonic())
        for sandbox_id, (child, since) in list(running.items()):
            if child.poll() is None and time.monotonic() - since < DESTROY_SECONDS:
                continue
            if child.poll() is None:
                child.kill()
                child.wait()
            del running[sandbox_id]
            done.append((sandbox_id, not os.path.exists(state.sandbox(sandbox_id))))
        time.sleep(0.02)
    return done


def _start(state: State, sandbox_id: str, mine: str) -> subprocess.Popen[bytes]:
    found = record.read_for_reaper(state, sandbox_id)
    theirs = os.path.basename(found[2]) if found else ""
    path = os.path.join(state.programs, theirs)
    if not theirs or not os.path.isfile(path):
        path = os.path.join(state.programs, mine)
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", path, "destroy"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if child.stdin is not None:
        child.stdin.write(f'{{"id": "{sandbox_id}"}}'.encode("ascii"))
        child.stdin.close()
    return child


def _forget_programs(state: State, mine: str, at: Now) -> None:
    """A program stays while a record or a link names it, or while it is young.

    The links of other read protocols too: another version's timer may run by one of them.
    """
    there = [os.path.join(state.programs, name) for name in os.listdir(state.programs)]
    kept = {mine, *(os.path.basename(os.readlink(path)) for path in there if os.path.islink(path))}
    for sandbox_id in state.sandbox_ids():
        try:
            found = record.read_for_reaper(state, sandbox_id)
        except HostError:
            return  # a record that can't be read may name any of them
        if found:
            kept.add(os.path.basename(found[2]))
    for path in there:
        if os.path.basename(path) in kept or os.path.islink(path):
            continue
        if at.wall - os.stat(path).st_mtime > PROGRAM_KEPT_SECONDS:
            os.unlink(path)
