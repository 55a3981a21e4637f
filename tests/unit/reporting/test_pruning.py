"""What is old goes, once a day, and nothing that no hub has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from sandboxer_cli.reporting.event import KINDS, events_of
from sandboxer_cli.reporting.outbox import Outbox, State
from sandboxer_cli.reporting.pruning import forget_old
from tests.unit.reporting.runs import passed

ENDED = datetime.fromisoformat("2026-11-26T01:50:09Z").timestamp()
DAY = 24 * 3600


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SANDBOXER_REPORTS_DAYS", raising=False)
    return tmp_path / "sandboxer"


@pytest.fixture
def outbox(state: Path) -> Iterator[Outbox]:
    with Outbox.at() as opened:
        yield opened


def record(outbox: Outbox, run: str, *states: State) -> None:
    """One whose events have become these."""
    found = passed(run)
    outbox.record(found, events_of(found), KINDS)
    for row, became in zip(outbox.events(run), states, strict=True):
        outbox.settle(row.seq, became, "")


def report(state: Path, run: str, at: float, name: str = "result.json") -> Path:
    folder = state / "runs" / run
    folder.mkdir(parents=True)
    (folder / name).write_text("{}")
    for path in (folder / name, folder):
        os.utime(path, (at, at))
    return folder


def test_what_a_hub_has_is_forgotten_and_nothing_else(outbox: Outbox) -> None:
    record(outbox, "run-sent", "sent", "sent", "sent")
    record(outbox, "run-outcome-alone", "off", "off", "sent")
    for kept in ("pending", "dead"):
        record(outbox, f"run-{kept}", "sent", "sent", kept)  # type: ignore[arg-type]
    record(outbox, "run-without-a-hub", "off", "off", "off")
    forget_old(outbox, ENDED + 30 * DAY)
    assert len(outbox.runs(9)) == 5
    forget_old(outbox, ENDED + 31 * DAY + 1)
    assert {one.run for one in outbox.runs(9)} == {"run-pending", "run-dead", "run-without-a-hub"}
    assert outbox.events("run-sent") == []
    assert outbox.result("run-sent") is None


def test_old_reports_go_with_what_killed_ones_have_left(state: Path, outbox: Outbox) -> None:
    old = report(state, "run-aaaaaaaaaa", ENDED)
    half = report(state, ".run-cccccccccc.4711", ENDED, "manifest.json")
    new = report(state, "run-bbbbbbbbbb", ENDED + DAY)
    foreign = report(state, "somebody-elses", ENDED)
    forget_old(outbox, ENDED + 30 * DAY + 1)
    assert [path.exists() for path in (old, half, new, foreign)] == [False, False, True, True]


def test_a_link_is_not_followed(state: Path, outbox: Outbox, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.utime(theirs, (ENDED, ENDED))
    (state / "runs").mkdir()
    (state / "runs/run-aaaaaaaaaa").symlink_to(theirs)
    forget_old(outbox, ENDED + 60 * DAY)
    assert theirs.exists()


def test_once_a_day(state: Path, outbox: Outbox) -> None:
    at = ENDED + 60 * DAY
    forget_old(outbox, at)
    old = report(state, "run-aaaaaaaaaa", ENDED)
    forget_old(outbox, at + DAY - 1)
    assert old.exists()
    forget_old(outbox, at + DAY)
    assert not old.exists()


@pytest.mark.parametrize(
    ("said", "stays"),
    [
        *(("1", False), ("30", False), ("31", True)),
        *(("0", True), ("a week", True), ("999999", True), ("9" * 5000, True)),
    ],
)
def test_how_long_is_the_users_to_say(
    state: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, said: str, stays: bool
) -> None:
    monkeypatch.setenv("SANDBOXER_REPORTS_DAYS", said)
    old = report(state, "run-aaaaaaaaaa", ENDED)
    forget_old(outbox, ENDED + 30 * DAY + 1)
    assert old.exists() is stays
