"""A run's end on the controller: its result from the facts, and who is told of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ..errors import SandboxerError
from ..reporting.result import Cause, Cleanup, Counts, Phase, RunResult, Step, exit_code
from .outcome import Facts, Verdict
from .returned import Returned

PhaseStatus = Literal["done", "failed", "timeout", "skipped", "cancelled"]
_HOSTS: tuple[Literal["health", "test", "collect"], ...] = ("health", "test", "collect")


@dataclass(frozen=True)
class Destroyed:
    """How the end of the sandbox went. `seconds` is 0 where nobody had to wait."""

    cleanup: Cleanup
    started_at: str | None = None
    seconds: float = 0.0


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def should_keep(verdict: Verdict, keep: str) -> bool:
    """Whether the sandbox stays. Of one that never came up or was cancelled nothing is kept."""
    if verdict.outcome in ("cancelled", "contract_error"):
        return False
    return keep == "always" or (keep == "on-failure" and verdict.outcome != "passed")


def result(
    run: Mapping[str, Any],
    host: str,
    verdict: Verdict,
    facts: Facts,
    destroyed: Destroyed,
    returned: Returned | None,
) -> RunResult:
    """The document of a run, from its record on the host and what came of it here."""
    document = run["document"]
    cause = verdict.cause
    return RunResult(
        run=run["id"],
        run_key=run["key"],
        repo=document["repo"],
        commit=document["commit"],
        dirty=document["dirty"],
        host=host,
        sandbox=run["sandbox"],
        started_at=run["begun_at"],
        ended_at=now(),
        outcome=verdict.outcome,
        exit_code=exit_code(verdict.outcome, destroyed.cleanup, cause),
        reason=verdict.reason,
        error=_cause(cause),
        cleanup=destroyed.cleanup,
        phases=(_provision(run, facts), *_of_host(run, facts), _destroy(destroyed)),
        steps=tuple(_step(one, returned) for one in facts.steps),
        tests=facts.tests,
        artifacts=returned.artifacts if returned else (),
    )


def refused(
    error: SandboxerError, run_id: str, repository: Path, key: str, started_at: str
) -> RunResult:
    """Of a repository that can't be tested as it is: no host was asked."""
    return RunResult(
        run=run_id,
        run_key=key,
        repo=repository.resolve().name,
        commit="",
        dirty=False,
        host=None,
        sandbox=None,
        started_at=started_at,
        ended_at=now(),
        outcome="contract_error",
        exit_code=exit_code("contract_error", "none", error),
        reason=str(error).splitlines()[0] if str(error) else "",
        error=_cause(error),
        cleanup="none",
        tests=Counts(),
    )


def report(found: RunResult, back: Returned) -> RunResult:
    """Write it down and tell of it: the outbox first, then the hub, then the reports.

    What goes wrong here costs nobody the outcome; the outbox keeps what a hub did not take.
    """
    from ..reporting.delivery import attempt, record
    from ..reporting.hub import hub
    from ..reporting.outbox import Outbox
    from ..reporting.pruning import forget_old
    from ..reporting.report import write

    with contextlib.suppress(SandboxerError, OSError):
        there = hub()
        with Outbox.at() as outbox:
            found = record(outbox, there, found)
            found = attempt(outbox, there, found)
            forget_old(outbox)
    with contextlib.suppress(OSError, ValueError):  # `reports` says then that there are none
        return write(found, back.tests, back.folder)
    return found


def _cause(error: SandboxerError | None) -> Cause | None:
    if error is None:
        return None
    return Cause(error.detail.code, error.detail.message, error.detail.hint)


def _provision(run: Mapping[str, Any], facts: Facts) -> Phase:
    status: PhaseStatus = "done"
    if facts.provision is not None:
        status = "timeout" if facts.provision.detail.code == "deadline" else "failed"
    elif run["provision_seconds"] is None:
        status = "cancelled" if facts.cancelled else "failed"
    return Phase("provision", run["begun_at"], run["provision_seconds"] or 0.0, status)


def _of_host(run: Mapping[str, Any], facts: Facts) -> list[Phase]:
    """A phase that the host's job did not come to the end of isn't in its record."""
    there = {one["name"]: one for one in run["phases"]}
    found = []
    for name in _HOSTS:
        one = there.get(name)
        if one is None:
            found.append(Phase(name, None, 0.0, "skipped"))
            continue
        status = one["status"]
        if status == "running":
            status = "cancelled" if facts.cancelled else "failed"
        if name == "health" and facts.unhealthy:
            status = "failed"
        found.append(Phase(name, one["started_at"], one["seconds"], status))
    return found


def _destroy(destroyed: Destroyed) -> Phase:
    status: dict[Cleanup, PhaseStatus] = {"destroyed": "done", "failed": "failed"}
    how = status.get(destroyed.cleanup, "skipped")
    return Phase("destroy", destroyed.started_at, destroyed.seconds, how)


def _step(one: Mapping[str, Any], returned: Returned | None) -> Step:
    there = {row["path"] for row in returned.files} if returned else set()
    return Step(
        name=one["name"],
        in_=one["in"],
        exit_code=one["exit_code"],
        seconds=one["seconds"],
        timed_out=one["timed_out"],
        attempt=one["attempt"],
        log=one["log"] if one["log"] in there else None,
        tail=tuple(one["tail"]),
    )
