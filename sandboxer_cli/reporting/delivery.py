"""From the outbox to the hub: each event until the hub has it, says no for good, or time is up.

An event keeps its id however often it is sent, so a reply that was lost costs a second sending and
no second fact. What a hub says is bounded, in time and in size. A redirect is not followed: it
would carry the token elsewhere.
"""

from __future__ import annotations

import email.utils
import functools
import http.client
import random
import threading
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from sandboxer_cli import __version__
from sandboxer_cli.errors import SandboxerError, Usage
from sandboxer_cli.reporting.event import event_id, events_of
from sandboxer_cli.reporting.hub import Hub, Request
from sandboxer_cli.reporting.outbox import Outbox, State
from sandboxer_cli.reporting.result import ReportedEvent, RunResult

_SECONDS_FOR_A_REPLY = 10.0
_MOST_OF_A_REPLY = 2048
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_LONGEST_WAIT = 24 * 3600.0  # a hub that asks for more is not believed


@dataclass(frozen=True)
class Limits:
    """How long a delivery may take, how often one event is tried, and how many events it takes on
    (-1: all)."""

    seconds: float
    tries: int
    most: int


IN_A_RUN = Limits(seconds=3.0, tries=2, most=20)
FLUSH = Limits(seconds=60.0, tries=5, most=-1)


@dataclass(frozen=True)
class Clock:
    """Time and chance. `jitter` gives a part of the longest pause."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float], float] = lambda longest: random.uniform(0, longest)  # noqa: S311


@dataclass(frozen=True)
class Reply:
    """What a hub answered; `text` is the beginning of it."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Verdict:
    """What a reply means: the hub has it, refuses it, may take it later; or nothing will come of
    sending more: for now (stop), or ever (gone). `wait` is what the hub asks for, in seconds."""

    means: Literal["sent", "dead", "later", "stop", "gone"]
    reason: str = ""
    wait: float = 0.0


@dataclass(frozen=True)
class Delivered:
    """What a delivery did. `reason` says why it ended with events still waiting, or is empty;
    `retryable` whether later may be better."""

    sent: int = 0
    dead: int = 0
    reason: str = ""
    retryable: bool = True


Post = Callable[[Request, float], Reply]


def record(outbox: Outbox, hub: Hub | None, result: RunResult) -> RunResult:
    """Write a run into the outbox: the result, with its event. Nothing is sent yet."""
    outbox.record(result, events_of(result), hub.events if hub else ())
    return _with_event(outbox, hub, result)


def attempt(outbox: Outbox, hub: Hub | None, result: RunResult) -> RunResult:
    """Try to tell the hub of a run that is in the outbox: the result, with what became of it.

    It takes seconds at most, and costs nobody the outcome: what goes wrong leaves it waiting.
    """
    if hub is None:
        return result
    try:
        deliver(outbox, hub, IN_A_RUN, run=result.run)
        return _with_event(outbox, hub, result)
    except SandboxerError:
        return result


def deliver(
    outbox: Outbox,
    hub: Hub,
    limits: Limits,
    *,
    run: str | None = None,
    clock: Clock | None = None,
    post: Post | None = None,
) -> Delivered:
    """Send what waits, those of `run` first and then the oldest.

    Raises:
        SandboxerError: the outbox can't be used.
    """
    clock, post = clock or Clock(), post or post_in_time
    ends = clock.monotonic() + limits.seconds
    not_before, gone = outbox.held(hub.shown)
    if gone:
        return Delivered(reason=gone, retryable=False)
    wait = not_before - clock.wall()
    if 0 < wait <= _LONGEST_WAIT:
        if wait >= limits.seconds:
            return Delivered(reason=f"the hub asked to wait for another {wait:.0f} s")
        clock.sleep(wait)

    own = [row.seq for row in outbox.events(run) if row.state == "pending"] if run else []
    others = [seq for seq in outbox.pending(limits.most) if seq not in own]
    queue = deque([*own, *others])
    tried: Counter[int] = Counter()
    done: Counter[str] = Counter()
    failures = 0
    while queue:
        left = ends - clock.monotonic()
        if left <= 0:
            return Delivered(done["sent"], done["dead"], "time was up")
        seq = queue.popleft()
        verdict = _send(outbox, hub, seq, min(left, _SECONDS_FOR_A_REPLY), clock, post)
        if verdict is None:
            continue
        done[verdict.means] += 1
        if verdict.means in ("stop", "gone"):
            return Delivered(done["sent"], done["dead"], verdict.reason, retryable=False)
        if verdict.means != "later":
            failures = 0
            continue
        failures += 1
        tried[seq] += 1
        if tried[seq] < limits.tries:
            queue.append(seq)  # behind the others: it may be this one that the hub stumbles over
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (failures - 1))
        pause = max(clock.jitter(longest), verdict.wait)
        if failures >= limits.tries or pause >= ends - clock.monotonic():
            return Delivered(done["sent"], done["dead"], verdict.reason)
        clock.sleep(pause)
    return Delivered(done["sent"], done["dead"])


def judge(reply: Reply, now: float, delivered: Iterable[int] = ()) -> Verdict:
    """What a reply of the instant `now` (epoch) means. `delivered` are more statuses by which this
    hub says that it has it."""
    status = reply.status
    said = f"{status} {' '.join(reply.text.split())}"[:300].strip()
    if 200 <= status < 300 or status in delivered:
        return Verdict("sent")
    if status == 410:
        return Verdict("gone", f"the hub is gone: {said}")
    if status in (408, 429) or status >= 500:
        return Verdict("later", f"the hub answered {said}", _retry_after(reply.headers, now))
    if 300 <= status < 400:
        where = reply.headers.get("Location", "nowhere")[:200]
        return Verdict("stop", f"the hub answered {status}: a redirect to {where} is not followed")
    if status in (401, 403, 407):
        return Verdict("stop", f"the hub does not let us in: {said}")
    return Verdict("dead", f"the hub refused it: {said}")


def post_in_time(request: Request, seconds: float) -> Reply:
    """Send, and have the beginning of the reply, within so many seconds whatever the hub does.

    Raises:
        OSError: no reply came.
    """
    found: list[Reply | Exception] = []

    def work() -> None:
        try:
            found.append(_post(request, seconds))
        except Exception as error:
            found.append(error)

    # Timeouts of a socket are for each read of it, and none is for looking up its name.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeoutError(f"no whole reply within {seconds:.0f} s")
    match found[0]:
        case Reply() as reply:
            return reply
        case OSError() as error:
            raise error
        case error:
            raise OSError(f"{type(error).__name__}: {error}") from error


class _AsItIs(urllib.request.HTTPErrorProcessor):
    """No status is an error, and so none is a redirect that is followed."""

    def http_response(
        self, request: urllib.request.Request, response: http.client.HTTPResponse
    ) -> http.client.HTTPResponse:
        return response

    https_response = http_response


@functools.cache
def _opener() -> urllib.request.OpenerDirector:
    # reads the system's certificates, which takes a while
    return urllib.request.build_opener(_AsItIs)


def _post(request: Request, seconds: float) -> Reply:
    asked = urllib.request.Request(  # noqa: S310, the settings are of http and https only
        request.url,
        request.body,
        {"User-Agent": f"sandboxer/{__version__}", **request.headers},
        method=request.method,
    )
    with _opener().open(asked, timeout=seconds) as response:
        fine = 200 <= response.status < 300
        text = "" if fine else response.read(_MOST_OF_A_REPLY).decode("utf-8", "replace")
        return Reply(response.status, response.headers, text)


def _send(
    outbox: Outbox, hub: Hub, seq: int, seconds: float, clock: Clock, post: Post
) -> Verdict | None:
    """Try once; None where somebody else does, or did."""
    with outbox.claim(seq) as mine:
        if not mine:
            return None
        row = outbox.event(seq)
        if row.state != "pending":
            return None
        try:
            reply = post(hub.request(row.body), seconds)
            reply = replace(reply, text=hub.without_token(reply.text))  # whole, before it is cut
            verdict = judge(reply, clock.wall(), hub.delivered)
        except Usage as error:
            verdict = Verdict("stop", error.detail.message)
        except OSError as error:
            verdict = Verdict("later", f"the hub gave no answer: {getattr(error, 'reason', error)}")
        verdict = replace(verdict, reason=hub.without_token(verdict.reason))
        state: State = "pending"
        if verdict.means in ("sent", "dead"):
            state = "sent" if verdict.means == "sent" else "dead"
        now = clock.wall()
        outbox.settle(seq, state, verdict.reason, _instant(now) if state == "sent" else None)
        if verdict.means == "gone" or verdict.wait:
            gone = verdict.reason if verdict.means == "gone" else ""
            outbox.hold(hub.shown, not_before=now + verdict.wait, gone=gone)
        return verdict


def _retry_after(headers: Mapping[str, str], now: float) -> float:
    """Seconds, from a number or a date; 0 where there is none."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(float(text), _LONGEST_WAIT)
    try:
        seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _with_event(outbox: Outbox, hub: Hub | None, result: RunResult) -> RunResult:
    wanted = event_id(result.run, "e2e_result")
    [row] = [row for row in outbox.events(result.run) if row.id == wanted]
    return replace(result, event=ReportedEvent(row.id, row.state, hub.shown if hub else None))


def _instant(epoch: float) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%SZ}"
