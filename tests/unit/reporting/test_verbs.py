"""sandboxer events, as people and scripts call it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.reporting.delivery import record
from sandboxer_cli.reporting.hub import Hub
from sandboxer_cli.reporting.outbox import Outbox
from sandboxer_cli.reporting.result import Cause
from tests.receiver import Act, Receiver, receiver
from tests.unit.reporting.runs import passed
from tests.unit.test_program import PROGRAM, run

HERE = "sandboxer/events/outbox.db"


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """An environment in which two runs were written down, the first without a hub."""
    with Outbox.at(tmp_path / HERE) as outbox:
        record(
            outbox,
            None,
            passed(
                "run-old",
                outcome="infra_error",
                cleanup="failed",
                ended_at="2026-11-20T01:50:09Z",
                started_at="2026-11-20T01:49:00Z",
                reason="the host fell silent",
                error=Cause("host_unreachable", "no answer", ""),
            ),
        )
        record(outbox, Hub("http://hub.example"), passed("run-new"))
    return {
        "XDG_STATE_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "no_proxy": "127.0.0.1",
    }


@pytest.fixture
def hub() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


def answer(*words: str, **environment: str) -> Any:
    said = run("events", *words, "--json", **environment)
    assert said.stderr == ""
    return json.loads(said.stdout)


def test_runs_are_listed_the_newest_first(state: dict[str, str]) -> None:
    newest, oldest = answer("list", **state)
    assert newest == {
        "run": "run-new",
        "ended_at": "2026-11-26T01:50:09Z",
        "repo": "shop",
        "commit": "8917b1843528",
        "host": "h1",
        "outcome": "passed",
        "cleanup": "destroyed",
        "seconds": 9.0,
        "delivery": "pending",
    }
    assert (oldest["run"], oldest["delivery"]) == ("run-old", "off")
    assert answer("list", "--limit", "1", **state) == [newest]
    assert answer("list", "--before", "run-new", **state) == [oldest]
    assert answer("list", "--since", "2026-11-26T02:00:00+01:00", **state) == [newest]
    assert answer("list", "--delivery", "off", **state) == [oldest]
    assert run("events", "list", **state).stdout == (
        "2026-11-26T01:50:09Z\tshop\tpassed\th1\t9 s\tpending\trun-new\n"
        "2026-11-20T01:50:09Z\tshop\tinfra_error (left behind)\th1\t69 s\toff\trun-old\n"
    )


def test_on_a_terminal_it_says_what_waits(state: dict[str, str]) -> None:
    main, other = pty.openpty()
    words = [*PROGRAM, "events", "list"]
    subprocess.run(words, stdout=other, env={**os.environ, **state}, check=True)
    os.close(other)
    said = os.read(main, 4096).decode()
    os.close(main)
    assert said.splitlines()[0].split() == [
        "ENDED",
        "REPO",
        "OUTCOME",
        "HOST",
        "TOOK",
        "DELIVERY",
        "RUN",
    ]
    assert "2026-11-20 01:50 UTC" in said
    assert "3 wait for the hub" in said


def test_a_run_is_shown_whole(state: dict[str, str]) -> None:
    found = answer("show", "run-old", **state)
    assert found["result"]["error"]["code"] == "host_unreachable"
    assert [one["kind"] for one in found["events"]] == ["environment.created", "e2e_result"]
    assert found["events"][1]["event"]["type"] == "io.sandboxer.e2e_result.v1"
    said = run("events", "show", "run-old", **state).stdout
    assert "run-old  infra_error (left behind)" in said
    assert "reason   the host fell silent" in said
    assert "event    e2e_result: off" in said


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["list", "--since", "5"], 2, "since_invalid"),
        (["list", "--limit", "0"], 2, "usage"),
        (["list", "--delivery", "lost"], 2, "usage"),
        (["list", "--before", "run-none"], 4, "not_found"),
        (["show", "run-none"], 4, "not_found"),
        (["flush"], 2, "hub_missing"),
        (["flush", "--timeout", "1"], 2, "timeout_invalid"),
    ],
)
def test_words_that_are_wrong(
    state: dict[str, str], words: list[str], status: int, code: str
) -> None:
    said = run("events", *words, "--json", **state)
    assert (said.returncode, json.loads(said.stdout)["error"]["code"]) == (status, code)


def test_looking_makes_nothing(tmp_path: Path) -> None:
    alone = {"XDG_STATE_HOME": str(tmp_path), "SANDBOXER_HUB_URL": "http://hub.example"}
    assert answer("list", **alone) == []
    assert answer("flush", **alone)["sent"] == 0
    assert run("events", "show", "run-none", **alone).returncode == 4
    assert list(tmp_path.iterdir()) == []


def test_a_broken_outbox_is_said_and_kept(tmp_path: Path) -> None:
    file = tmp_path / HERE
    file.parent.mkdir(parents=True)
    file.write_text("not a database " * 100)
    said = run("events", "list", XDG_STATE_HOME=str(tmp_path))
    assert said.returncode == 1
    assert "[outbox_broken]" in said.stderr
    assert file.read_text() == "not a database " * 100


def test_flush_sends_what_waits(state: dict[str, str], hub: Receiver) -> None:
    state = {**state, "SANDBOXER_HUB_URL": f"{hub.url}/x?key=s3cret"}
    assert answer("flush", **state) == {
        "hub": f"{hub.url}/x",
        "sent": 3,
        "dead": 0,
        "reason": "",
        "retryable": True,
        "pending": 0,
    }
    assert answer("flush", "--all", **state)["sent"] == 2
    assert len(hub.facts) == len(hub.got) == 5
    assert {one["delivery"] for one in answer("list", **state)} == {"sent"}
    assert "sent 2" in run("events", "show", "run-old", **state).stdout


@pytest.mark.parametrize(
    ("acts", "status", "sent", "words"),
    [
        ([Act(store=False, status=400, text="who?")], 5, 2, "2 sent, 1 refused, 0 wait"),
        ([Act(store=False, status=403)], 5, 0, "the hub does not let us in: 403"),
        ([Act(store=False, status=410)], 5, 0, "the hub is gone: 410"),
        (
            [Act(store=False, status=503, headers={"Retry-After": "100"}, text="full")],
            12,
            0,
            "the hub answered 503 full",
        ),
    ],
)
def test_flush_ends_by_what_the_hub_said(
    state: dict[str, str], hub: Receiver, acts: list[Act], status: int, sent: int, words: str
) -> None:
    hub.will(*acts)
    said = run("events", "flush", **state, SANDBOXER_HUB_URL=hub.url)
    assert (said.returncode, len(hub.facts), said.stderr) == (status, sent, "")
    assert words in said.stdout


def test_a_token_is_sent_and_never_said(
    state: dict[str, str], hub: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "sandboxer/hub.yml").write_text(f"{{url: '{hub.url}', token_file: token}}")
    (tmp_path / "sandboxer/token").write_text("canary-of-the-hub\n")
    echo = Act(store=False, status=400, text="you sent Bearer canary-of-the-hub")
    hub.will(echo, echo, echo)
    said = [
        run("events", *words, **state, SANDBOXER_DEBUG="1")
        for words in (["flush"], ["flush", "--all", "--json"], ["show", "run-new", "--json"])
    ]
    assert {got.headers["Authorization"] for got in hub.got} == {"Bearer canary-of-the-hub"}
    assert "canary-of-the-hub" not in "".join(one.stdout + one.stderr for one in said)
    kept = (tmp_path / "sandboxer/events").iterdir()
    assert not [file for file in kept if b"canary-of-the-hub" in file.read_bytes()]
