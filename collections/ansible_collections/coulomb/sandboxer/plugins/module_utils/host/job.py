"""A slow verb as a job: a process of its own session on the host, with a log to follow.

Whoever starts it may die; the job holds the sandbox's work lock for as long as it lives, so that
`is it still at work` is a question to the kernel, not to a file.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

from . import ids, process
from .clock import boot_id
from .program import main, own_path
from .record import Record
from .state import State

LOG_BYTES = 8 * 1024 * 1024
GRACE_SECONDS = 5.0
SPEC = "spec.json"  # in a job's folder: what was asked for, the document included


class Log:
    """Events of one job as lines of JSON: `n` (counts from 1), `at` (epoch), `phase`, `text`.

    Bounded: the first half of `limit` is kept, and of the rest the newest, in two files that
    take turns.
    """

    def __init__(self, folder: str, limit: int = LOG_BYTES) -> None:
        self._folder = folder
        self._head_limit = limit // 2
        self._tail_limit = limit // 4
        self._count = max((event["n"] for event in read_log(folder)), default=0)

    def write(self, phase: str, text: str) -> None:
        self._count += 1
        event = {"n": self._count, "at": time.time(), "phase": phase, "text": text}
        line = (json.dumps(event, ensure_ascii=False) + "\n").encode("utf-8")
        path = os.path.join(self._folder, "log.head")
        if _size(path) + len(line) > self._head_limit:
            path = os.path.join(self._folder, "log.tail")
            if _size(path) + len(line) > self._tail_limit:
                os.replace(path, os.path.join(self._folder, "log.old-tail"))
        descriptor = os.open(
            path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def read_log(folder: str, after: int = 0) -> Iterator[dict[str, Any]]:
    """Events whose number is greater than `after`, oldest first."""
    for name in ("log.head", "log.old-tail", "log.tail"):
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        event = json.loads(line)
                    except ValueError:
                        continue  # it is being written, or its writer was killed
                    if event["n"] > after:
                        yield event
        except FileNotFoundError:
            continue


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def start(state: State, program: str, subject: str, generation: int, work_lock: int) -> None:
    """Start `<program> job` in a session of its own and hand it the work lock's descriptor.

    `subject` is a sandbox that is to be made, or a run whose sandbox is to be tested. The caller
    holds the record's lock until it has returned from here; the job's first act is to enter
    itself there.
    """
    folder = state.run(subject) if ids.is_run_id(subject) else state.job(subject)
    path = os.path.join(state.programs, program)
    words = ["job", subject, str(generation), str(work_lock)]
    errors = os.open(
        os.path.join(folder, "stderr"),
        os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC,
        0o600,
    )
    try:
        if path == own_path():
            _fork(words, errors, work_lock)
        else:
            _spawn(path, words, errors, work_lock)
    finally:
        os.close(errors)


def _spawn(path: str, words: list[str], errors: int, work_lock: int) -> None:
    subprocess.Popen(
        [sys.executable, "-I", "-S", path, *words],
        stdin=subprocess.DEVNULL,
        stdout=errors,
        stderr=errors,
        cwd="/",
        start_new_session=True,
        pass_fds=(work_lock,),
    )


def _fork(words: list[str], errors: int, work_lock: int) -> None:
    """The same of that program itself: it need not be loaded once more."""
    if os.fork() != 0:
        return
    try:
        os.setsid()
        for taken, number in ((os.open(os.devnull, os.O_RDONLY), 0), (errors, 1), (errors, 2)):
            os.dup2(taken, number)
        # a lock of the caller's is held by whoever has it open
        for number in [int(name) for name in os.listdir("/proc/self/fd")]:
            if number > 2 and number != work_lock:
                with contextlib.suppress(OSError):  # the one of the listing itself
                    os.close(number)
        os.chdir("/")
        sys.argv[1:] = words
        main()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def myself(verb: str, deadline_at: float) -> dict[str, Any]:
    """This process as a record names it: believed later only with start time and boot."""
    pid = os.getpid()
    return {
        "verb": verb,
        "pid": pid,
        "session": os.getsid(0),
        "start_ticks": process.start_ticks(pid),
        "boot_id": boot_id(),
        "deadline_at": deadline_at,
    }


def end(record: Record, grace: float = GRACE_SECONDS) -> bool:
    """End a record's job with all of its session. Whether none of it is left.

    A session outlives its leader (`podman create` does, where only the job was killed), and its
    number is not used again before the last of it is gone.
    """
    job = record.job
    if not job or job.get("boot_id") != boot_id() or job.get("session") == os.getsid(0):
        return True
    started = process.start_ticks(job["pid"])
    if started not in (0, job["start_ticks"]):
        return True  # somebody else's pid by now
    return process.end_session(job["session"], grace)


def await_end(record: Record | None, seconds: float) -> None:
    """Wait until a record's job has ended, and no longer than that. Only a moment, where it has not
    entered itself yet, or where this system or its Python can't be told."""
    job = record.job if record else None
    try:
        ended = os.pidfd_open(job["pid"]) if job and job.get("boot_id") == boot_id() else None
    except (AttributeError, OSError):
        ended = None
    if job is None or ended is None:
        time.sleep(min(seconds, 0.02))
        return
    try:
        if process.start_ticks(job["pid"]) == job["start_ticks"]:
            select.select([ended], [], [], seconds)
    finally:
        os.close(ended)
    time.sleep(0.001)  # its lock goes with it
