"""A job's log: bounded, numbered, readable whatever happened to its writer. And a job's end:
whose process it is that is ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    clock,
    job,
    process,
    program,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

LIMIT = 8000
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); "


def numbers(folder: Path, after: int = 0) -> list[int]:
    return [event["n"] for event in job.read_log(str(folder), after)]


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    log = job.Log(str(tmp_path))
    assert numbers(tmp_path) == []
    log.write("start", "h\u00e4 \n\u2028\U0001f600 $(id)")
    log.write("ready", "")
    first, second = job.read_log(str(tmp_path))
    assert (first["n"], first["phase"], first["text"]) == (
        1,
        "start",
        "h\u00e4 \n\u2028\U0001f600 $(id)",
    )
    assert second["at"] >= first["at"]
    assert numbers(tmp_path, after=1) == [2]
    assert numbers(tmp_path, after=2) == []


def test_bounded_with_its_head_and_its_newest_tail(tmp_path: Path) -> None:
    log = job.Log(str(tmp_path), LIMIT)
    for count in range(1, 2001):
        log.write("phase", f"event {count}")
        assert size(tmp_path) <= LIMIT
    got = numbers(tmp_path)
    assert got == sorted(set(got))
    assert got[0] == 1
    assert got[-1] == 2000
    gap = next(at for at, number in enumerate(got, 1) if number != at)
    assert gap > 20
    assert got[gap - 1 :] == list(range(got[gap - 1], 2001)), "the tail has no hole"
    assert size(tmp_path) > LIMIT / 2


@pytest.mark.parametrize("written", [1, 30, 500])
def test_numbering_continues_with_the_next_writer(tmp_path: Path, written: int) -> None:
    log = job.Log(str(tmp_path), LIMIT)
    for _each in range(written):
        log.write("phase", "text")
    job.Log(str(tmp_path), LIMIT).write("again", "text")
    last = list(job.read_log(str(tmp_path)))[-1]
    assert (last["n"], last["phase"]) == (written + 1, "again")


@pytest.mark.parametrize("half", [b'{"n": 2, "at"', b'{"n": 2, "at": 1.0, "text": "\xc3', b"{"])
def test_a_half_written_last_line_is_ignored(tmp_path: Path, half: bytes) -> None:
    """While it is being written, and for ever where its writer was killed."""
    job.Log(str(tmp_path)).write("phase", "text")
    with (tmp_path / "log.head").open("ab") as file:
        file.write(half)
    assert numbers(tmp_path) == [1]
    next_writer = job.Log(str(tmp_path))
    next_writer.write("phase", "swallowed by the half line")
    next_writer.write("phase", "the next one is read")
    assert [event["text"] for event in job.read_log(str(tmp_path), 1)][-1] == "the next one is read"


def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "log.head").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        job.Log(str(folder)).write("phase", "text")
    assert not (tmp_path / "precious").exists()


CALLER = """
import json, os, sys
sys.path.insert(0, {path!r})
from sandboxer_host import job, state, verbs

def shown(mine, *words):
    held = {{}}
    for number in os.listdir("/proc/self/fd"):
        try:
            held[number] = os.readlink("/proc/self/fd/" + number)
        except FileNotFoundError:
            pass
    leads = os.getsid(0) == os.getpid()
    told = {{"words": words, "held": held, "folder": os.getcwd(), "leads": leads}}
    os.write(2, json.dumps(told).encode())

verbs.job = shown
mine = state.State({root!r}, {remote!r})
with mine.host_lock():
    lock = mine.try_work_lock("sbx-one")
    job.start(mine, {name!r}, "sbx-one", 1, lock)
print(lock, flush=True)
os.wait()
"""


def test_a_job_has_nothing_of_its_callers_but_the_work_lock(state: State) -> None:
    """One of the program that is running already: its own words, session, folder and streams."""
    state.prepare()
    os.makedirs(state.job("sbx-one"))
    name = program.install(state)
    path = os.path.join(state.programs, name)
    code = CALLER.format(path=path, root=state.root, remote=state.remote, name=name)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    lock, errors = done.stdout.strip(), Path(state.job("sbx-one"), "stderr")
    told = json.loads(errors.read_text())
    assert told["words"] == ["sbx-one", "1", lock]
    assert (told["folder"], told["leads"]) == ("/", True)
    assert told["held"] == {
        "0": "/dev/null",
        **dict.fromkeys("12", str(errors)),
        lock: os.path.join(state.root, "locks", "work-sbx-one"),
    }


@pytest.mark.parametrize("entered", [True, False])
def test_the_end_of_a_job_is_waited_for(
    make_record: Callable[..., Record], working: subprocess.Popen[bytes], entered: bool
) -> None:
    found = make_record(job=entry(working.pid) if entered else {})
    began = time.monotonic()
    job.await_end(found, 0.2)
    assert (time.monotonic() - began >= 0.2) == entered
    working.kill()
    job.await_end(found, 60)


@pytest.fixture(params=["", DEAF], ids=["plain", "deaf to TERM"])
def working(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """Something that leads a session of its own, as a job does."""
    code = f"import signal, time; {request.param}print(flush=True); time.sleep(100)"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def entry(pid: int) -> dict[str, Any]:
    """The job of a record that means this process, which leads a session."""
    ticks = process.start_ticks(pid)
    return {"pid": pid, "session": pid, "start_ticks": ticks, "boot_id": clock.boot_id()}


def test_a_job_is_ended_even_one_that_is_deaf(
    make_record: Callable[..., Record],
    working: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end = process.end_session
    monkeypatch.setattr(process, "end_session", lambda session, grace: end(session, grace, 0.1))
    assert job.end(make_record(job=entry(working.pid)), grace=0.1)
    assert working.wait(1) < 0


@pytest.mark.parametrize(
    "changes",
    [
        {"start_ticks": 1},  # the pid was given to somebody else since
        {"boot_id": "an older boot"},
        {"session": os.getsid(0)},  # whoever ends a job does not end itself
    ],
    ids=repr,
)
def test_nobody_else_is_ended(
    make_record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(process, "end_session", lambda session, grace: ended.append(session))
    pid = os.getpid()
    assert job.end(make_record(job={**entry(pid), "session": 0, **changes}))
    assert ended == []


def test_a_record_without_a_job(make_record: Callable[..., Record]) -> None:
    assert job.end(make_record())
