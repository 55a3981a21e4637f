"""The test of a sandbox, as a job: health, then the steps, then what they leave behind.

Whatever happens is written into the run's record as facts; what they amount to is judged by the
controller.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import (
    confined,
    deadline,
    engines,
    evidence,
    job,
    lease,
    maker,
    observe,
    output,
    record,
    run,
    source,
    step,
)
from .clock import instant, now
from .create import document_of
from .errors import HostError
from .evidence import OUT
from .freshness import BrokenOff, Mark
from .readiness import Readiness
from .record import Record
from .run import Run
from .state import State, read_json

LOG_BYTES = 1024 * 1024  # of what is shown while it goes on; each step's own log has more
OUT_IN_SERVICE = "/e2e-out"  # of its own container
_PERIODS = {
    "initialDelaySeconds": "initial_delay",
    "periodSeconds": "period",
    "timeoutSeconds": "timeout",
    "successThreshold": "success",
    "failureThreshold": "failure",
}
_MOMENT_SECONDS = 1.0  # in which an engine sees that a container has ended
_SPARE_SECONDS = 60.0
LATE_SECONDS = 60.0  # one call, where its job can't collect any more


def perform(state: State, run_id: str, generation: int, program: str) -> None:
    """The whole of a test's job. Ends with the run `tested`."""
    current = run.read(state, run_id)
    if current is None or current.state != "testing":
        return
    timeouts = current.document["timeouts"]
    deadline_at = now().wall + sum(timeouts.values()) + _SPARE_SECONDS
    myself = job.myself("test", deadline_at)
    # in the sandbox's record: who takes the sandbox away ends its test
    sandbox = record.update(state, current.sandbox, generation, job=myself)
    current = run.update(state, run_id, "testing", job=myself)
    suite = _Suite(state, current, sandbox, program)
    try:
        suite.perform()
    except HostError as error:
        suite.end(error=error.as_dict())
    except Exception as error:
        suite.end(error=HostError("internal", f"{type(error).__name__}: {error}").as_dict())
        raise
    else:
        suite.end()


def collect(state: State, current: Run, secrets: Mapping[str, str]) -> Run:
    """What the job of a test did not come to: evidence, once, and while its sandbox is there.

    `secrets` are those that the controller still knows. The run, as it is then. Who asks again
    while it is being collected waits for that.
    """
    work = state.wait_work_lock(current.sandbox, 2 * LATE_SECONDS)
    try:
        current = run.read(state, current.id) or current
        sandbox = record.read(state, current.sandbox)
        if sandbox is None or sandbox.wanted == "absent":
            return current
        done = [one for one in current.phases if one["name"] == "collect"]
        is_done = bool(done) and done[-1]["status"] != "running"
        if current.state != "tested" or is_done or sandbox.generation != current.generation:
            return current
        phase = _collected_late(state, current, sandbox, secrets)
        phases = [one for one in current.phases if one["name"] != "collect"]
        return run.update(state, current.id, "tested", phases=(*phases, phase))
    finally:
        os.close(work)


def _collected_late(
    state: State, current: Run, sandbox: Record, secrets: Mapping[str, str]
) -> dict[str, Any]:
    begun = now().wall
    phase = {"name": "collect", "started_at": instant(begun), "status": "done"}
    known = set(current.document["secrets"]) <= secrets.keys()
    try:
        services = document_of(state, sandbox)["services"]
        folder = source.root(state, sandbox.id)
        collecting = evidence.Collecting(
            *(state, current, sandbox, services, engines.named(sandbox.engine)),
            *(BrokenOff(folder, ()), tuple(secrets.values()) if known else None, OUT_IN_SERVICE),
        )
        with deadline.within(min(current.document["timeouts"]["collect"], LATE_SECONDS)):
            collecting.collect()
    except deadline.PassedError:
        phase.update(status="timeout", reason="not collected in its time")
    except (HostError, OSError, ValueError) as error:
        phase.update(status="failed", reason=str(error))
    return {**phase, "seconds": round(now().wall - begun, 3)}


def probes(health: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A run's health as a sandbox's document has its probes."""
    return [{_PERIODS.get(key, key): value for key, value in one.items()} for one in health]


def endpoints(
    published: Sequence[Mapping[str, Any]], health: Sequence[Mapping[str, Any]], where: str
) -> dict[str, str]:
    """SERVICE_PORT -> URL. Asked from a service it is the service's own name and port."""
    spoken = {
        (one["service"], one["http"]["port"]): one["http"].get("scheme") or "http"
        for one in health
        if "http" in one
    }
    found: dict[str, str] = {}
    for one in published:
        scheme = spoken.get((one["service"], one["port"])) or one["url"].partition("://")[0]
        at = f"127.0.0.1:{one['host_port']}"
        if where != "host":
            at = "{service}:{port}".format(**one)
        name = re.sub(r"[^A-Z0-9]", "_", "{service}_{port}".format(**one).upper())
        found.setdefault(name, f"{scheme.lower()}://{at}")  # of several replicas the first
    return found


def check(document: Mapping[str, Any], services: Mapping[str, Any]) -> None:
    """Refuse what no sandbox could do. HostError `usage`."""
    named = [one["service"] for one in document["health"]]
    named += [one["in"] for one in document["steps"] if one["in"] != "host"]
    for name in named:
        if name not in services:
            raise HostError(
                "usage",
                f"there is no service {name}",
                "it has {}".format(", ".join(sorted(services))),
            )


def account(state: State) -> confined.Account:
    """The one that tests run as. HostError `run_account_missing`."""
    name = (read_json(state.host_file) or {}).get("run_account")
    try:
        found = pwd.getpwnam(name or "")
    except KeyError:
        found = None
    if found is None or found.pw_uid == 0:
        raise HostError(
            "run_account_missing",
            "this host has no account to run tests as",
            "run `sandboxer host prepare HOST`, or run the steps in a service",
        )
    return confined.Account(found.pw_name, found.pw_uid, found.pw_gid)


class _Suite:
    def __init__(self, state: State, current: Run, sandbox: Record, program: str) -> None:
        self._state = state
        self._run = current
        self._sandbox = sandbox
        self._program = program
        self._engine = engines.named(sandbox.engine)
        self._document = current.document
        self._services = document_of(state, sandbox)["services"]
        self._log = job.Log(state.run(current.id), LOG_BYTES)
        self._published = sandbox.reachability["endpoints"]
        self._folder = source.root(state, sandbox.id)
        self._secrets = _take_secrets(state, current.id)
        self._phases: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []
        self._mark = Mark(self._folder, self._document["reports"]["junit"])

    def perform(self) -> None:
        check(self._document, self._services)
        if self._is_healthy():
            self._test()
        self._collect()

    def end(self, **changes: Any) -> None:
        with contextlib.suppress(HostError):  # fenced: somebody has ended it for us
            at = {**self._run.instants, "tested_at": now().wall}
            self._note(state="tested", instants=at, **changes)

    def _is_healthy(self) -> bool:
        health = self._document["health"]
        if not health:
            self._skip("health")
            return True
        self._say("health", "waiting until it is healthy")
        asked = {"services": self._services, "probes": probes(health)}
        readiness = Readiness(self._engine, self._sandbox.id, asked, self._published)
        seconds = self._document["timeouts"]["health"]
        with self._phase("health") as phase:
            try:
                with deadline.within(seconds):
                    readiness.wait(dict.fromkeys([one["service"] for one in health], "ready"))
                return True
            except deadline.PassedError:
                phase.update(status="timeout")
                phase.update(reason=f"not healthy after {seconds:g} s: {readiness.why()}")
            except HostError as error:
                phase.update(status="failed", reason=str(error))
            self._note_death()
        self._say("health", phase["reason"])
        self._skip("test")
        return False

    def _test(self) -> None:
        steps = self._document["steps"]
        who = None
        if any(one["in"] == "host" for one in steps):
            who = account(self._state)
            given_to = document_of(self._state, self._sandbox).get("source_owner") or (0, 0)
            confined.prepare(self._state, self._sandbox.id, who, given_to[0])
        end = time.monotonic() + self._document["timeouts"]["test"]
        with self._phase("test") as phase:
            self._mark.begin()
            for number, one in enumerate(steps, 1):
                for attempt in range(1, self._document["retries"] + 2):
                    if attempt > 1:
                        self._mark.again()
                    ended = self._step(number, one, attempt, end, who)
                    if ended.exit_code == 0:
                        break
                    phase["status"] = "timeout" if ended.timed_out else "failed"
                    self._note_death()
                    if self._run.died or time.monotonic() >= end:
                        return
                else:
                    return
                phase["status"] = "done"

    def _step(
        self,
        number: int,
        asked: Mapping[str, Any],
        attempt: int,
        end: float,
        who: confined.Account | None,
    ) -> step.Ended:
        """One attempt of a step: run, and written down."""
        name, where = asked["name"], asked["in"]
        log = evidence.step_log(number, name, attempt)
        again = f", attempt {attempt}" if attempt > 1 else ""
        self._say("test", f"step {name}{again}")
        path = os.path.join(self._state.run(self._run.id), log)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        told = step.Output(
            path,
            lambda text: self._log.write("test", text),
            [value.encode("utf-8", "surrogateescape") for value in self._secrets.values()],
        )
        seconds = max(min(asked["timeout"], end - time.monotonic()), 0.0)
        begun = now().wall
        environment = {**self._secrets, **self._environment(where)}
        if where == "host" and who is not None:
            ended = step.on_host(
                confined.Place(
                    os.path.join(self._state.programs, self._program),
                    self._state.remote,
                    self._sandbox.id,
                    who,
                ),
                asked["run"],
                environment,
                seconds,
                told,
            )
        else:
            container = maker.container_name(self._sandbox.id, where)
            evidence.make_out(self._engine, container, OUT_IN_SERVICE)
            env_file = os.path.join(self._state.run(self._run.id), run.ENVIRONMENT)
            ended = step.in_service(
                self._engine, container, asked["run"], environment, env_file, seconds, told
            )
        self._steps.append(
            {
                "name": name,
                "in": where,
                "attempt": attempt,
                "started_at": instant(begun),
                "exit_code": ended.exit_code,
                "seconds": round(ended.seconds, 3),
                "timed_out": ended.timed_out,
                "log": log,
                "tail": output.last_lines(path),
            }
        )
        self._note()
        how = "timed out" if ended.timed_out else f"exit {ended.exit_code}"
        self._say("test", f"step {name}: {how} after {ended.seconds:.1f} s")
        return ended

    def _environment(self, where: str) -> dict[str, str]:
        return step.environment(
            self._run.id,
            self._sandbox.id,
            self._folder if where == "host" else "",
            os.path.join(self._folder, OUT) if where == "host" else OUT_IN_SERVICE,
            endpoints(self._published, self._document["health"], where),
            _traceparent(self._run.id, len(self._steps)),
        )

    def _note_death(self) -> None:
        """Whether the sandbox is still what it was when the test began: written down if not."""
        end = time.monotonic() + _MOMENT_SECONDS
        died = self._died()
        while not died and time.monotonic() < end:
            time.sleep(0.2)
            died = self._died()
        if died:
            self._say("test", f"the sandbox died: {died}")
            self._note(died=died)

    def _died(self) -> str:
        current = record.read(self._state, self._sandbox.id)
        if current is None or current.wanted == "absent":
            return f"{self._sandbox.id} was taken away"
        if current.generation != self._sandbox.generation or current.state != "ready":
            return f"{self._sandbox.id} is {current.state}, of another generation"
        if lease.remaining(current.granted(), now()) <= 0:
            return f"the lease of {self._sandbox.id} has ended"
        try:
            return observe.drift(current, self._engine.containers())
        except HostError as error:
            return str(error)

    def _collect(self) -> None:
        with self._phase("collect") as phase:
            collecting = evidence.Collecting(
                *(self._state, self._run, self._sandbox, self._services, self._engine),
                *(self._mark, tuple(self._secrets.values()), OUT_IN_SERVICE),
            )
            seconds = self._document["timeouts"]["collect"]
            try:
                with deadline.within(seconds):
                    collecting.collect()
            except deadline.PassedError:
                phase.update(status="timeout", reason=f"not collected in {seconds:g} s")
            except (HostError, OSError) as error:
                phase.update(status="failed", reason=str(error))

    def _skip(self, name: str) -> None:
        self._phases.append({"name": name, "started_at": None, "seconds": 0.0, "status": "skipped"})

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[dict[str, Any]]:
        begun = time.monotonic()
        phase: dict[str, Any] = {
            "name": name,
            "started_at": instant(now().wall),
            "seconds": 0.0,
            "status": "running",  # so it stays where we die in it
        }
        self._phases.append(phase)
        self._note()
        phase["status"] = "done"
        try:
            yield phase
        finally:
            phase["seconds"] = round(time.monotonic() - begun, 3)

    def _note(self, **changes: Any) -> None:
        """Into the record what is known so far. HostError `fenced` where somebody has ended us."""
        known = {"phases": tuple(self._phases), "steps": tuple(self._steps)}
        self._run = run.update(self._state, self._run.id, "testing", **known, **changes)

    def _say(self, phase: str, text: str) -> None:
        self._log.write(phase, text)


def _take_secrets(state: State, run_id: str) -> dict[str, str]:
    path = os.path.join(state.run(run_id), run.SECRETS)
    found: dict[str, str] = read_json(path) or {}
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return found


def _traceparent(run_id: str, number: int) -> str:
    trace = hashlib.sha256(run_id.encode("ascii")).hexdigest()[:32]
    span = hashlib.sha256(f"{run_id} {number}".encode("ascii")).hexdigest()[:16]
    return f"00-{trace}-{span}-01"
