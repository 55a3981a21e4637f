"""Results to report, for the tests of this room."""

from __future__ import annotations

from dataclasses import replace

from sandboxer_cli.reporting.result import Counts, Phase, RunResult, Step


def passed(run: str = "run-4f7kq2zd01", **changed: object) -> RunResult:
    """A run that made a sandbox, passed and took it away."""
    found = RunResult(
        run=run,
        run_key=f"key-{run}",
        repo="shop",
        commit="8917b1843528",
        dirty=False,
        host="h1",
        sandbox=run.replace("run-", "sbx-"),
        started_at="2026-11-26T01:50:00Z",
        ended_at="2026-11-26T01:50:09Z",
        outcome="passed",
        exit_code=0,
        reason="",
        error=None,
        cleanup="destroyed",
        phases=(
            Phase("provision", "2026-11-26T01:50:00Z", 2.5, "done"),
            Phase("health", "2026-11-26T01:50:02Z", 1.0, "done"),
            Phase("test", "2026-11-26T01:50:03Z", 3.0, "done"),
            Phase("collect", "2026-11-26T01:50:06Z", 0.2, "done"),
            Phase("destroy", "2026-11-26T01:50:07Z", 2.0, "done"),
        ),
        steps=(Step("test", "host", 0, 3.0, False, 1, "test.log", ("canary-of-the-test",)),),
        tests=Counts(passed=3),
    )
    return replace(found, **changed)  # type: ignore[arg-type]
