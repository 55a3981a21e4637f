"""When a service is started, healthy, completed, ready: judged by us, not by the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from . import image, inside, maker, probe
from .engine import Container, Engine, said
from .errors import HostError

SETTLE_SECONDS = 1.0  # a service that declares nothing must have stayed up for so long
RESTART_SECONDS = 5.0  # so long an engine may take to start again what has ended
# One that crashes until its database is up is waited for: it is given up when it has ended so
# often, and still does after so long.
CRASHES = 5
CRASH_SECONDS = 60.0
POLL_SECONDS = 0.2
# A database on a new volume first starts a server for itself alone, which answers to its health
# check too: a good answer counts once none other has come for so long.
HELD_SECONDS = 3.0
PERIOD_SECONDS = 10.0  # of a probe that says no other; we ask sooner, but count in these
_MOMENT_SECONDS = 0.05  # in which most answers come
_HELD_PAUSE = 0.25  # seconds between two questions meanwhile
_LONGEST_PAUSE = 1.0  # between two questions, where nobody wants a longer one
_ENDED = ("exited", "stopped", "dead")
_DOWN = (*_ENDED, "restarting")
_TOO_SHORT = "it answers well, but not for long enough yet"
_BY_HAND = "run it by hand in the same image to see why"


def is_hopeless(ends: int, started: float, last_down: float) -> bool:
    """Whether one that ends again and again is given up: how often it has ended, and when it was
    started and last seen down, in seconds of one clock."""
    return ends >= CRASHES and last_down - started >= CRASH_SECONDS


class Readiness:
    """Watches the services of one document while they come up.

    `published` are the endpoints of the record: service, port, host_port. Judgements are
    sentences: an empty one means yes.
    """

    def __init__(
        self,
        engine: Engine,
        sandbox_id: str,
        document: Mapping[str, Any],
        published: Sequence[Mapping[str, Any]],
    ) -> None:
        self._engine = engine
        self._id = sandbox_id
        self._services = document["services"]
        self._probes = document["probes"]
        self._published = published
        self._completed = maker.completed_services(self._services)
        self._ending = maker.ending_services(document)
        self._began = time.monotonic()
        self._started: dict[str, float] = {}
        self._asked: dict[tuple[str, int], _Asked] = {}
        self._containers: dict[str, Container] = {}
        self._seen: dict[str, tuple[tuple[str, int], float]] = {}
        self._ends: dict[str, set[int]] = {}  # container -> the starts that have come to an end
        self._last_down: dict[str, float] = {}
        self._exit_codes: dict[str, int] = {}
        self._of_images: dict[str, Mapping[str, Any] | None] = {}
        self._beginning: Collection[str] = ()
        self._images_count = False
        self._restarted: dict[str, float] = {}
        self._waiting = ("", "")  # a service and why it isn't ready
        self.forgiven: dict[str, str] = {}  # optional services that failed, and how

    def knows(
        self, of_images: Mapping[str, Mapping[str, Any] | None], beginning: Collection[str]
    ) -> None:
        """The health checks of the images of which containers were made, by service: from now on an
        image's own counts for a service that publishes something. And the services that begin with
        nothing on a volume of theirs."""
        self._of_images.update(of_images)
        self._beginning = beginning
        self._images_count = True

    def started(self, names: Sequence[str]) -> None:
        for name in names:
            self._started[name] = time.monotonic()

    def wait(self, conditions: Mapping[str, str], optional: Collection[str] = ()) -> None:
        """Wait until each service meets its condition.

        Conditions: service_started, service_healthy, service_completed_successfully, ready.
        Raises HostError `service_exited` at once where one ends that should not, and in time where
        the engine starts it again and again; `not_ready` where its health check has used up its
        retries; an `optional` one is forgiven instead. Has no deadline of its own.
        """
        self.wait_for_any({"": list(conditions.items())}, optional)

    def wait_for_any(
        self, wishes: Mapping[str, Collection[tuple[str, str]]], optional: Collection[str] = ()
    ) -> list[str]:
        """As `wait`, until somebody has all that he wishes, each a service and its condition: who
        has."""
        conditions = list(dict.fromkeys(one for wish in wishes.values() for one in wish))
        pause = 0.02
        looked = None
        while True:
            # the services are asked more often than the engine, whose answers cost
            if looked is None or time.monotonic() - looked >= POLL_SECONDS:
                self._look()
                looked = time.monotonic()
            # all of them: one that has ended may be why another one does not answer
            judged = [
                (one, self._forgiving(judge, *one, optional))
                for judge in (self._runs, self._serves)
                for one in conditions
            ]
            self._waiting = next(((one[0], why) for one, why in judged if why), ("", ""))
            unmet = {one for one, why in judged if why}
            met = [who for who, wish in wishes.items() if unmet.isdisjoint(wish)]
            if met:
                return met
            time.sleep(pause)
            pause = min(pause * 2, POLL_SECONDS)

    def refuse_idle(self) -> None:
        """Raises `service_exited` where each service has ended, and so well that `wait` let it."""
        there = list(self._containers.values())
        if there and all(one.state in _ENDED for one in there):
            name = self._called(there[0].name)
            raise HostError(
                "service_exited",
                f"{name} ended with exit code {there[0].exit_code}, and nothing else runs"
                + self._last_lines_of(there[0].name),
                "give it a command that stays",
            )

    def why(self) -> str:
        """Why it is not ready yet, with the last lines of the service; empty where it is."""
        name, reason = self._waiting
        return reason + self._last_lines(name) if reason else ""

    def _forgiving(
        self,
        judge: Callable[[str, str], str],
        name: str,
        condition: str,
        optional: Collection[str],
    ) -> str:
        if name in self.forgiven:
            return ""
        try:
            return judge(name, condition)
        except HostError as error:
            if name not in optional or error.code not in ("service_exited", "not_ready"):
                raise
            self.forgiven[name] = str(error)
            return ""

    def _look(self) -> None:
        self._containers = {
            item.name: item for item in self._engine.containers() if item.owner_id == self._id
        }
        for item in self._containers.values():
            before = self._seen.get(item.name)
            seen = (item.state, item.started_at)
            if before is None or before[0] != seen:
                self._seen[item.name] = (seen, time.monotonic())
            if before is not None and before[0][1] not in (0, item.started_at):
                self._ended_once(item.name, before[0][1])
            if item.state in _DOWN:
                self._ended_once(item.name, item.started_at)
                self._exit_codes[item.name] = item.exit_code

    def _ended_once(self, container: str, started_at: int) -> None:
        ends = self._ends.setdefault(container, set())
        if started_at not in ends:  # what was answered before is of no worth to who starts again
            self._asked = {key: one for key, one in self._asked.items() if key[0] != container}
        ends.add(started_at)
        self._last_down[container] = self._restarted[container] = time.monotonic()

    def _began_at(self, name: str, container: str) -> float | None:
        began = [at for at in (self._started.get(name), self._restarted.get(container)) if at]
        return max(began, default=None)

    def _unchanged(self, container: Container) -> float:
        """The seconds for which it has been seen in its state, started when it was."""
        return time.monotonic() - self._seen[container.name][1]

    def _replicas(self, name: str) -> list[Container]:
        found = []
        for container_name in maker.container_names(self._id, name, self._services[name]):
            container = self._containers.get(container_name)
            if container is None:
                raise HostError(
                    "service_exited",
                    f"the container of {self._called(container_name)} is gone",
                    "something else on the host took it away; try again",
                )
            found.append(container)
        return found

    def _called(self, container_name: str) -> str:
        return "service " + container_name[len(self._id) + 1 :]

    def _runs(self, name: str, condition: str) -> str:
        """Whether it runs, or has ended where it is to end."""
        reasons = (self._one_runs(name, one, condition) for one in self._replicas(name))
        return next(filter(None, reasons), "")

    def _one_runs(self, name: str, container: Container, condition: str) -> str:
        ended = container.state in _ENDED
        called = self._called(container.name)
        completes = name in self._completed or condition == "service_completed_successfully"
        if completes and condition == "service_started":
            return ""
        if ended and container.exit_code == 0 and (completes or name in self._ending):
            return ""
        ends = len(self._ends.get(container.name, ()))
        started = self._started.get(name, self._began)
        if ends and is_hopeless(ends, started, self._last_down[container.name]):
            told = self._again_and_again(container)
            raise HostError("service_exited", told + self._last_lines_of(container.name), _BY_HAND)
        if completes and not ended:
            return f"{called} is still {container.state}"
        if ended:
            return self._ended(name, container)
        if container.state == "restarting":  # docker's word, until it starts it again
            return f"{called} ended with exit code {container.exit_code}"
        return "" if container.state == "running" else f"{called} is {container.state}"

    def _ended(self, name: str, container: Container) -> str:
        """Raises where it has ended for good: the engine may be about to start it again."""
        told = f"{self._called(container.name)} ended with exit code {container.exit_code}"
        restart = self._services[name]["restart"]
        if restart != "no" and self._unchanged(container) < RESTART_SECONDS:
            return told
        raise HostError("service_exited", told + self._last_lines_of(container.name), _BY_HAND)

    def _serves(self, name: str, condition: str) -> str:
        """Whether one that runs is healthy and answers, as far as that is asked."""
        if condition in ("service_started", "service_completed_successfully"):
            return ""
        if name in self._completed or not self._replicas(name):
            return ""
        if condition == "service_healthy" and self._check(name, wanted=True) is None:
            raise HostError(
                "not_ready",
                f"service {name} can't become healthy: neither it nor its image has a health check",
                "give it a healthcheck, or wait for service_started",
            )
        return self._healthy(name, condition) or (
            self._answers(name) if condition == "ready" else ""
        )

    def _check(self, name: str, wanted: bool = False) -> Mapping[str, Any] | None:
        """The health check of a service, if it has one. The image's own where it says no other of
        its own accord; where it says nothing, that counts if it is `wanted`, or if the service
        publishes something: another one may well use an image for what that doesn't check."""
        check: Mapping[str, Any] | None = self._services[name]["healthcheck"]
        wanted = wanted or (self._images_count and bool(self._services[name]["ports"]))
        if (check is None and wanted) or (check is not None and not check["test"]):
            own = self._of_image(name)
            given = {key: one for key, one in (check or {}).items() if key != "test"}
            check = {**own, **given} if own else None
        return None if check is None or check["test"][0] == "NONE" else check

    def _of_image(self, name: str) -> Mapping[str, Any] | None:
        """Asked once: it is another one only with another container."""
        if name not in self._of_images:
            container = maker.container_names(self._id, name, self._services[name])[0]
            [shown] = self._engine.inspect([container])
            found = self._engine.image(shown["Image"]) or {}
            self._of_images[name] = image.healthcheck(found)
        return self._of_images[name]

    def _healthy(self, name: str, condition: str) -> str:
        check = self._check(name, wanted=condition == "service_healthy")
        if check is None:
            return ""
        reasons = []
        for container in self._replicas(name):
            key = (container.name, -1)
            if key not in self._asked:
                self._asked[key] = _Asked(
                    *self._health(name, container.name, check),
                    started=self._began_at(name, container.name),
                )
            reasons.append(self._judge(key, container.name))
        return next(filter(None, reasons), "")

    def _health(
        self, name: str, container: str, check: Mapping[str, Any]
    ) -> tuple[Callable[[], str], _Pace]:
        kind, *words = check["test"]
        argv = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
        told = f"the health check of {self._called(container)} fails"

        def ask() -> str:
            reason = _exec(self._engine, container, argv, check["timeout"])
            return f"{told} ({reason})" if reason else ""

        first = (check["start_period"] and check.get("start_interval")) or check["interval"]
        return ask, _Pace(
            grace=check["start_period"],
            grace_period=check.get("start_interval") or check["interval"],
            period=check["interval"],
            failures=check["retries"],
            # an engine asks for the first time after `first`, and believes what it hears then
            held=min(first, HELD_SECONDS) if name in self._beginning else 0.0,
        )

    def _answers(self, name: str) -> str:
        """The profile's probes of a service; where nothing is declared, that it stays up."""
        mine = [one for one in enumerate(self._probes) if one[1]["service"] == name]
        if not mine and self._check(name) is None:
            return next(filter(None, map(self._settled, self._replicas(name))), "")
        containers = [one.name for one in self._replicas(name)]
        reasons = []
        for number, item in mine:
            for container, ask in questions(item, self._published, self._engine, containers):
                key = (container, number)
                if key not in self._asked:
                    began = self._began_at(name, container)
                    self._asked[key] = _Asked(ask, _pace(item), started=began)
                reasons.append(self._judge(key, container))
        reason = next(filter(None, reasons), "")
        return f"service {name}: {reason}" if reason else ""

    def _judge(self, key: tuple[str, int], container: str) -> str:
        asked = self._asked[key]
        reason = asked.look()
        if asked.has_given_up:
            raise HostError("not_ready", reason + self._last_lines_of(container), _BY_HAND)
        return reason

    def _settled(self, container: Container) -> str:
        if container.state in _ENDED:  # which it may, or we wouldn't get here
            return ""
        called = self._called(container.name)
        name = called.split(" ", 1)[1]
        started = any(name == one or name.startswith(one + ".") for one in self._started)
        if not started or self._unchanged(container) >= SETTLE_SECONDS:
            return ""
        if container.name in self._ends:
            return self._again_and_again(container)
        return f"{called} has only just started"

    def _again_and_again(self, container: Container) -> str:
        code = self._exit_codes.get(container.name)
        with_code = f", with exit code {code}" if code is not None else ""
        return f"{self._called(container.name)} ends again and again{with_code}"

    def _last_lines(self, name: str) -> str:
        return self._last_lines_of(maker.container_name(self._id, name))

    def _last_lines_of(self, container: str) -> str:
        lines = self._engine.last_lines(container)
        return "; its last lines:\n" + "\n".join(lines) if lines else ""


class _Pace:
    """How often something is asked, and when it is given up. Seconds, as all times here.

    grace: from the start on, in which failures don't count. period: from one question to the
    next, where it is to be kept; we ask sooner where we may. failures: so many in a row end it,
    none: never. held: good answers end it only once they have come for so long.
    """

    def __init__(
        self,
        *,
        delay: float = 0.0,
        grace: float = 0.0,
        grace_period: float | None = None,
        period: float | None = None,
        kept: bool = False,
        successes: int = 1,
        failures: int | None = None,
        held: float = 0.0,
    ) -> None:
        self.delay = delay
        self.grace = grace
        self.successes = successes
        self.failures = failures
        self.held = held
        self._period = period
        self._grace_period = grace_period
        self._kept = kept

    def pause(self, since_start: float, passes: int, fails: int) -> float:
        if self.held and passes:
            return _HELD_PAUSE
        wanted = self._grace_period if since_start < self.grace else self._period
        if self._kept or passes:
            return wanted if wanted is not None else PERIOD_SECONDS
        eager = min(_MOMENT_SECONDS * 2.0 ** min(fails, 10), _LONGEST_PAUSE)
        return eager if wanted is None else min(eager, wanted)

    def is_over(self, since_start: float, fails: int) -> bool:
        """We ask more often than we have to: so many failures, and so much time."""
        if self.failures is None or fails < self.failures:
            return False
        period = self._period if self._period is not None else PERIOD_SECONDS
        patience = self.grace if self._kept else self.grace + period * self.failures
        return since_start - self.delay > patience


class _Asked:
    """One question that is asked until it is answered well: beside the watching, which a hanging
    one must not hold up."""

    def __init__(self, ask: Callable[[], str], pace: _Pace, started: float | None) -> None:
        self._ask = ask
        self._pace = pace
        self._started = time.monotonic() if started is None else started
        self._next = self._started + pace.delay
        self._asking: _Question | None = None
        self._passes = 0
        self._fails = 0
        self._reason = ""
        self._since = 0.0  # when it was first answered so
        self._good_since = self._last_good = 0.0  # the first and the last of good answers in a row
        self.has_given_up = False

    def look(self) -> str:
        """Empty once it has passed, and from then on; else what came instead, and for how long."""
        if self._has_passed():
            return ""
        if self._asking is None and time.monotonic() >= self._next:
            self._asking = _Question(self._ask)
        if self._asking is not None and self._asking.is_answered():
            self._take(self._asking.answer())
            self._asking = None
        if self._has_passed():
            return ""
        lasted = time.monotonic() - self._since
        if not self._reason:
            return "it was not asked yet" if self._asking is None else "no answer yet"
        return self._reason + (f" for {lasted:.0f} s" if lasted >= _LONGEST_PAUSE else "")

    def _has_passed(self) -> bool:
        enough = self._passes >= self._pace.successes
        return enough and self._last_good - self._good_since >= self._pace.held

    def _take(self, reason: str) -> None:
        at = time.monotonic()
        since_start = at - self._started
        told = reason or _TOO_SHORT
        if told != self._reason:
            self._reason, self._since = told, at
        if not reason:
            self._good_since, self._last_good = (self._good_since if self._passes else at), at
            self._passes, self._fails = self._passes + 1, 0
        else:
            self._passes = 0
            self._fails += 1 if since_start >= self._pace.grace else 0
            self.has_given_up = self._pace.is_over(since_start, self._fails)
        self._next = at + self._pace.pause(since_start, self._passes, self._fails)


class _Question(threading.Thread):
    def __init__(self, ask: Callable[[], str]) -> None:
        super().__init__(daemon=True)  # one that hangs does not keep the job alive
        self._ask = ask
        self._answer = ""
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._answer = self._ask()
        except Exception as error:  # an empty answer would be a good one
            self._error = error

    def is_answered(self) -> bool:
        self.join(_MOMENT_SECONDS)
        return not self.is_alive()

    def answer(self) -> str:
        if self._error is not None:
            raise self._error
        return self._answer


def _pace(item: Mapping[str, Any]) -> _Pace:
    return _Pace(
        delay=item.get("initial_delay", 0.0),
        period=item.get("period"),
        kept="period" in item,
        successes=item.get("success", 1),
        failures=item.get("failure"),
    )


def questions(
    item: Mapping[str, Any],
    published: Sequence[Mapping[str, Any]],
    engine: Engine,
    containers: Sequence[str],
) -> list[tuple[str, Callable[[], str]]]:
    """One probe of the document, for each container of its service: (container, question).

    HTTP and TCP are asked at the published address, a command inside.
    """
    seconds = item.get("timeout", probe.SECONDS)
    if "exec" in item:
        words = item["exec"]["command"]
        return [(one, _asks_inside(engine, one, words, seconds)) for one in containers]
    kind = "http" if "http" in item else "tcp"
    wanted = item[kind]
    where = [
        endpoint["host_port"]
        for endpoint in published
        if endpoint["service"] == item["service"] and endpoint["port"] == wanted["port"]
    ]
    if not where:
        told = "port {} is not published".format(wanted["port"])
        return [(one, lambda: told) for one in containers[:1]]
    shown = "{}:{}".format(item["service"], wanted["port"])
    return [
        (one, _asks_port(kind, host_port, wanted, seconds, shown, engine.has_proxy))
        for one, host_port in zip(containers, where)
    ]


def _asks_inside(
    engine: Engine, container: str, words: Sequence[str], seconds: float
) -> Callable[[], str]:
    def ask() -> str:
        reason = _exec(engine, container, words, seconds)
        return f"its probe `{words[0]}` fails ({reason})" if reason else ""

    return ask


def _asks_port(
    kind: str,
    host_port: int,
    wanted: Mapping[str, Any],
    seconds: float,
    shown: str,
    has_proxy: bool,
) -> Callable[[], str]:
    if kind == "http":
        return lambda: probe.http("127.0.0.1", host_port, wanted, seconds, shown)
    return lambda: probe.tcp("127.0.0.1", host_port, seconds, shown, has_proxy)


def _exec(engine: Engine, container: str, words: Sequence[str], seconds: float) -> str:
    """Empty where the command ends well in its time; else how it ended."""
    done = inside.run(engine, container, words, seconds)
    if done is None:
        return f"no end within {seconds:g} s"
    if done.returncode == 0:
        return ""
    lines = said(done.stdout + done.stderr)
    return "exit {}{}".format(done.returncode, ": " + lines[-1][:300] if lines else "")
