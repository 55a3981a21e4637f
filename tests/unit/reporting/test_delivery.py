"""Delivery, against a real receiver that drops, delays, refuses and doubles: each fact once."""

from __future__ import annotations

import email.utils
import http.client
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.reporting import delivery
from sandboxer_cli.reporting.delivery import (
    FLUSH,
    IN_A_RUN,
    Clock,
    Limits,
    Reply,
    attempt,
    deliver,
    judge,
    post_in_time,
    record,
)
from sandboxer_cli.reporting.hub import Hub
from sandboxer_cli.reporting.outbox import Outbox, State
from tests.receiver import Act, Receiver, receiver
from tests.sshd import free_port
from tests.unit.reporting.runs import passed

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "s3cret"  # noqa: S105
NOW = 1795658400.0
TYPES = {
    "dev.cdevents.environment.created.0.3.0": "created",
    "dev.cdevents.environment.deleted.0.3.0": "deleted",
    "io.sandboxer.e2e_result.v1": "e2e_result",
}
ALL = list(TYPES.values())


@dataclass
class Watch:
    """A clock that sleeps by moving on, and always by the longest pause."""

    now: float = NOW
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now, self.sleep, lambda longest: longest)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    delivery._opener.cache_clear()
    with receiver() as opened:
        yield opened


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox.at(tmp_path / "outbox.db") as opened:
        yield opened


def states(outbox: Outbox, run: str = "run-1") -> list[State]:
    return [row.state for row in outbox.events(run)]


def kinds(hub: Receiver) -> list[str]:
    """Those of the facts that the hub has, in the order in which they came."""
    return [TYPES[fact["type"]] for fact in hub.facts.values()]


def written(outbox: Outbox, to: Hub, *runs: str) -> None:
    for run in runs or ("run-1",):
        record(outbox, to, passed(run))


def test_each_fact_arrives_once(outbox: Outbox, hub: Receiver, watch: Watch) -> None:
    to = Hub(hub.url)
    written(outbox, to, "run-1", "run-2")
    done = deliver(outbox, to, FLUSH, clock=watch.clock())
    assert (done.sent, done.dead, done.reason) == (6, 0, "")
    assert kinds(hub) == ALL * 2
    assert deliver(outbox, to, FLUSH, clock=watch.clock()).sent == 0
    assert len(hub.got) == 6
    assert states(outbox) == ["sent"] * 3
    assert outbox.events("run-1")[0].sent_at == "2026-11-26T02:00:00Z"
    assert watch.pauses == []


@pytest.mark.parametrize(
    "trouble",
    [
        [Act(status=None)],
        [Act(status=None), Act(status=500), Act(status=None)],
        [Act(store=False, status=None)],
        [Act(store=False, status=503)],
        [Act(store=False, status=429), Act(store=False, status=408)],
    ],
    ids=["dropped", "dropped and broken", "lost", "unavailable", "too many"],
)
def test_trouble_costs_no_fact_and_doubles_none(
    outbox: Outbox, hub: Receiver, watch: Watch, trouble: list[Act]
) -> None:
    to = Hub(hub.url)
    written(outbox, to)
    hub.will(*trouble)
    done = deliver(outbox, to, FLUSH, clock=watch.clock())
    assert (done.sent, done.reason) == (3, "")
    assert sorted(kinds(hub)) == ALL
    assert len(hub.got) == 3 + len(trouble)
    keys = {got.headers["Idempotency-Key"] for got in hub.got}
    assert keys == {id_ for _, id_ in hub.facts}
    assert len(watch.pauses) == len(trouble)


def test_pauses_grow_to_a_bound_and_are_jittered(outbox: Outbox, watch: Watch) -> None:
    to = Hub(f"http://127.0.0.1:{free_port()}")
    written(outbox, to)
    done = deliver(outbox, to, Limits(3600, 12, -1), clock=watch.clock())
    assert watch.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30]
    assert done.reason.startswith("the hub gave no answer: ")
    assert {Clock().jitter(30.0) < 30 for _ in range(20)} == {True}
    assert len({Clock().jitter(30.0) for _ in range(20)}) > 1


def test_what_the_hub_stumbles_over(outbox: Outbox, hub: Receiver, watch: Watch) -> None:
    to = Hub(hub.url)
    written(outbox, to, "run-1", "run-2")
    hub.will(Act(store=False, status=500))
    deliver(outbox, to, FLUSH, clock=watch.clock())
    assert kinds(hub) == ["deleted", "e2e_result", *ALL, "created"]


@pytest.mark.parametrize("header", ["7", email.utils.formatdate(NOW + 7, usegmt=True)])
def test_a_hub_that_asks_to_wait_is_waited_for(
    outbox: Outbox, hub: Receiver, watch: Watch, header: str
) -> None:
    to = Hub(hub.url)
    written(outbox, to)
    hub.will(Act(store=False, status=429, headers={"Retry-After": header}))
    assert deliver(outbox, to, FLUSH, clock=watch.clock()).sent == 3
    assert watch.pauses == [7]


def test_the_next_process_waits_too(outbox: Outbox, hub: Receiver, watch: Watch) -> None:
    to = Hub(hub.url)
    written(outbox, to)
    hub.will(Act(store=False, status=503, headers={"Retry-After": "600"}))
    done = deliver(outbox, to, FLUSH, clock=watch.clock())
    assert (done.sent, done.retryable) == (0, True)
    again = deliver(outbox, to, FLUSH, clock=watch.clock())
    assert again.reason == "the hub asked to wait for another 600 s"
    assert (len(hub.got), watch.pauses) == (1, [])
    watch.now += 590
    assert deliver(outbox, to, FLUSH, clock=watch.clock()).sent == 3
    assert watch.pauses == [10]


@pytest.mark.parametrize("status", [400, 404, 409, 413, 415, 422])
def test_what_the_hub_refuses_is_dead_and_says_why(
    outbox: Outbox, hub: Receiver, watch: Watch, status: int
) -> None:
    to = Hub(hub.url)
    written(outbox, to)
    hub.will(Act(store=False, status=status, text="no such\n\x1b[31mteam"))
    done = deliver(outbox, to, FLUSH, clock=watch.clock())
    assert (done.sent, done.dead, done.reason) == (2, 1, "")
    [dead, *_] = outbox.events("run-1")
    assert (dead.state, dead.attempts) == ("dead", 1)
    assert dead.reason.startswith(f"the hub refused it: {status} no such")
    assert deliver(outbox, to, FLUSH, clock=watch.clock()).sent == 0
    outbox.send_again(to.events)
    assert deliver(outbox, to, FLUSH, clock=watch.clock()).sent == 1
    assert sorted(kinds(hub)) == ALL


def test_a_hub_that_is_gone_is_left_alone(outbox: Outbox, hub: Receiver, watch: Watch) -> None:
    to = Hub(hub.url)
    written(outbox, to)
    hub.will(Act(store=False, status=410))
    done = deliver(outbox, to, FLUSH, clock=watch.clock())
    assert (done.reason, done.retryable) == ("the hub is gone: 410", False)
    assert deliver(outbox, to, FLUSH, clock=watch.clock()) == replace(done, sent=0)
    assert len(hub.got) == 1
    assert states(outbox) == ["pending"] * 3
    outbox.send_again(to.events)
    assert deliver(outbox, to, FLUSH, clock=watch.clock()).sent == 3


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_wrong(outbox: Outbox, hub: Receiver, watch: Watch, status: int) -> None:
    to = Hub(hub.url, token=TOKEN)
    written(outbox, to)
    hub.will(Act(store=False, status=status, text="you are not s3cret"))
    done = deliver(outbox, to, FLUSH, clock=watch.clock())
    assert (done.sent, done.retryable, len(hub.got)) == (0, False, 1)
    assert states(outbox) == ["pending"] * 3
    assert outbox.events("run-1")[0].reason == (
        f"the hub does not let us in: {status} you are not ***"
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    outbox: Outbox, hub: Receiver, watch: Watch, status: int
) -> None:
    with receiver() as other:
        to = Hub(hub.url, token=TOKEN)
        written(outbox, to)
        hub.will(Act(store=False, status=status, headers={"Location": other.url}))
        done = deliver(outbox, to, FLUSH, clock=watch.clock())
        assert other.got == []
    assert done.reason.endswith(f"a redirect to {other.url} is not followed")
    assert (states(outbox), done.retryable) == (["pending"] * 3, False)


@pytest.mark.parametrize("act", [Act(hold=True), Act(status=500, endless=True)])
def test_a_reply_that_does_not_end_is_not_waited_for(
    outbox: Outbox, hub: Receiver, watch: Watch, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_SECONDS_FOR_A_REPLY", 2.0)
    to = Hub(hub.url)
    written(outbox, to)
    hub.will(act)
    begun = time.monotonic()
    assert deliver(outbox, to, FLUSH, clock=watch.clock()).sent == 3
    assert time.monotonic() - begun < 15
    assert sorted(kinds(hub)) == ALL


@pytest.mark.parametrize("status", [202, 500])
def test_a_reply_of_1_gb_is_not_read(
    outbox: Outbox, hub: Receiver, watch: Watch, status: int
) -> None:
    to = Hub(hub.url)
    written(outbox, to)
    hub.will(Act(status=status, huge=True))
    tracemalloc.start()
    try:
        assert deliver(outbox, to, FLUSH, clock=watch.clock()).sent == 3
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert hub.written < 32 * 1024 * 1024
    assert most < 16 * 1024 * 1024
    assert sorted(kinds(hub)) == ALL


def test_what_is_no_http_is_no_reply(outbox: Outbox, watch: Watch) -> None:
    def post(*_: object) -> Reply:
        raise OSError("BadStatusLine: SSH-2.0-OpenSSH")

    to = Hub("http://hub.example")
    written(outbox, to)
    done = deliver(outbox, to, IN_A_RUN, clock=watch.clock(), post=post)
    assert done.reason == "the hub gave no answer: BadStatusLine: SSH-2.0-OpenSSH"


def test_every_failure_to_talk_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Reply:
        raise http.client.BadStatusLine("SSH-2.0-OpenSSH")

    monkeypatch.setattr(delivery, "_post", fails)
    with pytest.raises(OSError, match="BadStatusLine: SSH"):
        post_in_time(Hub("http://hub.example").request({"id": "1"}), 5)


def test_a_run_with_a_dead_hub_costs_little_and_loses_nothing(
    outbox: Outbox, hub: Receiver, watch: Watch
) -> None:
    down = Hub(f"http://127.0.0.1:{free_port()}")
    found = record(outbox, down, passed("run-1"))
    assert found.event and found.event.state == "pending"
    assert attempt(outbox, down, found) == found
    assert states(outbox) == ["pending"] * 3

    # the hub is back: the next run brings along what waits
    up = Hub(hub.url)
    found = attempt(outbox, up, record(outbox, up, passed("run-2")))
    assert found.event and (found.event.state, found.event.hub) == ("sent", hub.url)
    assert [fact["data"]["run"] for fact in hub.facts.values() if "run" in fact["data"]] == [
        "run-2",
        "run-1",
    ]
    assert len(hub.facts) == len(hub.got) == 6


def test_a_hub_that_never_answers_costs_a_run_its_limit(
    outbox: Outbox, hub: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "IN_A_RUN", replace(IN_A_RUN, seconds=0.3))
    to = Hub(hub.url)
    found = record(outbox, to, passed("run-1"))
    hub.will(*[Act(store=False, hold=True)] * 3)
    begun = time.monotonic()
    assert attempt(outbox, to, found) == found
    assert time.monotonic() - begun < 8
    assert hub.arrived.acquire(timeout=30)
    assert len(hub.got) == 1


def test_a_template_that_is_wrong_costs_no_fact(outbox: Outbox) -> None:
    to = Hub("http://hub.example", body="{{ data.nothing }}")
    found = record(outbox, to, passed("run-1"))
    assert attempt(outbox, to, found) == found
    assert states(outbox) == ["pending"] * 3
    done = deliver(outbox, to, FLUSH)
    assert (done.sent, done.retryable) == (0, False)
    assert "nothing" in done.reason


def test_an_outbox_in_trouble_costs_no_run_its_outcome(tmp_path: Path) -> None:
    to = Hub("http://hub.example")
    with Outbox.at(tmp_path / "outbox.db") as closed:
        found = record(closed, to, passed("run-1"))
    assert attempt(closed, to, found) == found


def test_without_a_hub_the_outbox_is_the_record(outbox: Outbox, hub: Receiver) -> None:
    found = record(outbox, None, passed("run-1"))
    assert found.event and (found.event.state, found.event.hub) == ("off", None)
    assert attempt(outbox, None, found) == found
    to = Hub(hub.url)
    assert deliver(outbox, to, FLUSH).sent == 0  # nobody asked for the old ones
    outbox.send_again(to.events)
    assert deliver(outbox, to, FLUSH).sent == 3


def test_a_hub_gets_the_kinds_that_it_wants(outbox: Outbox, hub: Receiver) -> None:
    to = Hub(hub.url, events=("e2e_result",))
    attempt(outbox, to, record(outbox, to, passed("run-1")))
    assert kinds(hub) == ["e2e_result"]
    assert states(outbox) == ["off", "off", "sent"]
    outbox.send_again(to.events)
    assert deliver(outbox, to, FLUSH).sent == 0


def test_what_was_sent_meanwhile_is_not_sent_again(
    outbox: Outbox, hub: Receiver, watch: Watch
) -> None:
    to = Hub(hub.url)
    written(outbox, to)

    def post(*sent: Any) -> Reply:
        """Another one sends the rest while this one sends the first."""
        for row in outbox.events("run-1")[1:]:
            outbox.settle(row.seq, "sent", "")
        return post_in_time(*sent)

    assert deliver(outbox, to, FLUSH, clock=watch.clock(), post=post).sent == 1
    assert len(hub.got) == 1


REPORTER = """
import sys
from pathlib import Path
from sandboxer_cli.reporting.delivery import FLUSH, attempt, deliver, record
from sandboxer_cli.reporting.hub import Hub
from sandboxer_cli.reporting.outbox import Outbox
from tests.unit.reporting.runs import passed

path, url, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with Outbox.at(path) as outbox:
    if what == "record":
        record(outbox, Hub(url), passed("run-1"))
        print("recorded", flush=True)
        sys.stdin.read()
    deliver(outbox, Hub(url), FLUSH)
"""


def reporter(path: Path, url: str, what: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", REPORTER, str(path), url, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_killed_between_the_outcome_and_the_post(tmp_path: Path, hub: Receiver) -> None:
    path = tmp_path / "outbox.db"
    process = reporter(path, hub.url, "record")
    assert process.stdout and process.stdout.readline() == "recorded\n"
    process.kill()
    process.wait()
    assert hub.got == []
    with Outbox.at(path) as outbox:
        assert deliver(outbox, Hub(hub.url), FLUSH).sent == 3
        assert deliver(outbox, Hub(hub.url), FLUSH).sent == 0
    assert (kinds(hub), len(hub.got)) == (ALL, 3)


def test_killed_between_the_post_and_its_reply(tmp_path: Path, hub: Receiver) -> None:
    path = tmp_path / "outbox.db"
    with Outbox.at(path) as outbox:
        written(outbox, Hub(hub.url))
        hub.will(Act(hold=True))
        process = reporter(path, hub.url, "flush")
        assert hub.arrived.acquire(timeout=30)
        process.kill()
        process.wait()
        done = deliver(outbox, Hub(hub.url), FLUSH)
        assert (done.sent, states(outbox)) == (3, ["sent"] * 3)
    assert (kinds(hub), len(hub.got)) == (ALL, 4)


def test_two_flushers_do_not_send_the_same(tmp_path: Path, hub: Receiver) -> None:
    path = tmp_path / "outbox.db"
    with Outbox.at(path) as outbox:
        written(outbox, Hub(hub.url))
        hub.will(Act(hold=True))
        other = reporter(path, hub.url, "flush")
        assert hub.arrived.acquire(timeout=30)
        assert deliver(outbox, Hub(hub.url), FLUSH).sent == 2
        hub.release.set()
        assert other.wait() == 0
        assert states(outbox) == ["sent"] * 3
    assert (sorted(kinds(hub)), len(hub.got)) == (ALL, 3)


@pytest.mark.parametrize(
    ("status", "headers", "means", "wait"),
    [
        (200, {}, "sent", 0),
        (204, {}, "sent", 0),
        (299, {}, "sent", 0),
        (208, {"Retry-After": "5"}, "sent", 0),
        (100, {}, "dead", 0),
        (304, {}, "stop", 0),
        (407, {}, "stop", 0),
        (408, {}, "later", 0),
        (410, {}, "gone", 0),
        (418, {}, "sent", 0),
        (429, {"Retry-After": "5"}, "later", 5),
        (429, {"Retry-After": "-5"}, "later", 0),
        (429, {"Retry-After": "soon"}, "later", 0),
        (429, {"Retry-After": "9" * 400}, "later", 86400),
        (503, {"Retry-After": "Thu, 26 Nov 2026 02:01:00 GMT"}, "later", 60),
        (503, {"Retry-After": "Thu, 26 Nov 2020 02:01:00 GMT"}, "later", 0),
        (599, {}, "later", 0),
    ],
)
def test_what_a_reply_means(status: int, headers: dict[str, str], means: str, wait: float) -> None:
    found = judge(Reply(status, headers, ""), NOW, delivered=(418,))
    assert (found.means, found.wait) == (means, wait)


def test_a_long_answer_is_cut_but_not_through_a_token(outbox: Outbox, watch: Watch) -> None:
    to = Hub("http://hub.example", token=TOKEN)
    written(outbox, to)
    post = lambda *_: Reply(400, {}, "x" * 293 + TOKEN + "x" * 1700)  # noqa: E731
    deliver(outbox, to, FLUSH, clock=watch.clock(), post=post)
    reason = outbox.events("run-1")[0].reason
    assert len(reason) < 350
    assert reason.endswith("x***")
