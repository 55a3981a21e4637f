"""When a service counts as up, by an engine that plays what it is told."""

from __future__ import annotations

import itertools
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import image, maker, readiness
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import (
    Container,
    said,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.readiness import Readiness
from ansible_collections.coulomb.sandboxer.tests.unit.clock import Clock

Scene = Mapping[str, tuple[str, int, int]]
ID = "sbx-test"
RUNNING = ("running", 0, 1)
ENDED = ("exited", 3, 1)


class Played:
    """An engine. `scenes` are what is seen, one a look: service -> (state, exit code, started).
    `healthcheck` is that of each image."""

    has_proxy = False

    def __init__(self, scenes: Iterable[Scene], healthcheck: Any = None) -> None:
        self._scenes = iter(scenes)
        self._healthcheck = healthcheck

    def inspect(self, containers: Sequence[str]) -> list[dict[str, Any]]:
        return [{"Image": "of " + name} for name in containers]

    def image(self, name: str) -> dict[str, Any] | None:
        return {"Healthcheck": self._healthcheck}

    def containers(self) -> list[Container]:
        return [
            Container(name, f"{ID}.{name}", state, code, at, ID, "1")
            for name, (state, code, at) in next(self._scenes).items()
        ]

    def attempt(self, argv: Sequence[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(argv, 1, b"", b"no\n")

    def last_lines(self, container: str) -> list[str]:
        return [f"the last of {container}"]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(readiness, "time", made)
    return made


def watched(
    scenes: Iterable[Scene], of_images: Any = None, **services: dict[str, Any]
) -> Readiness:
    document = {
        "services": {
            name: {"restart": "no", "healthcheck": None, "depends_on": {}, "ports": [], **service}
            for name, service in services.items()
        },
        "probes": [],
    }
    engine: Any = Played(scenes, of_images)
    found = Readiness(engine, ID, document, [])
    found.started(list(services))
    return found


def test_what_stays_up_is_ready(clock: Clock) -> None:
    watched(itertools.repeat({"web": RUNNING}), web={}).wait({"web": "ready"})
    assert readiness.SETTLE_SECONDS <= clock.now < 2 * readiness.SETTLE_SECONDS


def test_what_ends_says_so_at_once(clock: Clock) -> None:
    scenes = itertools.repeat({"web": ENDED})
    with pytest.raises(HostError, match="exit code 3; its last lines:\nthe last of") as error:
        watched(scenes, web={}).wait({"web": "ready"})
    assert (error.value.code, clock.now) == ("service_exited", 0)


def test_each_container_of_a_service_is_looked_at() -> None:
    found = watched(itertools.repeat({"web": RUNNING, "web.2": ENDED}), web={"replicas": 2})
    with pytest.raises(HostError, match=r"service web\.2 ended with exit code 3"):
        found.wait({"web": "ready"})


def test_one_that_ended_is_told_before_one_that_waits_for_it() -> None:
    check = {"test": ["CMD", "x"], "timeout": 1, "interval": 9, "retries": 9, "start_period": 0}
    scenes = itertools.repeat({"web": RUNNING, "db": ENDED})
    found = watched(scenes, web={"healthcheck": check}, db={})
    with pytest.raises(HostError, match="service db ended with exit code 3"):
        found.wait({"web": "ready", "db": "ready"})


OWN = {"Test": ["CMD", "x"], "Interval": 4 * 10**9, "Retries": 2}


@pytest.mark.parametrize(
    ("check", "condition", "seconds"),
    [
        ({"test": []}, "ready", 8),
        ({"test": [], "interval": 1.0}, "service_healthy", 2),
        ({"test": [], "start_period": 5.0}, "service_healthy", 13),
        (None, "service_healthy", 8),
    ],
)
def test_the_images_own_health_check(
    clock: Clock, check: Any, condition: str, seconds: int
) -> None:
    """Asked as the image says, but for what the service does. Where that says nothing, and who
    asks knows no images, it is asked only where somebody waits for it."""
    scenes = itertools.repeat({"db": RUNNING})
    found = watched(scenes, OWN, db={"healthcheck": check})
    with pytest.raises(HostError, match="the health check of service db fails"):
        found.wait({"db": condition})
    assert seconds <= clock.now <= seconds + 3


def test_that_of_an_image_counts_as_the_services_own(clock: Clock) -> None:
    """Of one that publishes something: a worker may use the image of the service that it is of."""
    own = image.healthcheck({"Healthcheck": OWN})
    for known in ({"db": own}, {}):
        scenes = itertools.repeat({"db": RUNNING, "worker": RUNNING})
        found = watched(scenes, OWN, db={"ports": [80]}, worker={})
        found.knows(known, ())
        begun = clock.now
        with pytest.raises(HostError, match="the health check of service db fails"):
            found.wait({"db": "ready", "worker": "ready"})
        assert clock.now - begun >= 8


CHECK = {"test": ["CMD", "x"], "timeout": 1, "interval": 9, "retries": 9, "start_period": 0}


class Answering(Played):
    """`answers` are exit codes by the second in which it is asked; later ones are 0."""

    def __init__(self, scenes: Iterable[Scene], clock: Clock, answers: Sequence[int]) -> None:
        super().__init__(scenes)
        self.asked: list[float] = []
        self._clock = clock
        self._answers = answers

    def attempt(self, argv: Sequence[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        self.asked.append(self._clock.now)
        status = dict(enumerate(self._answers)).get(int(self._clock.now), 0)
        return subprocess.CompletedProcess(argv, status, b"", b"no\n")


@pytest.mark.parametrize(
    ("check", "beginning", "answers", "seconds"),
    [
        ({}, (), [0, 1], 0),
        ({}, ("db",), [], 3),
        ({}, ("db",), [0, 0, 1], 6),  # its server of before is gone, and the real one not there
        ({"interval": 1}, ("db",), [0, 0, 1], 1),
        ({"start_interval": 1}, ("db",), [0, 0, 1], 6),  # which counts in the start period alone
        ({"start_interval": 1, "start_period": 20}, ("db",), [0, 0, 1], 1),
    ],
)
def test_what_begins_with_nothing_answers_well_for_a_while(
    clock: Clock, check: dict[str, Any], beginning: Sequence[str], answers: list[int], seconds: int
) -> None:
    found = watched(itertools.repeat({"db": RUNNING}), db={"healthcheck": {**CHECK, **check}})
    found._engine = Answering(itertools.repeat({"db": RUNNING}), clock, answers)  # type: ignore[assignment]
    found.knows({}, beginning)
    found.wait({"db": "service_healthy"})
    assert seconds <= clock.now < seconds + 0.8


def test_all_containers_of_a_service_are_asked_at_once(clock: Clock) -> None:
    scene = {"db": RUNNING, "db.2": RUNNING, "db.3": RUNNING}
    found = watched(itertools.repeat(scene), db={"healthcheck": CHECK, "replicas": 3})
    found._engine = Answering(itertools.repeat(scene), clock, [])  # type: ignore[assignment]
    found.knows({}, ["db"])
    found.wait({"db": "service_healthy"})
    assert clock.now < 2 * readiness.HELD_SECONDS


def test_who_is_down_is_asked_no_more_often(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    asked: list[float] = []
    monkeypatch.setattr(readiness, "_exec", lambda *_: asked.append(clock.now) or "no")
    down: Scene = {"web": ("restarting", 3, 1)}
    up: Scene = {"web": ("running", 0, 2)}
    scenes = [{"web": RUNNING}, *itertools.repeat(down, 20), *itertools.repeat(up, 9), {}]
    found = watched(scenes, web={"healthcheck": CHECK, "restart": "always"})
    with pytest.raises(HostError, match="is gone"):
        found.wait({"web": "ready"})
    assert len(asked) < 20


def test_what_starts_again_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has answered before its end says nothing."""
    again: Scene = {"web": ("running", 0, 2), "db": RUNNING}
    scenes = [{"web": RUNNING, "db": RUNNING}, *itertools.repeat(again, 99)]
    found = watched(scenes, web={"healthcheck": CHECK, "restart": "always"}, db={})
    answers = iter(["", "no", "no", "", "nobody asks so often"])
    monkeypatch.setattr(readiness, "_exec", lambda *_: next(answers))
    found.wait({"web": "ready", "db": "ready"})
    assert list(answers) == ["nobody asks so often"]


@pytest.mark.parametrize("own", [None, {"Test": ["NONE"]}])
def test_nobody_can_tell_whether_it_is_healthy(own: Any) -> None:
    found = watched(itertools.repeat({"db": RUNNING}), own, db={"healthcheck": {"test": []}})
    with pytest.raises(HostError, match="neither it nor its image has a health check"):
        found.wait({"db": "service_healthy"})
    watched(itertools.repeat({"db": RUNNING}), own, db={}).wait({"db": "ready"})


@pytest.mark.parametrize("condition", ["ready", "service_completed_successfully"])
def test_a_restart_policy_gets_a_moment_and_no_more(clock: Clock, condition: str) -> None:
    scenes = itertools.repeat({"web": ENDED})
    with pytest.raises(HostError, match="exit code 3"):
        watched(scenes, web={"restart": "on-failure"}).wait({"web": condition})
    assert clock.now >= readiness.RESTART_SECONDS


def test_one_that_docker_is_to_start_again_has_ended() -> None:
    """It gives it a state of its own."""
    restarting = {"web": ("restarting", 3, 1)}
    found = watched([restarting], web={"restart": "always"})
    with pytest.raises(StopIteration):  # there is no second look
        found.wait({"web": "ready"})
    assert found.why().startswith("service web ended with exit code 3; its last lines:")


def test_a_job_that_its_restart_policy_saves() -> None:
    scenes = [{"job": ENDED}, {"job": ("running", 0, 2)}, {"job": ("exited", 0, 2)}]
    found = watched(scenes, job={"restart": "on-failure"})
    found.wait({"job": "service_completed_successfully"})


def test_an_awaited_job_that_never_ends_well_is_given_up(clock: Clock) -> None:
    """Docker shows one that it will start again as restarting, and never as ended."""
    scenes = ({"job": ("restarting", 3, at)} for at in itertools.count(1))
    found = watched(scenes, job={"restart": "on-failure"})
    with pytest.raises(HostError, match="exit code 3"):
        found.wait({"job": "service_completed_successfully"})
    assert clock.now >= readiness.CRASH_SECONDS


def test_what_is_started_again_and_again_is_not_up() -> None:
    """A second's worth of looks, each at another start."""
    scenes = [{"web": ("running", 0, at)} for at in range(1, 50)]
    found = watched(scenes, web={"restart": "always"})
    with pytest.raises(StopIteration):  # the play is over, and nobody called it ready
        found.wait({"web": "ready"})
    assert found.why() == f"service web ends again and again; its last lines:\nthe last of {ID}.web"


@pytest.mark.parametrize(
    ("ends", "last_down", "given_up"),
    [
        (5, 160.0, True),
        (4, 1000.0, False),  # one that lives long between its ends
        (1000, 159.9, False),  # its database may take so long
        (6, 130.0, False),  # it has stayed up since
        (0, 0.0, False),
    ],
)
def test_when_what_ends_again_and_again_is_given_up(
    ends: int, last_down: float, given_up: bool
) -> None:
    assert readiness.is_hopeless(ends, 100.0, last_down) is given_up


def crashing(clock: Clock, every: float, until: float = 1e9) -> Iterable[Scene]:
    """An engine that starts it again as it ends, and is seen only between."""
    while clock.now < 300:
        yield {"web": ("running", 0, 1 + int(min(clock.now, until) / every))}


ALWAYS_FAILS = {"test": ["CMD", "x"], "timeout": 1, "interval": 9, "retries": 99, "start_period": 0}


@pytest.mark.parametrize("check", [None, ALWAYS_FAILS])
@pytest.mark.parametrize(("every", "given_up_at"), [(1.0, 60), (14.0, 70), (25.0, 125)])
def test_a_crash_loop_is_given_up(
    clock: Clock, check: Any, every: float, given_up_at: float
) -> None:
    """Whatever else is declared for it."""
    found = watched(crashing(clock, every), web={"restart": "always", "healthcheck": check})
    if check is None:  # between its ends it would pass for one that stays up
        found._settled = lambda container: "not yet"  # type: ignore[method-assign]
    with pytest.raises(HostError, match=r"again and again; its last lines:\nthe last") as error:
        found.wait({"web": "ready"})
    assert error.value.code == "service_exited"
    assert given_up_at <= clock.now < given_up_at + 1


def test_one_that_the_engine_lets_wait_before_it_starts_it_again(clock: Clock) -> None:
    """docker waits twice as long each time: it is down as the time ends."""
    starts = [("running", 0, at) for at in range(1, 7)]
    scenes = [{"web": one} for one in starts] + [{"web": ("restarting", 3, 6)}] * 999
    with pytest.raises(HostError, match="again and again, with exit code 3"):
        watched(scenes, web={"restart": "always"}).wait({"web": "ready"})
    assert 60 <= clock.now < 61


def test_one_that_crashes_until_its_database_is_up(clock: Clock) -> None:
    scenes = crashing(clock, 1.0, until=59.0)
    watched(scenes, web={"restart": "always"}).wait({"web": "ready"})
    assert 60 <= clock.now < 61


def test_a_health_check_has_its_patience(clock: Clock) -> None:
    check = {"test": ["CMD", "x"], "timeout": 1, "interval": 2, "retries": 3, "start_period": 4}
    scenes = itertools.repeat({"web": RUNNING}, 300)
    with pytest.raises(HostError, match=r"fails \(exit 1: no\) for 10 s; its last lines") as error:
        watched(scenes, web={"healthcheck": check}).wait({"web": "ready"})
    assert error.value.code == "not_ready"
    assert 10 < clock.now < 11


@pytest.mark.parametrize(
    ("check", "seconds"),
    [
        ({"start_period": 0, "interval": 2, "retries": 1}, 2),
        ({"start_period": 20, "start_interval": 5, "interval": 2, "retries": 2}, 24),
    ],
)
def test_failures_count_after_the_start_period(
    clock: Clock, check: dict[str, Any], seconds: int
) -> None:
    scenes = itertools.repeat({"web": RUNNING})
    found = watched(scenes, web={"healthcheck": {"test": ["CMD", "x"], "timeout": 1, **check}})
    with pytest.raises(HostError, match="fails"):
        found.wait({"web": "service_healthy"})
    assert seconds < clock.now < seconds + 1.5


def test_all_replicas_have_to_run() -> None:
    scenes: list[Scene] = [
        {"web": RUNNING, "web.2": ("created", 0, 0)},
        {"web": RUNNING, "web.2": ENDED},
    ]
    with pytest.raises(HostError, match=r"service web\.2 ended with exit code 3"):
        watched(scenes, web={"replicas": 2}).wait({"web": "ready"})


@pytest.mark.parametrize("condition", ["ready", "service_healthy"])
@pytest.mark.parametrize("check", [None, {"test": []}])
def test_a_service_without_replicas_is_not_waited_for(condition: str, check: Any) -> None:
    watched([{}], web={"replicas": 0, "healthcheck": check}).wait({"web": condition})


DONE = ("exited", 0, 1)


@pytest.mark.parametrize("condition", ["ready", "service_started"])
@pytest.mark.parametrize("restart", ["no", "on-failure", "on-failure:3"])
def test_a_job_that_nobody_waits_for_may_end(clock: Clock, condition: str, restart: str) -> None:
    """As `compose up -d` has it: one that fills a bucket, one that makes a topic."""
    scenes = itertools.repeat({"web": RUNNING, "job": DONE})
    found = watched(scenes, web={"ports": [80]}, job={"restart": restart})
    found.wait({"web": "service_started", "job": condition})
    found.refuse_idle()
    assert clock.now == 0


@pytest.mark.parametrize(
    "service",
    [{"ports": [80]}, {"healthcheck": {"test": ["CMD", "x"]}}, {"restart": "unless-stopped"}],
    ids=["ports", "healthcheck", "restart"],
)
def test_one_that_is_to_serve_may_not(service: dict[str, Any]) -> None:
    scenes = itertools.repeat({"web": RUNNING, "job": DONE})
    with pytest.raises(HostError, match="service job ended with exit code 0"):
        watched(scenes, web={}, job=service).wait({"web": "service_started", "job": "ready"})


@pytest.mark.parametrize(
    ("more", "others", "probed", "may"),
    [
        ({}, {}, (), True),
        ({"healthcheck": {"test": ["NONE"]}}, {}, (), True),
        ({"healthcheck": {"test": []}}, {}, (), False),
        ({"expose": [80]}, {}, (), False),
        ({}, {}, ("job",), False),
        ({}, {"depends_on": {"job": {"condition": "service_started"}}}, (), True),
        ({}, {"depends_on": {"job": {"condition": "service_healthy"}}}, (), False),
        ({}, {"network_mode": "service:job"}, (), False),
    ],
)
def test_who_may_end(
    more: dict[str, Any], others: dict[str, Any], probed: Sequence[str], may: bool
) -> None:
    plain = {"restart": "no", "healthcheck": None, "depends_on": {}, "ports": []}
    services = {"job": {**plain, **more}, "web": {**plain, "ports": [80], **others}}
    made = {"services": services, "probes": [{"service": one} for one in probed]}
    assert maker.ending_services(made) == ({"job"} if may else set())


def test_something_has_to_run() -> None:
    found = watched(itertools.repeat({"job": DONE, "jot": DONE}), job={}, jot={})
    found.wait({"job": "ready", "jot": "ready"})
    with pytest.raises(HostError, match="service job ended with exit code 0, and nothing else"):
        found.refuse_idle()


def test_who_has_what_he_wishes_need_not_wait_for_others() -> None:
    scenes = itertools.repeat({"db": RUNNING, "job": RUNNING})
    found = watched(scenes, db={"ports": [80]}, job={})
    wishes = {
        "web": [("db", "service_started"), ("job", "service_completed_successfully")],
        "init": [("db", "service_started")],
    }
    assert found.wait_for_any(wishes) == ["init"]
    with pytest.raises(StopIteration):
        found._engine = Played([{"db": RUNNING, "job": RUNNING}])  # type: ignore[assignment]
        found.wait_for_any({"web": wishes["web"]})
    assert found.why().startswith("service job is still running")


def test_each_condition_of_a_service_counts() -> None:
    check = {"test": ["CMD", "x"], "timeout": 1, "interval": 1, "retries": 2, "start_period": 0}
    found = watched(itertools.repeat({"db": RUNNING}), db={"healthcheck": check})
    wish = [("db", "service_healthy"), ("db", "service_started")]
    with pytest.raises(HostError, match="the health check of service db fails"):
        found.wait_for_any({"api": wish})


def test_a_question_that_breaks_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise OSError("no more processes")

    monkeypatch.setattr(readiness.probe, "tcp", broken)
    found = watched(itertools.repeat({"web": RUNNING}), web={})
    found._probes = [{"service": "web", "tcp": {"port": 80}}]
    found._published = [{"service": "web", "port": 80, "host_port": 1}]
    with pytest.raises(OSError, match="no more processes"):
        found.wait({"web": "ready"})


def test_a_probe_of_nobody_is_not_asked() -> None:
    item = {"service": "web", "tcp": {"port": 80}}
    engine: Any = None
    assert readiness.questions(item, [], engine, []) == []


def test_an_optional_service_is_forgiven() -> None:
    scenes = itertools.repeat({"web": RUNNING, "extra": ENDED})
    found = watched(scenes, web={}, extra={})
    found.wait({"web": "ready", "extra": "ready"}, optional={"extra"})
    assert list(found.forgiven) == ["extra"]
    assert "exit code 3" in found.forgiven["extra"]


def test_one_that_hangs_does_not_hide_one_that_ended(clock: Clock) -> None:
    """A health check that never answers is asked beside the watching."""
    hanging = threading.Event()

    class Hanging(Played):
        def attempt(self, argv: Sequence[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
            hanging.wait(10)
            return subprocess.CompletedProcess(argv, 0, b"", b"")

    check = {"test": ["CMD", "x"], "timeout": 30, "interval": 9, "retries": 9, "start_period": 0}
    scenes: list[Scene] = [
        {"web": RUNNING, "db": RUNNING},
        {"web": RUNNING, "db": RUNNING},
        {"web": RUNNING, "db": ENDED},
    ]
    found = watched(scenes, web={"healthcheck": check}, db={})
    found._engine = Hanging(scenes)  # type: ignore[assignment]
    begin = time.monotonic()
    try:
        with pytest.raises(HostError, match="service db ended"):
            found.wait({"web": "ready", "db": "ready"})
    finally:
        hanging.set()
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    ("item", "answers", "seconds"),
    [
        ({}, ["no", "no", ""], 0.3),
        ({"initial_delay": 5}, [""], 5),
        ({"period": 3}, ["no", "no", ""], 6),
        ({"period": 3, "success": 3}, ["", "no", "", "", ""], 12),
        ({"success": 2}, ["", ""], readiness.PERIOD_SECONDS),
    ],
)
def test_a_probe_keeps_its_times(
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    item: dict[str, Any],
    answers: list[str],
    seconds: float,
) -> None:
    said_ = iter(answers)
    monkeypatch.setattr(readiness.probe, "tcp", lambda *_: next(said_))
    found = watched(itertools.repeat({"web": RUNNING}), web={})
    found._probes = [{"service": "web", "tcp": {"port": 80}, **item}]
    found._published = [{"service": "web", "port": 80, "host_port": 1}]
    found.wait({"web": "ready"})
    assert seconds - 0.3 <= clock.now < seconds + 1.5


def test_a_probe_gives_up_where_it_says_so(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness.probe, "tcp", lambda *_: "no connection to web:80")
    found = watched(itertools.repeat({"web": RUNNING}), web={})
    found._probes = [{"service": "web", "tcp": {"port": 80}, "period": 2, "failure": 3}]
    found._published = [{"service": "web", "port": 80, "host_port": 1}]
    with pytest.raises(HostError, match=r"no connection to web:80 for 4 s; its last lines"):
        found.wait({"web": "ready"})
    assert 4 <= clock.now < 5


def test_what_the_engine_logs_is_not_what_a_command_said() -> None:
    logged = b'time="2026-01-01T00:00:00Z" level=warning msg="cgroups"\n'
    assert said(b"first\n" + logged + b"\n last \n" + logged) == ["first", "last"]
    assert said(b'time="2026-01-01T00:00:00Z" level=error msg="told"\n') != []
