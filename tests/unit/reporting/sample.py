"""Runs of each outcome, and what came back of them, for the tests of reports."""

from __future__ import annotations

from typing import Any

from sandboxer_cli.reporting.case import Case, Tally
from sandboxer_cli.reporting.result import (
    Artifact,
    Cause,
    Counts,
    NotCounted,
    Phase,
    RunResult,
    Step,
)

NAMES = ("provision", "health", "test", "collect", "destroy")
HOSTILE = "<script>alert(1)</script> & \"'`${{7*7}}{{7*7}}\x1b[31m\x00"


def phases(*statuses: Any) -> tuple[Phase, ...]:
    given = [*statuses, *["skipped"] * (len(NAMES) - len(statuses))]
    return tuple(
        Phase(name, None if how == "skipped" else f"2026-11-26T01:50:0{number}Z", 1.0, how)  # type: ignore[arg-type]
        for number, (name, how) in enumerate(zip(NAMES, given, strict=True))
    )


def step(exit_code: int | None = 0, **changes: Any) -> Step:
    given: dict[str, Any] = {
        "name": "e2e",
        "in_": "host",
        "exit_code": exit_code,
        "seconds": 0.9,
        "timed_out": False,
        "attempt": 1,
        "log": "steps/01-e2e.log",
        "tail": ("the last line",),
    }
    return Step(**{**given, **changes})


def run(**changes: Any) -> RunResult:
    """One that has passed, but for the changes."""
    given: dict[str, Any] = {
        "run": "run-4f7kq2zd01",
        "run_key": "k1",
        "repo": "shop",
        "commit": "3f2a9c7714b0a7d2f9a1c55d6a8e0f1b2c3d4e5f",
        "dirty": False,
        "host": "h1",
        "sandbox": "sbx-4f7kq2zd01",
        "started_at": "2026-11-26T01:50:00Z",
        "ended_at": "2026-11-26T01:50:06Z",
        "outcome": "passed",
        "exit_code": 0,
        "reason": "",
        "error": None,
        "cleanup": "destroyed",
        "phases": phases(*["done"] * 5),
        "steps": (step(),),
    }
    return RunResult(**{**given, **changes})


DIED = Cause("sandbox_died", "sbx-4f7kq2zd01.web is exited", "see its log")
RUNS: dict[str, RunResult] = {
    "passed": run(tests=Counts(2, 0, 0, 1)),
    "at the second attempt": run(steps=(step(1), step(0, attempt=2))),
    "left behind": run(cleanup="failed", exit_code=10, phases=phases(*["done"] * 4, "failed")),
    "failed": run(
        outcome="failed",
        exit_code=9,
        reason="step e2e ended with 1",
        phases=phases("done", "done", "failed", "done", "done"),
        steps=(step(1),),
    ),
    "a report that can't be read": run(
        outcome="failed", exit_code=9, reason="a report of the test can't be read: a.xml"
    ),
    "unhealthy": run(
        outcome="unhealthy",
        exit_code=8,
        reason="not healthy after 1 s: 404",
        phases=phases("done", "timeout", "skipped", "done", "done"),
        steps=(),
    ),
    "never came up": run(
        outcome="unhealthy",
        exit_code=8,
        reason="web has exited",
        phases=phases("failed"),
        steps=(),
        cleanup="destroyed",
    ),
    "timeout": run(
        outcome="timeout",
        exit_code=124,
        reason="step e2e took longer than it may",
        phases=phases("done", "done", "timeout", "done", "done"),
        steps=(step(None, timed_out=True),),
    ),
    "cancelled": run(
        outcome="cancelled",
        exit_code=130,
        reason="somebody asked for it to stop",
        phases=phases("done", "done", "cancelled"),
        steps=(),
    ),
    "infra_error": run(
        outcome="infra_error",
        exit_code=7,
        reason="the sandbox died under the test",
        error=DIED,
        phases=phases("done", "done", "failed", "done", "failed"),
        steps=(step(1),),
        cleanup="failed",
    ),
    "contract_error": run(
        outcome="contract_error",
        exit_code=2,
        reason="e2e/e2e.yml:5:23: no",
        error=Cause("contract_error", "e2e/e2e.yml:5:23: no\ne2e/e2e.yml:6:1: no", ""),
        host=None,
        sandbox=None,
        commit="",
        cleanup="none",
        phases=(),
        steps=(),
    ),
    "hostile": run(
        repo=HOSTILE,
        reason=HOSTILE,
        host=HOSTILE,
        outcome="failed",
        exit_code=9,
        error=Cause(HOSTILE, HOSTILE + "\n" + HOSTILE, HOSTILE),
        steps=(step(1, name=HOSTILE, in_=HOSTILE, log=HOSTILE, tail=(HOSTILE, "\ud800")),),
        artifacts=(Artifact("files/" + HOSTILE, 5, HOSTILE),),
    ),
}
RED = Case("t2", "shop", "failed", 0.5, "tests.T", "AssertionError", "1 != 2", "trace", "printed")
TALLY = Tally(
    Counts(1, 1, 0, 1),
    (Case("t1", "shop", "passed", 0.25), RED, Case("t3", "shop", "skipped", message="no mail")),
    (NotCounted("e2e/out/old.xml", "it is older than the test"),),
)
HOSTILE_TALLY = Tally(
    Counts(0, 1),
    (Case(HOSTILE, HOSTILE, "failed", 1.0, HOSTILE, HOSTILE, HOSTILE, HOSTILE + "x", HOSTILE),),
    (NotCounted(HOSTILE, HOSTILE),),
)
