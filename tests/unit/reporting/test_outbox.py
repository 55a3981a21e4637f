"""The outbox: each fact once, on disk, whoever writes at the same time; and what is no outbox."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.errors import CapacityExceeded, SandboxerError, TryAgain
from sandboxer_cli.reporting import outbox as module
from sandboxer_cli.reporting.event import KINDS, events_of
from sandboxer_cli.reporting.outbox import Outbox
from tests.unit.reporting.runs import passed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state/outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with Outbox.at(path) as opened:
        yield opened


def record(outbox: Outbox, run: str, **changed: object) -> None:
    found = passed(run, **changed)
    outbox.record(found, events_of(found), KINDS)


def test_a_run_and_its_events_are_there(outbox: Outbox) -> None:
    record(outbox, "run-1")
    [listed] = outbox.runs(10)
    assert (listed.run, listed.outcome, listed.seconds) == ("run-1", "passed", 9.0)
    assert listed.delivery == "pending"
    assert [row.kind for row in outbox.events("run-1")] == [
        "environment.created",
        "environment.deleted",
        "e2e_result",
    ]
    assert outbox.result("run-1") == passed("run-1")


def test_a_second_time_changes_nothing(outbox: Outbox) -> None:
    record(outbox, "run-1")
    first = outbox.events("run-1")
    outbox.settle(first[0].seq, "sent", "", "2026-11-26T01:51:00Z")
    record(outbox, "run-1", outcome="failed")
    assert [listed.outcome for listed in outbox.runs(10)] == ["passed"]
    assert [row.state for row in outbox.events("run-1")] == ["sent", "pending", "pending"]


def test_the_outcome_is_not_there_without_its_events(outbox: Outbox) -> None:
    found = passed("run-1")
    nothing: Any = None  # NOT NULL refuses it
    events = [replace(one, kind=nothing) for one in events_of(found)]
    with pytest.raises(SandboxerError):
        outbox.record(found, events, KINDS)
    assert outbox.result("run-1") is None


def test_a_write_is_on_disk_before_it_is_answered(outbox: Outbox) -> None:
    assert outbox._read("PRAGMA synchronous") == [(2,)]
    assert outbox._read("PRAGMA journal_mode") == [("wal",)]


def test_pages(outbox: Outbox) -> None:
    for n in range(5):
        record(outbox, f"run-{n}", ended_at=f"2026-11-26T01:5{n // 2}:30Z")
    pages, before = [], None
    while found := outbox.runs(2, before=before):
        pages.append([one.run for one in found])
        before = found[-1].run
    assert pages == [["run-4", "run-3"], ["run-2", "run-1"], ["run-0"]]
    assert [one.run for one in outbox.runs(9, since="2026-11-26T01:51:30Z")] == [
        "run-4",
        "run-3",
        "run-2",
    ]
    outbox.settle(outbox.events("run-3")[2].seq, "dead", "400")
    assert [one.run for one in outbox.runs(9, delivery="dead")] == ["run-3"]


@pytest.mark.parametrize("delivery", [None, "dead"])
def test_a_page_of_many_runs_is_read_by_an_index(
    outbox: Outbox, delivery: module.State | None
) -> None:
    asked: list[str] = []
    outbox._database.set_trace_callback(asked.append)
    outbox.runs(20, since="2026", before="run-1", delivery=delivery)
    outbox._database.set_trace_callback(None)
    plan = [row[3] for row in outbox._read(f"EXPLAIN QUERY PLAN {asked[-1]}")]
    assert len(plan) == 2
    assert all(step.startswith("SEARCH") for step in plan), plan


def test_only_the_user_can_read_it(outbox: Outbox, path: Path) -> None:
    record(outbox, "run-1")
    with outbox.claim(1):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert modes == dict.fromkeys(
        [f"outbox.db{more}" for more in ("", "-wal", "-shm", "-making", "-claims")], 0o600
    )


WRITER = """
import sys
from pathlib import Path
from sandboxer_cli.reporting.event import KINDS, events_of
from sandboxer_cli.reporting.outbox import Outbox
from tests.unit.reporting.runs import passed

for n in range(25):
    with Outbox.at(Path(sys.argv[1])) as outbox:
        for run in (f"run-{sys.argv[2]}{n}", f"run-all{n}"):
            found = passed(run)
            outbox.record(found, events_of(found), KINDS)
"""


def test_several_processes_write_into_a_new_one(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], cwd=ROOT)
        for name in "abcd"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    with Outbox.at(path) as outbox:
        assert len(outbox.runs(1000)) == 125
        assert outbox.count("pending") == 375


ROOT = Path(__file__).resolve().parents[3]
CLAIMER = """
import sys
from pathlib import Path
from sandboxer_cli.reporting.outbox import Outbox

with Outbox.at(Path(sys.argv[1])) as outbox, outbox.claim(int(sys.argv[2])) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


def claimer(path: Path, seq: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLAIMER, str(path), str(seq)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_an_event_is_claimed_by_one_and_by_nobody_who_is_dead(outbox: Outbox, path: Path) -> None:
    other = claimer(path, 1)
    assert first_line(other) == "True"
    with outbox.claim(1) as mine:
        assert not mine
    with outbox.claim(2) as mine:
        assert mine
    other.kill()
    other.wait()
    with outbox.claim(1) as mine:
        assert mine


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"not a database, and longer than the header of one" * 40, "outbox_broken"),
        (b"SQLite format 3\x00" + b"\xff" * 5000, "outbox_broken"),
    ],
)
def test_what_is_no_database(path: Path, content: bytes, code: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SandboxerError) as caught:
        Outbox.at(path)
    assert caught.value.detail.code == code
    assert path.read_bytes() == content


def test_pages_that_are_broken(path: Path) -> None:
    with Outbox.at(path) as outbox:
        record(outbox, "run-1")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(SandboxerError) as caught, Outbox.at(path) as outbox:
        outbox.runs(10)
    assert caught.value.detail.code == "outbox_broken"


def test_another_programs_database(path: Path) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE songs (name TEXT)")
    database.close()
    with pytest.raises(SandboxerError, match="another program") as caught:
        Outbox.at(path)
    assert caught.value.detail.code == "outbox_broken"


def test_a_later_versions_outbox(path: Path) -> None:
    Outbox.at(path).__exit__(None, None, None)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(SandboxerError, match="later version") as caught:
        Outbox.at(path)
    assert (caught.value.detail.code, caught.value.exit_status) == ("outbox_newer", 2)


def test_a_writer_that_does_not_end(
    outbox: Outbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS_FOR_A_LOCK", 0.01)
    with Outbox.at(path) as other, outbox._writing(), pytest.raises(TryAgain, match="in use"):
        record(other, "run-1")


def test_no_room(outbox: Outbox) -> None:
    [(pages,)] = outbox._read("PRAGMA page_count")
    outbox._read(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(CapacityExceeded):
        for n in range(100):
            record(outbox, f"run-{n}")
    assert len(outbox.runs(1000)) * 3 == outbox.count("pending")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxerError) as caught:
        Outbox.at(tmp_path / "file/outbox.db")
    assert caught.value.detail.code == "outbox_unusable"


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert module.default_path() == tmp_path / "sandboxer/events/outbox.db"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    assert module.default_path() == tmp_path / ".local/state/sandboxer/events/outbox.db"
